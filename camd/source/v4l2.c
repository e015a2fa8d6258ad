/*
 * V4L2 cameras, by the kernel's API: USB webcams, capture cards, vivid.
 *
 * What to give to open(): a device ("/dev/video0", "video0", "0", a link such as /dev/v4l/by-id/…), a camera's id, or nothing
 * for the first one found; then, if wanted, ?pixels=NAME for that format and no other (nv12, i420, nv21, yuyv, uyvy, i422, bgr24,
 * rgb24, mjpeg, grey or y10), or ?fourcc=CODE for one of the driver's own.
 *
 * Frames are the driver's own buffers, mapped: nothing is copied or converted, unless the camera has no format that camd knows,
 * but libv4l does: then that makes frames of them. A buffer goes back to the driver when its frame is let go, in whatever
 * thread that is; until then its memory stays, even if the source is stopped or closed meanwhile. Buffers are allocated once,
 * so that a source can be started again while frames of it are still held.
 */
#include "camd/source/source.h"

#include "camd/mjpeg.h"
#include "camd/sensor_gaps.h"
#include "camd/v4l2_buffers.h"
#include "camd/v4l2_controls.h"
#include "camd/v4l2_convert.h"
#include "camd/v4l2_mode.h"
#include "camd/v4l2_node.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long a camera that streams may give no picture, and how long after its start; and at least so many periods. */
#define SILENCE_NS (2 * NS_PER_S)
#define START_SILENCE_NS (5 * NS_PER_S)
#define SILENCE_PERIODS 10
#define POLL_MS 1000
#define MAX_RECOVERIES 3
/* So far a driver's time of a picture may lie outside of what can be: some tell the end of the exposure beforehand. */
#define PLAUSIBLE_NS (1 * NS_PER_S)

struct v4l2 {
	struct source source;
	struct v4l2_node node;
	struct v4l2_mode mode;
	struct v4l2_controls *controls;
	struct v4l2_buffers *buffers;
	struct v4l2_convert *convert;	/* NULL: frames are the driver's buffers */
	struct source_sink sink;
	pthread_t thread;
	bool running;
	atomic_bool stopping;
	_Atomic int64_t period_ns;	/* of its rate now */

	/* the thread's */
	struct sensor_gaps gaps;
	int64_t last_ns;		/* the time of the last buffer */
	int64_t pictured_ns;		/* when the last picture came, the stream was started, or there was no buffer */
	uint64_t n_pictures;
	bool idle;			/* the last waiting brought no picture */
	bool pictured;			/* since v4l2_start() */
	bool restarted;			/* and no buffer came since */
	int recoveries;			/* since a picture came */
	bool astray;			/* the driver's times are not camd's clock, whatever it says */
	bool warned_times, warned_damage;
};

static bool is_damaged(const struct v4l2 *v4l2, const struct v4l2_filled *filled)
{
	if (filled->damaged)
		return true;
	if (v4l2->mode.format.pixels == PIXEL_MJPEG)
		return !mjpeg_is_whole(filled->frame->planes[0].data, filled->bytes[0]);
	for (int i = 0; i < v4l2->mode.n_memory && !v4l2->mode.opaque; i++)
		if (filled->bytes[i] && filled->bytes[i] < v4l2->mode.memory_bytes[i])
			return true;
	return false;
}

static void warn_once(bool *warned, const struct v4l2 *v4l2, const char *what)
{
	if (!*warned)
		log_warning("camera %s: %s", v4l2->node.path, what);
	*warned = true;
}

/* A buffer is filled after it has been queued, and before it is taken. */
static bool is_plausible(const struct v4l2 *v4l2, const struct v4l2_filled *filled, int64_t now_ns)
{
	int64_t slack_ns = PLAUSIBLE_NS + 2 * atomic_load(&v4l2->period_ns);

	return filled->time_ns > 0 && filled->time_ns >= filled->queued_ns - slack_ns && filled->time_ns <= now_ns + slack_ns;
}

