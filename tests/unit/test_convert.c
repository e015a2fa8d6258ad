/* Conversion to I420: right colours from every format, JPEGs good and bad, bounds, life times; and scaling. */
#include "camd/convert.h"
#include "common/field.h"
#include "common/util.h"
#include "tests/unit/pictures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include <cmocka.h>

#define WIDTH 320
#define HEIGHT 96

static const struct frame_format yuyv = { PIXEL_YUYV, WIDTH, HEIGHT, { 1, 1, 6, false } };

static struct frame *run(struct converter *converter, const struct frame *frame)
{
	struct error err = { 0 };
	struct frame *converted = converter_run(converter, frame, &err);

	if (!converted)
		fail_msg("%s", err.text);
	return converted;
}

static void refuse(struct converter *converter, const struct frame *frame, enum error_code code)
{
	struct error err = { 0 };

	assert_null(converter_run(converter, frame, &err));
	assert_int_equal(err.code, code);
	assert_string_not_equal(err.text, "");
}

static void assert_bars(const struct frame *frame, int tolerance)
{
	for (int bar = 0; bar < N_BARS; bar++) {
		int x = (2 * bar + 1) * frame->format.width / (2 * N_BARS);
		struct shade is = picture_rgb(frame, x, frame->format.height / 2);

		if (picture_distance(is, picture_bars[bar]) > tolerance)
			fail_msg("bar %d is %d,%d,%d", bar, is.red, is.green, is.blue);
	}
}

static void test_needed(void **state)
{
	(void)state;
	assert_false(convert_needed(PIXEL_I420));
	assert_false(convert_needed(PIXEL_NV12));
	for (int pixels = PIXEL_I422; pixel_format_names[pixels]; pixels++)
		assert_true(convert_needed((enum pixel_format)pixels));
}

static void test_raw(void **state)
{
	static const struct colour *const colours[] = { &bt709_limited, &bt709_full, &bt601_limited, &jpeg_full };
	static const enum pixel_format formats[] = { PIXEL_YUYV, PIXEL_I422, PIXEL_NV12, PIXEL_UYVY, PIXEL_NV21 };
	static const struct size sizes[] = { { 320, 96 }, { 322, 50 }, { 1456, 1088 } };
	struct converter *converter = converter_create(2);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(colours) * ARRAY_LEN(formats) * ARRAY_LEN(sizes); i++) {
		struct size size = sizes[i % ARRAY_LEN(sizes)];
		enum pixel_format pixels = formats[i / ARRAY_LEN(sizes) % ARRAY_LEN(formats)];
		const struct colour *colour = colours[i / ARRAY_LEN(sizes) / ARRAY_LEN(formats)];
		struct frame_format format = { pixels, size.width, size.height, *colour };
		struct frame *frame = picture_create(&format, i % 3 * 7), *converted = run(converter, frame);

		assert_int_equal(converted->format.pixels, PIXEL_I420);
		assert_int_equal(converted->format.width, format.width);
		assert_memory_equal(&converted->format.colour, &format.colour, sizeof(format.colour));
		assert_bars(converted, 3);
		frame_unref(frame);
		frame_unref(converted);
	}
	converter_destroy(converter);
}

/* RGB, of either range, becomes BT.601 in limited range, and says so; what its primaries and its curve are it says still. */
static void test_rgb(void **state)
{
	static const struct colour full = { 1, 13, 0, true }, limited = { 1, 13, 0, false }, expected = { 1, 13, 6, false };
	static const struct size sizes[] = { { 320, 96 }, { 322, 50 }, { 1456, 1088 } };
	struct converter *converter = converter_create(1);

	(void)state;
	for (size_t i = 0; i < 4 * ARRAY_LEN(sizes); i++) {
		struct frame_format format = {
			i & 1 ? PIXEL_RGB24 : PIXEL_BGR24, sizes[i / 4].width, sizes[i / 4].height, i & 2 ? full : limited,
		};
		struct frame *frame = picture_create(&format, (int)i % 3 * 7), *converted = run(converter, frame);

		assert_memory_equal(&converted->format.colour, &expected, sizeof(expected));
		assert_bars(converted, 4);
		frame_unref(frame);
		frame_unref(converted);
	}
	converter_destroy(converter);
}

