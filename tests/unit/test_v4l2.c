/*
 * V4L2 cameras, on vivid, the kernel's own test driver, which plays the faults of real ones: run it in the test kernel
 * (tests/kernel/run, two vivid devices or more). Without vivid every test is skipped.
 */
#include "camd/convert.h"
#include "camd/source/source.h"
#include "camd/v4l2_convert.h"
#include "camd/v4l2_node.h"
#include "common/clock.h"
#include "common/util.h"
#include "tests/unit/frame_sink.h"
#include "tests/unit/pictures.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define VIVID 0x00f0f000
#define VIVID_TEXT_MODE (VIVID + 1)
#define VIVID_NO_TEXT 2
#define VIVID_YCBCR (VIVID + 27)
#define VIVID_QUANTIZATION (VIVID + 28)
#define VIVID_SEQUENCE_WRAP (VIVID + 38)
#define VIVID_PERCENTAGE_DROPPED (VIVID + 64)
#define VIVID_DISCONNECT (VIVID + 65)
#define VIVID_BUFFER_ERROR (VIVID + 66)
#define VIVID_QUEUE_SETUP_ERROR (VIVID + 67)
#define VIVID_QBUF_ERROR (VIVID + 68)
#define VIVID_STREAMON_ERROR (VIVID + 69)
#define VIVID_QUEUE_ERROR (VIVID + 70)

static const struct source_impl *const impl = &source_v4l2;
static struct source *opened[2];	/* closed when a test fails, or the next ones couldn't have the camera */
static char **devices, **names;		/* vivid's, as paths and as discover() calls them */
static size_t n_devices;

static const char *device(void)
{
	if (!n_devices)
		skip();
	return devices[0];
}

static void control(int id, int value)
{
	struct v4l2_control setting = { .id = (unsigned)id, .value = value };
	int fd = open(device(), O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ioctl(fd, VIDIOC_S_CTRL, &setting), 0);
	close(fd);
}

static struct source *open_mode(const char *pixels, int width, int height, double fps)
{
	struct source_request request = { .size = { width, height }, .fps = fps };
	char *what = xasprintf("%s%s%s", device(), pixels ? "?pixels=" : "", pixels ? pixels : "");
	struct error err = { 0 };
	struct source *source = impl->open(what, &request, &err);

	if (!source)
		fail_msg("%s: %s", what, err.text);
	free(what);
	opened[opened[0] != NULL] = source;
	return source;
}

static void close_source(struct source *source)
{
	impl->close(source);
	for (size_t i = 0; i < ARRAY_LEN(opened); i++)
		if (opened[i] == source)
			opened[i] = NULL;
}

static int close_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(opened); i++)
		close_source(opened[i]);
	return 0;
}

static struct frame_sink *start(struct source *source, bool keep)
{
	struct frame_sink *sink = frame_sink_create(keep);
	struct source_sink to = frame_sink_of(sink);
	struct error err = { 0 };

	if (!impl->start(source, &to, &err))
		fail_msg("%s", err.text);
	return sink;
}

static void finish(struct source *source, struct frame_sink *sink)
{
	impl->stop(source);
	close_source(source);
	frame_sink_destroy(sink);
}

static struct gap check_ledger(const struct frame_sink *sink)
{
	struct gap total = { 0 };
	uint64_t sequence = 0;

	for (int i = 0; i < sink->n_frames; i++) {
		const struct frame *frame = &sink->facts[i];

		sequence += 1 + frame->gap.sensor + frame->gap.starved;
		assert_int_equal(frame->sequence, sequence);
		assert_true(!i || frame->sensor_ns > sink->facts[i - 1].sensor_ns);
		total.sensor += frame->gap.sensor;
		total.starved += frame->gap.starved;
	}
	return total;
}

/* By count of frames and losses, the times must fit the rate. */
static void check_rate(const struct frame_sink *sink, int64_t period_ns)
{
	int64_t first_ns = sink->facts[0].sensor_ns;

	for (int i = 1; i < sink->n_frames; i++) {
		int64_t expected_ns = (int64_t)(sink->facts[i].sequence - sink->facts[0].sequence) * period_ns;

		assert_true(llabs(sink->facts[i].sensor_ns - first_ns - expected_ns) < period_ns);
	}
}

