/*
 * Coming to terms with an encoder's driver, which is played by this test: what it answers is what drivers have been seen to
 * answer, or what none should. Real drivers are in the test kernel (tests/kernel/test_m2m.c).
 */
#include "camd/m2m_port.h"
#include "camd/v4l2_node.h"
#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define MAX_WRITES 64

/* The driver. */
static struct {
	const char *name;
	unsigned caps, device_caps;
	unsigned raw;			/* the one format it takes */
	bool raw_depends;		/* ... and another while it does not know what is to come out */
	unsigned replaces;		/* gives this format, whatever is asked for */
	unsigned pad;			/* heights become multiples of this */
	unsigned stride_align, max_height;
	unsigned n_planes;		/* that it claims; 0: as many as there are */
	unsigned stride, sizeimage;	/* that it claims; 0: the true ones */
	bool can_crop, has_parm, has_controls, has_high;
	int coded_buffers;		/* that it has memory for */
	unsigned buffer_bytes;		/* what its buffers have; 0: sizeimage */
	int level_needed;		/* V4L2's menu item; below, the start fails */
	bool fails_late;		/* ... and only with the first picture */
	/* what came of it */
	bool coded_set;
	struct v4l2_pix_format_mplane output, capture;
	struct v4l2_streamparm parm;
	struct v4l2_rect crop;
	int level;
	unsigned ids[MAX_WRITES];
	int values[MAX_WRITES];
	int n_writes;
	int put_index, put_dmabuf;	/* the picture that was queued last */
	struct v4l2_buffer next;	/* that DQBUF gives */
	struct v4l2_plane next_plane;
} driver;

static char path[] = "/tmp/test_m2m_port.XXXXXX";	/* what is opened and mapped in place of a device */

static struct m2m_port port;

int __wrap_v4l2_node_ioctl(int fd, unsigned long request, void *argument);

static int refuse(int number)
{
	errno = number;
	return -1;
}

static int query_capability(struct v4l2_capability *cap)
{
	snprintf((char *)cap->driver, sizeof(cap->driver), "%s", driver.name);
	snprintf((char *)cap->card, sizeof(cap->card), "a card");
	cap->capabilities = driver.caps;
	cap->device_caps = driver.device_caps;
	return 0;
}

static int list_format(struct v4l2_fmtdesc *description)
{
	bool output = V4L2_TYPE_IS_OUTPUT(description->type);

	if (description->index)
		return refuse(EINVAL);
	description->pixelformat = output ? driver.raw : V4L2_PIX_FMT_H264;
	if (output && driver.raw_depends && !driver.coded_set)
		description->pixelformat = V4L2_PIX_FMT_GREY;
	description->flags = output ? 0 : V4L2_FMT_FLAG_COMPRESSED;
	return 0;
}

static void make_output(struct v4l2_pix_format_mplane *format)
{
	unsigned stride;

	format->pixelformat = driver.raw;
	format->num_planes = driver.n_planes ? (uint8_t)driver.n_planes : 1;
	format->height = MIN((format->height + driver.pad - 1) / driver.pad * driver.pad, driver.max_height);
	stride = MAX(format->plane_fmt[0].bytesperline, format->width);
	stride = (stride + driver.stride_align - 1) / driver.stride_align * driver.stride_align;
	format->plane_fmt[0].bytesperline = driver.stride ? driver.stride : stride;
	format->plane_fmt[0].sizeimage = driver.sizeimage ? driver.sizeimage : stride * format->height * 3 / 2;
}

static int set_format(struct v4l2_format *format)
{
	if (V4L2_TYPE_IS_OUTPUT(format->type)) {
		make_output(&format->fmt.pix_mp);
		driver.output = format->fmt.pix_mp;
		/* as drivers do that make one side of the other, and forget what was asked of it */
		driver.capture.plane_fmt[0].sizeimage = 65536;
		return 0;
	}
	format->fmt.pix_mp.num_planes = 1;
	format->fmt.pix_mp.pixelformat = driver.replaces ? driver.replaces : V4L2_PIX_FMT_H264;
	driver.capture = format->fmt.pix_mp;
	driver.coded_set = true;
	return 0;
}

