/* PNG, NPY and sums of pictures: values as they must be, from every pixel format and colour. */
#include "camd/stack.h"
#include "camd/still/still.h"
#include "common/util.h"
#include "tests/unit/pictures.h"

#include <png.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEADER 128	/* bytes before an array */

static const struct colour *const colours[] = { &bt709_limited, &bt709_full, &bt601_limited, &bt601_full, &jpeg_full };

static bool is_grey(enum pixel_format pixels)
{
	return pixels == PIXEL_GREY || pixels == PIXEL_Y10;
}

/* As libpng reads it, in 8 bits of R, G, B. */
static struct shade *read_png(const uint8_t *data, size_t bytes, int width, int height)
{
	png_image image = { .version = PNG_IMAGE_VERSION };
	struct shade *pixels = xcalloc((size_t)width * height, sizeof(*pixels));

	assert_true(png_image_begin_read_from_memory(&image, data, bytes));
	assert_int_equal(image.width, width);
	assert_int_equal(image.height, height);
	image.format = PNG_FORMAT_RGB;
	assert_true(png_image_finish_read(&image, NULL, pixels, 0, NULL));
	return pixels;
}

static struct shade bar_of(const struct frame_format *format, int bar)
{
	struct colour full = { .matrix = format->colour.matrix, .full_range = true };
	uint8_t ycbcr[3];

	picture_ycbcr(picture_bars[bar], &full, ycbcr);
	return is_grey(format->pixels) ? (struct shade){ ycbcr[0], ycbcr[0], ycbcr[0] } : picture_bars[bar];
}

static void assert_shows_bars(const struct shade *pixels, const struct frame_format *format)
{
	for (int bar = 0; bar < N_BARS; bar++) {
		struct shade is = pixels[format->height / 2 * format->width + (2 * bar + 1) * format->width / (2 * N_BARS)];

		if (picture_distance(is, bar_of(format, bar)) > 2)
			fail_msg("%s, bar %d is %d,%d,%d", pixel_format_names[format->pixels], bar, is.red, is.green, is.blue);
	}
}

static void check_png(const struct frame_format *format, int pad)
{
	struct frame *frame = picture_create(format, pad);
	struct error err = { 0 };
	struct shade *pixels;
	uint8_t *data;
	size_t bytes;

	if (!still_png.write(frame, 1, &data, &bytes, &err))
		fail_msg("%s", err.text);
	assert_int_equal(data[24], format->pixels == PIXEL_Y10 ? 16 : 8);
	assert_int_equal(data[25], is_grey(format->pixels) ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB);
	pixels = read_png(data, bytes, format->width, format->height);
	assert_shows_bars(pixels, format);
	free(pixels);
	free(data);
	frame_unref(frame);
}

/* B, G, R, from the same picture. */
static void check_bgr(const struct frame_format *format)
{
	struct frame *frame = picture_create(format, 5);
	int pixels = format->width * format->height;
	struct shade *shades = xcalloc((size_t)pixels, sizeof(*shades));
	uint8_t *data;
	size_t bytes;

	assert_true(still_npy_bgr.write(frame, 1, &data, &bytes, NULL));
	assert_int_equal(bytes, HEADER + 3 * pixels);
	for (int i = 0; i < pixels; i++)
		shades[i] = (struct shade){ data[HEADER + 3 * i + 2], data[HEADER + 3 * i + 1], data[HEADER + 3 * i] };
	assert_shows_bars(shades, format);
	free(shades);
	free(data);
	frame_unref(frame);
}

static void test_colours(void **state)
{
	(void)state;
	for (int pixels = PIXEL_I420; pixels <= PIXEL_Y10; pixels++) {
		for (size_t i = 0; pixels != PIXEL_MJPEG && i < ARRAY_LEN(colours); i++) {
			check_png(&(struct frame_format){ (enum pixel_format)pixels, 640, 480, *colours[i] }, 0);
			check_png(&(struct frame_format){ (enum pixel_format)pixels, 322, 90, *colours[i] }, 13);
			check_bgr(&(struct frame_format){ (enum pixel_format)pixels, 64, 48, *colours[i] });
		}
	}
}

static void test_mjpeg(void **state)
{
	struct frame *frame = picture_create(&(struct frame_format){ PIXEL_I420, 320, 240, jpeg_full }, 0), *wrapped;
	struct shade *pixels;
	struct error err = { 0 };
	uint8_t *jpeg, *data;
	size_t jpeg_bytes, bytes;

	(void)state;
	assert_true(still_jpeg.write(frame, 95, &jpeg, &jpeg_bytes, NULL));
	wrapped = picture_wrap_jpeg(jpeg, jpeg_bytes, 320, 240);
	assert_true(still_png.write(wrapped, 1, &data, &bytes, &err));
	pixels = read_png(data, bytes, 320, 240);
	assert_shows_bars(pixels, &frame->format);
	free(pixels);
	free(data);
	frame_unref(wrapped);
	wrapped = picture_wrap_jpeg(jpeg, 20, 320, 240);
	for (int i = 1; i < 4; i++) {
		assert_false(stills[i]->write(wrapped, 1, &data, &bytes, &err));
		assert_int_equal(err.code, ERR_IO);
		assert_null(data);
	}
	frame_unref(wrapped);
	free(jpeg);
	frame_unref(frame);
}

