/* The number pattern: drawn and read at all sizes, scaled, faint, and through a starved H.264 encoder. */
#include "camd/pattern.h"
#include "common/util.h"

#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	int width, height;
} sizes[] = {
	{ 32, 22 }, { 64, 48 }, { 80, 60 }, { 160, 120 }, { 176, 144 }, { 320, 180 }, { 640, 480 }, { 722, 406 }, { 1280, 720 },
	{ 1456, 1088 }, { 1920, 1080 }, { 4096, 3072 }, { 64, 8192 }, { 8192, 64 },
};

static const uint64_t numbers[] = { 0, 1, 2, 255, 256, 65535, 1000000, 0x5555555555, 0xaaaaaaaaaa, PATTERN_MAX };

static uint8_t *grey(int width, int height)
{
	uint8_t *luma = xcalloc((size_t)width, (size_t)height);

	memset(luma, 127, (size_t)width * (size_t)height);
	return luma;
}

static void test_all_sizes(void **state)
{
	(void)state;
	for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
		int width = sizes[s].width, height = sizes[s].height;
		uint8_t *luma = grey(width, height);
		uint64_t read;

		assert_false(pattern_read(luma, width, width, height, &read));
		for (size_t n = 0; n < ARRAY_LEN(numbers); n++) {
			pattern_draw(luma, width, width, height, numbers[n]);
			assert_true(pattern_read(luma, width, width, height, &read));
			assert_int_equal(read, numbers[n]);
		}
		free(luma);
	}
}

static void test_too_small(void **state)
{
	uint8_t luma[30 * 30] = { 0 };
	struct pattern_layout layout;
	uint64_t read;

	(void)state;
	assert_false(pattern_layout(31, 48, &layout));
	assert_false(pattern_layout(64, 21, &layout));
	assert_false(pattern_layout(0, 0, &layout));
	pattern_draw(luma, 30, 30, 30, 5);
	for (size_t i = 0; i < sizeof(luma); i++)
		assert_int_equal(luma[i], 0);
	assert_false(pattern_read(luma, 30, 0, 0, &read));
	assert_false(pattern_read(luma, 30, -2, 30, &read));
}

static void test_aligned_to_macroblocks(void **state)
{
	struct pattern_layout layout;

	(void)state;
	for (int height = 192; height <= 3072; height += 2) {
		assert_true(pattern_layout(height * 4 / 3 & ~1, height, &layout));
		assert_int_equal(layout.x % 16 | layout.y % 16 | layout.cell_width % 16 | layout.cell_height % 16, 0);
		assert_true(layout.y + PATTERN_ROWS * layout.cell_height <= height);
	}
}

static void test_stride_and_bounds(void **state)
{
	int width = 322, height = 242, stride = 400;
	uint8_t *luma = grey(stride, height);
	uint64_t read;

	(void)state;
	pattern_draw(luma, stride, width, height, 77);
	for (int y = 0; y < height; y++)
		for (int x = width; x < stride; x++)
			assert_int_equal(luma[y * stride + x], 127);
	assert_true(pattern_read(luma, stride, width, height, &read));
	assert_int_equal(read, 77);
	free(luma);
}

static uint8_t *shrink(const uint8_t *luma, int width, int height, int by)
{
	int to_width = width / by, to_height = height / by;
	uint8_t *small = xcalloc((size_t)to_width, (size_t)to_height);

	for (int y = 0; y < to_height * by; y++)
		for (int x = 0; x < to_width * by; x++)
			small[y / by * to_width + x / by] += (uint8_t)(luma[y * width + x] / (by * by));
	return small;
}

static void test_scaled_down(void **state)
{
	int width = 1456, height = 1088;
	uint8_t *luma = grey(width, height);
	uint64_t read;

	(void)state;
	pattern_draw(luma, width, width, height, 123456789);
	for (int by = 2; by <= 4; by++) {
		uint8_t *small = shrink(luma, width, height, by);

		assert_true(pattern_read(small, width / by, width / by, height / by, &read));
		assert_int_equal(read, 123456789);
		free(small);
	}
	free(luma);
}

/* Another range, contrast and brightness, plus noise. */
static void test_faint_and_noisy(void **state)
{
	int width = 320, height = 240;
	uint8_t *luma = grey(width, height);
	uint64_t read;

	(void)state;
	srandom(1);
	pattern_draw(luma, width, width, height, 4242);
	for (int i = 0; i < width * height; i++)
		luma[i] = (uint8_t)(90 + luma[i] / 4 + random() % 40);
	assert_true(pattern_read(luma, width, width, height, &read));
	assert_int_equal(read, 4242);
	free(luma);
}

static void test_what_is_none(void **state)
{
	int width = 320, height = 240;
	uint8_t *luma = grey(width, height);
	struct pattern_layout layout;
	uint64_t read;

	(void)state;
	srandom(2);
	for (int k = 0; k < 2000; k++) {
		for (int i = 0; i < width * height; i += 1 + k % 7)
			luma[i] = (uint8_t)random();
		assert_false(pattern_read(luma, width, width, height, &read));
	}
	for (int value = 0; value < 256; value += 5) {
		memset(luma, value, (size_t)width * (size_t)height);
		assert_false(pattern_read(luma, width, width, height, &read));
	}
	/* one cell turned over, each in turn */
	pattern_layout(width, height, &layout);
	for (int cell = 0; cell < PATTERN_ROWS * PATTERN_COLUMNS; cell++) {
		int left = layout.x + cell % PATTERN_COLUMNS * layout.cell_width;
		int top = layout.y + cell / PATTERN_COLUMNS * layout.cell_height;

		pattern_draw(luma, width, width, height, 99);
		for (int y = top; y < top + layout.cell_height; y++)
			for (int x = left; x < left + layout.cell_width; x++)
				luma[y * width + x] = (uint8_t)(PATTERN_BLACK + PATTERN_WHITE - luma[y * width + x]);
		assert_false(pattern_read(luma, width, width, height, &read));
	}
	free(luma);
}

