/*
 * The hardware encoder on h264enc, the test kernel's own H.264 driver, which plays the faults of real ones: run it in the
 * test kernel (tests/kernel/run -M h264enc). What h264enc encodes is lossless, so that each picture is compared sample by
 * sample with what went in.
 */
#include "camd/m2m_device.h"
#include "common/util.h"
#include "tests/kernel/m2m_rig.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PARAMETERS "/sys/module/h264enc/parameters/"
#define WIDTH 320
#define HEIGHT 180
#define WIDE 64			/* bytes that h264enc aligns rows to, at most */

static struct rig rig;

static void set(const char *name, int value)
{
	char *path = xasprintf(PARAMETERS "%s", name), *text = xasprintf("%d", value);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	free(text);
	free(path);
}

static long long get(const char *name)
{
	char *path = xasprintf(PARAMETERS "%s", name), text[32] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	free(path);
	return atoll(text);
}

static bool has_planes_apart(void)
{
	char *path = xasprintf(PARAMETERS "api"), text[32] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	free(path);
	assert_true(fd >= 0);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return !strncmp(text, "planes", 6);
}

static int reset(void **state)
{
	static const char *const faults[] = {
		"only", "swallow", "swallow_every", "error", "stall", "latency", "split", "separate_header",
		"last_with_data", "no_sequence", "mutex_ms", "streamoff_ms", "job_us", "reqbufs_fail", "refuse_dmabuf",
		"no_dmabuf", "no_force_key", "ignore_force_key",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(faults); i++)
		set(faults[i], 0);
	if (get("vanish"))
		set("vanish", 0);
	rig_finish(&rig);
	assert_int_equal(get("contexts"), 0);
	return 0;
}

static void open_plain(enum pixel_format pixels)
{
	rig_init(&rig, pixels, WIDTH, HEIGHT, 0);
	rig_open(&rig, 0);
}

/* I420 whose rows are as the driver has them, in dmabufs. */
static void open_shared(void)
{
	rig_init(&rig, PIXEL_I420, WIDTH, HEIGHT, (WIDTH + WIDE - 1) / WIDE * WIDE);
	rig_share(&rig);
	rig_open(&rig, 0);
}

static void push_key(void)
{
	struct error err = { 0 };

	if (!rig_push(&rig, true, &err))
		fail_msg("%s", err.text);
}

/* All facts of a packet are its own frame's. */
static void check_facts(const struct packet *packet)
{
	uint64_t n = packet->camera_frame;

	assert_int_equal(packet->number, n);
	assert_int_equal(packet->sensor_ns, (int64_t)n * 40 * NS_PER_MS + 123);
	assert_int_equal(packet->wall_ns, packet->sensor_ns + NS_PER_S);
	assert_int_equal(packet->exposure.known, EXPOSURE_TIME);
	assert_int_equal(packet->exposure.time_us, n);
	assert_true(!packet->key || rig_has_sets(packet));
}

/* The packets are those of these frames, in order; a zero ends the list. */
static void check_frames(const int *frames)
{
	int n = 0;

	for (; frames[n]; n++) {
		assert_true(n < rig.n_packets);
		assert_int_equal(rig.packets[n]->camera_frame, frames[n]);
		check_facts(rig.packets[n]);
	}
	assert_int_equal(rig.n_packets, n);
}

static void check_all_frames(int n)
{
	int frames[RIG_PACKETS + 1] = { 0 };

	for (int i = 0; i < n; i++)
		frames[i] = i + 1;
	check_frames(frames);
	rig_check_pictures(&rig);
}

static int next_key(int from)
{
	for (int i = from; i < rig.n_packets; i++)
		if (rig.packets[i]->key)
			return (int)rig.packets[i]->camera_frame;
	return 0;
}

static void test_is_found(void **state)
{
	struct list names = { 0 };
	char **texts;

	(void)state;
	encoder_list(&names);
	texts = names.items;
	assert_int_equal(names.n, 2);
	assert_ptr_equal(strstr(texts[0], "h264enc /dev/video"), texts[0]);
	assert_non_null(strstr(texts[0], " (hardware)"));
	assert_string_equal(texts[1], "software");
	open_plain(PIXEL_I420);
	assert_string_equal(rig.encoder->name, texts[0]);
	fields_free_texts(&names);
}