static void assert_head(const uint8_t *data, const char *dict)
{
	assert_memory_equal(data, "\x93NUMPY\x01\x00\x76\x00", 10);
	assert_memory_equal(data + 10, dict, strlen(dict));
	for (size_t i = 10 + strlen(dict); i < HEADER - 1; i++)
		assert_int_equal(data[i], ' ');
	assert_int_equal(data[HEADER - 1], '\n');
}

/* Luma to the bit, whatever the range. */
static void test_luma(void **state)
{
	struct frame *frame = picture_create(&(struct frame_format){ PIXEL_NV12, 64, 48, bt709_limited }, 7);
	struct frame *deep = picture_create_flat(&(struct frame_format){ PIXEL_Y10, 64, 48, bt601_full }, 77);
	uint8_t *data;
	size_t bytes;

	(void)state;
	assert_true(still_npy.write(frame, 1, &data, &bytes, NULL));
	assert_head(data, "{'descr': '|u1', 'fortran_order': False, 'shape': (48, 64), }");
	assert_int_equal(bytes, HEADER + 64 * 48);
	for (int y = 0; y < 48; y++)
		assert_memory_equal(data + HEADER + (ptrdiff_t)64 * y, frame->planes[0].data + (ptrdiff_t)y * frame->planes[0].stride, 64);
	free(data);
	assert_true(still_npy.write(deep, 1, &data, &bytes, NULL));
	assert_head(data, "{'descr': '<u2', 'fortran_order': False, 'shape': (48, 64), }");
	assert_int_equal(bytes, HEADER + 2 * 64 * 48);
	assert_memory_equal(data + HEADER, deep->planes[0].data, 64);
	free(data);
	frame_unref(deep);
	frame_unref(frame);
}

/* Of so many flat pictures, the k-th of luma first + k * step. */
static struct sums *add_flats(const struct frame_format *format, int n, int first, int step)
{
	struct sums *sums = sums_create(format);

	for (int k = 0; k < n; k++) {
		struct frame *frame = picture_create_flat(format, (uint8_t)(first + k * step));

		sums_add(sums, frame);
		frame_unref(frame);
	}
	return sums;
}

static void test_mean(void **state)
{
	(void)state;
	for (int pixels = PIXEL_I420; pixels <= PIXEL_Y10; pixels++) {
		struct frame_format format = { (enum pixel_format)pixels, 64, 48, bt601_full };
		struct frame *picture, *mean;
		struct sums *sums;

		if (pixels == PIXEL_MJPEG)
			continue;
		picture = picture_create(&format, 3);
		sums = sums_create(&format);
		for (int n = 1; n <= SUMS_MAX_PICTURES; n++)
			sums_add(sums, picture);
		mean = sums_mean(sums, 1);
		for (int i = 0; i < picture->n_planes; i++)
			for (int y = 0; y < frame_plane_rows(&format, i); y++)
				assert_memory_equal(mean->planes[i].data + (ptrdiff_t)y * mean->planes[i].stride,
						    picture->planes[i].data + (ptrdiff_t)y * picture->planes[i].stride,
						    (size_t)frame_plane_row_bytes(&format, i));
		frame_unref(mean);
		frame_unref(picture);
		sums_destroy(sums);
	}
}

static void test_mean_is_rounded(void **state)
{
	struct sums *sums = add_flats(&(struct frame_format){ PIXEL_I420, 64, 48, bt601_full }, 4, 100, 1);
	struct frame *mean = sums_mean(sums, 1);

	(void)state;
	assert_int_equal(mean->planes[0].data[5], 102);		/* 101.5 */
	assert_int_equal(mean->planes[1].data[5], 128);
	frame_unref(mean);
	sums_destroy(sums);
}

