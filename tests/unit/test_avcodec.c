/* The software encoder: what goes in comes out, once, in order, with the right facts, key frames, colour and rate. */
#include "camd/encode/encoder.h"
#include "camd/h264.h"
#include "common/field.h"
#include "common/util.h"
#include "tests/unit/pictures.h"

#include <libavcodec/avcodec.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_PACKETS 512

struct sink {
	struct packet *packets[MAX_PACKETS];
	size_t n;
};

static void on_packet(void *user, struct packet *packet)
{
	struct sink *sink = user;

	assert_true(sink->n < MAX_PACKETS);
	sink->packets[sink->n++] = packet;
}

static void forget(struct sink *sink)
{
	for (size_t i = 0; i < sink->n; i++)
		packet_unref(sink->packets[i]);
	sink->n = 0;
}

static struct encoder_request request_of(enum pixel_format pixels, int width, int height)
{
	return (struct encoder_request){
		.format = { pixels, width, height, bt709_limited },
		.fps = 30,
		.bitrate_bps = 4000000,
		.intra = 30,
		.preset = "superfast",
	};
}

static struct encoder *create(const struct encoder_request *request, struct sink *sink)
{
	struct error err = { 0 };
	struct encoder *encoder = encoder_avcodec.create(request, on_packet, sink, &err);

	if (!encoder)
		fail_msg("%s", err.text);
	return encoder;
}

static void number_frame(struct frame *frame, uint64_t number)
{
	frame->number = number;
	frame->camera_frame = number + 1000;
	frame->sensor_ns = (int64_t)number * 33333333;
	frame->wall_ns = (int64_t)number * 33333333 + 77;
}

static void push(struct encoder *encoder, struct frame *frame, uint64_t number, bool key)
{
	struct error err = { 0 };

	number_frame(frame, number);
	if (!encoder_avcodec.push(encoder, frame, key, &err))
		fail_msg("%s", err.text);
}

static void drain(struct encoder *encoder)
{
	struct error err = { 0 };

	if (!encoder_avcodec.drain(encoder, &err))
		fail_msg("%s", err.text);
}

/* Decodes the packets; the last picture is the caller's to free. *rate: the bitstream's frame rate. */
static AVFrame *decode(const struct sink *sink, size_t *n_pictures, AVRational *rate)
{
	AVCodecContext *context = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_H264));
	AVPacket *packet = av_packet_alloc();
	AVFrame *last = av_frame_alloc(), *picture = av_frame_alloc();

	assert_int_equal(avcodec_open2(context, NULL, NULL), 0);
	*n_pictures = 0;
	for (size_t i = 0; i <= sink->n; i++) {
		bool end = i == sink->n;

		if (!end) {
			packet->data = (uint8_t *)(uintptr_t)sink->packets[i]->data;
			packet->size = (int)sink->packets[i]->bytes;
		}
		assert_int_equal(avcodec_send_packet(context, end ? NULL : packet), 0);
		while (avcodec_receive_frame(context, picture) == 0) {
			av_frame_unref(last);
			av_frame_move_ref(last, picture);
			++*n_pictures;
		}
	}
	if (rate)
		*rate = context->framerate;
	packet->data = NULL;
	av_packet_free(&packet);
	av_frame_free(&picture);
	avcodec_free_context(&context);
	return last;
}

static void test_one_in_one_out(void **state)
{
	struct encoder_request request = request_of(PIXEL_I420, 320, 240);
	struct sink sink = { .n = 0 };
	struct encoder *encoder = create(&request, &sink);
	struct frame *frame = picture_create(&request.format, 0);

	(void)state;
	for (uint64_t i = 1; i <= 40; i++) {
		push(encoder, frame, i * 2, false);
		assert_int_equal(sink.n, i);
		assert_int_equal(sink.packets[i - 1]->number, i * 2);
		assert_int_equal(sink.packets[i - 1]->camera_frame, i * 2 + 1000);
		assert_int_equal(sink.packets[i - 1]->sensor_ns, (int64_t)i * 2 * 33333333);
		assert_int_equal(sink.packets[i - 1]->wall_ns, (int64_t)i * 2 * 33333333 + 77);
	}
	drain(encoder);
	assert_int_equal(sink.n, 40);
	/* packets live longer than what made them */
	encoder_avcodec.destroy(encoder);
	frame_unref(frame);
	forget(&sink);
}