/* The driver's time of a buffer if it keeps camd's clock, the time of its arrival otherwise; always later than the last. */
static int64_t buffer_time(struct v4l2 *v4l2, const struct v4l2_filled *filled, int64_t now_ns)
{
	int64_t time_ns = now_ns;

	if (filled->monotonic && !v4l2->astray && !is_plausible(v4l2, filled, now_ns)) {
		log_warning("camera %s: its time stamps are astray by %.3f s; from now on the time of arrival is taken",
			    v4l2->node.path, (filled->time_ns - now_ns) / 1e9);
		v4l2->astray = true;
	}
	if (filled->monotonic && !v4l2->astray)
		time_ns = filled->time_ns;

	if (v4l2->last_ns && time_ns <= v4l2->last_ns) {
		warn_once(&v4l2->warned_times, v4l2, "its time stamps don't rise; they are made to");
		time_ns = v4l2->last_ns + NS_PER_US;
	}
	v4l2->last_ns = time_ns;
	return time_ns;
}

/* An unplugged camera's buffers come back as they went, with the numbers of the picture before. */
static bool is_unfilled(const struct v4l2 *v4l2, const struct v4l2_filled *filled)
{
	return filled->damaged && filled->monotonic && !v4l2->astray && filled->time_ns <= v4l2->last_ns;
}

static void lose_damaged(struct v4l2 *v4l2, struct frame *frame)
{
	warn_once(&v4l2->warned_damage, v4l2, "it delivers damaged pictures, which count as lost by the sensor");
	sensor_gaps_damaged(&v4l2->gaps);
	frame_unref(frame);
}

/* Takes over the reference. NULL: the picture is lost, and that is noted. */
static struct frame *convert(struct v4l2 *v4l2, struct frame *raw, size_t bytes)
{
	bool damaged;
	struct frame *frame = v4l2_convert_run(v4l2->convert, raw->planes[0].data, bytes, &damaged);

	if (damaged) {
		lose_damaged(v4l2, raw);
		return NULL;
	}
	if (frame)
		frame_copy_facts(frame, raw);
	else
		sensor_gaps_starved(&v4l2->gaps);
	frame_unref(raw);
	return frame;
}

static void on_picture(struct v4l2 *v4l2, struct v4l2_filled *filled)
{
	struct frame *frame = filled->frame;

	if (v4l2->mode.opaque)
		frame->planes[0].bytes = filled->bytes[0];
	if (v4l2->convert)
		frame = convert(v4l2, frame, filled->bytes[0]);
	if (!frame)
		return;
	v4l2->recoveries = 0;
	v4l2->pictured = true;
	v4l2->n_pictures++;
	v4l2->pictured_ns = frame->arrived_ns;
	frame->gap = sensor_gaps_take(&v4l2->gaps);
	v4l2->sink.on_frame(v4l2->sink.user, frame);
}

static void on_buffer(struct v4l2 *v4l2, struct v4l2_filled *filled)
{
	struct frame *frame = filled->frame;

	if (is_unfilled(v4l2, filled)) {
		frame_unref(frame);
		return;
	}
	frame_note_arrival(frame);
	frame->sensor_ns = buffer_time(v4l2, filled, frame->arrived_ns);
	v4l2->gaps.period_ns = atomic_load(&v4l2->period_ns);
	/* what is missing before a new start isn't for want of the buffers that were queued for it */
	frame->sequence = sensor_gaps_note(&v4l2->gaps, filled->sequence, frame->sensor_ns, v4l2->restarted ? 0 : filled->queued_ns);
	v4l2->restarted = false;
	if (is_damaged(v4l2, filled))
		lose_damaged(v4l2, frame);
	else
		on_picture(v4l2, filled);
}

