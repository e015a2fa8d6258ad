/* What the encoder does when nothing is wrong. */
#include "tests/kernel/h264enc/try/bench.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/* Is it offered? */
static bool has_format(struct client *client, uint32_t fourcc)
{
	struct v4l2_fmtdesc description = {
		.type = client->multi ? V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE : V4L2_BUF_TYPE_VIDEO_OUTPUT,
	};

	for (; ioctl(client->fd, VIDIOC_ENUM_FMT, &description) == 0; description.index++)
		if (description.pixelformat == fourcc)
			return true;
	return false;
}

static void pass_some(const struct shape *shape, unsigned count)
{
	struct bench *bench = bench_start(shape);

	if (shape->crop_width) {
		assert_int_equal(bench->client.shape.crop_width, shape->crop_width);
		assert_int_equal(bench->client.shape.crop_height, shape->crop_height);
	}
	for (unsigned n = 0; n < count; n++)
		bench_pass(bench, n);
	bench_close(bench);
}

static const struct {
	uint32_t fourcc;
	unsigned alignment, luma_bytes;
} formats[] = {
	{V4L2_PIX_FMT_YUV420, 64, 1}, {V4L2_PIX_FMT_NV12, 32, 1}, {V4L2_PIX_FMT_YVU420, 64, 1},
	{V4L2_PIX_FMT_NV21, 32, 1}, {V4L2_PIX_FMT_YUYV, 64, 2}, {V4L2_PIX_FMT_NV12M, 32, 1},
	{V4L2_PIX_FMT_YUV420M, 64, 1},
};

/* Each format, in sizes that fill macroblocks and that do not, with the driver's stride and a larger one. */
static void test_formats(void **state)
{
	static const struct shape shapes[] = {
		{.width = 32, .height = 32}, {.width = 98, .height = 50, .imported = true},
		{.width = 320, .height = 180}, {.width = 98, .height = 64, .stride = 512},
		{.width = 128, .height = 96, .stride = 520, .imported = true},
		{.width = 160, .height = 120, .crop_width = 146, .crop_height = 102},
	};
	unsigned tried = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		struct bench *bench = bench_open();
		bool offered = has_format(&bench->client, formats[i].fourcc);

		bench_close(bench);
		for (size_t k = 0; offered && k < sizeof(shapes) / sizeof(*shapes); k++, tried++) {
			struct shape shape = shapes[k];

			shape.fourcc = formats[i].fourcc;
			pass_some(&shape, 3);
		}
	}
	assert_true(tried > 0);
}

/* Lines are aligned as bcm2835-codec aligns them; a longer line of the client's is kept, heights are left alone. */
static void test_strides(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		struct bench *bench = bench_open();
		struct shape shape = {
			.fourcc = formats[i].fourcc, .width = 1456, .height = 1088, .outputs = 1, .captures = 1,
		};
		unsigned alignment = formats[i].alignment, least = 1456 * formats[i].luma_bytes;

		if (has_format(&bench->client, shape.fourcc)) {
			assert_int_equal(client_configure(&bench->client, &shape), 0);
			assert_int_equal(bench->client.shape.stride, (least + alignment - 1) / alignment * alignment);
			assert_int_equal(bench->client.shape.height, 1088);
			assert_int_equal(client_release_buffers(&bench->client), 0);
			shape.stride = 4000;
			assert_int_equal(client_configure(&bench->client, &shape), 0);
			assert_int_equal(bench->client.shape.stride, (4000 + alignment - 1) / alignment * alignment);
		}
		bench_close(bench);
	}
}

/* 1472 bytes to the line, as the VPU has it; CAPTURE buffers hold any picture of the size. */
static void test_sizes(void **state)
{
	struct shape large = {
		.width = 1456, .height = 1088, .fourcc = bench_shape().fourcc, .outputs = 2, .captures = 2,
	};
	struct bench *bench = bench_start(&large);

	(void)state;
	assert_true(bench->client.capture_size >= 1456 * 1088 * 3 / 2);
	for (unsigned n = 0; n < 2; n++)
		bench_pass(bench, n);
	bench_close(bench);
	bench = bench_open();
	assert_int_equal(client_configure(&bench->client, &(struct shape){.width = 9999, .height = 1, .fourcc = 1}), 0);
	assert_int_equal(bench->client.shape.width, 1920);
	assert_int_equal(bench->client.shape.height, 32);
	assert_true(bench->client.capture_size >= 512 << 10);
	bench_close(bench);
}