/* bytes_of_two: that two pixels have in the encoder's memory */
static void encode_plain(enum pixel_format pixels, int bytes_of_two)
{
	open_plain(pixels);
	assert_int_equal(rig.encoder->takes.pixels, pixels);
	assert_true(rig.encoder->copies);
	rig_run(&rig, 10);
	assert_int_equal(rig_held(&rig), 0);
	rig_drain(&rig);
	assert_true(rig.packets[0]->key);
	assert_int_equal(next_key(1), 0);
	assert_int_equal(rig.encoder->copied_bytes, 10 * WIDTH * HEIGHT * bytes_of_two / 2);
	check_all_frames(10);
}

static void test_i420(void **state)
{
	(void)state;
	encode_plain(PIXEL_I420, 3);
}

static void test_nv12(void **state)
{
	(void)state;
	encode_plain(PIXEL_NV12, 3);
}

static void test_yuyv(void **state)
{
	(void)state;
	encode_plain(PIXEL_YUYV, has_planes_apart() ? 3 : 4);
}

static void test_uyvy(void **state)
{
	(void)state;
	encode_plain(PIXEL_UYVY, 3);
}

static void test_nv21(void **state)
{
	(void)state;
	encode_plain(PIXEL_NV21, 3);
}

static void test_other_formats_are_converted(void **state)
{
	(void)state;
	open_plain(PIXEL_MJPEG);
	assert_int_equal(rig.encoder->takes.pixels, PIXEL_I420);
	assert_int_equal(rig.encoder->takes.width, WIDTH);
}

/* 1456 is no multiple of 64: the driver's rows are longer than the camera's. */
static void test_rows_longer_than_the_camera_s(void **state)
{
	(void)state;
	rig_init(&rig, PIXEL_I420, 1456, 1088, 0);
	rig_share(&rig);
	rig_open(&rig, 0);
	assert_true(rig.encoder->copies);
	rig_run(&rig, 3);
	assert_int_equal(rig.encoder->copied_bytes, 3 * 1456 * 1088 * 3 / 2);
	check_all_frames(3);
}

static void test_import(void **state)
{
	(void)state;
	if (has_planes_apart())
		skip();
	open_shared();
	assert_false(rig.encoder->copies);
	rig_run(&rig, 20);
	assert_int_equal(rig_held(&rig), 0);
	assert_int_equal(rig.encoder->copied_bytes, 0);
	check_all_frames(20);
}

static void test_import_of_longer_rows(void **state)
{
	(void)state;
	if (has_planes_apart())
		skip();
	rig_init(&rig, PIXEL_NV12, 1456, 1088, 1536);
	rig_share(&rig);
	rig_open(&rig, 0);
	assert_false(rig.encoder->copies);
	rig_run(&rig, 3);
	assert_int_equal(rig.encoder->copied_bytes, 0);
	check_all_frames(3);
}

static void test_planes_apart_are_copied(void **state)
{
	(void)state;
	if (!has_planes_apart())
		skip();
	open_shared();
	assert_true(rig.encoder->copies);
	rig_run(&rig, 5);
	check_all_frames(5);
}

static void test_no_dmabuf_queue(void **state)
{
	(void)state;
	set("no_dmabuf", 1);
	open_shared();
	assert_true(rig.encoder->copies);
	rig_run(&rig, 5);
	check_all_frames(5);
}

static void test_dmabufs_refused(void **state)
{
	static const int answers[] = { 1, 12, 14 };

	(void)state;
	if (has_planes_apart())
		skip();
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		set("refuse_dmabuf", answers[i]);
		open_shared();
		assert_false(rig.encoder->copies);
		rig_run(&rig, 5);
		assert_true(rig.encoder->copies);
		check_all_frames(5);
		reset(NULL);
	}
}