/* Takes a buffer that is filled. 0, or why there is none. poll() tells of the next, which is cheaper than asking in vain. */
static int take(struct v4l2 *v4l2)
{
	struct v4l2_filled filled;
	int rc = v4l2_buffers_take(v4l2->buffers, &filled);

	if (!rc)
		on_buffer(v4l2, &filled);
	return rc;
}

/* Some drivers start at the second attempt only. 0 or an errno. */
static int start_stream(struct v4l2 *v4l2)
{
	int rc = v4l2_buffers_start(v4l2->buffers);

	if (rc == EINVAL)
		rc = v4l2_buffers_start(v4l2->buffers);
	v4l2->pictured_ns = clock_now_ns();
	return rc;
}

static int restart_stream(struct v4l2 *v4l2)
{
	sensor_gaps_restarted(&v4l2->gaps);
	v4l2->restarted = true;
	v4l2_buffers_stop(v4l2->buffers);
	return start_stream(v4l2);
}

static bool lose(const struct v4l2 *v4l2, int number, struct error *err)
{
	const struct v4l2_node *node = &v4l2->node;

	if (number == ENODEV)
		return error_set(err, ERR_CAMERA_LOST, "camera %s (%s): it has been unplugged", node->path, node->card);
	return error_set(err, ERR_CAMERA_LOST, "camera %s (%s): streaming failed: %s", node->path, node->card, strerror(number));
}

/* A queue in error gives nothing any more until it has been stopped and started. */
static bool recover(struct v4l2 *v4l2, int number, struct error *err)
{
	if (number != ENODEV && v4l2->recoveries++ < MAX_RECOVERIES) {
		log_warning("camera %s: streaming failed (%s); starting it again", v4l2->node.path, strerror(number));
		number = restart_stream(v4l2);
	}
	return !number || lose(v4l2, number, err);
}

static int64_t silence_limit(const struct v4l2 *v4l2)
{
	return MAX(v4l2->pictured ? SILENCE_NS : START_SILENCE_NS, SILENCE_PERIODS * atomic_load(&v4l2->period_ns));
}

/* A camera that has fallen asleep may be woken up by a new start, once; after that it is as good as unplugged. */
static bool check_silence(struct v4l2 *v4l2, struct error *err)
{
	int64_t now_ns = clock_now_ns(), silent_ns = now_ns - v4l2->pictured_ns;
	const struct v4l2_node *node = &v4l2->node;
	int number;

	if (!v4l2_buffers_are_queued(v4l2->buffers))
		v4l2->pictured_ns = now_ns;
	else if (silent_ns >= silence_limit(v4l2)) {
		if (v4l2->recoveries++)
			return error_set(err, ERR_CAMERA_LOST, "camera %s (%s): it streams, but gives no pictures", node->path,
					 node->card);
		log_warning("camera %s: no pictures for %.1f s, though it streams; starting it again", node->path,
			    silent_ns / 1e9);
		number = restart_stream(v4l2);
		return !number || lose(v4l2, number, err);
	}
	return true;
}

/* Until the next check of silence is due. */
static int wait_ms(const struct v4l2 *v4l2)
{
	int64_t left_ns = silence_limit(v4l2);

	if (v4l2->idle)
		left_ns += v4l2->pictured_ns - clock_now_ns();

	return (int)MIN(MAX(left_ns / NS_PER_MS + 1, 1), POLL_MS);
}

/* Waits for something to happen and deals with it. False: it is over. */
static bool step(struct v4l2 *v4l2, struct error *err)
{
	short events = v4l2_buffers_wait(v4l2->buffers, wait_ms(v4l2));
	uint64_t n_before = v4l2->n_pictures;
	int rc = EAGAIN;

	if (events)
		rc = take(v4l2);
	v4l2->idle = v4l2->n_pictures == n_before;
	if (!rc)
		return !v4l2->idle || check_silence(v4l2, err);
	if (rc == EAGAIN && events & POLLHUP)
		rc = ENODEV;
	else if (rc == EAGAIN && events & POLLERR)
		rc = EIO;
	return rc == EAGAIN ? check_silence(v4l2, err) : recover(v4l2, rc, err);
}