static void assert_grey(const struct frame *frame)
{
	for (int x = 0; x < frame->format.width; x++) {
		uint8_t ycbcr[3];

		picture_ycbcr(picture_bars[x / 2 * 2 * N_BARS / frame->format.width], &frame->format.colour, ycbcr);
		assert_int_equal(frame->planes[0].data[x], ycbcr[0]);
		assert_int_equal(frame->planes[1].data[x / 2], 128);
		assert_int_equal(frame->planes[2].data[x / 2], 128);
	}
}

static void test_without_colour(void **state)
{
	static const struct colour *const colours[] = { &bt709_limited, &jpeg_full };
	struct converter *converter = converter_create(1);

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		struct frame_format format = { i & 1 ? PIXEL_GREY : PIXEL_Y10, i & 2 ? 322 : 1456, 50, *colours[i / 4] };
		struct frame *frame = picture_create(&format, (int)i % 3 * 6), *converted = run(converter, frame);

		assert_memory_equal(&converted->format.colour, &format.colour, sizeof(format.colour));
		assert_grey(converted);
		frame_unref(frame);
		frame_unref(converted);
	}
	converter_destroy(converter);
}

static void test_facts(void **state)
{
	struct converter *converter = converter_create(1);
	struct frame *frame = picture_create(&yuyv, 0), *converted;

	(void)state;
	frame->sensor_ns = 1;
	frame->wall_ns = 2;
	frame->sequence = 3;
	frame->gap = (struct gap){ 4, 5 };
	frame->camera_frame = 6;
	frame->number = 7;
	converted = run(converter, frame);
	assert_int_equal(converted->sensor_ns, 1);
	assert_int_equal(converted->wall_ns, 2);
	assert_int_equal(converted->sequence, 3);
	assert_int_equal(converted->gap.sensor, 4);
	assert_int_equal(converted->gap.starved, 5);
	assert_int_equal(converted->camera_frame, 6);
	assert_int_equal(converted->number, 7);
	frame_unref(frame);
	frame_unref(converted);
	converter_destroy(converter);
}

static void test_bound(void **state)
{
	struct converter *converter = converter_create(2);
	struct frame *frame = picture_create(&yuyv, 0), *first = run(converter, frame), *second = run(converter, frame);
	uint8_t *memory = first->planes[0].data;

	(void)state;
	refuse(converter, frame, ERR_BUSY);
	frame_unref(first);
	first = run(converter, frame);
	assert_ptr_equal(first->planes[0].data, memory);
	/* frames outlive their converter */
	converter_destroy(converter);
	assert_bars(first, 3);
	assert_bars(second, 3);
	frame_unref(first);
	frame_unref(second);
	frame_unref(frame);
	converter_destroy(NULL);
}

static void test_change_of_size(void **state)
{
	struct frame_format larger = yuyv;
	struct converter *converter = converter_create(1);
	struct frame *frame = picture_create(&yuyv, 0), *frame2, *converted, *converted2;

	(void)state;
	larger.width *= 2;
	frame2 = picture_create(&larger, 0);
	converted = run(converter, frame);
	converted2 = run(converter, frame2);
	assert_int_equal(converted2->format.width, larger.width);
	assert_bars(converted, 3);
	assert_bars(converted2, 3);
	frame_unref(converted);
	frame_unref(converted2);
	frame_unref(frame);
	frame_unref(frame2);
	converter_destroy(converter);
}

static void test_refused(void **state)
{
	struct frame_format i420 = yuyv;
	struct converter *converter = converter_create(1);
	struct frame *frame;

	(void)state;
	i420.pixels = PIXEL_I420;
	frame = picture_create(&i420, 0);
	refuse(converter, frame, ERR_UNSUPPORTED);
	frame->format.pixels = PIXEL_MJPEG;
	frame->format.width = 319;
	refuse(converter, frame, ERR_UNSUPPORTED);
	frame->format.width = 0;
	refuse(converter, frame, ERR_UNSUPPORTED);
	frame->format = i420;
	frame_unref(frame);
	converter_destroy(converter);
}