/* What does not change costs next to nothing. */
static void test_still_picture(void **state)
{
	struct bench *bench = bench_start(NULL);
	struct coded coded;
	uint8_t *picture = picture_make(96, 80, 0);
	int index;

	(void)state;
	bench_pass(bench, 0);
	bench_busy(bench);
	index = client_free_output(&bench->client);
	picture_store(&bench->client, index, picture);
	assert_int_equal(client_put(&bench->client, index, bench_time(0)), 0);
	coded = bench_take(bench);
	assert_in_range(coded.size, 8, 32);
	bench_check(bench, &coded, 0);
	free(picture);
}

static void test_key_frames(void **state)
{
	struct bench *bench = bench_open();
	struct shape shape = bench_shape();

	(void)state;
	assert_int_equal(client_configure(&bench->client, &shape), 0);
	assert_int_equal(client_control(&bench->client, V4L2_CID_MPEG_VIDEO_H264_I_PERIOD, 3), 0);
	bench_streamon(bench);
	for (unsigned n = 0; n < 300; n++) {	/* more than frame_num counts */
		struct coded coded;

		if (n == 4)
			assert_int_equal(client_control(&bench->client, V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER, 1), 0);
		if (n == 7)
			assert_int_equal(client_control(&bench->client, V4L2_CID_MPEG_VIDEO_H264_I_PERIOD, 0), 0);
		bench_put(bench, n);
		coded = bench_take(bench);
		bench_assert_nals(&coded, n == 0 || n == 6 ? "785" : n == 3 ? "5" : "1");
		assert_int_equal(coded.sequence, n);
		assert_int_equal(!!(coded.flags & V4L2_BUF_FLAG_KEYFRAME), n % 3 == 0 && n < 7);
		assert_int_equal(!!(coded.flags & V4L2_BUF_FLAG_PFRAME), n % 3 != 0 || n >= 7);
		assert_int_equal(bench_slice(&coded).frame_num, n < 7 ? n % 3 : (n - 6) % 256);
		bench_check(bench, &coded, n);
	}
}

/* Every picture a key frame: two in a row must not look like one. */
static void test_only_key_frames(void **state)
{
	struct bench *bench = bench_start(NULL);
	unsigned last = 0;

	(void)state;
	assert_int_equal(client_control(&bench->client, V4L2_CID_MPEG_VIDEO_GOP_SIZE, 1), 0);
	for (unsigned n = 0; n < 5; n++) {
		struct coded coded;

		bench_put(bench, n);
		coded = bench_take(bench);
		bench_assert_nals(&coded, n ? "5" : "785");
		assert_int_equal(bench_slice(&coded).frame_num, 0);
		if (n)
			assert_int_not_equal(bench_slice(&coded).idr_pic_id, last);
		last = bench_slice(&coded).idr_pic_id;
		bench_check(bench, &coded, n);
	}
}

static void test_forced_key_frame(void **state)
{
	struct bench *bench = bench_start(NULL);

	(void)state;
	for (unsigned n = 0; n < 8; n++) {
		struct coded coded;

		if (n == 3 || n == 6)
			assert_int_equal(client_control(&bench->client, V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, 1), 0);
		bench_put(bench, n);
		coded = bench_take(bench);
		bench_assert_nals(&coded, n == 0 ? "785" : n == 3 || n == 6 ? "5" : "1");
		bench_check(bench, &coded, n);
	}
}