static int get_format(struct v4l2_format *format)
{
	format->fmt.pix_mp = V4L2_TYPE_IS_OUTPUT(format->type) ? driver.output : driver.capture;
	return 0;
}

static int select_part(struct v4l2_selection *selection)
{
	if (!driver.can_crop)
		return refuse(ENOTTY);
	assert_int_equal(selection->target, V4L2_SEL_TGT_CROP);
	driver.crop = selection->r;
	return 0;
}

static int set_parm(const struct v4l2_streamparm *parm)
{
	if (!driver.has_parm)
		return refuse(ENOTTY);
	driver.parm = *parm;
	return 0;
}

static int query_control(struct v4l2_queryctrl *query)
{
	if (!driver.has_controls)
		return refuse(ENOTTY);
	query->flags = 0;
	query->minimum = 0;
	query->step = 1;
	switch (query->id) {
	case V4L2_CID_MPEG_VIDEO_BITRATE:
		query->minimum = 25000;
		query->maximum = 25000000;
		query->step = 25000;
		return 0;
	case V4L2_CID_MPEG_VIDEO_H264_PROFILE:
		query->maximum = driver.has_high ? V4L2_MPEG_VIDEO_H264_PROFILE_HIGH : V4L2_MPEG_VIDEO_H264_PROFILE_MAIN;
		return 0;
	case V4L2_CID_MPEG_VIDEO_H264_LEVEL:
		query->maximum = V4L2_MPEG_VIDEO_H264_LEVEL_5_1;
		return 0;
	case V4L2_CID_MPEG_VIDEO_GOP_SIZE:
		query->maximum = 100;
		return 0;
	case V4L2_CID_MPEG_VIDEO_H264_MIN_QP:
	case V4L2_CID_MPEG_VIDEO_H264_MAX_QP:
		query->maximum = 51;
		return 0;
	case V4L2_CID_MPEG_VIDEO_HEADER_MODE:
		query->maximum = V4L2_MPEG_VIDEO_HEADER_MODE_JOINED_WITH_1ST_FRAME;
		query->flags = V4L2_CTRL_FLAG_DISABLED;
		return 0;
	default:
		return refuse(EINVAL);
	}
}

/* Extended Baseline and the like are holes. */
static int query_item(const struct v4l2_querymenu *menu)
{
	bool hole = menu->id == V4L2_CID_MPEG_VIDEO_H264_PROFILE && menu->index == V4L2_MPEG_VIDEO_H264_PROFILE_EXTENDED;

	return hole ? refuse(EINVAL) : 0;
}

static int set_control(const struct v4l2_ext_controls *controls)
{
	assert_int_equal(controls->count, 1);
	assert_true(driver.n_writes < MAX_WRITES);
	driver.ids[driver.n_writes] = controls->controls[0].id;
	driver.values[driver.n_writes++] = controls->controls[0].value;
	if (controls->controls[0].id == V4L2_CID_MPEG_VIDEO_H264_LEVEL)
		driver.level = controls->controls[0].value;
	return 0;
}

static int request_buffers(struct v4l2_requestbuffers *request)
{
	if (!V4L2_TYPE_IS_OUTPUT(request->type) && (int)request->count > driver.coded_buffers)
		return refuse(ENOMEM);
	return 0;
}

static int query_buffer(struct v4l2_buffer *buffer)
{
	bool output = V4L2_TYPE_IS_OUTPUT(buffer->type);
	unsigned bytes = output ? driver.output.plane_fmt[0].sizeimage : driver.capture.plane_fmt[0].sizeimage;

	buffer->m.planes[0].length = driver.buffer_bytes ? driver.buffer_bytes : bytes;
	buffer->m.planes[0].m.mem_offset = 0;
	return 0;
}

