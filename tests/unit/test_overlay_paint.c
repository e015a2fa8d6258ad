/* Painting into pictures: every pixel format, every place, the right colours, and nothing else touched. */
#include "camd/convert.h"
#include "camd/overlay_paint.h"
#include "common/util.h"
#include "tests/unit/pictures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WIDTH 64
#define HEIGHT 32

static const enum pixel_format formats[] = {
	PIXEL_I420, PIXEL_NV12, PIXEL_NV21, PIXEL_I422, PIXEL_YUYV, PIXEL_UYVY, PIXEL_GREY, PIXEL_RGB24, PIXEL_BGR24,
};

static const struct rgba red = { 255, 0, 0, 255, true }, white = { 255, 255, 255, 255, true };
static const struct shade red_shade = { 255, 0, 0 };

static struct shape make_shape(int width, int height, uint8_t (*coverage)(int x, int y))
{
	struct shape shape = { .width = width, .height = height };

	shape.coverage[GRID_PIXEL] = xcalloc((size_t)(width * height), 1);
	shape.coverage[GRID_PAIR] = xcalloc((size_t)(width * height) / 2, 1);
	shape.coverage[GRID_SQUARE] = xcalloc((size_t)(width * height) / 4, 1);
	for (int i = 0; i < width * height; i++)
		shape.coverage[GRID_PIXEL][i] = coverage(i % width, i / width);
	paint_fill_grids(&shape);
	return shape;
}

static void free_shape(struct shape *shape)
{
	for (int i = 0; i < N_GRIDS; i++)
		free(shape->coverage[i]);
}

static uint8_t all(int x, int y)
{
	(void)x;
	(void)y;
	return 255;
}

static uint8_t uneven(int x, int y)
{
	return (uint8_t)((x * 37 + y * 59) % 7 == 0 ? 0 : (x * 91 + y * 53) % 256);
}

/* ---- what it should look like, sample by sample ---- */

static int coverage_at(const struct shape *shape, int x, int y)
{
	return x >= 0 && y >= 0 && x < shape->width && y < shape->height ? shape->coverage[GRID_PIXEL][y * shape->width + x] : 0;
}

/* Of the pixels that a sample stands for. */
static int mean_coverage(const struct shape *shape, int x, int y, int across, int down)
{
	int sum = 0;

	for (int j = 0; j < down; j++)
		for (int i = 0; i < across; i++)
			sum += coverage_at(shape, x + i, y + j);
	return (sum + across * down / 2) / (across * down);
}

static void expect_sample(const uint8_t *is, uint8_t was, int value, int coverage)
{
	int wanted = (was * (255 - coverage) + value * coverage + 127) / 255;

	if (abs(*is - wanted) > 0)
		fail_msg("a sample of %d, painted %d with coverage %d, is %d, not %d", was, value, coverage, *is, wanted);
}

/* Where component c of the pixel at x, y is, and how many pixels it stands for. */
static size_t find_sample(const struct frame *frame, int c, int x, int y, int *plane, int *across, int *down)
{
	static const int yuyv[] = { 0, 1, 3 }, uyvy[] = { 1, 0, 2 };
	enum pixel_format pixels = frame->format.pixels;
	bool packed = pixels == PIXEL_YUYV || pixels == PIXEL_UYVY, rgb = pixel_format_is_rgb(pixels);
	bool half = c && !rgb;

	*across = half ? 2 : 1;
	*down = half && !packed && pixels != PIXEL_I422 ? 2 : 1;
	*plane = packed || rgb ? 0 : c;
	if (packed)
		return (size_t)(y * frame->planes[0].stride + x / 2 * 4 + (c ? 0 : x % 2 * 2) + (pixels == PIXEL_YUYV ? yuyv : uyvy)[c]);
	if (rgb)
		return (size_t)(y * frame->planes[0].stride + x * 3 + (pixels == PIXEL_RGB24 ? c : 2 - c));
	if (c && (pixels == PIXEL_NV12 || pixels == PIXEL_NV21)) {
		*plane = 1;
		return (size_t)(y / 2 * frame->planes[1].stride + x / 2 * 2 + (pixels == PIXEL_NV12 ? c - 1 : 2 - c));
	}
	return (size_t)(y / *down * frame->planes[c].stride + x / *across);
}

static void expect_painted(const struct frame *frame, const struct frame *before, const struct shape *shape, int x, int y,
			   const struct paint *paint)
{
	int n = frame->format.pixels == PIXEL_GREY ? 1 : 3, plane, across, down;

	for (int c = 0; c < n; c++) {
		for (int i = 0; i < WIDTH * HEIGHT; i++) {
			int px = i % WIDTH, py = i / WIDTH;
			size_t at = find_sample(frame, c, px, py, &plane, &across, &down);

			if (px % across || py % down)
				continue;
			expect_sample(&frame->planes[plane].data[at], before->planes[plane].data[at], paint->values[c],
				      mean_coverage(shape, px - x, py - y, across, down));
		}
	}
}