static void test_separate_headers(void **state)
{
	struct bench *bench = bench_start(NULL);
	struct coded coded;

	(void)state;
	assert_int_equal(client_control(&bench->client, V4L2_CID_MPEG_VIDEO_HEADER_MODE,
					V4L2_MPEG_VIDEO_HEADER_MODE_SEPARATE), 0);
	bench_put(bench, 0);
	coded = bench_take(bench);
	bench_assert_nals(&coded, "78");
	assert_int_equal(coded.flags & V4L2_BUF_FLAG_KEYFRAME, 0);
	assert_int_equal(coded.time_us, 0);
	assert_null(decoder_decode(bench->decoder, coded.data, coded.size));
	coded = bench_take(bench);
	bench_assert_nals(&coded, "5");
	bench_check(bench, &coded, 0);
}

static void check_stream(int profile, int level, unsigned rate, int wanted_profile, int wanted_level)
{
	struct bench *bench = bench_open();
	struct shape shape = bench_shape();
	struct facts facts;

	assert_int_equal(client_configure(&bench->client, &shape), 0);
	assert_int_equal(client_control(&bench->client, V4L2_CID_MPEG_VIDEO_H264_PROFILE, profile), 0);
	assert_int_equal(client_control(&bench->client, V4L2_CID_MPEG_VIDEO_H264_LEVEL, level), 0);
	assert_int_equal(client_frame_rate(&bench->client, rate, 1), 0);
	bench_streamon(bench);
	bench_pass(bench, 0);
	bench_pass(bench, 1);
	facts = decoder_facts(bench->decoder);
	assert_int_equal(facts.profile, wanted_profile);
	assert_int_equal(facts.level, wanted_level);
	assert_true(facts.fps > rate - 0.01 && facts.fps < rate + 0.01);
	bench_close(bench);
}

static void test_profiles_and_levels(void **state)
{
	(void)state;
	check_stream(V4L2_MPEG_VIDEO_H264_PROFILE_BASELINE, V4L2_MPEG_VIDEO_H264_LEVEL_4_0, 30,
		     FF_PROFILE_H264_BASELINE, 40);
	check_stream(V4L2_MPEG_VIDEO_H264_PROFILE_CONSTRAINED_BASELINE, V4L2_MPEG_VIDEO_H264_LEVEL_3_1, 15,
		     FF_PROFILE_H264_CONSTRAINED_BASELINE, 31);
	check_stream(V4L2_MPEG_VIDEO_H264_PROFILE_MAIN, V4L2_MPEG_VIDEO_H264_LEVEL_4_2, 60, FF_PROFILE_H264_MAIN, 42);
	check_stream(V4L2_MPEG_VIDEO_H264_PROFILE_HIGH, V4L2_MPEG_VIDEO_H264_LEVEL_5_1, 25, FF_PROFILE_H264_HIGH, 51);
}

/* Size, rate and bit rate each want their level; without it the OUTPUT queue does not start. */
static void test_level_too_low(void **state)
{
	struct shape shape = {.fourcc = bench_shape().fourcc, .width = 1456, .height = 1088};
	struct bench *bench = bench_open();
	struct client *client = &bench->client;

	(void)state;
	assert_int_equal(client_configure(client, &shape), 0);
	assert_int_equal(client_frame_rate(client, 60, 1), 0);
	assert_int_equal(client_streaming(client, true, true, false), ESRCH);
	assert_int_equal(client_frame_rate(client, 30, 1), 0);
	assert_int_equal(client_control(client, V4L2_CID_MPEG_VIDEO_BITRATE, 25000000), 0);
	assert_int_equal(client_streaming(client, true, true, false), 0);	/* High: 25 for 20 Mbit/s */
	assert_int_equal(client_streaming(client, false, true, false), 0);
	assert_int_equal(client_control(client, V4L2_CID_MPEG_VIDEO_H264_PROFILE,
					V4L2_MPEG_VIDEO_H264_PROFILE_MAIN), 0);
	assert_int_equal(client_streaming(client, true, true, false), ESRCH);
	assert_int_equal(client_frame_rate(client, 60, 1), 0);
	assert_int_equal(client_control(client, V4L2_CID_MPEG_VIDEO_H264_LEVEL,
					V4L2_MPEG_VIDEO_H264_LEVEL_4_2), 0);
	assert_int_equal(client_streaming(client, true, true, true), 0);
	bench_pass(bench, 0);
	assert_int_equal(client_streaming(client, false, true, true), 0);
	assert_int_equal(client_control(client, V4L2_CID_MPEG_VIDEO_H264_LEVEL,
					V4L2_MPEG_VIDEO_H264_LEVEL_1_0), 0);
	fault("level_check", 0);
	assert_int_equal(client_streaming(client, true, true, false), 0);
}