static int stream_on(const int *type)
{
	if (V4L2_TYPE_IS_OUTPUT(*type) && !driver.fails_late && driver.level < driver.level_needed)
		return refuse(ESRCH);
	return 0;
}

static int queue_buffer(const struct v4l2_buffer *buffer)
{
	bool output = V4L2_TYPE_IS_OUTPUT(buffer->type);

	if (output && driver.fails_late && driver.level < driver.level_needed)
		return refuse(ESRCH);
	if (output) {
		driver.put_index = (int)buffer->index;
		driver.put_dmabuf = buffer->memory == V4L2_MEMORY_DMABUF ? buffer->m.planes[0].m.fd : -1;
		assert_int_equal(buffer->m.planes[0].bytesused, driver.output.plane_fmt[0].sizeimage);
		assert_true(buffer->m.planes[0].length >= buffer->m.planes[0].bytesused);
	}
	return 0;
}

static int dequeue_buffer(struct v4l2_buffer *buffer)
{
	buffer->index = driver.next.index;
	buffer->flags = driver.next.flags;
	buffer->timestamp = driver.next.timestamp;
	buffer->m.planes[0] = driver.next_plane;
	return 0;
}

int __wrap_v4l2_node_ioctl(int fd, unsigned long request, void *argument)
{
	assert_true(fd >= 0);
	switch (request) {
	case VIDIOC_QUERYCAP: return query_capability(argument);
	case VIDIOC_ENUM_FMT: return list_format(argument);
	case VIDIOC_S_FMT: return set_format(argument);
	case VIDIOC_G_FMT: return get_format(argument);
	case VIDIOC_S_SELECTION: return select_part(argument);
	case VIDIOC_S_PARM: return set_parm(argument);
	case VIDIOC_QUERYCTRL: return query_control(argument);
	case VIDIOC_QUERYMENU: return query_item(argument);
	case VIDIOC_S_EXT_CTRLS: return set_control(argument);
	case VIDIOC_REQBUFS: return request_buffers(argument);
	case VIDIOC_QUERYBUF: return query_buffer(argument);
	case VIDIOC_STREAMON: return stream_on(argument);
	case VIDIOC_STREAMOFF: return 0;
	case VIDIOC_QBUF: return queue_buffer(argument);
	case VIDIOC_DQBUF: return dequeue_buffer(argument);
	default: return refuse(ENOTTY);
	}
}

static struct m2m_order order(int width, int height, double fps)
{
	return (struct m2m_order){
		.wish = {
			.format = { .pixels = PIXEL_I420, .width = width, .height = height }, .fps = fps,
			.coded = V4L2_PIX_FMT_H264,
		},
		.rate = { .width = width, .height = height, .fps = fps, .bitrate_bps = 10000000, .intra = 30 },
		.n_camera = 6,
	};
}

static bool open_port(int width, int height, struct error *err)
{
	struct m2m_order wanted = order(width, height, 30);

	return m2m_port_open(&port, path, &wanted, err);
}

static void open_well(int width, int height)
{
	struct error err = { 0 };

	if (!open_port(width, height, &err))
		fail_msg("%s", err.text);
}

static void fail_to_open(int width, int height, enum error_code code, const char *text)
{
	struct error err = { 0 };

	assert_false(open_port(width, height, &err));
	assert_int_equal(err.code, code);
	if (!strstr(err.text, text))
		fail_msg("'%s' does not say '%s'", err.text, text);
	assert_int_equal(port.device.fd, -1);
}

static int written(unsigned id)
{
	for (int i = driver.n_writes; i-- > 0;)
		if (driver.ids[i] == id)
			return driver.values[i];
	return -1;
}

static int setup(void **state)
{
	(void)state;
	memset(&driver, 0, sizeof(driver));
	driver.name = "a-driver";
	driver.caps = V4L2_CAP_DEVICE_CAPS;
	driver.device_caps = V4L2_CAP_VIDEO_M2M_MPLANE | V4L2_CAP_STREAMING;
	driver.raw = V4L2_PIX_FMT_YUV420;
	driver.pad = driver.stride_align = 1;
	driver.max_height = 4096;
	driver.has_parm = driver.has_controls = driver.has_high = true;
	driver.coded_buffers = 32;
	return 0;
}

