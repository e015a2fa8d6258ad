/*
 * The libcamera source with the fake module (fake_libcamera.c): streams, times, controls, and all that can go wrong. The
 * number that each picture shows is the fake's own count of its time; what camd counts must be the same, whatever was
 * lost.
 */
#include "camd/libcamera_settings.h"
#include "camd/pattern.h"
#include "camd/sensor_clock.h"
#include "camd/source/source.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"
#include "tests/unit/frame_sink.h"

#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE 30
#define FPS 100

static const struct source_impl *const impl = &source_libcamera;
static const struct source_request usual = { .size = { 320, 240 }, .fps = FPS };

/* What is looked at in the source's thread, where pictures are certain not to change. */
struct looked {
	struct source *source;
	int n, n_small;
	bool wrong;
	char complaint[200];
	struct exposure last;
};

static void complain(struct looked *looked, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void complain(struct looked *looked, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!looked->wrong)
		vsnprintf(looked->complaint, sizeof(looked->complaint), format, args);
	va_end(args);
	looked->wrong = true;
}

static void look_at(const struct frame *frame, const char *which, const struct frame *counted, struct looked *looked)
{
	const struct plane *luma = &frame->planes[0];
	uint64_t number;

	if (!pattern_read(luma->data, luma->stride, frame->format.width, frame->format.height, &number))
		complain(looked, "frame %d: no number in the %s picture", looked->n, which);
	else if (number != counted->sequence)
		complain(looked, "frame %d: the %s picture is number %d, it was counted as %d", looked->n, which, (int)number,
			 (int)counted->sequence);
}

static void look(struct frame *frame, void *user)
{
	struct looked *looked = user;

	look_at(frame, "main", frame, looked);
	if (frame->small) {
		look_at(frame->small, "small", frame, looked);
		if (frame->small->sensor_ns != frame->sensor_ns)
			complain(looked, "frame %d: the small picture has another time", looked->n);
		looked->n_small++;
	}
	looked->last = frame->exposure;
	looked->n++;
}

/* ---- a source and its sink ---- */

struct stage {
	struct source *source;
	struct frame_sink *sink;
	struct looked looked;
};

static struct source *opened[2];
static int n_runs;