static void *run(void *user)
{
	struct v4l2 *v4l2 = user;
	struct error err;

	pthread_setname_np(pthread_self(), "v4l2");
	while (!atomic_load(&v4l2->stopping)) {
		if (step(v4l2, &err))
			continue;
		if (!atomic_load(&v4l2->stopping))
			v4l2->sink.on_end(v4l2->sink.user, &err);
		break;
	}
	return NULL;
}

static void describe(struct v4l2 *v4l2)
{
	struct source *source = &v4l2->source;

	source->format = v4l2->mode.format;
	source->layout = v4l2_buffers_layout(v4l2->buffers);
	if (v4l2->convert)
		source->layout = (struct frame_layout){ .n_buffers = v4l2_convert_n_frames(v4l2->convert) };
	source->fps = v4l2->mode.fps;
	source->period_ns = v4l2->mode.period_ns;
	source->fixed_rate = true;
	source->watches_itself = true;
	source->n_modes = v4l2_mode_list(&v4l2->node, source->modes, ARRAY_LEN(source->modes));
	v4l2_controls_describe(v4l2->controls, source);
	snprintf(source->id, sizeof(source->id), "%s", v4l2->node.id);
	snprintf(source->model, sizeof(source->model), "%s", v4l2->node.card);
	snprintf(source->clock, sizeof(source->clock), "%s", v4l2_buffers_clock(v4l2->buffers));
}

static int find_pixels(const char *name)
{
	for (int i = 0; pixel_format_names[i]; i++)
		if (!strcmp(pixel_format_names[i], name))
			return i;
	return -1;
}

/* Cuts "?pixels=NAME" or "?fourcc=CODE" off what. */
static bool split_options(char *what, struct v4l2_wish *wish, struct error *err)
{
	char *option = strrchr(what, '?');

	*wish = (struct v4l2_wish){ .pixels = -1 };
	if (!option)
		return true;
	*option++ = '\0';
	if (!strncmp(option, "pixels=", 7))
		wish->pixels = find_pixels(option + 7);
	else if (!strncmp(option, "fourcc=", 7))
		wish->fourcc = v4l2_formats_parse(option + 7);
	return wish->pixels >= 0 || wish->fourcc ||
	       error_set_argument(err, "camera", "camera 'v4l2:%s': unknown option '%s'; there are pixels=nv12, i420, nv21, yuyv, "
				  "uyvy, i422, bgr24, rgb24, mjpeg, grey or y10, and fourcc= with a code that v4l2-ctl "
				  "--list-formats shows", what, option);
}

static bool open_camera(struct v4l2 *v4l2, const char *what, const struct source_request *request, struct error *err)
{
	char *device = xstrdup(what ? what : "");
	struct v4l2_wish wish;
	bool good = split_options(device, &wish, err) && v4l2_node_open(&v4l2->node, device, request->id, err) &&
		    v4l2_mode_set(&v4l2->node, request, &wish, &v4l2->mode, err);

	free(device);
	if (!good)
		return false;
	v4l2->controls = v4l2_controls_create(&v4l2->node);
	v4l2_controls_prepare(v4l2->controls, request->controls, request->n_controls);
	if (v4l2->mode.foreign)
		v4l2->convert = v4l2_convert_create(&v4l2->node, &v4l2->mode, err);
	if (v4l2->mode.foreign && !v4l2->convert)
		return false;
	v4l2->buffers = v4l2_buffers_create(&v4l2->node, &v4l2->mode, err);
	return v4l2->buffers;
}

static struct source *v4l2_open(const char *what, const struct source_request *request, struct error *err)
{
	struct v4l2 *v4l2 = xcalloc(1, sizeof(*v4l2));