static int finish(void **state)
{
	(void)state;
	if (port.device.fd > 0)
		m2m_port_close(&port);
	memset(&port, 0, sizeof(port));
	return 0;
}

static void test_ordinary(void **state)
{
	(void)state;
	open_well(1280, 720);
	assert_false(port.input.imports);
	assert_int_equal(port.capture.n_buffers, 4);
	assert_int_equal(driver.parm.parm.output.timeperframe.denominator, 30 * driver.parm.parm.output.timeperframe.numerator);
	assert_int_equal(driver.parm.type, V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE);
	/* more room than the driver has by itself, again after it forgot */
	assert_int_equal(driver.capture.plane_fmt[0].sizeimage, 1536 * 1024);
	assert_int_equal(written(V4L2_CID_MPEG_VIDEO_BITRATE), 10000000);
	assert_int_equal(written(V4L2_CID_MPEG_VIDEO_H264_PROFILE), V4L2_MPEG_VIDEO_H264_PROFILE_HIGH);
	assert_int_equal(written(V4L2_CID_MPEG_VIDEO_H264_LEVEL), V4L2_MPEG_VIDEO_H264_LEVEL_4_0);
	assert_int_equal(written(V4L2_CID_MPEG_VIDEO_GOP_SIZE), 30);
	/* what is not there, disabled, or better left alone */
	assert_int_equal(written(V4L2_CID_MPEG_VIDEO_HEADER_MODE), -1);
	assert_int_equal(written(V4L2_CID_MPEG_VIDEO_H264_MIN_QP), -1);
	assert_int_equal(written(V4L2_CID_MPEG_VIDEO_B_FRAMES), -1);
}

static void test_controls_in_range(void **state)
{
	struct m2m_order wanted = order(1920, 1080, 60);
	struct error err;

	(void)state;
	driver.has_high = false;
	wanted.rate.bitrate_bps = 100000;
	wanted.rate.intra = 600;
	assert_true(m2m_port_open(&port, path, &wanted, &err));
	assert_int_equal(written(V4L2_CID_MPEG_VIDEO_BITRATE), 250000);
	assert_int_equal(written(V4L2_CID_MPEG_VIDEO_GOP_SIZE), 100);
	assert_int_equal(written(V4L2_CID_MPEG_VIDEO_H264_PROFILE), V4L2_MPEG_VIDEO_H264_PROFILE_MAIN);
	assert_int_equal(written(V4L2_CID_MPEG_VIDEO_H264_LEVEL), V4L2_MPEG_VIDEO_H264_LEVEL_4_2);
	assert_true(m2m_controls_set_bitrate(&port.controls, 1234567));
	assert_int_equal(written(V4L2_CID_MPEG_VIDEO_BITRATE), 1225000);
	assert_true(m2m_controls_set_bitrate(&port.controls, 100000000));
	assert_int_equal(written(V4L2_CID_MPEG_VIDEO_BITRATE), 25000000);
}

static void test_a_driver_with_hardly_anything(void **state)
{
	(void)state;
	driver.has_parm = driver.has_controls = false;
	open_well(640, 480);
	assert_false(port.controls.can_force_key);
	assert_false(m2m_controls_set_bitrate(&port.controls, 1000000));
	assert_int_equal(driver.n_writes, 0);
}

/* Drivers from before there was a word for codecs. */
static void test_an_old_driver(void **state)
{
	(void)state;
	driver.caps = V4L2_CAP_VIDEO_CAPTURE_MPLANE | V4L2_CAP_VIDEO_OUTPUT_MPLANE | V4L2_CAP_STREAMING;
	driver.device_caps = 0;
	open_well(640, 480);
}