static void test_dmabufs_refused_later(void **state)
{
	struct error err = { 0 };

	(void)state;
	if (has_planes_apart())
		skip();
	set("job_us", 10000);
	open_shared();
	for (int i = 0; i < 3; i++)
		assert_true(rig_push(&rig, false, &err));
	set("refuse_dmabuf", 14);
	rig_run(&rig, 7);
	rig_drain(&rig);
	assert_true(rig.encoder->copies);
	check_all_frames(10);
}

static void test_key_on_demand(void **state)
{
	struct error err = { 0 };

	(void)state;
	set("job_us", 15000);
	open_plain(PIXEL_I420);
	rig_run(&rig, 5);
	/* three are inside when it is asked for */
	for (int i = 0; i < 3; i++)
		assert_true(rig_push(&rig, false, &err));
	push_key();
	rig_run(&rig, 5);
	rig_drain(&rig);
	assert_int_equal(next_key(1), 9);
	assert_int_equal(next_key(9), 0);
	check_all_frames(14);
}

static void test_key_comes_late(void **state)
{
	(void)state;
	open_plain(PIXEL_I420);
	rig_run(&rig, 5);
	set("ignore_force_key", 2);
	push_key();
	rig_run(&rig, 8);
	assert_int_equal(next_key(1), 8);
	check_all_frames(14);
}

static void test_key_control_does_nothing(void **state)
{
	int key;

	(void)state;
	open_plain(PIXEL_I420);
	rig_run(&rig, 5);
	set("ignore_force_key", 1000);
	push_key();
	rig_run(&rig, 30);
	key = next_key(1);
	assert_in_range(key, 7, 20);
	check_all_frames(36);
}

static void test_no_key_control(void **state)
{
	(void)state;
	set("no_force_key", 1);
	open_plain(PIXEL_I420);
	rig_run(&rig, 5);
	push_key();
	rig_run(&rig, 5);
	rig_drain(&rig);
	assert_int_equal(next_key(1), 6);
	check_all_frames(11);
}

/* With frames inside all the time, the encoder is emptied for it. */
static void test_no_key_control_and_latency(void **state)
{
	(void)state;
	set("no_force_key", 1);
	set("latency", 2);
	open_plain(PIXEL_I420);
	rig_run(&rig, 6);
	push_key();
	rig_run(&rig, 6);
	rig_drain(&rig);
	assert_int_equal(next_key(1), 7);
	check_all_frames(13);
}

static void test_intra_period(void **state)
{
	(void)state;
	rig_init(&rig, PIXEL_I420, WIDTH, HEIGHT, 0);
	rig.request.intra = 4;
	rig_open(&rig, 0);
	rig_run(&rig, 10);
	assert_int_equal(next_key(1), 5);
	assert_int_equal(next_key(5), 9);
	check_all_frames(10);
}

static void test_separate_headers(void **state)
{
	(void)state;
	set("separate_header", 1);
	open_plain(PIXEL_I420);
	rig_run(&rig, 5);
	push_key();
	rig_run(&rig, 5);
	assert_int_equal(next_key(1), 6);
	check_all_frames(11);
}

static void test_latency(void **state)
{
	(void)state;
	set("latency", 3);
	open_plain(PIXEL_I420);
	rig_run(&rig, 10);
	assert_int_equal(rig.n_packets, 7);
	rig_drain(&rig);
	check_all_frames(10);
}

static void test_last_with_data(void **state)
{
	(void)state;
	set("latency", 3);
	set("last_with_data", 1);
	open_plain(PIXEL_I420);
	rig_run(&rig, 10);
	rig_drain(&rig);
	check_all_frames(10);
}

static void test_no_sequence_numbers(void **state)
{
	(void)state;
	set("no_sequence", 1);
	open_plain(PIXEL_I420);
	rig_run(&rig, 5);
	check_all_frames(5);
}

static void test_pictures_in_pieces(void **state)
{
	(void)state;
	set("split", 3);
	open_plain(PIXEL_I420);
	rig_run(&rig, 10);
	rig_drain(&rig);
	check_all_frames(10);
}