/* A new text each time, so that the fake begins anew. */
static void set_up(const char *faults)
{
	char *text = xasprintf("run=%d,%s", ++n_runs, faults);

	setenv("FAKE_LIBCAMERA", text, 1);
	free(text);
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

static struct source *open_good(const char *what, const struct source_request *request)
{
	struct error err = { 0 };
	struct source *source = impl->open(what, request, &err);

	if (!source)
		fail_msg("%s: %s", what, err.text);
	opened[opened[0] != NULL] = source;
	return source;
}

/* So many of the first frames are held. */
static void start(struct stage *stage, int keep)
{
	struct source_sink to;
	struct error err;

	stage->sink = frame_sink_create(false);
	stage->sink->keep = keep;
	stage->sink->look = look;
	stage->sink->user = &stage->looked;
	to = frame_sink_of(stage->sink);
	if (!impl->start(stage->source, &to, &err))
		fail_msg("%s", err.text);
}

static void begin(struct stage *stage, const char *faults, const struct source_request *request)
{
	set_up(faults);
	*stage = (struct stage){ .source = open_good("0", request) };
	start(stage, 0);
}

/* What was lost. Numbers, losses and times must agree; the times lie on the grid exactly. */
static struct gap check_ledger(const struct stage *stage)
{
	const struct frame_sink *sink = stage->sink;
	int64_t period_ns = stage->source->period_ns ? stage->source->period_ns : NS_PER_S / 50;
	struct gap total = { 0 };
	uint64_t sequence = 0;

	if (stage->looked.wrong)
		fail_msg("%s", stage->looked.complaint);
	for (int i = 0; i < sink->n_frames; i++) {
		const struct frame *frame = &sink->facts[i];
		int64_t expected_ns =
			sink->facts[0].sensor_ns + (int64_t)(frame->sequence - sink->facts[0].sequence) * period_ns;

		sequence += 1 + frame->gap.sensor + frame->gap.starved;
		assert_int_equal(frame->sequence, sequence);
		assert_int_equal(frame->sensor_ns, expected_ns);
		/* so that its moment by the wall clock is that of its exposure */
		assert_true(frame->arrived_ns > 0);
		total.sensor += frame->gap.sensor;
		total.starved += frame->gap.starved;
	}
	return total;
}

static struct gap finish(struct stage *stage)
{
	struct gap total;

	impl->stop(stage->source);
	total = check_ledger(stage);
	close_source(stage->source);
	frame_sink_destroy(stage->sink);
	return total;
}

static void wait_frames(struct stage *stage, int n)
{
	if (frame_sink_wait(stage->sink, n, 0, PATIENCE))
		return;
	if (stage->sink->n_ends)
		fail_msg("%d of %d frames, then: %s", stage->sink->n_frames, n, stage->sink->err.text);
	fail_msg("%d of %d frames", stage->sink->n_frames, n);
}

/* ---- what must come before the module is loaded, in processes of their own ---- */

static void check_child(pid_t child)
{
	int status;

	waitpid(child, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int open_without(const char *path, const char *word)
{
	struct error err = { 0 };
	char **found = NULL;

	setenv("CAMD_LIBCAMERA", path, 1);
	if (impl->discover(&found) || impl->open("0", &usual, &err))
		return 1;
	fprintf(stderr, "%s\n", err.text);
	return err.code != ERR_UNSUPPORTED || !strstr(err.text, word);
}

static void test_no_module(void **state)
{
	pid_t child = fork();

	(void)state;
	if (!child)
		_exit(open_without("/nonexistent/camd_libcamera.so", "libcamera-dev"));
	check_child(child);
	child = fork();
	if (!child)
		_exit(open_without("/proc/self/exe", "can't be loaded"));
	check_child(child);
}

static int look_at_times(void)
{
	struct stage stage;
	int64_t difference_ns;

	begin(&stage, "boottime=1", &usual);
	wait_frames(&stage, 20);
	difference_ns = stage.sink->facts[0].wall_ns - clock_wall_ns() + clock_now_ns() - stage.sink->facts[0].sensor_ns;
	fprintf(stderr, "with 5000 s between the clocks, a frame's age is %.3f s\n", (double)difference_ns / 1e9);
	finish(&stage);
	return llabs(difference_ns) > 1000 * NS_PER_S;
}

static bool shift_boottime(void)
{
	static const char offset[] = "boottime 5000 0";
	int fd;
	bool good;

	if (unshare(CLONE_NEWTIME))
		return false;
	fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	good = fd >= 0 && write(fd, offset, strlen(offset)) == (ssize_t)strlen(offset);
	if (fd >= 0)
		close(fd);
	return good;
}

/* Becomes this program again, with an argument; in an emulator, if meson runs it in one. */
static void run_anew(const char *argument)
{
	const char *wrapper = getenv("MESON_EXE_WRAPPER");
	char path[512] = "";
	char *command;

	if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0)
		_exit(1);
	command = xasprintf("exec %s '%s' %s", wrapper ? wrapper : "", path, argument);
	execl("/bin/sh", "sh", "-c", command, NULL);
	_exit(1);
}

/* A machine that has slept: CLOCK_BOOTTIME is ahead. */
static void test_boottime(void **state)
{
	pid_t child = fork(), grandchild;
	int status;

	(void)state;
	if (!child) {
		if (!shift_boottime())
			_exit(77);
		grandchild = fork();
		/* anew, for an assertion that fails in here must not go on with the tests that follow */
		if (!grandchild)
			run_anew("boottime");
		waitpid(grandchild, &status, 0);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
	}
	waitpid(child, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- clocks ---- */

static void test_clock(void **state)
{
	static const struct {
		int64_t stamp_s, monotonic_s, boottime_s, offset_s;
		const char *name;
	} cases[] = {
		{ 999, 1000, 1000, 0, "CLOCK_MONOTONIC, or CLOCK_BOOTTIME, which is the same so far" },
		{ 999, 1000, 6000, 0, "CLOCK_MONOTONIC" },
		{ 5999, 1000, 6000, -5000, "CLOCK_BOOTTIME" },
		{ 1003, 1000, 1004, -4, "CLOCK_BOOTTIME" },	/* slept for a moment: the nearer one */
		{ 1000, 1000, 1004, 0, "CLOCK_MONOTONIC" },
		{ 3, 1000, 6000, 0, NULL },
		{ 0, 5, 5, 0, NULL },
		{ INT64_C(1780000000), 1000, 6000, 0, NULL },
	};
	struct sensor_clock clock;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t mapped_ns, expected_ns = cases[i].name ? (cases[i].stamp_s + cases[i].offset_s) * NS_PER_S : 77;

		sensor_clock_init(&clock, cases[i].stamp_s * NS_PER_S, cases[i].monotonic_s * NS_PER_S,
				  cases[i].boottime_s * NS_PER_S);
		mapped_ns = sensor_clock_map(&clock, cases[i].stamp_s * NS_PER_S, 77);
		assert_int_equal(mapped_ns, expected_ns);
		assert_int_equal(!clock.name, !cases[i].name);
		if (clock.name)
			assert_string_equal(clock.name, cases[i].name);
	}
}

/* ---- what works ---- */

static void test_finding(void **state)
{
	char **found;
	struct source_request by_id = usual;
	struct source *source;
	size_t n;

	(void)state;
	set_up("cameras=3,uvc=1");
	n = impl->discover(&found);
	assert_int_equal(n, 2);
	assert_string_equal(found[0], "/base/fake/sensor@0");
	assert_string_equal(found[1], "/base/fake/sensor@2");
	source = open_good(found[1], &usual);
	assert_string_equal(source->id, "libcamera:/base/fake/sensor@2");
	assert_string_equal(source->model, "fake2");
	close_source(source);
	source = open_good("1", &usual);
	assert_string_equal(source->id, "libcamera:/base/fake/sensor@2");
	close_source(source);
	/* the one that was there before, whatever is the first now */
	by_id.id = "libcamera:/base/fake/sensor@2";
	source = open_good("", &by_id);
	assert_string_equal(source->id, by_id.id);
	close_source(source);
	source = open_good("", &usual);
	assert_string_equal(source->id, "libcamera:/base/fake/sensor@0");
	close_source(source);
	for (size_t i = 0; i < n; i++)
		free(found[i]);
	free(found);
}

static void refuse(const char *what, const struct source_request *request, enum error_code code, const char *word)
{
	struct error err = { 0 };
	struct source *source = impl->open(what, request, &err);

	if (source || err.code != code || !strstr(err.text, word))
		fail_msg("'%s': %d: %s", what, err.code, err.text);
	print_message("%s\n", err.text);
}

static void test_refusals(void **state)
{
	struct source *source;

	(void)state;
	set_up("uvc=1");
	refuse("/base/nowhere", &usual, ERR_NOT_FOUND, "/base/nowhere");
	refuse("7", &usual, ERR_NOT_FOUND, "7");
	refuse("99999999999999999999999999", &usual, ERR_NOT_FOUND, "999");
	refuse("/base/fake/sensor@1", &usual, ERR_NOT_FOUND, "v4l2:");
	set_up("cameras=0");
	refuse("", &usual, ERR_NO_CAMERAS, "no camera");
	refuse("0", &usual, ERR_NO_CAMERAS, "no camera");
	set_up("format=2");
	refuse("0", &usual, ERR_UNSUPPORTED, "XXXX");
	set_up("");
	source = open_good("0", &usual);
	refuse("0", &usual, ERR_CAMERA_BUSY, "in use");
	close_source(source);
	close_source(open_good("0", &usual));
}

static void test_two_streams(void **state)
{
	struct source_request request = { .size = { 600, 400 }, .fps = FPS, .small = { 160, 120 } };
	struct source *source;
	struct stage stage;
	struct gap lost;

	(void)state;
	begin(&stage, "", &request);
	source = stage.source;
	assert_int_equal(source->format.pixels, PIXEL_I420);
	assert_int_equal(source->format.width, 600);
	assert_int_equal(source->format.height, 400);
	assert_true(source->format.colour.primaries == 1 && source->format.colour.matrix == 1 &&
		    !source->format.colour.full_range);
	assert_true(source->small.width == 160 && source->small.height == 120);
	assert_int_equal(source->layout.n_buffers, 6);
	assert_true(source->layout.dmabuf);
	assert_int_equal(source->layout.strides[0], 640);
	assert_int_equal(source->layout.strides[2], 320);
	assert_int_equal(source->layout.offsets[2], 640 * 400 + 320 * 200);
	assert_int_equal(source->layout.buffer_bytes, 640 * 600);
	assert_int_equal(source->n_modes, 2);
	assert_true(source->fixed_rate && source->fps == FPS && source->period_ns == NS_PER_S / FPS);
	wait_frames(&stage, 100);
	assert_true(stage.looked.n_small == stage.looked.n);
	assert_int_equal(stage.sink->facts[0].sequence, 1);
	lost = finish(&stage);
	print_message("%d frames, %u lost by the sensor, %u starved\n", stage.looked.n, lost.sensor, lost.starved);
	assert_int_equal(lost.sensor, 0);
}

static void test_other_shapes(void **state)
{
	struct source_request request = { .size = { 320, 240 }, .small = { 160, 120 } };
	struct stage stage;

	(void)state;
	begin(&stage, "streams=1,format=1,fixed=0,requests=4", &request);
	assert_int_equal(stage.source->format.pixels, PIXEL_NV12);
	assert_true(!stage.source->small.width && !stage.source->fixed_rate && stage.source->fps == 0 &&
		    !stage.source->period_ns);
	assert_int_equal(stage.source->layout.n_buffers, 4);
	wait_frames(&stage, 10);
	assert_int_equal(stage.looked.n_small, 0);
	finish(&stage);

	begin(&stage, "small_damaged=1", &request);
	wait_frames(&stage, 10);
	assert_int_equal(stage.looked.n_small, 0);
	finish(&stage);
}

static void test_rates(void **state)
{
	static const struct {
		double wanted, fps;
	} cases[] = { { 30, 30 }, { 59.94, 59.94 }, { 500, 200 }, { 0.1, 1 } };
	struct source_request request = usual;

	(void)state;
	set_up("");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct source *source;

		request.fps = cases[i].wanted;
		source = open_good("0", &request);
		assert_true(source->fps == cases[i].fps && source->fixed_rate);
		close_source(source);
	}
}

/* ---- controls ---- */

static bool set(struct stage *stage, const char *name, int n, double a, double b, struct error *err)
{
	struct control_setting setting = { .n = n, .numbers = { a, b, 640, 480 } };

	snprintf(setting.name, sizeof(setting.name), "%s", name);
	return impl->set_controls(stage->source, &setting, 1, err);
}

/* Waits for frames that were asked for after now: all that are queued already come first. */
static struct exposure next_exposure(struct stage *stage)
{
	wait_frames(stage, stage->sink->n_frames + 12);
	return stage->sink->facts[stage->sink->n_frames - 1].exposure;
}

static const struct source_control *find_control(const struct source *source, const char *name)
{
	for (size_t i = 0; i < source->n_controls; i++)
		if (!strcmp(source->controls[i].name, name))
			return &source->controls[i];
	return NULL;
}

static void test_control_list(void **state)
{
	struct source *source;
	const struct source_control *control;
	char **names;

	(void)state;
	set_up("");
	source = open_good("0", &usual);
	assert_int_equal(source->n_controls, 7);
	assert_null(find_control(source, "FrameDurationLimits"));
	control = find_control(source, "ExposureTime");
	assert_true(control->type == CONTROL_INT && control->min == 100 && control->max == 33000 &&
		    control->fallback == 10000);
	control = find_control(source, "AeEnable");
	assert_true(control->type == CONTROL_BOOL && control->n == 1 && control->max == 1);
	control = find_control(source, "ColourGains");
	assert_true(control->type == CONTROL_REAL && control->n == 2 && isnan(control->fallback));
	control = find_control(source, "ScalerCrop");
	assert_true(control->type == CONTROL_INT && control->n == 4 && control->max == 1456 && control->whole[2] == 1456);
	control = find_control(source, "AwbMode");
	assert_true(control->type == CONTROL_CHOICE && control->choices.n == 5);
	names = control->choices.items;
	assert_string_equal(names[0], "AwbAuto");
	assert_string_equal(names[3], "");
	assert_string_equal(names[4], "AwbIndoor");
	close_source(source);
}

static void test_set_controls(void **state)
{
	struct exposure exposure;
	struct stage stage;
	struct error err;

	(void)state;
	begin(&stage, "", &usual);
	exposure = next_exposure(&stage);
	assert_int_equal(exposure.known, EXPOSURE_TIME | EXPOSURE_ANALOGUE_GAIN | EXPOSURE_DIGITAL_GAIN | EXPOSURE_LUX |
			 EXPOSURE_TEMPERATURE);
	assert_true(exposure.time_us == 12345 && exposure.analogue_gain == 2.5f);

	/* the automatism goes off with it */
	assert_true(set(&stage, "ExposureTime", 1, 4000, 0, &err));
	exposure = next_exposure(&stage);
	assert_true(exposure.time_us == 4000 && exposure.analogue_gain == 1);
	assert_true(set(&stage, "ColourGains", 2, 1.5, 2.25, &err));
	assert_true(set(&stage, "AwbMode", 1, 4, 0, &err));
	assert_true(set(&stage, "ScalerCrop", 4, 8, 16, &err));
	exposure = next_exposure(&stage);
	assert_true(exposure.digital_gain == 2.25f && exposure.temperature_c == 4 && exposure.lux == 480);
	assert_int_equal(exposure.time_us, 4000);
	assert_true(set(&stage, "AeEnable", 1, 1, 0, &err));
	assert_int_equal(next_exposure(&stage).time_us, 12345);
	finish(&stage);
}

/* A camera of libcamera 0.5, where exposure and gain have automatisms of their own: all that is set so far, as name=number. */
static void check_modes(struct libcamera_settings *all, const char *name, double number, const char *expected)
{
	static struct source_control controls[] = {
		{ .name = "AeEnable", .n = 1 }, { .name = "AnalogueGain", .n = 1 }, { .name = "AnalogueGainMode", .n = 1 },
		{ .name = "ExposureTime", .n = 1 }, { .name = "ExposureTimeMode", .n = 1 },
	};
	const struct source source = { .id = "x", .controls = controls, .n_controls = ARRAY_LEN(controls) };
	struct control_setting wanted = { .n = 1, .numbers = { number } };
	struct libcamera_settings latest;
	char text[2048] = "";
	struct error err;

	snprintf(wanted.name, sizeof(wanted.name), "%s", name);
	assert_true(libcamera_settings_read(&latest, &source, &wanted, 1, &err));
	libcamera_settings_remember(all, &latest);
	for (size_t i = 0; i < source.n_controls; i++)
		for (size_t k = 0; k < all->n; k++)
			if (!strcmp(all->items[k].name, controls[i].name))
				snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s=%g ", controls[i].name, all->items[k].numbers[0]);
	assert_string_equal(text, expected);
	libcamera_settings_finish(&latest);
}

static void test_exposure_modes(void **state)
{
	struct libcamera_settings all = { 0 };

	(void)state;
	check_modes(&all, "AnalogueGain", 2, "AnalogueGain=2 AnalogueGainMode=1 ");
	check_modes(&all, "ExposureTime", 900, "AnalogueGain=2 AnalogueGainMode=1 ExposureTime=900 ExposureTimeMode=1 ");
	check_modes(&all, "ExposureTimeMode", 0, "AnalogueGain=2 AnalogueGainMode=1 ExposureTimeMode=0 ");
	check_modes(&all, "ExposureTime", 800, "AnalogueGain=2 AnalogueGainMode=1 ExposureTime=800 ExposureTimeMode=1 ");
	check_modes(&all, "AeEnable", 1, "AeEnable=1 ");
	check_modes(&all, "AnalogueGain", 3, "AnalogueGain=3 AnalogueGainMode=1 ");
	libcamera_settings_finish(&all);
}

static void test_bad_controls(void **state)
{
	struct control_setting both[] = {
		{ .name = "ExposureTime", .n = 1, .numbers = { 777 } }, { .name = "Bananas", .n = 1, .numbers = { 1 } },
	};
	struct stage stage;
	struct error err;

	(void)state;
	begin(&stage, "", &usual);
	assert_false(set(&stage, "FrameDurationLimits", 2, 10000, 10000, &err));
	assert_true(err.code == ERR_BAD_ARGUMENT && strstr(err.text, "target_fps"));
	assert_false(set(&stage, "ColourGains", 1, 1, 0, &err));
	assert_true(err.code == ERR_BAD_ARGUMENT && strstr(err.text, "2 numbers"));
	assert_false(impl->set_controls(stage.source, both, 2, &err));
	assert_true(err.code == ERR_BAD_ARGUMENT && strstr(err.text, "Bananas"));
	/* all or none */
	assert_int_equal(next_exposure(&stage).time_us, 12345);
	finish(&stage);
}

/* What is set holds from the first frame on, and through restarts and reopenings. */
static void test_controls_stay(void **state)
{
	struct control_setting settings[] = {
		{ .name = "AnalogueGain", .n = 1, .numbers = { 8 } }, { .name = "Bananas", .n = 1, .numbers = { 1 } },
		{ .name = "AwbMode", .n = 1, .numbers = { 1 } },
	};
	struct source_request request = { .size = { 320, 240 }, .fps = FPS, .controls = settings, .n_controls = 3 };
	struct stage stage;

	(void)state;
	begin(&stage, "cancel=10,startup=2,times=5", &request);
	wait_frames(&stage, 60);
	for (int i = 0; i < stage.sink->n_frames; i++) {
		const struct exposure *exposure = &stage.sink->facts[i].exposure;

		assert_true(exposure->analogue_gain == 8 && exposure->time_us == 10000 && exposure->temperature_c == 1);
	}
	finish(&stage);
}

/* ---- what goes wrong ---- */

static void test_startup_frames(void **state)
{
	struct stage stage;
	struct gap lost;

	(void)state;
	begin(&stage, "startup=7", &usual);
	wait_frames(&stage, 20);
	assert_int_equal(stage.sink->facts[0].sequence, 1);
	lost = finish(&stage);
	assert_int_equal(lost.sensor, 0);
}

static void test_gaps_and_damage(void **state)
{
	struct stage stage;
	struct gap lost;
	int n;

	(void)state;
	begin(&stage, "gap=10", &usual);
	wait_frames(&stage, 65);
	n = stage.sink->n_frames;
	lost = finish(&stage);
	print_message("%d frames, %u lost by the sensor, %u starved\n", n, lost.sensor, lost.starved);
	assert_true(lost.sensor >= 18);

	begin(&stage, "damaged=5", &usual);
	wait_frames(&stage, 40);
	lost = finish(&stage);
	assert_true(lost.sensor >= 9);
}

/* It comes again after a restart, or several: the recording would go on. */
static void test_cancelled(void **state)
{
	static const char *const faults[] = {
		"cancel=10,times=1", "cancel=10,times=6", "cancel=3,startup=5,times=3", "cancel=3,startup=5,times=4",
		"cancel=15,fixed=0", "gap=4,cancel=10,times=3", "cancel=10,dead=1,times=3", "cancel=10,dead=1,times=4",
		"cancel=10,dead=1,times=4,fixed=0",
	};
	struct stage stage;
	struct gap lost;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		begin(&stage, faults[i], &usual);
		wait_frames(&stage, 90);
		assert_int_equal(stage.sink->n_ends, 0);
		lost = finish(&stage);
		print_message("%s: %d frames, %u lost by the sensor, %u starved\n", faults[i], stage.looked.n,
			      lost.sensor, lost.starved);
	}
}

static void test_beyond_help(void **state)
{
	struct stage stage;

	(void)state;
	begin(&stage, "cancel=3,startup=1000,times=1000", &usual);
	assert_true(frame_sink_wait(stage.sink, 0, 1, PATIENCE));
	assert_true(stage.sink->failed && stage.sink->n_frames == 0);
	assert_int_equal(stage.sink->err.code, ERR_CAMERA_LOST);
	print_message("%s\n", stage.sink->err.text);
	set_up("");
	finish(&stage);
	/* and back it comes when it is opened again */
	begin(&stage, "", &usual);
	wait_frames(&stage, 5);
	finish(&stage);
}

static void test_silence(void **state)
{
	struct stage stage;
	struct gap lost;

	(void)state;
	begin(&stage, "silent=10", &usual);
	wait_frames(&stage, 30);
	lost = finish(&stage);
	print_message("silence: %u lost by the sensor, %u starved\n", lost.sensor, lost.starved);
	assert_true(lost.sensor > FPS);
}

/* That all buffers are held by others is not the camera's fault: no restart, and it is said who starved. */
static void test_starvation(void **state)
{
	struct stage stage;
	struct gap lost;
	int n;

	(void)state;
	set_up("cancel=9,times=0");
	stage = (struct stage){ .source = open_good("0", &usual) };
	start(&stage, FRAME_SINK_MAX);
	wait_frames(&stage, 6);
	clock_sleep_until(clock_now_ns() + 3 * NS_PER_S);
	n = stage.sink->n_frames;
	assert_int_equal(n, 6);
	pthread_mutex_lock(&stage.sink->lock);
	frame_sink_let_go(stage.sink);
	stage.sink->keep = 0;
	pthread_mutex_unlock(&stage.sink->lock);
	wait_frames(&stage, n + 30);
	lost = finish(&stage);
	print_message("3 s without buffers: %u lost by the sensor, %u starved\n", lost.sensor, lost.starved);
	assert_true(lost.starved > 2 * FPS && lost.sensor <= 3);
}

static void test_unplugged(void **state)
{
	struct source *again = NULL;
	struct error err = { 0 };
	struct stage stage;
	char **found = NULL;

	(void)state;
	begin(&stage, "cameras=1,gone=10,back_ms=700", &usual);
	assert_true(frame_sink_wait(stage.sink, 9, 1, PATIENCE));
	assert_int_equal(stage.sink->err.code, ERR_CAMERA_LOST);
	assert_non_null(strstr(stage.sink->err.text, "unplugged"));
	assert_int_equal(impl->discover(&found), 0);
	free(found);
	finish(&stage);
	assert_null(impl->open("/base/fake/sensor@0", &usual, &err));
	assert_int_equal(err.code, ERR_NO_CAMERAS);
	for (int i = 0; i < PATIENCE * 10 && !again; i++) {
		clock_sleep_until(clock_now_ns() + 100 * NS_PER_MS);
		again = impl->open("/base/fake/sensor@0", &usual, &err);
	}
	assert_non_null(again);
	impl->close(again);
}

/* libcamera takes its time to notice, and must not be made to stop what isn't there before it has. */
static void test_unplugged_unnoticed(void **state)
{
	static const char *const faults[] = {
		"gone=10,back_ms=0,notice_ms=1000", "gone=10,back_ms=0,notice_ms=3500",
		"cameras=3,gone=10,notice_ms=100000000",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		struct stage stage;

		set_up(faults[i]);
		/* the last one is never noticed, and that camera is of no use any more */
		stage = (struct stage){ .source = open_good(i == 2 ? "2" : "0", &usual) };
		start(&stage, 0);
		assert_true(frame_sink_wait(stage.sink, 9, 1, PATIENCE));
		assert_int_equal(stage.sink->err.code, ERR_CAMERA_LOST);
		assert_non_null(strstr(stage.sink->err.text, "unplugged"));
		finish(&stage);
	}
	set_up("");
	close_source(open_good("0", &usual));
}

static void test_frames_outlive_the_source(void **state)
{
	struct stage stage, second;
	struct source_sink to;

	(void)state;
	set_up("");
	stage = (struct stage){ .source = open_good("0", &usual) };
	start(&stage, 4);	/* and no more, however long the stop takes to come */
	wait_frames(&stage, 4);
	impl->stop(stage.source);

	/* started again while frames are held: fewer buffers, but it goes on */
	second = (struct stage){ .source = stage.source };
	second.sink = frame_sink_create(false);
	to = frame_sink_of(second.sink);
	assert_true(impl->start(stage.source, &to, NULL));
	wait_frames(&second, 8);
	impl->stop(stage.source);
	close_source(stage.source);
	for (int i = 0; i < stage.sink->n_frames; i++)
		for (int p = 0; p < 3 && stage.sink->held[i]; p++)
			memset(stage.sink->held[i]->planes[p].data, 0xff, stage.sink->held[i]->planes[p].bytes);
	frame_sink_destroy(second.sink);

	/* and opened again while they are still held */
	begin(&second, "", &usual);
	wait_frames(&second, 4);
	frame_sink_destroy(stage.sink);
	wait_frames(&second, 8);
	finish(&second);
}

/* Two cameras with a thread each, controls set from a third, stopped and started all the while. */
static void test_several(void **state)
{
	struct stage stages[2];
	struct error err;

	(void)state;
	set_up("only=1,cancel=20,times=1000");
	for (int i = 0; i < 2; i++) {
		stages[i] = (struct stage){ .source = open_good(i ? "1" : "0", &usual) };
		start(&stages[i], 0);
	}
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 2; i++)
			assert_true(set(&stages[i], "ExposureTime", 1, 1000 + round, 0, &err));
		wait_frames(&stages[1], stages[1].sink->n_frames + 5);
	}
	wait_frames(&stages[0], 100);
	assert_true(stages[0].sink->n_ends == 0 && stages[1].sink->n_ends == 0);
	assert_int_equal(finish(&stages[0]).sensor, 0);
	assert_true(finish(&stages[1]).sensor > 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_no_module, close_all),
		cmocka_unit_test_teardown(test_boottime, close_all),
		cmocka_unit_test_teardown(test_clock, close_all),
		cmocka_unit_test_teardown(test_finding, close_all),
		cmocka_unit_test_teardown(test_refusals, close_all),
		cmocka_unit_test_teardown(test_two_streams, close_all),
		cmocka_unit_test_teardown(test_other_shapes, close_all),
		cmocka_unit_test_teardown(test_rates, close_all),
		cmocka_unit_test_teardown(test_control_list, close_all),
		cmocka_unit_test_teardown(test_set_controls, close_all),
		cmocka_unit_test(test_exposure_modes),
		cmocka_unit_test_teardown(test_bad_controls, close_all),
		cmocka_unit_test_teardown(test_controls_stay, close_all),
		cmocka_unit_test_teardown(test_startup_frames, close_all),
		cmocka_unit_test_teardown(test_gaps_and_damage, close_all),
		cmocka_unit_test_teardown(test_cancelled, close_all),
		cmocka_unit_test_teardown(test_beyond_help, close_all),
		cmocka_unit_test_teardown(test_silence, close_all),
		cmocka_unit_test_teardown(test_starvation, close_all),
		cmocka_unit_test_teardown(test_unplugged, close_all),
		cmocka_unit_test_teardown(test_unplugged_unnoticed, close_all),
		cmocka_unit_test_teardown(test_frames_outlive_the_source, close_all),
		cmocka_unit_test_teardown(test_several, close_all),
	};

	log_set_level(LOG_ERROR);
	if (argc == 2 && !strcmp(argv[1], "boottime"))
		return look_at_times();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