static void assert_end_event(struct bench *bench)
{
	struct v4l2_event event;

	assert_true(client_poll(&bench->client, POLLPRI, 1000) & POLLPRI);
	assert_int_equal(ioctl(bench->client.fd, VIDIOC_DQEVENT, &event), 0);
	assert_int_equal(event.type, V4L2_EVENT_EOS);
}

/* STOP: what is queued comes, then an empty buffer with LAST, then EPIPE and a POLLIN that stays; START goes on. */
static void test_drain(void **state)
{
	struct bench *bench = bench_open();
	struct shape shape = bench_shape();
	struct v4l2_event_subscription subscription = {.type = V4L2_EVENT_EOS};
	struct client *client = &bench->client;
	struct coded coded;

	(void)state;
	shape.captures = 2;
	assert_int_equal(client_configure(client, &shape), 0);
	assert_int_equal(ioctl(client->fd, VIDIOC_SUBSCRIBE_EVENT, &subscription), 0);
	assert_int_equal(client_command(client, V4L2_ENC_CMD_STOP), 0);		/* not streaming: nothing happens */
	bench_streamon(bench);
	for (unsigned n = 0; n < 4; n++)
		bench_put(bench, n);
	assert_int_equal(client_command(client, V4L2_ENC_CMD_STOP), 0);
	assert_int_equal(client_command(client, V4L2_ENC_CMD_STOP), EBUSY);
	assert_int_equal(client_command(client, V4L2_ENC_CMD_START), EBUSY);
	for (unsigned n = 0; n < 4; n++) {
		coded = bench_take(bench);
		assert_int_equal(coded.flags & V4L2_BUF_FLAG_LAST, 0);
		bench_check(bench, &coded, n);
	}
	coded = bench_take(bench);
	assert_int_equal(coded.size, 0);
	assert_int_equal(coded.time_us, 0);
	assert_true(coded.flags & V4L2_BUF_FLAG_LAST);
	assert_int_equal(client_take(client, &coded), EPIPE);
	assert_int_equal(client_poll(client, POLLIN, 1000), POLLIN);
	assert_end_event(bench);
	bench_put(bench, 4);			/* waits for START */
	assert_int_equal(client_take(client, &coded), EPIPE);
	assert_int_equal(client_command(client, V4L2_ENC_CMD_START), 0);
	coded = bench_take(bench);
	bench_assert_nals(&coded, "1");
	bench_check(bench, &coded, 4);
}

/* With nothing queued LAST comes at once; STREAMOFF and STREAMON of CAPTURE resume too, with a key frame. */
static void test_drain_of_nothing(void **state)
{
	struct bench *bench = bench_start(NULL);
	struct client *client = &bench->client;
	struct coded coded;

	(void)state;
	bench_pass(bench, 0);
	bench_busy(bench);
	assert_int_equal(client_command(client, V4L2_ENC_CMD_STOP), 0);
	coded = bench_take(bench);
	assert_true(coded.flags & V4L2_BUF_FLAG_LAST);
	assert_int_equal(client_take(client, &coded), EPIPE);
	assert_int_equal(client_streaming(client, false, false, true), 0);
	for (unsigned i = 0; i < client->shape.captures; i++)
		assert_int_equal(client_queue_capture(client, i), 0);
	assert_int_equal(client_streaming(client, true, false, true), 0);
	bench_put(bench, 1);
	coded = bench_take(bench);
	bench_assert_nals(&coded, "785");
	bench_check(bench, &coded, 1);
}