/* It begins in the middle: one picture is spoilt before it is understood, then a key frame mends it. */
static void test_pieces_all_of_a_sudden(void **state)
{
	int key;

	(void)state;
	open_plain(PIXEL_I420);
	rig_run(&rig, 40);
	set("split", 3);
	rig_run(&rig, 20);
	rig_drain(&rig);
	key = next_key(1);
	assert_in_range(key, 42, 46);
	assert_int_equal(rig.packets[rig.n_packets - 1]->camera_frame, 60);
	/* all but the spoilt one are whole */
	assert_int_equal(rig.packets[40]->camera_frame, 41);
	assert_int_equal(rig.packets[41]->camera_frame, key);
	packet_unref(rig.packets[40]);
	memmove(rig.packets + 40, rig.packets + 41, (size_t)(--rig.n_packets - 40) * sizeof(rig.packets[0]));
	rig_check_pictures(&rig);
}

static void test_swallowed(void **state)
{
	(void)state;
	open_plain(PIXEL_I420);
	rig_run(&rig, 3);
	set("swallow", 2);
	rig_run(&rig, 4);
	rig_drain(&rig);
	check_frames((const int[]){ 1, 2, 3, 6, 7, 0 });
	rig_check_pictures(&rig);
	assert_int_equal(rig_held(&rig), 0);
}

static void test_swallowed_imports_come_back(void **state)
{
	(void)state;
	if (has_planes_apart())
		skip();
	open_shared();
	set("swallow_every", 2);
	rig_run(&rig, 30);
	assert_true(rig_held(&rig) <= 1);
	rig_drain(&rig);
	assert_int_equal(rig.n_packets, 15);
	for (int i = 0; i < rig.n_packets; i++)
		assert_int_equal(rig.packets[i]->camera_frame, 2 * i + 1);
	rig_check_pictures(&rig);
}

static void test_damaged(void **state)
{
	(void)state;
	open_plain(PIXEL_I420);
	rig_run(&rig, 3);
	set("error", 1);
	rig_run(&rig, 5);
	check_frames((const int[]){ 1, 2, 3, 5, 6, 7, 8, 0 });
	assert_int_equal(next_key(1), 5);
	rig_check_pictures(&rig);
}

/* What went in before the damage was seen refers to what is lost. */
static void test_damaged_with_others_inside(void **state)
{
	struct error err = { 0 };

	(void)state;
	set("job_us", 10000);
	open_plain(PIXEL_I420);
	rig_run(&rig, 3);
	set("error", 1);
	for (int i = 0; i < 3; i++)
		assert_true(rig_push(&rig, false, &err));
	rig_run(&rig, 6);
	rig_drain(&rig);
	assert_true(next_key(1) > 4);
	assert_int_equal(rig.packets[3]->camera_frame, next_key(1));
	assert_in_range(next_key(1), 5, 8);
	assert_int_equal(rig.packets[rig.n_packets - 1]->camera_frame, 12);
	rig_check_pictures(&rig);
}

static void test_bitrate_changes(void **state)
{
	(void)state;
	open_plain(PIXEL_I420);
	rig_run(&rig, 3);
	assert_true(rig.encoder->impl->set_bitrate(rig.encoder, 1000000));
	rig_run(&rig, 3);
	assert_true(rig.encoder->impl->set_bitrate(rig.encoder, 1));
	rig_run(&rig, 3);
	check_all_frames(9);
}

static void test_equal_times(void **state)
{
	const struct encoder_impl *impl = &encoder_m2m;
	struct error err = { 0 };

	(void)state;
	open_plain(PIXEL_I420);
	for (uint64_t i = 1; i <= 3; i++) {
		struct frame *frame = frame_create(&rig.format);

		for (int p = 0; p < 3; p++)
			memset(frame->planes[p].data, (int)(i * 20), frame->planes[p].bytes);
		frame->camera_frame = i;
		frame->sensor_ns = 5000;
		assert_true(impl->push(rig.encoder, frame, false, &err));
		frame_unref(frame);
	}
	rig_drain(&rig);
	assert_int_equal(rig.n_packets, 3);
	for (uint64_t i = 0; i < 3; i++) {
		assert_int_equal(rig.packets[i]->camera_frame, i + 1);
		assert_int_equal(rig.packets[i]->sensor_ns, 5000);
	}
}