/* A JPEG of the bars, for the caller to free. */
static uint8_t *make_jpeg(int width, int height, int subsampling, int flags, unsigned long *bytes)
{
	struct shade *pixels = xcalloc((size_t)width * height, sizeof(*pixels));
	tjhandle jpeg = tjInitCompress();
	uint8_t *data;

	for (int i = 0; i < width * height; i++)
		pixels[i] = picture_bars[i % width * N_BARS / width];
	*bytes = tjBufSize(width, height, subsampling);
	data = xcalloc(1, *bytes);
	flags |= TJFLAG_NOREALLOC;
	assert_int_equal(tjCompress2(jpeg, (uint8_t *)pixels, width, 0, height, TJPF_RGB, &data, bytes, subsampling, 98,
				     flags), 0);
	tjDestroy(jpeg);
	free(pixels);
	return data;
}

static struct frame *convert_jpeg(struct converter *converter, const uint8_t *data, size_t bytes, int width, int height)
{
	/* memory of exactly this size, so that a sanitizer sees who reads on */
	uint8_t *exact = memcpy(xcalloc(1, MAX(bytes, 1)), data, bytes);
	struct frame *frame = picture_wrap_jpeg(exact, bytes, width, height), *converted;
	struct error err = { 0 };

	converted = converter_run(converter, frame, &err);
	if (!converted && (err.code != ERR_IO || !err.text[0]))
		fail_msg("code %d, \"%s\"", err.code, err.text);
	frame_unref(frame);
	free(exact);
	return converted;
}

static void test_jpeg_subsamplings(void **state)
{
	static const struct size sizes[] = { { 320, 96 }, { 326, 50 }, { 642, 482 } };
	struct converter *converter = converter_create(1);

	(void)state;
	for (int subsampling = 0; subsampling <= TJSAMP_411; subsampling++)
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			int width = sizes[i].width, height = sizes[i].height;
			unsigned long bytes;
			uint8_t *data = make_jpeg(width, height, subsampling, i ? 0 : TJFLAG_PROGRESSIVE, &bytes);
			struct frame *converted = convert_jpeg(converter, data, bytes, width, height);

			assert_non_null(converted);
			assert_memory_equal(&converted->format.colour, &jpeg_full, sizeof(jpeg_full));
			if (subsampling != TJSAMP_GRAY)
				assert_bars(converted, 5);
			else
				assert_in_range(converted->planes[1].data[converted->planes[1].bytes / 2], 128, 128);
			frame_unref(converted);
			free(data);
		}
	converter_destroy(converter);
}

static bool jpeg_is_taken(struct converter *converter, const uint8_t *data, size_t bytes, int width, int height)
{
	struct frame *converted = convert_jpeg(converter, data, bytes, width, height);

	frame_unref(converted);
	return converted;
}

static void test_jpeg_damaged(void **state)
{
	struct converter *converter = converter_create(1);
	unsigned long bytes;
	uint8_t *data = make_jpeg(WIDTH, HEIGHT, TJSAMP_422, 0, &bytes);
	unsigned seed = 1;

	(void)state;
	assert_true(jpeg_is_taken(converter, data, bytes, WIDTH, HEIGHT));
	assert_false(jpeg_is_taken(converter, data, bytes, WIDTH, HEIGHT + 2));
	assert_false(jpeg_is_taken(converter, data, bytes, WIDTH - 2, HEIGHT));
	assert_false(jpeg_is_taken(converter, (const uint8_t *)"\x89PNG\r\n\x1a\n", 8, WIDTH, HEIGHT));
	for (size_t cut = 0; cut < bytes - 2; cut += 5)
		assert_false(jpeg_is_taken(converter, data, cut, WIDTH, HEIGHT));
	/* garbage may pass for a picture, but nothing else may happen */
	for (int i = 0; i < 500; i++) {
		uint8_t *damaged = memcpy(xcalloc(1, bytes), data, bytes);

		for (int k = 0; k < 4; k++) {
			seed = seed * 1664525 + 1013904223;
			damaged[seed / 256 % bytes] = (uint8_t)(seed >> 24);
		}
		jpeg_is_taken(converter, damaged, bytes, WIDTH, HEIGHT);
		assert_true(jpeg_is_taken(converter, data, bytes, WIDTH, HEIGHT));
		free(damaged);
	}
	free(data);
	converter_destroy(converter);
}