/* Black stays where it is, and nothing but the brightest thousandth leaves the range. */
static void test_gain(void **state)
{
	static const struct { int luma, n; double gain; int shows; } cases[] = {
		{ 16, 8, 8, 16 }, { 20, 8, 8, 48 }, { 20, 64, 219. / 4, 235 }, { 235, 8, 1, 235 }, { 240, 8, 1, 240 }, { 10, 4, 4, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sums *sums = add_flats(&(struct frame_format){ PIXEL_NV12, 64, 48, bt709_limited }, cases[i].n, cases[i].luma, 0);
		struct frame *mean;

		assert_true(sums_gain(sums) > cases[i].gain - 1e-9 && sums_gain(sums) < cases[i].gain + 1e-9);
		mean = sums_mean(sums, sums_gain(sums));
		assert_int_equal(mean->planes[0].data[100], cases[i].shows);
		assert_int_equal(mean->planes[1].data[100], 128);
		frame_unref(mean);
		sums->planes[0][7] = (uint16_t)(255 * cases[i].n);		/* three of 3072 */
		sums->planes[0][700] = sums->planes[0][1700] = sums->planes[0][7];
		assert_true(sums_gain(sums) > cases[i].gain - 1e-9);
		sums_destroy(sums);
	}
}

static unsigned little(const uint8_t *at)
{
	return at[0] | (unsigned)at[1] << 8;
}

static void test_sums(void **state)
{
	struct frame_format format = { PIXEL_I420, 64, 48, bt601_limited }, deep = { PIXEL_Y10, 64, 48, bt601_full };
	struct sums *sums = add_flats(&format, 5, 16, 1), *most = add_flats(&deep, 64, 255, 0);
	struct error err = { 0 };
	uint8_t *data;
	size_t bytes;

	(void)state;
	assert_null(still_jpeg.write_sums);
	assert_true(still_npy.write_sums(sums, 4, &data, &bytes, &err));
	assert_head(data, "{'descr': '<u2', 'fortran_order': False, 'shape': (48, 64), }");
	assert_int_equal(little(data + HEADER + 200), 16 + 17 + 18 + 19 + 20);
	free(data);
	assert_true(still_npy_bgr.write_sums(sums, 4, &data, &bytes, &err));
	assert_head(data, "{'descr': '<u2', 'fortran_order': False, 'shape': (48, 64, 3), }");
	assert_int_equal(bytes, HEADER + 6 * 64 * 48);
	assert_int_equal(little(data + HEADER + 200), 12);	/* 10 * 255 / 219 = 11.64 */
	free(data);
	assert_true(still_npy.write_sums(most, 1, &data, &bytes, &err));
	assert_int_equal(little(data + HEADER + 200) % 64, 0);
	assert_true(little(data + HEADER + 200) >= 64 * 1020);
	free(data);
	sums_destroy(most);
	sums_destroy(sums);
}

static void test_png_of_sums(void **state)
{
	struct sums *sums = add_flats(&(struct frame_format){ PIXEL_GREY, 64, 48, bt601_full }, 4, 10, 0);
	struct shade *pixels;
	uint8_t *data;
	size_t bytes;

	(void)state;
	assert_true(still_png.write_sums(sums, 4, &data, &bytes, NULL));
	assert_int_equal(data[24], 16);
	pixels = read_png(data, bytes, 64, 48);
	assert_int_equal(pixels[100].red, 40);
	free(pixels);
	free(data);
	sums_destroy(sums);
}

static bool offer(struct stack *stack, const struct frame_format *format, int64_t sensor_ns)
{
	struct frame *frame = picture_create_flat(format, 50);

	frame->sensor_ns = sensor_ns;
	stack_add(stack, frame);
	frame->number = (uint64_t)sensor_ns / 10;	/* as the recording gives it later */
	frame->exposure = (struct exposure){ .known = sensor_ns == 70 ? 0 : EXPOSURE_TIME, .time_us = 1500000000 };
	bool full = stack_note(stack, frame);

	frame_unref(frame);
	return full;
}

static void test_stack(void **state)
{
	struct frame_format format = { PIXEL_I420, 64, 48, bt601_full }, other = { PIXEL_I420, 64, 32, bt601_full };
	struct stack *stack = stack_create(3, 20, NULL, NULL);
	struct error err;

	(void)state;
	assert_false(offer(stack, &other, 19));
	assert_int_equal(stack->n, 0);
	assert_false(offer(stack, &other, 20));
	assert_false(offer(stack, &other, 30));
	assert_false(offer(stack, &format, 40));	/* the camera came back with another size */
	assert_int_equal(stack->n, 1);
	assert_false(offer(stack, &format, 50));
	assert_true(offer(stack, &format, 60));
	assert_int_equal(stack->facts.sensor_ns, 40);
	assert_int_equal(stack->facts.number, 4);
	assert_int_equal(stack->last_sensor_ns, 60);
	assert_int_equal(stack->facts.exposure.known, EXPOSURE_TIME);
	assert_int_equal(stack->facts.exposure.time_us, INT32_MAX);
	assert_int_equal(stack_sums(stack, &err)->planes[0][0], 150);
	stack_destroy(stack);
	stack = stack_create(2, 0, NULL, NULL);
	offer(stack, &format, 60);
	assert_true(offer(stack, &format, 70));
	assert_int_equal(stack->facts.exposure.known, 0);
	stack_destroy(stack);
}

static void test_stack_of_damaged_jpegs(void **state)
{
	struct stack *stack = stack_create(2, 0, NULL, NULL);
	struct frame *frame = picture_wrap_jpeg((const uint8_t *)"\xff\xd8\xff", 3, 64, 48);
	struct error err = { 0 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(stack_add(stack, frame), 3);
		stack_note(stack, frame);
	}
	assert_null(stack_sums(stack, &err));
	assert_int_equal(err.code, ERR_IO);
	stack_destroy(stack);
	frame_unref(frame);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_colours), cmocka_unit_test(test_mjpeg), cmocka_unit_test(test_luma), cmocka_unit_test(test_mean),
		cmocka_unit_test(test_mean_is_rounded), cmocka_unit_test(test_gain), cmocka_unit_test(test_sums), cmocka_unit_test(test_png_of_sums),
		cmocka_unit_test(test_stack), cmocka_unit_test(test_stack_of_damaged_jpegs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
