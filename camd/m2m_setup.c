#include "camd/m2m_setup.h"

#include "camd/convert.h"
#include "camd/v4l2_node.h"
#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/*
 * Room for a coded picture. The drivers' own idea (bcm2835-codec: 512 or 768 KiB) has been exceeded by key frames, and what
 * such drivers then do with the picture is often wrong.
 */
#define CODED_BYTES (1536 * 1024)
#define BCM2835_MACROBLOCKS 8704
#define RATE_UNIT 1000		/* frame rates are told in thousandths */

static bool fail(const struct m2m_device *device, int number, const char *what, struct error *err)
{
	return error_set(err, ERR_ENCODER_FAILED, "encoder %s: %s: %s", device->path, what, strerror(number));
}

static const char *fourcc_text(unsigned fourcc, char text[5])
{
	for (int i = 0; i < 4; i++) {
		char c = (char)(fourcc >> 8 * i & 0x7f);

		text[i] = c > ' ' ? c : '?';
	}
	text[4] = '\0';
	return text;
}

/* More than any picture needs is not asked for: I_PCM, the largest, takes as much as the raw picture and a little. */
static size_t coded_bytes(const struct frame_format *format)
{
	size_t pixels = (size_t)format->width * (size_t)format->height;

	return MIN(MAX(CODED_BYTES, pixels / 4 * 3), pixels * 2 + 65536);
}

static bool set_capture(const struct m2m_device *device, const struct m2m_wish *wish, struct m2m_setup *setup,
			struct error *err)
{
	char wanted[5], got[5];

	setup->capture = (struct m2m_format){
		.fourcc = wish->coded, .width = wish->format.width, .height = wish->format.height,
		.colour = wish->format.colour, .n_memory = 1, .bytes[0] = coded_bytes(&wish->format),
	};
	if (!m2m_device_set_format(device, false, &setup->capture))
		return fail(device, errno, "coded format refused", err);
	if (setup->capture.fourcc == wish->coded)
		return true;
	return error_set(err, ERR_UNSUPPORTED, "encoder %s: asked for %s it gives %s", device->path,
			 fourcc_text(wish->coded, wanted), fourcc_text(setup->capture.fourcc, got));
}

static const struct m2m_raw *choose_raw(const struct m2m_device *device, const struct m2m_raw *raw)
{
	for (; raw->fourcc; raw++)
		if (m2m_device_offers(device, true, raw->fourcc))
			return raw;
	return NULL;
}

/* The list of what goes in is asked for only now: it may depend on what is to come out. */
static bool choose_format(const struct m2m_device *device, const struct m2m_wish *wish, struct m2m_setup *setup,
			  struct error *err)
{
	const struct m2m_raw *raw = choose_raw(device, m2m_picture_formats(wish->format.pixels));

	setup->takes = wish->format;
	if (!raw) {
		if (convert_needed(wish->format.pixels))
			setup->takes = convert_format(&wish->format);
		raw = choose_raw(device, m2m_picture_formats(setup->takes.pixels));
	}
	if (!raw)
		return error_set(err, ERR_UNSUPPORTED, "encoder %s: takes no format that camd can give it", device->path);
	setup->raw = *raw;
	return true;
}

static bool set_output(const struct m2m_device *device, const struct m2m_wish *wish, struct m2m_setup *setup,
		       const struct frame_layout *layout, struct error *err)
{
	const struct frame_format *format = &setup->takes;
	char text[5];

	setup->output = (struct m2m_format){
		.fourcc = setup->raw.fourcc, .width = format->width, .height = format->height,
		.colour = format->colour, .n_memory = setup->raw.n_memory,
		/* a stride that is larger than the driver's own is kept by most */
		.strides[0] = layout ? (unsigned)layout->strides[0] : 0,
	};
	if (!m2m_device_set_format(device, true, &setup->output))
		return fail(device, errno, "raw format refused", err);
	if (setup->output.fourcc != setup->raw.fourcc)
		return error_set(err, ERR_UNSUPPORTED, "encoder %s: offers %s and does not take it", device->path,
				 fourcc_text(setup->raw.fourcc, text));
	if (setup->output.width < format->width || setup->output.height < format->height)
		return error_set(err, ERR_UNSUPPORTED, "encoder %s: %dx%d is too large for it, it takes %dx%d at most",
				 device->path, wish->format.width, wish->format.height, setup->output.width,
				 setup->output.height);
	return true;
}

/* Setting one side may have changed the other: what both are now counts. */
static bool read_back(const struct m2m_device *device, const struct m2m_wish *wish, struct m2m_setup *setup, struct error *err)
{
	if (!m2m_device_get_format(device, false, &setup->capture) || !m2m_device_get_format(device, true, &setup->output))
		return fail(device, errno, "does not say what its formats are", err);
	if (setup->capture.fourcc != wish->coded || setup->capture.n_memory != 1 ||
	    setup->output.fourcc != setup->raw.fourcc ||
	    !m2m_picture_spots(&setup->output, &setup->raw, &setup->takes, setup->spots))
		return error_set(err, ERR_UNSUPPORTED, "encoder %s: does not keep to %dx%d: it says %dx%d, %u bytes a "
				 "row, %zu in all", device->path, setup->takes.width, setup->takes.height, setup->output.width,
				 setup->output.height, setup->output.strides[0], setup->output.bytes[0]);
	return true;
}