static void count_release(struct frame *frame, void *owner)
{
	(void)frame;
	++*(int *)owner;
}

static void test_frames_come_back(void **state)
{
	struct encoder_request request = request_of(PIXEL_I420, 320, 240);
	struct sink sink = { .n = 0 };
	struct encoder *encoder = create(&request, &sink);
	struct frame *picture = picture_create(&request.format, 0);
	int released = 0;

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct frame frame = *picture;

		atomic_init(&frame.references, 1);
		frame.release = count_release;
		frame.owner = &released;
		push(encoder, &frame, (uint64_t)i + 1, false);
		/* x264 has taken its own copy: the camera gets its buffer back as soon as we let go */
		assert_int_equal(atomic_load(&frame.references), 1);
		frame_unref(&frame);
		assert_int_equal(released, i + 1);
	}
	encoder_avcodec.destroy(encoder);
	frame_unref(picture);
	forget(&sink);
}

static void assert_bars(const AVFrame *picture, const struct frame_format *format)
{
	uint8_t wanted[3];

	for (int bar = 0; bar < N_BARS; bar++) {
		int x = (2 * bar + 1) * format->width / (2 * N_BARS), y = format->height / 2;

		picture_ycbcr(picture_bars[bar], &format->colour, wanted);
		for (int i = 0; i < 3; i++) {
			int is = i ? picture->data[i][y / 2 * picture->linesize[i] + x / 2] :
				     picture->data[0][y * picture->linesize[0] + x];

			assert_in_range(is, MAX(wanted[i] - 2, 0), wanted[i] + 2);
		}
	}
}

static void encode_bars(enum pixel_format pixels, int width, int height, int pad)
{
	struct encoder_request request = request_of(pixels, width, height);
	struct sink sink = { .n = 0 };
	struct encoder *encoder = create(&request, &sink);
	struct frame *frame = picture_create(&request.format, pad);
	AVFrame *picture;
	size_t n;

	for (uint64_t i = 1; i <= 5; i++)
		push(encoder, frame, i, false);
	drain(encoder);
	picture = decode(&sink, &n, NULL);
	assert_int_equal(n, 5);
	assert_int_equal(picture->width, width);
	assert_int_equal(picture->height, height);
	assert_bars(picture, &request.format);
	av_frame_free(&picture);
	encoder_avcodec.destroy(encoder);
	frame_unref(frame);
	forget(&sink);
}