/* STREAMOFF(OUTPUT) in the middle of a drain: LAST comes all the same. */
static void test_drain_cut_short(void **state)
{
	struct bench *bench = bench_start(NULL);
	struct coded coded;

	(void)state;
	fault("stall", 1);
	bench_put(bench, 0);
	assert_int_equal(client_command(&bench->client, V4L2_ENC_CMD_STOP), 0);
	assert_int_equal(client_streaming(&bench->client, false, true, false), 0);
	coded = bench_take(bench);
	assert_true(coded.flags & V4L2_BUF_FLAG_LAST);
	assert_int_equal(coded.size, 0);
}

static void test_restart(void **state)
{
	struct bench *bench = bench_start(NULL);
	struct client *client = &bench->client;
	struct shape shape = bench_shape();

	(void)state;
	bench_put(bench, 0);
	bench_put(bench, 1);
	assert_int_equal(client_streaming(client, false, true, true), 0);
	assert_int_equal(client_poll(client, POLLIN, 100), POLLERR);
	shape.width = 64;
	shape.height = 208;
	assert_int_equal(client_set_format_again(client, true), EBUSY);	/* buffers exist */
	assert_int_equal(client_set_format_again(client, false), EBUSY);
	assert_int_equal(client_release_buffers(client), 0);
	assert_int_equal(client_configure(client, &shape), 0);
	bench_streamon(bench);
	bench_pass(bench, 2);
	bench_pass(bench, 3);
}

/* Two open encoders at once know nothing of each other. */
static void test_two(void **state)
{
	struct shape shape = {.fourcc = bench_shape().fourcc, .width = 320, .height = 240, .imported = true};
	struct bench *a = bench_start(NULL), *b = bench_start(&shape);

	(void)state;
	assert_int_equal(parameter_get("contexts"), 2);
	for (unsigned n = 0; n < 10; n++) {
		struct coded coded;

		bench_put(a, n);
		bench_put(b, n + 100);
		coded = bench_take(b);
		bench_check(b, &coded, n + 100);
		coded = bench_take(a);
		bench_check(a, &coded, n);
	}
	bench_close(a);
	bench_pass(b, 200);
	bench_close(b);
	assert_int_equal(parameter_get("contexts"), 0);
}

static void test_counters(void **state)
{
	long dmabuf = parameter_get("output_dmabuf"), mapped = parameter_get("output_mmap");
	long frames = parameter_get("frames");
	long bytes = parameter_get("output_dmabuf_bytes"), keys = parameter_get("key_frames");
	struct shape shape = bench_shape();

	(void)state;
	pass_some(&shape, 2);
	shape.imported = true;
	pass_some(&shape, 3);
	assert_int_equal(parameter_get("output_mmap"), mapped + 2);
	assert_int_equal(parameter_get("output_dmabuf"), dmabuf + 3);
	assert_true(parameter_get("output_dmabuf_bytes") >= bytes + 3 * 96 * 80 * 3 / 2);
	assert_int_equal(parameter_get("frames"), frames + 5);
	assert_int_equal(parameter_get("key_frames"), keys + 2);
}

/* Whether the buffers are dmabufs or not, they must be large enough. */
static void test_small_buffer(void **state)
{
	struct shape shape = bench_shape();
	struct bench *bench = bench_open();

	(void)state;
	shape.imported = true;
	assert_int_equal(client_configure(&bench->client, &shape), 0);
	bench->client.plane_size[0] = 100;
	assert_int_equal(client_put(&bench->client, 0, 0), EINVAL);
}

int try_stream(void)
{
	const struct CMUnitTest tests[] = {
		TRY(test_formats), TRY(test_strides), TRY(test_sizes), TRY(test_still_picture), TRY(test_key_frames),
		TRY(test_only_key_frames), TRY(test_forced_key_frame), TRY(test_separate_headers),
		TRY(test_profiles_and_levels), TRY(test_level_too_low), TRY(test_drain), TRY(test_drain_of_nothing),
		TRY(test_drain_cut_short), TRY(test_restart), TRY(test_two), TRY(test_counters), TRY(test_small_buffer),
	};

	return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