/* Some drivers forget the room that was asked for when the size of the pictures changes. */
static void ask_room_again(const struct m2m_device *device, const struct m2m_wish *wish, struct m2m_setup *setup)
{
	struct m2m_format again = setup->capture;

	if (setup->capture.bytes[0] >= coded_bytes(&wish->format))
		return;
	again.colour = wish->format.colour;
	again.bytes[0] = coded_bytes(&wish->format);
	m2m_device_set_format(device, false, &again);
}

/*
 * Rate control and the stream's timing information follow it; not all drivers have it. A numerator of 0 has spoilt pictures
 * (bcm2835-codec). Rates below 9 frames/s are told as they are, though one report blames them for a hang.
 */
static void set_rate(const struct m2m_device *device, double fps)
{
	struct v4l2_streamparm parm = { .type = m2m_device_type(device, true) };

	parm.parm.output.timeperframe = (struct v4l2_fract){
		.numerator = RATE_UNIT, .denominator = (unsigned)MAX(lround(fps * RATE_UNIT), 1),
	};
	if (v4l2_node_ioctl(device->fd, VIDIOC_S_PARM, &parm) && errno != ENOTTY)
		log_debug("encoder %s: refuses a rate of %g frames/s: %s", device->path, fps, strerror(errno));
}

/* A picture that was padded must be cropped by the encoder, or the padding would be recorded. */
static bool crop(const struct m2m_device *device, const struct m2m_setup *setup, struct error *err)
{
	const struct m2m_format *output = &setup->output;
	struct v4l2_selection selection = {
		/* the single-planar name is the one that every kernel takes, whatever the buffers are */
		.type = V4L2_BUF_TYPE_VIDEO_OUTPUT, .target = V4L2_SEL_TGT_CROP,
		.r = { .width = (unsigned)setup->takes.width, .height = (unsigned)setup->takes.height },
	};

	if (output->width == setup->takes.width && output->height == setup->takes.height)
		return true;
	if (!v4l2_node_ioctl(device->fd, VIDIOC_S_SELECTION, &selection) && !selection.r.left && !selection.r.top &&
	    selection.r.width == (unsigned)setup->takes.width && selection.r.height == (unsigned)setup->takes.height)
		return true;
	return error_set(err, ERR_UNSUPPORTED, "encoder %s: makes %dx%d of %dx%d and can't crop that; choose a resolution "
			 "whose sides are multiples of 16", device->path, output->width, output->height,
			 setup->takes.width, setup->takes.height);
}

/*
 * Whether the camera's buffers can go in as they are: one piece of memory each, planes behind one another from its start
 * (drivers don't heed data_offset), every stride as the driver has it.
 */
static bool is_importable(const struct m2m_wish *wish, const struct m2m_setup *setup)
{
	const struct frame_layout *layout = &wish->layout;

	if (!layout->dmabuf || setup->raw.n_memory != 1 || setup->raw.pixels != wish->format.pixels ||
	    layout->buffer_bytes < setup->output.bytes[0])
		return false;
	for (int i = 0; i < frame_n_planes(setup->raw.pixels); i++)
		if (layout->strides[i] != setup->spots[i].stride || layout->offsets[i] != setup->spots[i].offset)
			return false;
	return true;
}

/* layout: its strides are asked for; NULL: the driver's own. */
static bool agree(const struct m2m_device *device, const struct m2m_wish *wish, const struct frame_layout *layout,
		  struct m2m_setup *setup, struct error *err)
{
	if (!set_output(device, wish, setup, layout, err) || !read_back(device, wish, setup, err))
		return false;
	ask_room_again(device, wish, setup);
	if (!read_back(device, wish, setup, err))
		return false;
	setup->importable = layout && is_importable(wish, setup);
	return true;
}

/*
 * bcm2835-codec says that it takes up to 1920x1920, but what it makes of more than level 4.2 allows (1920x1200) has been
 * reported to be garbage.
 */
static bool is_beyond_known_limits(const struct m2m_device *device, const struct frame_format *format)
{
	int macroblocks = (format->width + 15) / 16 * ((format->height + 15) / 16);

	return !strcmp(device->name, "bcm2835-codec") && macroblocks > BCM2835_MACROBLOCKS;
}

bool m2m_setup_agree(const struct m2m_device *device, const struct m2m_wish *wish, struct m2m_setup *setup, struct error *err)
{
	*setup = (struct m2m_setup){ 0 };
	if (m2m_device_refuses_size(device, wish->coded, wish->format.width, wish->format.height) ||
	    is_beyond_known_limits(device, &wish->format))
		return error_set(err, ERR_UNSUPPORTED, "encoder %s: does not do %dx%d", device->path, wish->format.width,
				 wish->format.height);
	if (!set_capture(device, wish, setup, err) || !choose_format(device, wish, setup, err))
		return false;
	if (wish->layout.dmabuf && setup->raw.pixels == wish->format.pixels)
		agree(device, wish, &wish->layout, setup, err);
	if (!setup->importable && !agree(device, wish, NULL, setup, err))
		return false;
	set_rate(device, wish->fps);
	return crop(device, setup, err);
}