static void test_formats_sizes_and_strides(void **state)
{
	static const struct size sizes[] = { { 320, 240 }, { 1456, 1088 }, { 322, 182 }, { 130, 50 } };
	static const int pads[] = { 0, 1, 13, 64 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		for (size_t k = 0; k < ARRAY_LEN(pads); k++) {
			encode_bars(PIXEL_I420, sizes[i].width, sizes[i].height, pads[k]);
			if (avcodec_find_encoder_by_name("libx264"))	/* of all, only x264 takes NV12 for certain */
				encode_bars(PIXEL_NV12, sizes[i].width, sizes[i].height, pads[k]);
		}
}

/* Pushes 60 frames, black and white in turns every seven; asked names the frames that are to be key frames. */
static void check_keys(int intra, const int *asked, size_t n_asked, const int *wanted, size_t n_wanted)
{
	struct encoder_request request = request_of(PIXEL_I420, 320, 240);
	struct frame *frames[2];
	struct sink sink = { .n = 0 };
	struct encoder *encoder;
	size_t n_keys = 0, next = 0;

	request.intra = intra;
	encoder = create(&request, &sink);
	for (int i = 0; i < 2; i++)
		frames[i] = picture_create_flat(&request.format, i ? 235 : 16);
	for (int i = 0; i < 60; i++) {
		bool ask = asked && next < n_asked && asked[next] == i;

		next += ask;
		push(encoder, frames[i / 7 % 2], (uint64_t)i + 1, ask);
	}
	for (size_t i = 0; i < sink.n; i++) {
		struct packet *packet = sink.packets[i];
		struct nal sps, pps;

		assert_int_equal(h264_has_idr(packet->data, packet->bytes), packet->key);
		assert_int_equal(h264_find_parameter_sets(packet->data, packet->bytes, &sps, &pps), packet->key);
		if (!packet->key)
			continue;
		assert_true(n_keys < n_wanted);
		assert_int_equal(i, wanted[n_keys++]);
	}
	assert_int_equal(n_keys, n_wanted);
	encoder_avcodec.destroy(encoder);
	for (int i = 0; i < 2; i++)
		frame_unref(frames[i]);
	forget(&sink);
}

static void test_key_frames(void **state)
{
	(void)state;
	/* no scene cut makes one */
	check_keys(60, NULL, 0, (int[]){ 0 }, 1);
	check_keys(25, NULL, 0, (int[]){ 0, 25, 50 }, 3);
	/* what is asked for begins a new count */
	check_keys(25, (int[]){ 1, 2, 40 }, 3, (int[]){ 0, 1, 2, 27, 40 }, 5);
	check_keys(25, (int[]){ 0, 25 }, 2, (int[]){ 0, 25, 50 }, 3);
}

static void test_every_frame_a_key(void **state)
{
	int all[60];

	(void)state;
	for (int i = 0; i < 60; i++)
		all[i] = i;
	check_keys(1, NULL, 0, all, 60);
}

static void check_colour(struct colour colour)
{
	struct encoder_request request = request_of(PIXEL_I420, 320, 240);
	struct sink sink = { .n = 0 };
	struct encoder *encoder;
	struct frame *frame;
	AVFrame *picture;
	size_t n;

	request.format.colour = colour;
	encoder = create(&request, &sink);
	frame = picture_create(&request.format, 0);
	push(encoder, frame, 1, false);
	picture = decode(&sink, &n, NULL);
	assert_int_equal(n, 1);
	assert_int_equal(picture->color_primaries, colour.primaries);
	assert_int_equal(picture->color_trc, colour.transfer);
	assert_int_equal(picture->colorspace, colour.matrix);
	assert_int_equal(picture->color_range, colour.full_range ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG);
	assert_bars(picture, &request.format);
	av_frame_free(&picture);
	encoder_avcodec.destroy(encoder);
	frame_unref(frame);
	forget(&sink);
}

static void test_colour(void **state)
{
	(void)state;
	check_colour(bt709_limited);
	check_colour(bt709_full);
	check_colour(bt601_limited);
	check_colour(bt601_full);
	check_colour(jpeg_full);
	check_colour((struct colour){ 5, 6, 5, false });
	check_colour((struct colour){ 2, 2, 2, true });
}

static void test_nominal_rate(void **state)
{
	static const double rates[] = { 30, 30000. / 1001, 25, 7.5, 120, 0.2, 100, 1000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
		struct encoder_request request = request_of(PIXEL_I420, 320, 240);
		struct sink sink = { .n = 0 };
		struct encoder *encoder;
		struct frame *frame = picture_create(&request.format, 0);
		AVFrame *picture;
		AVRational rate;
		size_t n;

		request.fps = rates[i];
		encoder = create(&request, &sink);
		push(encoder, frame, 1, false);
		picture = decode(&sink, &n, &rate);
		assert_true(av_q2d(rate) > rates[i] * 0.99999 && av_q2d(rate) < rates[i] * 1.00001);
		av_frame_free(&picture);
		encoder_avcodec.destroy(encoder);
		frame_unref(frame);
		forget(&sink);
	}
}

static void make_noise(struct frame *frame, unsigned *seed)
{
	struct plane *luma = &frame->planes[0];

	for (size_t at = 0; at < luma->bytes; at++) {
		*seed = *seed * 1664525 + 1013904223;
		luma->data[at] = (uint8_t)(100 + (*seed >> 26));
	}
}

static void test_bitrate(void **state)
{
	struct encoder_request request = request_of(PIXEL_I420, 320, 240);
	struct sink sink = { .n = 0 };
	struct encoder *encoder;
	struct frame *frame = picture_create(&request.format, 0);
	unsigned seed = 1;
	size_t bytes = 0;

	(void)state;
	request.bitrate_bps = 1000000;
	encoder = create(&request, &sink);
	for (uint64_t i = 1; i <= 150; i++) {
		make_noise(frame, &seed);
		push(encoder, frame, i, false);
		bytes += sink.packets[i - 1]->bytes;
	}
	/* five seconds */
	assert_in_range(bytes * 8 / 5, 800000, 1200000);
	encoder_avcodec.destroy(encoder);
	frame_unref(frame);
	forget(&sink);
}

static void refuse(const struct encoder_request *request, enum error_code code, const char *argument)
{
	struct error err = { 0 };

	assert_null(encoder_avcodec.create(request, on_packet, NULL, &err));
	assert_int_equal(err.code, code);
	assert_string_equal(err.argument, argument);
	assert_string_not_equal(err.text, "");
}

static void test_bad_requests(void **state)
{
	const struct encoder_request good = request_of(PIXEL_I420, 320, 240);
	struct encoder_request bad = good;

	(void)state;
	bad.format.width = 321;
	refuse(&bad, ERR_BAD_ARGUMENT, "resolution");
	bad.format.width = 0;
	refuse(&bad, ERR_BAD_ARGUMENT, "resolution");
	bad = good;
	bad.fps = 0;
	refuse(&bad, ERR_BAD_ARGUMENT, "target_fps");
	bad.fps = 1e9;
	refuse(&bad, ERR_BAD_ARGUMENT, "target_fps");
	bad = good;
	bad.bitrate_bps = -1;
	refuse(&bad, ERR_BAD_ARGUMENT, "bitrate");
	bad = good;
	bad.intra = 0;
	refuse(&bad, ERR_BAD_ARGUMENT, "intra");
	bad = good;
	bad.preset = "warp";
	refuse(&bad, ERR_ENCODER_FAILED, "");
}

static size_t encode_noise(struct encoder *encoder, struct frame *frame, struct sink *sink, uint64_t from, uint64_t to)
{
	static uint32_t seed = 1;
	size_t bytes = 0, before = sink->n;

	for (uint64_t i = from; i <= to; i++) {
		for (size_t k = 0; k < frame->planes[0].bytes; k++)
			frame->planes[0].data[k] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
		push(encoder, frame, i, false);
	}
	for (size_t i = before; i < sink->n; i++)
		bytes += sink->packets[i]->bytes;
	return bytes;
}

/* Noise takes all bits that it can get: a tenth of the rate makes the video several times smaller, in the same stream. */
static void test_bitrate_changes(void **state)
{
	struct encoder_request request = request_of(PIXEL_I420, 320, 240);
	struct sink sink = { .n = 0 };
	struct encoder *encoder = create(&request, &sink);
	struct frame *frame = frame_create(&request.format);
	AVFrame *picture;
	size_t before, after, n;

	(void)state;
	if (!avcodec_find_encoder_by_name("libx264"))
		skip();
	for (int i = 1; i < frame->n_planes; i++)
		memset(frame->planes[i].data, 128, frame->planes[i].bytes);
	encode_noise(encoder, frame, &sink, 1, 30);
	before = encode_noise(encoder, frame, &sink, 31, 60);
	assert_true(encoder_avcodec.set_bitrate(encoder, 400000));
	encode_noise(encoder, frame, &sink, 61, 90);
	after = encode_noise(encoder, frame, &sink, 91, 120);
	print_message("30 frames of noise: %zu bytes at 4 Mb/s, %zu at 0.4 Mb/s\n", before, after);
	assert_true(after * 3 < before);
	drain(encoder);
	picture = decode(&sink, &n, NULL);
	assert_int_equal(n, 120);
	av_frame_free(&picture);
	encoder_avcodec.destroy(encoder);
	frame_unref(frame);
	forget(&sink);
}

/* What it can't take as it is, it wants as I420. */
static void test_wants_conversion(void **state)
{
	static const enum pixel_format others[] = { PIXEL_YUYV, PIXEL_I422, PIXEL_MJPEG };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		struct encoder_request request = request_of(others[i], 320, 240);
		struct sink sink = { .n = 0 };
		struct encoder *encoder = create(&request, &sink);

		assert_int_equal(encoder->takes.pixels, PIXEL_I420);
		assert_int_equal(encoder->takes.width, 320);
		assert_false(encoder->hardware);
		encoder_avcodec.destroy(encoder);
		forget(&sink);
	}
}

