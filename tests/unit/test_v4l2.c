/*
 * V4L2 cameras, on vivid, the kernel's own test driver, which plays the faults of real ones: run it in the test kernel
 * (tests/kernel/run, two vivid devices or more). Without vivid every test is skipped.
 */
#include "camd/source/source.h"
#include "camd/v4l2_node.h"
#include "common/clock.h"
#include "common/util.h"
#include "tests/unit/frame_sink.h"

#include <fcntl.h>
#include <linux/videodev2.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define VIVID 0x00f0f000
#define VIVID_TEXT_MODE (VIVID + 1)
#define VIVID_NO_TEXT 2
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
static char **devices;
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
	for (size_t i = 0; i < n_devices; i++)
		print_message("found %s\n", devices[i]);
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
	source = impl->open(what + 5, &request, &err);
	assert_non_null(source);
	close_source(source);
	free(what);
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

/* The first bar of vivid's picture is white, the last black; whatever the layout, they are where they should be. */
static void test_pictures(void **state)
{
	static const char *const pixels[] = { "i420", "nv12", "yuyv", "i422" };

	(void)state;
	control(VIVID_TEXT_MODE, VIVID_NO_TEXT);
	for (size_t p = 0; p < ARRAY_LEN(pixels); p++) {
		struct source *source = open_mode(pixels[p], 640, 360, 30);
		struct frame_sink *sink = start(source, true);
		const struct plane *planes;
		int step = source->format.pixels == PIXEL_YUYV ? 2 : 1;

		assert_true(frame_sink_wait(sink, 3, 0, 20));
		impl->stop(source);
		planes = sink->held[2]->planes;
		for (int y = 100; y < 360; y += 20) {
			const uint8_t *row = planes[0].data + y * planes[0].stride;

			assert_in_range(row[40 * step], 175, 236);
			assert_in_range(row[600 * step], 0, 30);
		}
		for (int i = 1; i < sink->held[2]->n_planes; i++) {
			int rows = frame_plane_rows(&source->format, i);

			/* white and black have no colour; yellow, the second bar, has much less blue */
			assert_in_range(planes[i].data[(rows - 10) * planes[i].stride + 4], 124, 132);
		}
		if (source->format.pixels == PIXEL_I420 || source->format.pixels == PIXEL_I422) {
			int rows = frame_plane_rows(&source->format, 1);

			assert_in_range(planes[1].data[(rows - 10) * planes[1].stride + 60], 0, 70);
		}
		finish(source, sink);
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
	assert_true(frame_sink_wait(sink, 30, 0, 30));
	impl->stop(source);
	control(VIVID_PERCENTAGE_DROPPED, 0);
	lost = check_ledger(sink);
	check_rate(sink, source->period_ns);
	print_message("30%% dropped: %d frames, %u lost by the sensor, %u starved\n", sink->n_frames, lost.sensor, lost.starved);
	assert_true(lost.sensor >= 2 && lost.sensor > lost.starved);
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
	assert_in_range(n, 6, 8);
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
	for (int i = 0; i < sink->n_frames; i++)
		for (size_t at = 0; at < sink->held[i]->planes[0].bytes; at++)
			sink->held[i]->planes[0].data[at] ^= 0xff;
	frame_sink_destroy(second);
	frame_sink_destroy(sink);
	assert_true(frame_sink_wait(third, 8, 0, 20));
	finish(again, third);
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
}

/* Last, for it takes the first device away. */
static void test_unplugged(void **state)
{
	struct source *source = open_mode(NULL, 320, 180, 25), *again = NULL;
	struct source_request request = { 0 };
	struct frame_sink *sink = start(source, true);
	struct error err = { 0 };

	(void)state;
	assert_true(frame_sink_wait(sink, 4, 0, 20));
	control(VIVID_DISCONNECT, 1);
	assert_true(frame_sink_wait(sink, 0, 1, 20));
	assert_true(sink->failed);
	assert_int_equal(sink->err.code, ERR_CAMERA_LOST);
	print_message("%s\n", sink->err.text);
	assert_null(impl->open(device(), &request, &err));
	print_message("%s\n", err.text);
	finish(source, sink);
	for (int i = 0; i < 20 && !again; i++) {
		clock_sleep_until(clock_now_ns() + 100 * NS_PER_MS);
		again = impl->open(device(), &request, &err);
	}
	assert_non_null(again);
	close_source(again);
}

static int find_devices(void **state)
{
	struct v4l2_node node;
	struct error err;

	(void)state;
	n_devices = impl->discover(&devices);
	for (size_t i = 0; i < n_devices; i++) {
		bool vivid = v4l2_node_open(&node, devices[i], &err) && !strcmp(node.driver, "vivid");

		v4l2_node_close(&node);
		if (vivid)
			continue;
		free(devices[i]);
		devices[i--] = devices[--n_devices];
	}
	return 0;
}

static int free_devices(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_devices; i++)
		free(devices[i]);
	free(devices);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_bad_devices, close_all),
		cmocka_unit_test_teardown(test_discover, close_all),
		cmocka_unit_test_teardown(test_modes, close_all),
		cmocka_unit_test_teardown(test_pictures, close_all),
		cmocka_unit_test_teardown(test_nearest_size, close_all),
		cmocka_unit_test_teardown(test_dropped_by_the_sensor, close_all),
		cmocka_unit_test_teardown(test_starvation, close_all),
		cmocka_unit_test_teardown(test_damaged_buffers, close_all),
		cmocka_unit_test_teardown(test_errors_that_pass, close_all),
		cmocka_unit_test_teardown(test_no_memory, close_all),
		cmocka_unit_test_teardown(test_sequence_wraps, close_all),
		cmocka_unit_test_teardown(test_frames_outlive_the_source, close_all),
		cmocka_unit_test_teardown(test_busy, close_all),
		cmocka_unit_test_teardown(test_unplugged, close_all),
	};

	return cmocka_run_group_tests(tests, find_devices, free_devices);
}