/* ---- tests ---- */

/* At every even place, in and half out of the picture; memory behind its planes is guarded. */
static void test_every_place(void **state)
{
	struct shape shape = make_shape(18, 10, uneven);

	(void)state;
	for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
		struct frame_format format = { formats[f], WIDTH, HEIGHT, bt709_limited };
		struct frame *before = picture_create(&format, 6);
		struct paint paint = paint_mix(red, &format);

		for (int y = -12; y <= HEIGHT + 2; y += 2) {
			for (int x = -20; x <= WIDTH + 2; x += 2) {
				struct frame *frame = picture_create(&format, 6);
				struct canvas canvas = paint_canvas(frame);

				paint_shape(&canvas, x, y, &shape, &paint);
				expect_painted(frame, before, &shape, x, y, &paint);
				frame_unref(frame);
			}
		}
		frame_unref(before);
	}
	free_shape(&shape);
}

static void test_boxes(void **state)
{
	struct shape shape = make_shape(22, 12, all);

	(void)state;
	for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
		struct frame_format format = { formats[f], WIDTH, HEIGHT, jpeg_full };
		struct frame *before = picture_create(&format, 0);
		struct rgba half = { 255, 0, 0, 128, true };

		for (int i = 0; i < 6; i++) {
			static const int places[][2] = { { 8, 6 }, { -4, -4 }, { WIDTH - 6, HEIGHT - 2 }, { WIDTH, 0 }, { -22, 0 }, { 0, HEIGHT } };
			struct frame *frame = picture_create(&format, 0);
			struct canvas canvas = paint_canvas(frame);
			struct paint paint = paint_mix(i % 2 ? half : red, &format);

			memset(shape.coverage[GRID_PIXEL], paint.alpha, 22 * 12);
			paint_box(&canvas, places[i][0], places[i][1], 22, 12, &paint);
			expect_painted(frame, before, &shape, places[i][0], places[i][1], &paint);
			frame_unref(frame);
		}
		frame_unref(before);
	}
	free_shape(&shape);
}

/* What is painted red is red, by whatever matrix and range the picture has. */
static void test_colours(void **state)
{
	static const struct colour *const colours[] = { &bt709_limited, &bt709_full, &bt601_limited, &jpeg_full };
	struct shape shape = make_shape(16, 16, all);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(formats) * ARRAY_LEN(colours); i++) {
		struct frame_format format = { formats[i % ARRAY_LEN(formats)], WIDTH, HEIGHT, *colours[i / ARRAY_LEN(formats)] };
		struct frame_format wanted = convert_format(&format);
		struct frame *frame, *seen;
		struct canvas canvas;
		struct paint paint;

		if (format.pixels == PIXEL_GREY)
			continue;
		seen = frame_create(&wanted);
		frame = picture_create(&format, 0);
		canvas = paint_canvas(frame);
		paint = paint_mix(red, &format);
		paint_shape(&canvas, 16, 8, &shape, &paint);
		convert_to_i420(frame, seen);
		if (picture_distance(picture_rgb(seen, 24, 16), red_shade) > 4)
			fail_msg("%s, matrix %d: not red", pixel_format_names[format.pixels], format.colour.matrix);
		assert_true(picture_distance(picture_rgb(seen, 4, 16), picture_bars[0]) <= 4);
		frame_unref(frame);
		frame_unref(seen);
	}
	free_shape(&shape);
}

static void test_ranges(void **state)
{
	struct frame_format format = { PIXEL_I420, WIDTH, HEIGHT, bt709_limited };

	(void)state;
	assert_int_equal(paint_mix(white, &format).values[0], 235);
	format.colour = bt709_full;
	assert_int_equal(paint_mix(white, &format).values[0], 255);
	assert_int_equal(paint_mix(white, &format).values[1], 128);
	format = (struct frame_format){ PIXEL_RGB24, WIDTH, HEIGHT, { 1, 13, 0, false } };
	assert_int_equal(paint_mix(red, &format).values[0], 235);
	assert_int_equal(paint_mix(red, &format).values[1], 16);
	assert_int_equal(paint_mix((struct rgba){ 0, 0, 0, 77, true }, &format).alpha, 77);
}

static void test_formats(void **state)
{
	int n = 0;

	(void)state;
	for (int i = 0; pixel_format_names[i]; i++)
		n += paint_can((enum pixel_format)i);
	assert_int_equal(n, ARRAY_LEN(formats));
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		assert_true(paint_can(formats[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_place), cmocka_unit_test(test_boxes), cmocka_unit_test(test_colours),
		cmocka_unit_test(test_ranges), cmocka_unit_test(test_formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