	v4l2->source.impl = &source_v4l2;
	v4l2->node.fd = -1;
	if (!open_camera(v4l2, what, request, err)) {
		source_v4l2.close(&v4l2->source);
		return NULL;
	}
	describe(v4l2);
	return &v4l2->source;
}

static bool fail_start(struct v4l2 *v4l2, int number, struct error *err)
{
	const char *path = v4l2->node.path;

	switch (number) {
	case EBUSY:
		return v4l2_node_busy(&v4l2->node, err);
	case ENODEV:
		return error_set(err, ERR_CAMERA_LOST, "camera %s: it has been unplugged", path);
	case ENOSPC:
		return error_set(err, ERR_BUSY, "camera %s: not enough USB bandwidth: use another port, or a smaller size or rate",
				 path);
	case EIO:
	case EPROTO:
		return error_set(err, ERR_IO, "camera %s: it doesn't start streaming (%s): a smaller size or rate, or another USB "
				 "port, may help", path, strerror(number));
	default:
		return error_set_errno(err, number, "camera %s: it doesn't start streaming", path);
	}
}

static bool v4l2_start(struct source *source, const struct source_sink *sink, struct error *err)
{
	struct v4l2 *v4l2 = (struct v4l2 *)source;
	int rc = start_stream(v4l2);

	if (rc)
		return fail_start(v4l2, rc, err);
	v4l2->sink = *sink;
	v4l2->last_ns = 0;
	v4l2->recoveries = 0;
	v4l2->pictured = v4l2->restarted = v4l2->astray = false;
	atomic_store(&v4l2->period_ns, v4l2->mode.period_ns);
	sensor_gaps_init(&v4l2->gaps, v4l2->mode.period_ns);
	atomic_store(&v4l2->stopping, false);
	rc = pthread_create(&v4l2->thread, NULL, run, v4l2);
	if (rc) {
		v4l2_buffers_stop(v4l2->buffers);
		return error_set_errno(err, rc, "camera %s: no thread", v4l2->node.path);
	}
	v4l2->running = true;
	return true;
}

static bool v4l2_set_controls(struct source *source, const struct control_setting *settings, size_t n, struct error *err)
{
	return v4l2_controls_set(((struct v4l2 *)source)->controls, settings, n, err);
}

/* When it becomes slower, the first frame at the new rate comes late by the old one; its number says that nothing is missing. */
static bool v4l2_set_rate(struct source *source, double *fps, struct error *err)
{
	struct v4l2 *v4l2 = (struct v4l2 *)source;
	int64_t period_ns;

	if (!v4l2_mode_change_rate(&v4l2->node, fps, &period_ns, err))
		return false;
	atomic_store(&v4l2->period_ns, period_ns);
	return true;
}

static void v4l2_stop(struct source *source)
{
	struct v4l2 *v4l2 = (struct v4l2 *)source;

	if (!v4l2->running)
		return;
	atomic_store(&v4l2->stopping, true);
	v4l2_buffers_wake(v4l2->buffers);
	pthread_join(v4l2->thread, NULL);
	v4l2_buffers_stop(v4l2->buffers);
	v4l2->running = false;
}

static void v4l2_close(struct source *source)
{
	struct v4l2 *v4l2 = (struct v4l2 *)source;

	if (!v4l2)
		return;
	v4l2_stop(source);
	v4l2_buffers_close(v4l2->buffers);
	v4l2_convert_destroy(v4l2->convert);
	v4l2_controls_destroy(v4l2->controls);
	source_free_controls(source);
	v4l2_node_close(&v4l2->node);
	free(v4l2);
}

const struct source_impl source_v4l2 = {
	.kind = "v4l2",
	.discover = v4l2_node_discover,
	.open = v4l2_open,
	.start = v4l2_start,
	.set_controls = v4l2_set_controls,
	.set_rate = v4l2_set_rate,
	.stop = v4l2_stop,
	.close = v4l2_close,
};
