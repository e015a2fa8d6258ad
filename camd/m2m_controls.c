#include "camd/m2m_controls.h"

#include "camd/encoding_settings.h"
#include "camd/h264_level.h"
#include "camd/v4l2_node.h"
#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define LEAST_BITRATE 250000	/* below, encoders have been seen to skip frames and to hang */
#define LEAST_LEVEL 40		/* what every peer sets at least: lower ones gain nothing, and nobody tries them */

static bool ask(const struct m2m_device *device, unsigned id, struct v4l2_queryctrl *query)
{
	*query = (struct v4l2_queryctrl){ .id = id };
	return !v4l2_node_ioctl(device->fd, VIDIOC_QUERYCTRL, query) &&
	       !(query->flags & (V4L2_CTRL_FLAG_DISABLED | V4L2_CTRL_FLAG_READ_ONLY));
}

/* 0 or an errno. The extended call first: it is the one that all drivers have for codec controls. */
static int set_value(const struct m2m_device *device, unsigned id, int value)
{
	struct v4l2_ext_control control = { .id = id, .value = value };
	struct v4l2_ext_controls controls = { .ctrl_class = V4L2_CTRL_ID2CLASS(id), .count = 1, .controls = &control };
	struct v4l2_control old = { .id = id, .value = value };

	if (!v4l2_node_ioctl(device->fd, VIDIOC_S_EXT_CTRLS, &controls))
		return 0;
	if (errno != ENOTTY)
		return errno;
	return v4l2_node_ioctl(device->fd, VIDIOC_S_CTRL, &old) ? errno : 0;
}

static int clamp_to(const struct v4l2_queryctrl *query, int64_t value)
{
	int64_t clamped = MIN(MAX(value, query->minimum), query->maximum);

	if (query->step > 1)
		clamped -= (clamped - query->minimum) % query->step;
	return (int)clamped;
}

/* False: not offered, or refused. */
static bool set_clamped(const struct m2m_device *device, unsigned id, int64_t value)
{
	struct v4l2_queryctrl query;
	int clamped, rc;

	if (!ask(device, id, &query))
		return false;
	clamped = clamp_to(&query, value);
	rc = set_value(device, id, clamped);
	if (rc)
		log_warning("encoder %s: refuses %.32s = %d: %s", device->path, (const char *)query.name, clamped, strerror(rc));
	else
		log_debug("encoder %s: %.32s = %d", device->path, (const char *)query.name, clamped);
	return !rc;
}

/* Menus have holes: the range alone says nothing. */
static bool has_item(const struct m2m_device *device, const struct v4l2_queryctrl *query, int item)
{
	struct v4l2_querymenu menu = { .id = query->id, .index = (unsigned)item };

	return item >= query->minimum && item <= query->maximum && !v4l2_node_ioctl(device->fd, VIDIOC_QUERYMENU, &menu);
}

static bool set_item(const struct m2m_device *device, unsigned id, int item)
{
	struct v4l2_queryctrl query;

	return ask(device, id, &query) && has_item(device, &query, item) && set_clamped(device, id, item);
}

static const struct {
	int item, profile;
} profiles[] = {		/* the best first */
	{ V4L2_MPEG_VIDEO_H264_PROFILE_HIGH, H264_PROFILE_HIGH }, { V4L2_MPEG_VIDEO_H264_PROFILE_CONSTRAINED_HIGH, H264_PROFILE_HIGH },
	{ V4L2_MPEG_VIDEO_H264_PROFILE_MAIN, H264_PROFILE_MAIN },
	{ V4L2_MPEG_VIDEO_H264_PROFILE_CONSTRAINED_BASELINE, H264_PROFILE_BASELINE },
	{ V4L2_MPEG_VIDEO_H264_PROFILE_BASELINE, H264_PROFILE_BASELINE },
};

/* The best one that is offered, among those of the profile that is wanted if any is. What became set; auto: nothing. */
static int set_profile(const struct m2m_device *device, int wanted)
{
	for (size_t i = 0; i < ARRAY_LEN(profiles); i++)
		if ((!wanted || profiles[i].profile == wanted) && set_item(device, V4L2_CID_MPEG_VIDEO_H264_PROFILE, profiles[i].item))
			return profiles[i].profile;
	if (!wanted)
		return H264_PROFILE_AUTO;
	log_warning("encoder %s: has not the profile that is wanted", device->path);
	return set_profile(device, H264_PROFILE_AUTO);
}

/* Times ten, by V4L2's menu items. */
static const int levels[] = { 10, 9, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 52, 60, 61, 62 };