static void test_no_encoders(void **state)
{
	(void)state;
	driver.device_caps = V4L2_CAP_VIDEO_CAPTURE_MPLANE | V4L2_CAP_STREAMING;
	fail_to_open(640, 480, ERR_UNSUPPORTED, "not a codec");
	driver.device_caps = V4L2_CAP_VIDEO_M2M_MPLANE;
	fail_to_open(640, 480, ERR_UNSUPPORTED, "not a codec");
	driver.device_caps |= V4L2_CAP_STREAMING;
	driver.raw = V4L2_PIX_FMT_GREY;
	fail_to_open(640, 480, ERR_UNSUPPORTED, "takes no format that camd can give it");
}

static void test_formats_that_depend(void **state)
{
	(void)state;
	driver.raw_depends = true;
	open_well(640, 480);
}

static void test_a_format_replaced_in_silence(void **state)
{
	(void)state;
	driver.replaces = V4L2_PIX_FMT_HEVC;
	fail_to_open(640, 480, ERR_UNSUPPORTED, "asked for H264 it gives HEVC");
}

static void test_too_large(void **state)
{
	(void)state;
	driver.max_height = 1080;
	fail_to_open(1920, 1200, ERR_UNSUPPORTED, "too large");
	driver.max_height = 1920;
	driver.name = "bcm2835-codec";
	fail_to_open(1920, 1200, ERR_UNSUPPORTED, "does not do 1920x1200");
	open_well(1920, 1080);
}

static void test_padded(void **state)
{
	(void)state;
	driver.pad = 16;
	fail_to_open(1920, 1080, ERR_UNSUPPORTED, "can't crop");
	driver.can_crop = true;
	open_well(1920, 1080);
	assert_int_equal(driver.crop.width, 1920);
	assert_int_equal(driver.crop.height, 1080);
	assert_int_equal(port.setup.spots[1].offset, 1920 * 1088);
	assert_int_equal(port.setup.spots[2].offset, 1920 * 1088 + 960 * 544);
}

static void test_strides(void **state)
{
	struct m2m_order wanted = order(1456, 1088, 30);
	struct error err;

	(void)state;
	driver.stride_align = 64;
	open_well(1456, 1088);
	assert_int_equal(port.setup.spots[0].stride, 1472);
	assert_int_equal(port.setup.spots[1].stride, 736);
	assert_int_equal(port.setup.output.bytes[0], 2402304);
	m2m_port_close(&port);
	/* a camera whose rows are just so, or longer */
	for (int stride = 1472; stride <= 1536; stride += 64) {
		wanted.wish.layout = (struct frame_layout){
			.n_buffers = 6, .dmabuf = true, .strides = { stride, stride / 2, stride / 2 },
			.offsets = { 0, (size_t)stride * 1088, (size_t)stride * 1088 * 5 / 4 },
			.buffer_bytes = (size_t)stride * 1088 * 3 / 2,
		};
		assert_true(m2m_port_open(&port, path, &wanted, &err));
		assert_true(port.input.imports);
		assert_int_equal(port.input.queue.n_buffers, 6);
		m2m_port_close(&port);
	}
}

/* Whatever of a camera's layout is otherwise, its pictures are copied. */
static void test_layouts_that_cannot_be_imported(void **state)
{
	struct m2m_order wanted = order(1280, 720, 30);
	const struct frame_layout good = {
		.n_buffers = 6, .dmabuf = true, .strides = { 1280, 640, 640 }, .offsets = { 0, 1280 * 720, 1280 * 720 * 5 / 4 },
		.buffer_bytes = 1280 * 720 * 3 / 2,
	};
	struct frame_layout layouts[6] = { good, good, good, good, good, good };
	struct error err;

	(void)state;
	layouts[1].buffer_bytes--;
	layouts[2].offsets[0] = 4096;
	layouts[3].offsets[2] += 64;
	layouts[4].strides[1] = 1280;
	layouts[5].dmabuf = false;
	for (int i = 0; i < 6; i++) {
		wanted.wish.layout = layouts[i];
		assert_true(m2m_port_open(&port, path, &wanted, &err));
		assert_int_equal(port.input.imports, i == 0);
		m2m_port_close(&port);
	}
}

