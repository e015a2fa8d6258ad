/* JPEG stills: whatever comes in, a viewer shows the right colours. */
#include "camd/still/still.h"
#include "common/util.h"
#include "tests/unit/pictures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include <cmocka.h>

static void assert_shows_bars(const uint8_t *data, size_t bytes, int width, int height)
{
	struct shade *pixels = xcalloc((size_t)width * height, sizeof(*pixels));
	tjhandle jpeg = tjInitDecompress();
	int is_width, is_height, subsampling, colourspace;

	assert_int_equal(tjDecompressHeader3(jpeg, data, bytes, &is_width, &is_height, &subsampling, &colourspace), 0);
	assert_int_equal(is_width, width);
	assert_int_equal(is_height, height);
	assert_int_equal(colourspace, TJCS_YCbCr);
	assert_int_equal(tjDecompress2(jpeg, data, bytes, (uint8_t *)pixels, width, width * 3, height, TJPF_RGB, 0), 0);
	for (int bar = 0; bar < N_BARS; bar++) {
		int x = (2 * bar + 1) * width / (2 * N_BARS);
		struct shade is = pixels[height / 2 * width + x];

		if (picture_distance(is, picture_bars[bar]) > 3)
			fail_msg("bar %d is %d,%d,%d", bar, is.red, is.green, is.blue);
	}
	tjDestroy(jpeg);
	free(pixels);
}

static void check(const struct frame_format *format, int pad)
{
	struct frame *frame = picture_create(format, pad);
	struct error err = { 0 };
	uint8_t *data;
	size_t bytes;

	if (!still_jpeg.write(frame, 90, &data, &bytes, &err))
		fail_msg("%s", err.text);
	assert_shows_bars(data, bytes, format->width, format->height);
	/* the picture itself stays as it was */
	if (format->pixels == PIXEL_I420) {
		struct shade white = picture_rgb(frame, 4, 4);

		assert_true(picture_distance(white, picture_bars[0]) <= 1);
	}
	free(data);
	frame_unref(frame);
}

static void test_colours(void **state)
{
	static const struct colour *const colours[] = {
		&bt709_limited, &bt709_full, &bt601_limited, &bt601_full, &jpeg_full,
	};

	(void)state;
	for (int pixels = PIXEL_I420; pixels < PIXEL_MJPEG; pixels++)
		for (size_t i = 0; i < ARRAY_LEN(colours); i++) {
			check(&(struct frame_format){ (enum pixel_format)pixels, 640, 480, *colours[i] }, 0);
			check(&(struct frame_format){ (enum pixel_format)pixels, 322, 90, *colours[i] }, 13);
		}
}

static void test_greys_are_grey(void **state)
{
	struct frame_format format = { PIXEL_I420, 64, 64, bt709_limited };

	(void)state;
	for (int luma = 16; luma <= 235; luma += 3) {
		struct frame *frame = picture_create_flat(&format, (uint8_t)luma);
		uint8_t wanted = (uint8_t)(((luma - 16) * 255 + 109) / 219);
		tjhandle jpeg = tjInitDecompress();
		struct shade pixels[64 * 64];
		uint8_t *data;
		size_t bytes;

		assert_true(still_jpeg.write(frame, 100, &data, &bytes, NULL));
		assert_int_equal(tjDecompress2(jpeg, data, bytes, (uint8_t *)pixels, 64, 0, 64, TJPF_RGB, 0), 0);
		assert_true(picture_distance(pixels[700], (struct shade){ wanted, wanted, wanted }) <= 1);
		tjDestroy(jpeg);
		free(data);
		frame_unref(frame);
	}
}

static void test_mjpeg_as_it_is(void **state)
{
	struct frame *frame = picture_create(&(struct frame_format){ PIXEL_I420, 320, 240, jpeg_full }, 0), *wrapped;
	uint8_t *data, *copy;
	size_t bytes, copy_bytes;

	(void)state;
	assert_true(still_jpeg.write(frame, 90, &data, &bytes, NULL));
	wrapped = picture_wrap_jpeg(data, bytes, 320, 240);
	assert_true(still_jpeg.write(wrapped, 1, &copy, &copy_bytes, NULL));
	assert_int_equal(copy_bytes, bytes);
	assert_memory_equal(copy, data, bytes);
	free(copy);
	frame_unref(wrapped);
	free(data);
	frame_unref(frame);
}

static void test_bad_mjpeg(void **state)
{
	static const char *const bad[] = { "", "\xff", "\xff\xd8\xff", "\x89PNG\r\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct frame *frame = picture_wrap_jpeg((const uint8_t *)bad[i], strlen(bad[i]), 320, 240);
		struct error err = { 0 };
		uint8_t *data;
		size_t bytes;

		assert_false(still_jpeg.write(frame, 90, &data, &bytes, &err));
		assert_int_equal(err.code, ERR_IO);
		assert_null(data);
		frame_unref(frame);
	}
}

static void test_quality(void **state)
{
	static const int qualities[] = { -3, 0, 1, 50, 90, 100, 1000 };
	struct frame *frame = picture_create(&(struct frame_format){ PIXEL_NV12, 320, 240, bt709_limited }, 0);
	size_t bytes, last = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(qualities); i++) {
		uint8_t *data;

		assert_true(still_jpeg.write(frame, qualities[i], &data, &bytes, NULL));
		assert_true(bytes >= last);
		last = bytes;
		free(data);
	}
	frame_unref(frame);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_colours),
		cmocka_unit_test(test_greys_are_grey),
		cmocka_unit_test(test_mjpeg_as_it_is),
		cmocka_unit_test(test_bad_mjpeg),
		cmocka_unit_test(test_quality),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