static void test_discover(void **state)
{
	struct source_request request = { 0 };
	struct source *source;
	struct error err;
	char *what;

	(void)state;
	device();
	for (size_t i = 0; i < n_devices; i++) {
		print_message("found %s at %s\n", names[i], devices[i]);
		assert_null(strstr(names[i], "/dev"));
		assert_true(!i || strcmp(names[i], names[i - 1]));
	}
	source = impl->open("", &request, &err);
	assert_non_null(source);
	print_message("id %s, model %s, %d modes, clock: %s\n", source->id, source->model, (int)source->n_modes, source->clock);
	for (size_t i = 0; i < source->n_modes; i++)
		print_message("  %dx%d up to %.2f\n", source->modes[i].size.width, source->modes[i].size.height,
			      source->modes[i].max_fps);
	assert_true(source->n_modes >= 3 && source->fixed_rate);
	what = xstrdup(source->id);
	close_source(source);

	/* by its id, with and without the kind */
	source = impl->open(what, &request, &err);
	assert_non_null(source);
	assert_string_equal(source->id, what);
	close_source(source);
	assert_string_equal(what + 5, names[0]);
	source = impl->open(what + 5, &request, &err);
	assert_non_null(source);
	close_source(source);
	free(what);
}

/* A camera that was there before is the same one, whatever is at its old place now. */
static void test_known_by_id(void **state)
{
	struct source_request request = { 0 };
	struct source *source;
	struct error err;

	(void)state;
	device();
	assert_true(n_devices >= 2);
	request.id = names[1];
	source = impl->open(devices[0], &request, &err);
	assert_non_null(source);
	assert_string_equal(source->id + 5, names[1]);
	close_source(source);
	request.id = "v4l2:usb-nowhere/Camera";
	assert_null(impl->open(devices[0], &request, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void test_modes(void **state)
{
	static const char *const pixels[] = { "i420", "nv12", "yuyv", "i422" };
	static const struct {
		int width, height;
		double fps;
	} modes[] = { { 320, 180, 10 }, { 1280, 720, 25 }, { 640, 360, 29.97 } };

	(void)state;
	for (size_t p = 0; p < ARRAY_LEN(pixels); p++) {
		for (size_t m = 0; m < ARRAY_LEN(modes); m++) {
			struct source *source = open_mode(pixels[p], modes[m].width, modes[m].height, modes[m].fps);
			struct frame_sink *sink = start(source, true);
			struct gap lost;

			assert_int_equal(source->format.width, modes[m].width);
			assert_int_equal(source->format.height, modes[m].height);
			assert_string_equal(pixel_format_names[source->format.pixels], pixels[p]);
			assert_true(frame_sink_wait(sink, 5, 0, 20));
			impl->stop(source);
			lost = check_ledger(sink);
			check_rate(sink, source->period_ns);
			print_message("%s %dx%d: %.3f frames/s, %d frames, %u lost by the sensor, %u starved\n", pixels[p],
				      modes[m].width, modes[m].height, source->fps, sink->n_frames, lost.sensor, lost.starved);
			finish(source, sink);
		}
	}
}

/* vivid's bars are of 75 % saturation; between them and beside them are some pixels of others. */
static const struct shade bars[] = {
	{ 191, 191, 191 }, { 191, 191, 0 }, { 0, 191, 191 }, { 0, 191, 0 }, { 191, 0, 191 }, { 191, 0, 0 }, { 0, 0, 191 }, { 0, 0, 0 },
};

/* What vivid makes of a colour where it gives none: luma by BT.709, of the full range whatever it says. */
static uint8_t grey_of(struct shade colour)
{
	return (uint8_t)lrint(0.2126 * colour.red + 0.7152 * colour.green + 0.0722 * colour.blue);
}

static void check_bars(struct frame *frame, bool has_colour)
{
	struct converter *converter = converter_create(1);
	struct error err;
	struct frame *i420 = frame->format.pixels == PIXEL_I420 ? frame_ref(frame) : converter_run(converter, frame, &err);
	int worst = 0;

	assert_non_null(i420);
	for (int bar = 0; bar < (int)ARRAY_LEN(bars); bar++) {
		struct shade is = picture_rgb(i420, (2 * bar + 1) * frame->format.width / 16, frame->format.height / 2);
		uint8_t grey = grey_of(bars[bar]);
		struct shade expected = has_colour ? bars[bar] : (struct shade){ grey, grey, grey };

		worst = MAX(worst, picture_distance(is, expected));
	}
	print_message("  colour %d/%d/%d %s, at most %d off\n", i420->format.colour.primaries, i420->format.colour.transfer,
		      i420->format.colour.matrix, i420->format.colour.full_range ? "full" : "limited", worst);
	assert_in_range(worst, 0, 4);
	frame_unref(i420);
	converter_destroy(converter);
}

/* Whatever the layout, the colours are right. */
static void test_pictures(void **state)
{
	static const char *const pixels[] = { "i420", "nv12", "yuyv", "i422", "uyvy", "nv21", "bgr24", "rgb24", "grey", "y10" };

	(void)state;
	control(VIVID_TEXT_MODE, VIVID_NO_TEXT);
	for (size_t p = 0; p < ARRAY_LEN(pixels); p++) {
		struct source *source = open_mode(pixels[p], 640, 360, 30);
		struct frame_sink *sink = start(source, true);

		assert_true(frame_sink_wait(sink, 3, 0, 20));
		impl->stop(source);
		assert_string_equal(pixel_format_names[sink->held[2]->format.pixels], pixels[p]);
		print_message("%s\n", pixels[p]);
		check_bars(sink->held[2], p < 8);
		finish(source, sink);
	}
}

/* What the driver says of its colours is what is said of the frames, and it is true. */
static void test_colours(void **state)
{
	static const char *const pixels[] = { "yuyv", "bgr24", "rgb24" };

	(void)state;
	control(VIVID_TEXT_MODE, VIVID_NO_TEXT);
	for (int i = 0; i < 3 * 4; i++) {
		bool full = i & 1, bt709 = i & 2;
		struct source *source;
		struct frame_sink *sink;

		control(VIVID_QUANTIZATION, full ? 1 : 2);
		control(VIVID_YCBCR, bt709 ? 2 : 1);
		source = open_mode(pixels[i / 4], 640, 360, 30);
		sink = start(source, true);
		assert_true(frame_sink_wait(sink, 3, 0, 20));
		impl->stop(source);
		assert_int_equal(source->format.colour.full_range, full);
		assert_int_equal(source->format.colour.matrix, i / 4 ? 0 : bt709 ? 1 : 6);
		check_bars(sink->held[2], true);
		finish(source, sink);
	}
	control(VIVID_QUANTIZATION, 0);
	control(VIVID_YCBCR, 0);
}

/* The driver's own codes: chroma planes the other way round, in memory of their own, and formats for which it takes libv4l. */
static void test_codes(void **state)
{
	static const struct {
		const char *fourcc;
		bool foreign, grey, always;	/* always: not with the multi-planar interface only */
	} codes[] = {
		{ "YV12", false, false, true }, { "NM12", false, false, false }, { "NM21", false, false, false },
		{ "YM12", false, false, false }, { "YM21", false, false, false }, { "YM16", false, false, false },
		{ "YM61", false, false, false }, { "YVYU", true, false, true }, { "NV16", true, false, true },
		{ "NV61", true, false, true }, { "RGB4", true, false, true }, { "BGR4", true, false, true },
		{ "XR24", true, false, true }, { "AR24", true, false, true }, { "BX24", true, false, true },
		{ "BA24", true, false, true }, { "BA81", true, false, true }, { "GBRG", true, false, true },
		{ "GRBG", true, false, true }, { "RGGB", true, false, true }, { "Y16", true, true, true },
	};
	struct source_request request = { .size = { 640, 360 }, .fps = 30 };
	int n = 0;

	(void)state;
	control(VIVID_TEXT_MODE, VIVID_NO_TEXT);
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		char *what = xasprintf("%s?fourcc=%s", device(), codes[i].fourcc);
		struct error err = { 0 };
		struct source *source = impl->open(what, &request, &err);
		bool there = codes[i].foreign ? v4l2_convert_is_built_in() : codes[i].always;
		struct frame_sink *sink;

		free(what);
		opened[0] = source;
		if (!source && !there) {
			assert_int_equal(err.code, ERR_UNSUPPORTED);
			continue;
		}
		if (!source)
			fail_msg("%s", err.text);
		sink = start(source, true);
		assert_true(frame_sink_wait(sink, 3, 0, 20));
		impl->stop(source);
		print_message("%s: %s %dx%d\n", codes[i].fourcc, pixel_format_names[source->format.pixels], source->format.width,
			      source->format.height);
		assert_true(source->format.width == 640 && source->format.height == 360);
		assert_false(codes[i].foreign && (source->layout.dmabuf || sink->held[2]->planes[0].dmabuf >= 0));
		assert_true(source->layout.n_buffers >= 6);
		check_bars(sink->held[2], !codes[i].grey);
		finish(source, sink);
		n++;
	}
	assert_true(n >= (v4l2_convert_is_built_in() ? 15 : 1));
}

static int count_fds(void)
{
	DIR *fds = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(fds);
	while (readdir(fds))
		n++;
	closedir(fds);
	return n;
}

/* Through its dmabufs, a frame is the same as through its mapping. Returns how many planes have one. */
static int check_exported(const struct frame *frame, const struct frame_layout *layout)
{
	int n_exported = 0;

	for (int i = 0; i < frame->n_planes; i++) {
		const struct plane *plane = &frame->planes[i];
		size_t bytes = plane->offset + plane->bytes;
		const uint8_t *memory;

		/* with the multi-planar interface vivid puts data of its own before some pictures */
		if (plane->dmabuf < 0) {
			assert_int_not_equal(plane->offset, layout->offsets[i]);
			continue;
		}
		n_exported++;
		assert_true(lseek(plane->dmabuf, 0, SEEK_END) >= (off_t)bytes);
		memory = mmap(NULL, bytes, PROT_READ, MAP_SHARED, plane->dmabuf, 0);
		assert_true(memory != MAP_FAILED);
		assert_memory_equal(memory + plane->offset, plane->data, plane->bytes);
		munmap((void *)(uintptr_t)memory, bytes);
		if (!layout->dmabuf)
			continue;
		assert_int_equal(plane->dmabuf, frame->planes[0].dmabuf);
		assert_int_equal(plane->stride, layout->strides[i]);
		assert_int_equal(plane->offset, layout->offsets[i]);
		assert_int_equal(lseek(plane->dmabuf, 0, SEEK_END), layout->buffer_bytes);
	}
	return n_exported;
}

static void test_exported(void **state)
{
	static const char *const pixels[] = { "i420", "nv12", "yuyv", "i422" };
	int n_fds = count_fds(), n;

	(void)state;
	control(VIVID_TEXT_MODE, VIVID_NO_TEXT);
	for (size_t p = 0; p < ARRAY_LEN(pixels); p++) {
		struct source *source = open_mode(pixels[p], 640, 360, 30);
		struct frame_sink *sink = start(source, true);

		assert_true(frame_sink_wait(sink, 3, 0, 20));
		impl->stop(source);
		print_message("%s: %d buffers of %zu bytes, planes at %zu %zu %zu, strides %d %d %d%s\n", pixels[p],
			      source->layout.n_buffers, source->layout.buffer_bytes, source->layout.offsets[0],
			      source->layout.offsets[1], source->layout.offsets[2], source->layout.strides[0],
			      source->layout.strides[1], source->layout.strides[2], source->layout.dmabuf ? ", dmabuf" : "");
		assert_true(source->layout.n_buffers >= 6);
		assert_int_equal(source->layout.dmabuf, source->format.pixels != PIXEL_I422);
		assert_false(sink->held[0]->needs_sync);
		n = check_exported(sink->held[2], &source->layout);
		assert_true(n == sink->held[2]->n_planes || p >= 2);
		assert_true(!n || sink->held[0]->planes[0].dmabuf != sink->held[1]->planes[0].dmabuf);
		finish(source, sink);
		assert_int_equal(count_fds(), n_fds);
	}
}

static void test_nearest_size(void **state)
{
	struct source *source = open_mode(NULL, 700, 400, 12);

	(void)state;
	assert_true(source->format.width == 640);
	assert_true(source->fps >= 11.9);
	close_source(source);
}

static void test_dropped_by_the_sensor(void **state)
{
	struct source *source = open_mode(NULL, 320, 180, 25);
	struct frame_sink *sink;
	struct gap lost;

	(void)state;
	control(VIVID_PERCENTAGE_DROPPED, 30);
	sink = start(source, false);
	assert_true(frame_sink_wait(sink, 60, 0, 30));
	impl->stop(source);
	control(VIVID_PERCENTAGE_DROPPED, 0);
	lost = check_ledger(sink);
	check_rate(sink, source->period_ns);
	print_message("30%% dropped: %d frames, %u lost by the sensor, %u starved\n", sink->n_frames, lost.sensor, lost.starved);
	assert_true(lost.sensor >= 2);
	assert_true(lost.starved <= lost.sensor);
	finish(source, sink);
}

static void test_starvation(void **state)
{
	struct source *source = open_mode(NULL, 320, 180, 25);
	struct frame_sink *sink = start(source, true);
	struct gap lost;
	int n;

	(void)state;
	assert_true(frame_sink_wait(sink, 6, 0, 20));
	clock_sleep_until(clock_now_ns() + NS_PER_S);
	n = sink->n_frames;
	assert_int_equal(n, source->layout.n_buffers);
	pthread_mutex_lock(&sink->lock);
	frame_sink_let_go(sink);
	sink->keep = false;
	pthread_mutex_unlock(&sink->lock);
	assert_true(frame_sink_wait(sink, n + 10, 0, 20));
	impl->stop(source);
	lost = check_ledger(sink);
	check_rate(sink, source->period_ns);
	print_message("1 s without buffers at 25/s: %u lost by the sensor, %u starved\n", lost.sensor, lost.starved);
	assert_true(lost.starved >= 20 && lost.sensor <= 2);
	finish(source, sink);
}

static void test_damaged_buffers(void **state)
{
	struct source *source = open_mode(NULL, 320, 180, 25);
	struct frame_sink *sink = start(source, false);
	struct gap lost;

	(void)state;
	for (int i = 1; i <= 3; i++) {
		assert_true(frame_sink_wait(sink, 5 * i, 0, 20));
		control(VIVID_BUFFER_ERROR, 1);
	}
	assert_true(frame_sink_wait(sink, 25, 0, 20));
	impl->stop(source);
	lost = check_ledger(sink);
	check_rate(sink, source->period_ns);
	assert_int_equal(lost.sensor, 3);
	finish(source, sink);
}

static void test_errors_that_pass(void **state)
{
	struct source *source = open_mode(NULL, 320, 180, 25);
	struct frame_sink *sink;
	struct gap lost;

	(void)state;
	control(VIVID_STREAMON_ERROR, 1);
	sink = start(source, false);
	assert_true(frame_sink_wait(sink, 5, 0, 20));
	for (int i = 0; i < 10; i++) {
		control(VIVID_QBUF_ERROR, 1);
		assert_true(frame_sink_wait(sink, sink->n_frames + 2, 0, 20));
	}
	control(VIVID_QUEUE_ERROR, 1);
	assert_true(frame_sink_wait(sink, sink->n_frames + 20, 0, 20));
	impl->stop(source);
	lost = check_ledger(sink);
	print_message("after refused buffers and a queue error: %d frames, %u lost by the sensor, %u starved\n", sink->n_frames,
		      lost.sensor, lost.starved);
	assert_int_equal(sink->n_ends, 0);
	finish(source, sink);
}

static void test_no_memory(void **state)
{
	struct source_request request = { 0 };
	struct error err = { 0 };

	(void)state;
	control(VIVID_QUEUE_SETUP_ERROR, 1);
	assert_null(impl->open(device(), &request, &err));
	assert_non_null(strstr(err.text, device()));
	close_source(open_mode(NULL, 0, 0, 0));
}

static void test_sequence_wraps(void **state)
{
	struct source *source = open_mode(NULL, 320, 180, 25);
	struct frame_sink *sink;
	struct gap lost;

	(void)state;
	control(VIVID_SEQUENCE_WRAP, 1);
	sink = start(source, false);
	assert_true(frame_sink_wait(sink, 150, 0, 30));
	impl->stop(source);
	control(VIVID_SEQUENCE_WRAP, 0);
	lost = check_ledger(sink);
	check_rate(sink, source->period_ns);
	assert_in_range(lost.sensor + lost.starved, 0, 20);
	finish(source, sink);
}

static void test_frames_outlive_the_source(void **state)
{
	struct source *source = open_mode(NULL, 320, 180, 25), *again;
	struct frame_sink *sink = start(source, true), *second, *third;

	(void)state;
	assert_true(frame_sink_wait(sink, 4, 0, 20));
	impl->stop(source);

	/* started again while frames are held: fewer buffers, but it goes on */
	second = start(source, false);
	assert_true(frame_sink_wait(second, 8, 0, 20));
	impl->stop(source);
	close_source(source);

	/* and opened again while they are still held */
	again = open_mode(NULL, 640, 360, 25);
	third = start(again, false);
	assert_true(frame_sink_wait(third, 4, 0, 20));
	for (int i = 0; i < sink->n_frames; i++) {
		frame_begin_read(sink->held[i]);
		for (size_t at = 0; at < sink->held[i]->planes[0].bytes; at++)
			sink->held[i]->planes[0].data[at] ^= 0xff;
		frame_end_read(sink->held[i]);
	}
	frame_sink_destroy(second);
	frame_sink_destroy(sink);
	assert_true(frame_sink_wait(third, 8, 0, 20));
	finish(again, third);
}

static double seconds_since(int64_t ns)
{
	return (clock_now_ns() - ns) / 1e9;
}

/* Streams, but gives nothing: it is started again once, and then given up. */
static void test_silence(void **state)
{
	struct source *source = open_mode(NULL, 320, 180, 25);
	struct frame_sink *sink = start(source, false);
	int64_t last_ns;

	(void)state;
	assert_true(frame_sink_wait(sink, 5, 0, 20));
	control(VIVID_PERCENTAGE_DROPPED, 100);
	last_ns = clock_now_ns();
	assert_true(frame_sink_wait(sink, 0, 1, 20));
	control(VIVID_PERCENTAGE_DROPPED, 0);
	print_message("%.3f s: %s\n", seconds_since(last_ns), sink->err.text);
	assert_true(sink->failed);
	assert_int_equal(sink->err.code, ERR_CAMERA_LOST);
	assert_true(seconds_since(last_ns) >= 3.9 && seconds_since(last_ns) < 4.5);
	finish(source, sink);
}

static void test_silence_that_passes(void **state)
{
	struct source *source = open_mode(NULL, 320, 180, 25);
	struct frame_sink *sink = start(source, false);
	struct gap lost;

	(void)state;
	for (int i = 1; i <= 2; i++) {
		assert_true(frame_sink_wait(sink, 10 * i, 0, 20));
		control(VIVID_PERCENTAGE_DROPPED, 100);
		clock_sleep_until(clock_now_ns() + 3 * NS_PER_S);
		assert_int_equal(sink->n_ends, 0);
		control(VIVID_PERCENTAGE_DROPPED, 0);
	}
	assert_true(frame_sink_wait(sink, 40, 0, 20));
	impl->stop(source);
	lost = check_ledger(sink);
	check_rate(sink, source->period_ns);
	print_message("twice 3 s of silence at 25/s: %u lost by the sensor, %u starved\n", lost.sensor, lost.starved);
	assert_in_range(lost.sensor, 145, 155);
	assert_int_equal(sink->n_ends, 0);
	finish(source, sink);
}

static int read_control(int id)
{
	struct v4l2_control setting = { .id = (unsigned)id };
	int fd = open(device(), O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ioctl(fd, VIDIOC_G_CTRL, &setting), 0);
	close(fd);
	return setting.value;
}

static const struct source_control *find_control(const struct source *source, const char *name)
{
	for (size_t i = 0; i < source->n_controls; i++)
		if (!strcmp(source->controls[i].name, name))
			return &source->controls[i];
	return NULL;
}

/* Against the real driver; a webcam's are in test_v4l2_controls. */
static void test_controls(void **state)
{
	const struct control_setting brightness[] = { { "brightness", 1, { 200 } }, { "show_border", 1, { 1 } } };
	const struct control_setting gain[] = { { "Gain", 1, { 55 } }, { "Gain, Automatic", 1, { 0 } } };
	const struct control_setting automatic = { "gain_automatic", 1, { 1 } };
	const struct control_setting unset[] = { { "brightness", 1, { 128 } }, { "show_border", 1, { 0 } } };
	const struct source_request request = { .controls = brightness, .n_controls = 2 };
	struct source *source = open_mode(NULL, 320, 180, 25);
	struct frame_sink *sink = start(source, false);
	struct error err = { 0 };

	(void)state;
	print_message("%zu controls\n", source->n_controls);
	assert_non_null(find_control(source, "brightness"));
	assert_non_null(find_control(source, "integer_64_bits"));
	assert_non_null(find_control(source, "disconnect"));
	assert_string_equal(((char **)find_control(source, "test_pattern")->choices.items)[1], "100% Colorbar");
	assert_null(find_control(source, "u8_pixel_array"));
	assert_null(find_control(source, "string"));
	assert_null(find_control(source, "read_only_integer_32_bits"));
	assert_true(impl->set_controls(source, brightness, 2, &err));
	assert_int_equal(read_control(V4L2_CID_BRIGHTNESS), 200);
	assert_int_equal(read_control(VIVID + 4), 1);
	assert_false(impl->set_controls(source, gain, 1, &err));
	print_message("%s\n", err.text);
	assert_non_null(strstr(err.text, "gain_automatic"));
	assert_true(impl->set_controls(source, gain, 2, &err));
	assert_int_equal(read_control(V4L2_CID_GAIN), 55);
	assert_true(impl->set_controls(source, &automatic, 1, &err));
	assert_true(impl->set_controls(source, unset, 2, &err));
	assert_true(frame_sink_wait(sink, 5, 0, 20));
	finish(source, sink);

	/* what was set before is set again */
	source = impl->open(device(), &request, &err);
	assert_non_null(source);
	assert_int_equal(read_control(V4L2_CID_BRIGHTNESS), 200);
	assert_true(impl->set_controls(source, unset, 2, &err));
	close_source(source);
}

/* A process that has the camera in the given way until it is killed. */
static pid_t occupy(bool as_camd, int pipe_fds[2])
{
	pid_t child;

	assert_int_equal(pipe(pipe_fds), 0);
	child = fork();
	if (child)
		return child;
	if (as_camd) {
		struct source_request request = { 0 };

		if (!impl->open(devices[0], &request, NULL))
			_exit(1);
	} else {
		struct v4l2_requestbuffers buffers = { .count = 4, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP };
		int fd = open(devices[0], O_RDWR);

		if (ioctl(fd, VIDIOC_REQBUFS, &buffers)) {
			buffers.type = V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
			if (ioctl(fd, VIDIOC_REQBUFS, &buffers))
				_exit(1);
		}
	}
	if (write(pipe_fds[1], "x", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static void check_busy(bool as_camd)
{
	struct source_request request = { 0 };
	struct error err = { 0 };
	int pipe_fds[2];
	pid_t child = occupy(as_camd, pipe_fds);
	char pid[32], byte;

	close(pipe_fds[1]);
	assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
	assert_null(impl->open(device(), &request, &err));
	print_message("%s\n", err.text);
	assert_int_equal(err.code, ERR_CAMERA_BUSY);
	snprintf(pid, sizeof(pid), "process %d ", (int)child);
	assert_non_null(strstr(err.text, pid));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(pipe_fds[0]);
	close_source(open_mode(NULL, 0, 0, 0));
}

static void test_busy(void **state)
{
	struct source_request request = { 0 };
	struct error err = { 0 };
	struct source *source;

	(void)state;
	device();
	check_busy(true);
	check_busy(false);
	source = open_mode(NULL, 0, 0, 0);
	assert_null(impl->open(device(), &request, &err));
	print_message("%s\n", err.text);
	assert_int_equal(err.code, ERR_CAMERA_BUSY);
	close_source(source);
}

static void refuse(const char *what, enum error_code code)
{
	struct source_request request = { 0 };
	struct error err = { 0 };
	struct source *source = impl->open(what, &request, &err);

	if (source || err.code != code)
		fail_msg("'%s': %d: %s", what, err.code, err.text);
	print_message("%s\n", err.text);
}

static void test_bad_devices(void **state)
{
	(void)state;
	refuse("/dev/video250", ERR_NOT_FOUND);
	refuse("250", ERR_NOT_FOUND);
	refuse("video250", ERR_NOT_FOUND);
	refuse("usb-nowhere/Camera", ERR_NOT_FOUND);
	refuse("/dev/null", ERR_UNSUPPORTED);
	refuse("/", ERR_UNSUPPORTED);
	refuse("/etc/passwd", ERR_UNSUPPORTED);
	refuse("/dev/video250?pixels=rgb", ERR_BAD_ARGUMENT);
	refuse("/dev/video250?x", ERR_BAD_ARGUMENT);
	refuse("/dev/video250?fourcc=", ERR_BAD_ARGUMENT);
	refuse("/dev/video250?fourcc=ABCDE", ERR_BAD_ARGUMENT);
}

/* What looks like a camera and is none: codecs, converters, parts of image pipelines. */
static void test_no_cameras(void **state)
{
	static const char *const drivers[] = { "vicodec", "vim2m", "vimc" };
	char pattern[64], word[32], *what;
	int n = 0;

	(void)state;
	device();
	for (int i = 0; i < 32; i++) {
		struct v4l2_capability cap = { 0 };
		int fd;

		snprintf(pattern, sizeof(pattern), "/dev/video%d", i);
		fd = open(pattern, O_RDWR | O_CLOEXEC);
		if (fd < 0 || ioctl(fd, VIDIOC_QUERYCAP, &cap)) {
			close(fd);
			continue;
		}
		close(fd);
		snprintf(word, sizeof(word), "%s", (const char *)cap.driver);
		for (size_t d = 0; d < ARRAY_LEN(drivers); d++) {
			if (strcmp(word, drivers[d]))
				continue;
			n++;
			refuse(pattern, ERR_UNSUPPORTED);
			for (size_t k = 0; k < n_devices; k++)
				assert_string_not_equal(devices[k], pattern);
		}
	}
	assert_true(n >= 3);
	what = xasprintf("%s?pixels=nv13", device());
	refuse(what, ERR_BAD_ARGUMENT);
	free(what);
}

static struct source *open_again(void)
{
	struct source_request request = { .id = names[0] };
	struct source *again = NULL;
	struct error err;

	for (int i = 0; i < 20 && !again; i++) {
		clock_sleep_until(clock_now_ns() + 100 * NS_PER_MS);
		again = impl->open(device(), &request, &err);
	}
	return again;
}

/* Last, for it takes the first device away. */
static void test_unplugged(void **state)
{
	struct source *source = open_mode(NULL, 320, 180, 25), *again;
	struct frame_sink *sink = start(source, true);
	uint8_t *memory;
	int64_t at_ns;
	int dmabuf;

	(void)state;
	assert_true(frame_sink_wait(sink, 4, 0, 20));
	at_ns = clock_now_ns();
	control(VIVID_DISCONNECT, 1);
	assert_true(frame_sink_wait(sink, 0, 1, 20));
	assert_true(seconds_since(at_ns) < 0.1);
	assert_true(sink->failed);
	assert_int_equal(sink->err.code, ERR_CAMERA_LOST);
	print_message("%s\n", sink->err.text);
	impl->stop(source);
	close_source(source);

	/* vivid returns when its last file is closed; a frame that is still held keeps its memory, and can be read, but no file */
	again = open_again();
	assert_non_null(again);
	frame_begin_read(sink->held[0]);
	assert_int_not_equal(sink->held[0]->planes[0].data[0], 0);
	frame_end_read(sink->held[0]);
	dmabuf = dup(sink->held[0]->planes[0].dmabuf);
	frame_sink_destroy(sink);
	assert_string_equal(again->id + 5, names[0]);

	/* a dmabuf that somebody else holds keeps the memory, but not the camera */
	memory = mmap(NULL, 4096, PROT_READ, MAP_SHARED, dmabuf, 0);
	assert_true(memory != MAP_FAILED);
	assert_int_not_equal(memory[0], 0);
	munmap(memory, 4096);
	close(dmabuf);
	sink = start(again, false);
	assert_true(frame_sink_wait(sink, 4, 0, 20));
	finish(again, sink);
}

/* While others hold all of its buffers, and it has none to return. */
static void test_unplugged_while_starved(void **state)
{
	struct source *source = open_mode(NULL, 320, 180, 25);
	struct frame_sink *sink = start(source, true);
	int64_t at_ns;

	(void)state;
	assert_true(frame_sink_wait(sink, source->layout.n_buffers, 0, 20));
	clock_sleep_until(clock_now_ns() + 10 * NS_PER_S);
	assert_int_equal(sink->n_ends, 0);		/* that nobody lets go of a buffer is not the camera's silence */
	at_ns = clock_now_ns();
	control(VIVID_DISCONNECT, 1);
	assert_true(frame_sink_wait(sink, 0, 1, 20));
	print_message("%.3f s: %s\n", seconds_since(at_ns), sink->err.text);
	assert_true(seconds_since(at_ns) < 1.1);
	assert_int_equal(sink->err.code, ERR_CAMERA_LOST);
	finish(source, sink);
	source = open_again();
	assert_non_null(source);
	close_source(source);
}

static int find_devices(void **state)
{
	struct v4l2_node node;
	struct error err;
	size_t n = impl->discover(&names);

	(void)state;
	devices = xcalloc(MAX(n, 1), sizeof(*devices));
	for (size_t i = 0; i < n; i++) {
		if (v4l2_node_open(&node, names[i], NULL, &err) && !strcmp(node.driver, "vivid")) {
			devices[n_devices] = xstrdup(node.path);
			names[n_devices++] = names[i];
		} else {
			free(names[i]);
		}
		v4l2_node_close(&node);
	}
	return 0;
}

static int free_devices(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_devices; i++) {
		free(devices[i]);
		free(names[i]);
	}
	free(devices);
	free(names);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_bad_devices, close_all),
		cmocka_unit_test_teardown(test_discover, close_all),
		cmocka_unit_test_teardown(test_known_by_id, close_all),
		cmocka_unit_test_teardown(test_no_cameras, close_all),
		cmocka_unit_test_teardown(test_modes, close_all),
		cmocka_unit_test_teardown(test_pictures, close_all),
		cmocka_unit_test_teardown(test_colours, close_all),
		cmocka_unit_test_teardown(test_codes, close_all),
		cmocka_unit_test_teardown(test_exported, close_all),
		cmocka_unit_test_teardown(test_nearest_size, close_all),
		cmocka_unit_test_teardown(test_dropped_by_the_sensor, close_all),
		cmocka_unit_test_teardown(test_starvation, close_all),
		cmocka_unit_test_teardown(test_damaged_buffers, close_all),
		cmocka_unit_test_teardown(test_errors_that_pass, close_all),
		cmocka_unit_test_teardown(test_no_memory, close_all),
		cmocka_unit_test_teardown(test_sequence_wraps, close_all),
		cmocka_unit_test_teardown(test_frames_outlive_the_source, close_all),
		cmocka_unit_test_teardown(test_silence, close_all),
		cmocka_unit_test_teardown(test_silence_that_passes, close_all),
		cmocka_unit_test_teardown(test_controls, close_all),
		cmocka_unit_test_teardown(test_busy, close_all),
		cmocka_unit_test_teardown(test_unplugged_while_starved, close_all),
		cmocka_unit_test_teardown(test_unplugged, close_all),
	};

	return cmocka_run_group_tests(tests, find_devices, free_devices);
}