static void test_nothing_to_poll_when_idle(void **state)
{
	struct error err = { 0 };
	short events;

	(void)state;
	open_plain(PIXEL_I420);
	assert_int_equal(encoder_m2m.poll_fd(rig.encoder, &events), -1);
	assert_true(rig_push(&rig, false, &err));
	assert_true(encoder_m2m.poll_fd(rig.encoder, &events) >= 0);
	rig_run(&rig, 1);
	rig_run(&rig, 1);
	assert_int_equal(encoder_m2m.poll_fd(rig.encoder, &events), -1);
	assert_true(encoder_m2m.service(rig.encoder, 0, &err));
}

/* Few calls: one wake for a frame, not one for each side. */
static void test_one_wake_per_frame(void **state)
{
	(void)state;
	open_plain(PIXEL_I420);
	rig_run(&rig, 50);
	assert_int_equal(rig.n_packets, 50);
	assert_int_equal(rig.n_calls, 50);
}

static void check_fails(const char *text)
{
	struct error err = { 0 };
	bool ok = true;

	for (int i = 0; i < 20 && ok; i++)
		ok = rig_push(&rig, false, &err) && rig_step(&rig, 20, &err) && rig_step(&rig, 20, &err);
	assert_false(ok);
	assert_int_equal(err.code, ERR_ENCODER_FAILED);
	if (!strstr(err.text, text))
		fail_msg("'%s' does not say '%s'", err.text, text);
}

static void test_eio(void **state)
{
	(void)state;
	open_plain(PIXEL_I420);
	rig_run(&rig, 3);
	set("eio", 1);
	check_fails("the driver reports that it failed");
}

static void test_vanish(void **state)
{
	(void)state;
	open_plain(PIXEL_I420);
	rig_run(&rig, 3);
	set("vanish", 1);
	check_fails("it is gone");
}

static void test_gone_with_frames_inside(void **state)
{
	struct error err = { 0 };

	(void)state;
	if (has_planes_apart())
		skip();
	set("stall", 1);
	open_shared();
	for (int i = 0; i < 4; i++)
		assert_true(rig_push(&rig, false, &err));
	assert_int_equal(rig_held(&rig), 4);
	set("vanish", 1);
	assert_false(rig_step(&rig, 100, &err));
}

static void test_stall(void **state)
{
	struct error err = { 0 };

	(void)state;
	open_plain(PIXEL_I420);
	rig_run(&rig, 3);
	set("stall", 1);
	while (encoder_m2m.has_room(rig.encoder))
		assert_true(rig_push(&rig, false, &err));
	assert_int_equal(rig.n_packets, 3);
	/* within its time limit, and it says so */
	assert_false(encoder_m2m.drain(rig.encoder, &err));
	assert_int_equal(err.code, ERR_TIMEOUT);
}

static void test_no_buffers(void **state)
{
	struct error err = { 0 };

	(void)state;
	set("reqbufs_fail", 100);
	rig_init(&rig, PIXEL_I420, WIDTH, HEIGHT, 0);
	rig.request.format = rig.format;
	assert_null(encoder_m2m.create(&rig.request, NULL, NULL, &err));
	assert_int_equal(err.code, ERR_ENCODER_FAILED);
	assert_non_null(strstr(err.text, "no buffers"));
}

static void refuse(int width, int height, enum error_code code)
{
	struct error err = { 0 };

	rig_init(&rig, PIXEL_I420, width, height, 0);
	rig.request.format = rig.format;
	assert_null(encoder_m2m.create(&rig.request, NULL, NULL, &err));
	assert_int_equal(err.code, code);
	assert_true(*err.text);
	rig_finish(&rig);
}

static void test_sizes_it_cannot_do(void **state)
{
	(void)state;
	refuse(2048, 1080, ERR_UNSUPPORTED);
	refuse(16, 16, ERR_UNSUPPORTED);
	refuse(321, 180, ERR_BAD_ARGUMENT);
}