static void test_numbers_that_cannot_be(void **state)
{
	(void)state;
	driver.n_planes = 8;
	fail_to_open(640, 480, ERR_ENCODER_FAILED, "format");
	driver.n_planes = 3;
	fail_to_open(640, 480, ERR_UNSUPPORTED, "does not keep to 640x480");
	driver.n_planes = 0;
	driver.stride = 639;
	fail_to_open(640, 480, ERR_UNSUPPORTED, "639 bytes a row");
	driver.stride = 0;
	driver.sizeimage = 640 * 480 * 3 / 2 - 1;
	fail_to_open(640, 480, ERR_UNSUPPORTED, "460799 in all");
	driver.sizeimage = 0;
	driver.buffer_bytes = 4096;
	fail_to_open(640, 480, ERR_ENCODER_FAILED, "no buffers");
}

static void test_little_memory(void **state)
{
	(void)state;
	driver.coded_buffers = 2;
	open_well(640, 480);
	assert_int_equal(port.capture.n_buffers, 2);
	m2m_port_close(&port);
	driver.coded_buffers = 1;
	fail_to_open(640, 480, ERR_ENCODER_FAILED, "no buffers for what it encodes");
}

static void release(struct frame *frame, void *owner)
{
	(void)frame;
	++*(int *)owner;
}

static struct frame shared_frame(int dmabuf, int *n_released)
{
	struct frame frame = {
		.references = 1, .format = port.setup.takes, .n_planes = 3, .release = release, .owner = n_released,
	};

	for (int i = 0; i < 3; i++)
		frame.planes[i] = (struct plane){
			.dmabuf = dmabuf, .stride = port.setup.spots[i].stride, .offset = port.setup.spots[i].offset,
		};
	return frame;
}

/* Puts a picture that lies in this dmabuf, lets the driver have it, takes it back. Returns the buffer that it went with. */
static int import_once(int dmabuf)
{
	int n_released = 0;
	struct frame frame = shared_frame(dmabuf, &n_released);
	int64_t time_us;

	assert_int_equal(m2m_input_put(&port.input, &frame, 77), 0);
	assert_int_equal(driver.put_dmabuf, dmabuf);
	frame_unref(&frame);
	assert_int_equal(n_released, 0);
	driver.next.index = (unsigned)driver.put_index;
	assert_int_equal(m2m_input_take(&port.input, &time_us), 0);
	assert_int_equal(time_us, 77);
	assert_int_equal(n_released, 1);
	return driver.put_index;
}

static void open_importing(void)
{
	struct m2m_order wanted = order(640, 480, 30);
	struct error err;

	wanted.wish.layout = (struct frame_layout){
		.n_buffers = 6, .dmabuf = true, .strides = { 640, 320, 320 },
		.offsets = { 0, 640 * 480, 640 * 480 * 5 / 4 }, .buffer_bytes = 640 * 480 * 3 / 2,
	};
	assert_true(m2m_port_open(&port, path, &wanted, &err));
	assert_true(port.input.imports);
}

/* A driver maps what it is given, and would map it anew if another buffer came with it. */
static void test_a_dmabuf_keeps_its_buffer(void **state)
{
	static const int order_of_use[] = { 0, 1, 2, 3, 4, 5, 3, 0, 0, 5, 4, 2, 1, 1, 5 };
	int index_of[6] = { -1, -1, -1, -1, -1, -1 }, seen = 0;

	(void)state;
	open_importing();
	for (size_t i = 0; i < ARRAY_LEN(order_of_use); i++) {
		int n = order_of_use[i], index = import_once(100 + n);

		assert_true(index_of[n] < 0 || index == index_of[n]);
		index_of[n] = index;
		seen |= 1 << index;
	}
	assert_int_equal(seen, 0x3f);
	/* a stranger takes the place of the one that was not used for longest */
	assert_int_equal(import_once(200), index_of[3]);
	assert_int_equal(import_once(105), index_of[5]);
	assert_int_equal(import_once(200), index_of[3]);
}