static void test_refuses_other_frames(void **state)
{
	const struct encoder_request request = request_of(PIXEL_I420, 320, 240);
	struct frame_format others[] = { request.format, request.format, request.format };
	struct sink sink = { .n = 0 };
	struct encoder *encoder = create(&request, &sink);

	(void)state;
	others[0].width = 640;
	others[1].pixels = PIXEL_NV12;
	others[2].colour = bt601_full;
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		struct frame *frame = picture_create(&others[i], 0);
		struct error err = { 0 };

		assert_false(encoder_avcodec.push(encoder, frame, false, &err));
		assert_int_equal(err.code, ERR_ENCODER_FAILED);
		assert_int_equal(atomic_load(&frame->references), 1);
		frame_unref(frame);
	}
	assert_int_equal(sink.n, 0);
	encoder_avcodec.destroy(encoder);
}

static void test_ends(void **state)
{
	struct encoder_request request = request_of(PIXEL_I420, 320, 240);
	struct sink sink = { .n = 0 };
	struct encoder *encoder = create(&request, &sink);
	struct frame *frame = picture_create(&request.format, 0);
	struct error err = { 0 };

	(void)state;
	encoder_avcodec.destroy(NULL);
	drain(encoder);
	assert_int_equal(sink.n, 0);
	assert_false(encoder_avcodec.push(encoder, frame, false, &err));
	assert_int_equal(atomic_load(&frame->references), 1);
	encoder_avcodec.destroy(encoder);
	frame_unref(frame);
}

static void test_settings(void **state)
{
	struct encoder_request request = request_of(PIXEL_I420, 320, 240);
	struct sink sink = { .n = 0 };
	struct encoder *encoder;

	(void)state;
	request.preset = NULL;
	request.bitrate_bps = INT64_C(5000000000);	/* more than 32 bits hold */
	request.threads = 1000;
	encoder = create(&request, &sink);
	assert_non_null(strstr(encoder->name, "(software)"));
	encoder_avcodec.destroy(encoder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_in_one_out),
		cmocka_unit_test(test_frames_come_back),
		cmocka_unit_test(test_formats_sizes_and_strides),
		cmocka_unit_test(test_key_frames),
		cmocka_unit_test(test_every_frame_a_key),
		cmocka_unit_test(test_colour),
		cmocka_unit_test(test_nominal_rate),
		cmocka_unit_test(test_bitrate),
		cmocka_unit_test(test_bad_requests),
		cmocka_unit_test(test_bitrate_changes),
		cmocka_unit_test(test_wants_conversion),
		cmocka_unit_test(test_refuses_other_frames),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