/* No level allows so many pictures a second. */
static void test_beyond_its_level(void **state)
{
	struct error err = { 0 };

	(void)state;
	rig_init(&rig, PIXEL_I420, 1920, 1080, 0);
	rig.request.format = rig.format;
	rig.request.fps = 400;
	assert_null(encoder_m2m.create(&rig.request, NULL, NULL, &err));
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, "400 frames/s"));
	assert_int_equal(get("contexts"), 0);
}

/* What level 4.0 is too low for, it takes. */
static void test_levels(void **state)
{
	(void)state;
	rig_init(&rig, PIXEL_I420, 1280, 720, 0);
	rig.request.fps = 120;
	rig_open(&rig, 0);
	rig_run(&rig, 2);
	check_all_frames(2);
}

/* profile_idc and level_idc of the first packet's sequence parameter set. */
static void check_stream(int profile, int level, int profile_idc, int level_idc)
{
	const uint8_t *data;
	size_t at = 0;

	rig_init(&rig, PIXEL_I420, WIDTH, HEIGHT, 0);
	rig.request.profile = profile;
	rig.request.level = level;
	rig_open(&rig, 0);
	rig_run(&rig, 2);
	check_all_frames(2);
	data = rig.packets[0]->data;
	while (at + 8 < rig.packets[0]->bytes && (data[at] || data[at + 1] || data[at + 2] != 1 || (data[at + 3] & 31) != 7))
		at++;
	assert_int_equal(data[at + 4], profile_idc);
	assert_int_equal(data[at + 6], level_idc);
	rig_finish(&rig);
}

static void test_profile_and_level(void **state)
{
	(void)state;
	check_stream(H264_PROFILE_AUTO, 0, 100, 40);
	check_stream(H264_PROFILE_BASELINE, 50, 66, 50);
	check_stream(H264_PROFILE_MAIN, 31, 77, 31);
	rig_init(&rig, PIXEL_I420, WIDTH, HEIGHT, 0);	/* for who finishes it */
}

static void test_absent(void **state)
{
	struct error err = { 0 };
	char **paths;

	(void)state;
	set("vanish", 1);
	rig_init(&rig, PIXEL_I420, WIDTH, HEIGHT, 0);
	rig.request.format = rig.format;
	assert_null(encoder_m2m.create(&rig.request, NULL, NULL, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_int_equal(m2m_device_find(V4L2_PIX_FMT_H264, &paths, NULL), 0);
	free(paths);
}

#define CASE(name) cmocka_unit_test_teardown(test_##name, reset)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(is_found), CASE(i420), CASE(nv12), CASE(yuyv), CASE(uyvy), CASE(nv21), CASE(other_formats_are_converted),
		CASE(rows_longer_than_the_camera_s), CASE(import), CASE(import_of_longer_rows), CASE(planes_apart_are_copied),
		CASE(no_dmabuf_queue), CASE(dmabufs_refused), CASE(dmabufs_refused_later),
		CASE(key_on_demand), CASE(key_comes_late), CASE(key_control_does_nothing), CASE(no_key_control),
		CASE(no_key_control_and_latency), CASE(intra_period),
		CASE(separate_headers), CASE(latency), CASE(last_with_data), CASE(no_sequence_numbers),
		CASE(pictures_in_pieces), CASE(pieces_all_of_a_sudden),
		CASE(swallowed), CASE(swallowed_imports_come_back), CASE(damaged), CASE(damaged_with_others_inside),
		CASE(bitrate_changes), CASE(equal_times), CASE(nothing_to_poll_when_idle), CASE(one_wake_per_frame),
		CASE(eio), CASE(vanish), CASE(gone_with_frames_inside), CASE(stall), CASE(no_buffers),
		CASE(sizes_it_cannot_do), CASE(beyond_its_level), CASE(levels), CASE(profile_and_level), CASE(absent),
	};

	return cmocka_run_group_tests_name("m2m", tests, NULL, NULL);
}