/* A source that does not keep to what it said of its pictures. */
static void test_pictures_that_lie_otherwise(void **state)
{
	int n_released = 0;
	struct frame frame;

	(void)state;
	open_importing();
	frame = shared_frame(100, &n_released);
	frame.planes[2].offset += 64;
	assert_int_equal(m2m_input_put(&port.input, &frame, 1), EINVAL);
	frame = shared_frame(100, &n_released);
	frame.planes[1].dmabuf = 101;
	assert_int_equal(m2m_input_put(&port.input, &frame, 1), EINVAL);
	frame = shared_frame(-1, &n_released);
	assert_int_equal(m2m_input_put(&port.input, &frame, 1), EINVAL);
	assert_int_equal(port.input.queue.n_queued, 0);
}

static void test_level_too_low(void **state)
{
	(void)state;
	driver.level_needed = V4L2_MPEG_VIDEO_H264_LEVEL_4_2;
	open_well(640, 480);
	assert_int_equal(driver.level, V4L2_MPEG_VIDEO_H264_LEVEL_4_2);
	m2m_port_close(&port);
	driver.level = 0;
	driver.level_needed = V4L2_MPEG_VIDEO_H264_LEVEL_5_0;
	fail_to_open(640, 480, ERR_UNSUPPORTED, "beyond it, even at level 4.2");
}

static void test_level_too_low_found_out_late(void **state)
{
	struct frame *frame;
	struct error err;

	(void)state;
	driver.level_needed = V4L2_MPEG_VIDEO_H264_LEVEL_4_2;
	driver.fails_late = true;
	open_well(640, 480);
	frame = frame_create(&port.setup.takes);
	assert_int_equal(m2m_input_put(&port.input, frame, 1), ESRCH);
	assert_true(m2m_port_raise_level(&port, &err));
	assert_int_equal(m2m_input_put(&port.input, frame, 1), 0);
	/* once is enough */
	assert_false(m2m_port_raise_level(&port, &err));
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	frame_unref(frame);
}

static int take(unsigned index, unsigned used, unsigned offset)
{
	struct m2m_done done;

	driver.next.index = index;
	driver.next_plane = (struct v4l2_plane){ .bytesused = used, .data_offset = offset };
	return m2m_queue_take(&port.capture, &done);
}

static void test_buffers_that_cannot_be(void **state)
{
	unsigned bytes;

	(void)state;
	open_well(640, 480);
	bytes = (unsigned)port.capture.buffers[0].lengths[0];
	assert_int_equal(take(4, 100, 0), EPROTO);
	assert_int_equal(take(UINT32_MAX, 100, 0), EPROTO);
	assert_int_equal(take(0, bytes, 0), 0);
	assert_int_equal(take(0, 100, 0), EPROTO);	/* it is ours already */
	assert_int_equal(take(1, bytes + 1, 0), EPROTO);
	assert_int_equal(take(1, 100, 101), EPROTO);
	assert_int_equal(take(2, 100, 100), 0);
	assert_int_equal(take(3, 0, 0), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(test_##name, setup, finish)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(ordinary), CASE(controls_in_range), CASE(a_driver_with_hardly_anything), CASE(an_old_driver),
		CASE(no_encoders), CASE(formats_that_depend), CASE(a_format_replaced_in_silence), CASE(too_large), CASE(padded),
		CASE(strides), CASE(layouts_that_cannot_be_imported), CASE(numbers_that_cannot_be), CASE(little_memory),
		CASE(a_dmabuf_keeps_its_buffer), CASE(pictures_that_lie_otherwise),
		CASE(level_too_low), CASE(level_too_low_found_out_late), CASE(buffers_that_cannot_be),
	};
	int fd = mkstemp(path), rc;

	if (fd < 0 || ftruncate(fd, 64 << 20))
		return 1;
	log_set_level(LOG_ERROR);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	close(fd);
	return rc;
}