struct codec_case {
	AVCodecContext *encoder, *decoder;
	AVFrame *picture, *decoded;
	AVPacket *packet;
	uint64_t n_decoded;
	int64_t bytes;
};

static void read_decoded(struct codec_case *c)
{
	uint64_t read;

	while (!avcodec_receive_frame(c->decoder, c->decoded)) {
		assert_true(pattern_read(c->decoded->data[0], c->decoded->linesize[0], c->decoded->width, c->decoded->height,
					 &read));
		assert_int_equal(read, ++c->n_decoded);
	}
}

static void code(struct codec_case *c, AVFrame *picture)
{
	assert_int_equal(avcodec_send_frame(c->encoder, picture), 0);
	while (!avcodec_receive_packet(c->encoder, c->packet)) {
		c->bytes += c->packet->size;
		assert_int_equal(avcodec_send_packet(c->decoder, c->packet), 0);
		av_packet_unref(c->packet);
		read_decoded(c);
	}
}

static void open_codecs(struct codec_case *c, const AVCodec *codec, int width, int height, int64_t bitrate)
{
	c->encoder = avcodec_alloc_context3(codec);
	c->encoder->width = width;
	c->encoder->height = height;
	c->encoder->pix_fmt = AV_PIX_FMT_YUV420P;
	c->encoder->time_base = (AVRational){ 1, 10 };
	c->encoder->bit_rate = c->encoder->rc_max_rate = bitrate;
	c->encoder->rc_buffer_size = (int)bitrate;
	c->encoder->gop_size = 10;
	c->encoder->max_b_frames = 0;
	/* as camd's encoder is set, and on one thread: the same bits in every run */
	c->encoder->thread_count = 1;
	av_opt_set(c->encoder->priv_data, "preset", "superfast", 0);
	av_opt_set(c->encoder->priv_data, "tune", "zerolatency", 0);
	assert_int_equal(avcodec_open2(c->encoder, codec, NULL), 0);
	c->decoder = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_H264));
	assert_int_equal(avcodec_open2(c->decoder, NULL, NULL), 0);
	c->picture = av_frame_alloc();
	c->decoded = av_frame_alloc();
	c->packet = av_packet_alloc();
	c->picture->format = AV_PIX_FMT_YUV420P;
	c->picture->width = width;
	c->picture->height = height;
}

static void close_codecs(struct codec_case *c)
{
	avcodec_free_context(&c->encoder);
	avcodec_free_context(&c->decoder);
	av_frame_free(&c->picture);
	av_frame_free(&c->decoded);
	av_packet_free(&c->packet);
}

/* Noise above the pattern takes all the bits that it can get. */
static void survive_h264(int width, int height, int64_t bitrate)
{
	const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
	struct codec_case c = { 0 };
	struct pattern_layout layout;

	if (!codec)
		skip();
	open_codecs(&c, codec, width, height, bitrate);
	pattern_layout(width, height, &layout);
	srandom(3);
	for (int n = 1; n <= 60; n++) {
		assert_int_equal(av_frame_get_buffer(c.picture, 0), 0);
		for (int y = 0; y < height; y++)
			for (int x = 0; x < width; x++)
				c.picture->data[0][y * c.picture->linesize[0] + x] = y < layout.y ? (uint8_t)random() : 127;
		for (int plane = 1; plane < 3; plane++)
			memset(c.picture->data[plane], 128, (size_t)(c.picture->linesize[plane] * height / 2));
		pattern_draw(c.picture->data[0], c.picture->linesize[0], width, height, (uint64_t)n);
		c.picture->pts = n;
		code(&c, c.picture);
		av_frame_unref(c.picture);
		c.picture->format = AV_PIX_FMT_YUV420P;
		c.picture->width = width;
		c.picture->height = height;
	}
	code(&c, NULL);
	avcodec_send_packet(c.decoder, NULL);
	read_decoded(&c);
	assert_int_equal(c.n_decoded, 60);
	print_message("%dx%d: 60 frames of noise and pattern in %lld bytes (%lld kb/s)\n", width, height, (long long)c.bytes,
		      (long long)c.bytes * 8 / 6 / 1000);
	close_codecs(&c);
}

static void test_low_bitrate(void **state)
{
	(void)state;
	survive_h264(320, 180, 200000);
	survive_h264(64, 48, 50000);
	survive_h264(640, 480, 300000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_sizes), cmocka_unit_test(test_too_small), cmocka_unit_test(test_aligned_to_macroblocks),
		cmocka_unit_test(test_stride_and_bounds), cmocka_unit_test(test_scaled_down),
		cmocka_unit_test(test_faint_and_noisy), cmocka_unit_test(test_what_is_none), cmocka_unit_test(test_low_bitrate),
	};

	av_log_set_level(AV_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