/* Some webcams' firmware leaves a few bytes over, or sends buffers that are longer than the picture. */
static void test_jpeg_with_bytes_over(void **state)
{
	struct converter *converter = converter_create(1);
	unsigned long bytes;
	uint8_t *data = make_jpeg(WIDTH, HEIGHT, TJSAMP_422, 0, &bytes), *longer = xcalloc(1, bytes + 100);

	(void)state;
	memcpy(longer, data, bytes);
	assert_true(jpeg_is_taken(converter, longer, bytes + 100, WIDTH, HEIGHT));
	memcpy(longer + bytes - 2, "\x11\x22\x33\xff\xd9", 5);
	assert_true(jpeg_is_taken(converter, longer, bytes + 3, WIDTH, HEIGHT));
	/* but bytes over do not excuse a picture that ends too early */
	memcpy(longer + bytes / 2, "\x11\x22\x33\xff\xd9", 5);
	assert_false(jpeg_is_taken(converter, longer, bytes / 2 + 5, WIDTH, HEIGHT));
	free(data);
	free(longer);
	converter_destroy(converter);
}

/* Motion JPEG as of AVI leaves the usual Huffman tables out. */
static void test_jpeg_without_tables(void **state)
{
	struct converter *converter = converter_create(1);
	unsigned long bytes;
	uint8_t *data = make_jpeg(WIDTH, HEIGHT, TJSAMP_422, 0, &bytes);
	size_t at = 2;
	int removed = 0;

	(void)state;
	while (data[at + 1] != 0xda) {
		size_t segment = 2 + data[at + 2] * 256u + data[at + 3];

		if (data[at + 1] == 0xc4) {
			memmove(data + at, data + at + segment, bytes - at - segment);
			bytes -= segment;
			removed++;
		} else {
			at += segment;
		}
	}
	assert_true(removed > 0);
	assert_true(jpeg_is_taken(converter, data, bytes, WIDTH, HEIGHT));
	free(data);
	converter_destroy(converter);
}

static void check_scale(enum pixel_format pixels, int width, int height, int to_width, int to_height, int wanted_width,
			int wanted_height)
{
	struct frame_format format = { pixels, width, height, bt601_full };
	struct frame *frame = picture_create(&format, 5), *scaled;
	struct error err = { 0 };

	frame->number = 5;
	scaled = convert_scale(frame, to_width, to_height, &err);
	assert_non_null(scaled);
	assert_int_equal(scaled->format.pixels, PIXEL_I420);
	assert_int_equal(scaled->format.width, wanted_width);
	assert_int_equal(scaled->format.height, wanted_height);
	assert_memory_equal(&scaled->format.colour, &format.colour, sizeof(format.colour));
	assert_int_equal(scaled->number, 5);
	if (wanted_width >= 160)
		assert_bars(scaled, 4);
	frame_unref(frame);
	frame_unref(scaled);
}

static void test_scale(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		enum pixel_format pixels = i ? PIXEL_NV12 : PIXEL_I420;

		check_scale(pixels, 1456, 1088, 640, 480, 640, 478);
		check_scale(pixels, 1280, 720, 320, 320, 320, 180);
		check_scale(pixels, 320, 240, 640, 480, 320, 240);
		check_scale(pixels, 640, 480, 640, 480, 640, 480);
		check_scale(pixels, 640, 480, 200, 1000, 200, 150);
		check_scale(pixels, 640, 480, 333, 333, 332, 250);
		check_scale(pixels, 640, 480, 1, 1, 2, 2);
		check_scale(pixels, 640, 480, -5, 0, 2, 2);
	}
}

static void test_scale_refuses(void **state)
{
	struct frame *frame = picture_create(&yuyv, 0);
	struct error err = { 0 };

	(void)state;
	assert_null(convert_scale(frame, 100, 100, &err));
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	frame_unref(frame);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_needed),
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_rgb),
		cmocka_unit_test(test_without_colour),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_change_of_size),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_jpeg_subsamplings),
		cmocka_unit_test(test_jpeg_damaged),
		cmocka_unit_test(test_jpeg_with_bytes_over),
		cmocka_unit_test(test_jpeg_without_tables),
		cmocka_unit_test(test_scale),
		cmocka_unit_test(test_scale_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