/* The lowest level on offer that is enough, or else the highest there is. Times ten; 0: none was set. */
static int set_level(const struct m2m_device *device, int needed)
{
	struct v4l2_queryctrl query;
	int best = -1;

	if (!ask(device, V4L2_CID_MPEG_VIDEO_H264_LEVEL, &query))
		return 0;
	for (int i = 0; i < (int)ARRAY_LEN(levels); i++) {
		if (!has_item(device, &query, i))
			continue;
		best = i;
		if (levels[i] >= needed)
			break;
	}
	if (best < 0 || !set_clamped(device, V4L2_CID_MPEG_VIDEO_H264_LEVEL, best))
		return 0;
	if (levels[best] < needed)
		log_warning("encoder %s: this stream needs level %d.%d of H.264, and the encoder goes to %d.%d only",
			    device->path, needed / 10, needed % 10, levels[best] / 10, levels[best] % 10);
	return levels[best];
}

static int choose_level(const struct m2m_rate_wish *wish, bool high)
{
	int needed = h264_level_needed(wish->width, wish->height, wish->fps, wish->bitrate_bps, high);

	if (wish->level)
		return MAX(wish->level, wish->least_level);
	return MAX(MAX(needed ? needed : levels[ARRAY_LEN(levels) - 1], LEAST_LEVEL), wish->least_level);
}

bool m2m_controls_set_bitrate(const struct m2m_controls *controls, int64_t bitrate_bps)
{
	int64_t bitrate = MAX(bitrate_bps, LEAST_BITRATE);

	if (bitrate != bitrate_bps)
		log_info("encoder %s: %lld b/s is less than encoders bear, %lld it is", controls->device->path,
			 (long long)bitrate_bps, (long long)bitrate);
	/* where there is one, it must not be below the mean */
	set_clamped(controls->device, V4L2_CID_MPEG_VIDEO_BITRATE_PEAK, bitrate / 2 * 3);
	return set_clamped(controls->device, V4L2_CID_MPEG_VIDEO_BITRATE, bitrate);
}

/* The least and the largest QP are left alone: narrow ranges make an encoder overshoot, and then skip frames. */
static void set_rate_control(struct m2m_controls *controls, const struct m2m_rate_wish *wish)
{
	const struct m2m_device *device = controls->device;

	/* constant rate has hung boards at 1080p */
	set_item(device, V4L2_CID_MPEG_VIDEO_BITRATE_MODE, V4L2_MPEG_VIDEO_BITRATE_MODE_VBR);
	/* without it some drivers (s5p-mfc, mtk) don't heed the bitrate at all */
	set_clamped(device, V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE, 1);
	set_item(device, V4L2_CID_MPEG_VIDEO_FRAME_SKIP_MODE, V4L2_MPEG_VIDEO_FRAME_SKIP_MODE_DISABLED);
	if (!m2m_controls_set_bitrate(controls, wish->bitrate_bps))
		log_info("encoder %s: has no bitrate to set", device->path);
}

/* Each key frame must stand for itself: a file, or a player that joins, begins there. */
static void set_structure(const struct m2m_device *device, int intra)
{
	set_clamped(device, V4L2_CID_MPEG_VIDEO_B_FRAMES, 0);
	set_clamped(device, V4L2_CID_MPEG_VIDEO_GOP_CLOSURE, 1);
	set_clamped(device, V4L2_CID_MPEG_VIDEO_GOP_SIZE, intra);
	set_clamped(device, V4L2_CID_MPEG_VIDEO_H264_I_PERIOD, intra);
	set_clamped(device, V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER, 1);
	set_clamped(device, V4L2_CID_MPEG_VIDEO_PREPEND_SPSPPS_TO_IDR, 1);
	set_item(device, V4L2_CID_MPEG_VIDEO_HEADER_MODE, V4L2_MPEG_VIDEO_HEADER_MODE_JOINED_WITH_1ST_FRAME);
}

void m2m_controls_apply(struct m2m_controls *controls, const struct m2m_device *device, const struct m2m_rate_wish *wish)
{
	struct v4l2_queryctrl query;
	int profile;

	*controls = (struct m2m_controls){ .device = device };
	set_rate_control(controls, wish);
	profile = set_profile(device, wish->profile);
	controls->level = set_level(device, choose_level(wish, profile == H264_PROFILE_HIGH));
	set_structure(device, wish->intra);
	controls->can_force_key = ask(device, V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, &query);
}

int m2m_controls_force_key(const struct m2m_controls *controls)
{
	return set_value(controls->device, V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, 1);
}
