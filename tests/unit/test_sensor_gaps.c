/* What V4L2 cameras leave to be worked out: which frames are missing and why, colour, and whether a JPEG is whole. */
#include "camd/mjpeg.h"
#include "camd/sensor_gaps.h"
#include "camd/v4l2_colour.h"
#include "common/util.h"

#include <linux/videodev2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PERIOD (100 * NS_PER_MS)

static struct sensor_gaps begin(uint32_t sequence)
{
	struct sensor_gaps gaps;

	sensor_gaps_init(&gaps, PERIOD);
	assert_int_equal(sensor_gaps_note(&gaps, sequence, 10 * PERIOD, 0), 1);
	return gaps;
}

static void expect(struct sensor_gaps *gaps, uint32_t sensor, uint32_t starved)
{
	struct gap gap = sensor_gaps_take(gaps);

	assert_int_equal(gap.sensor, sensor);
	assert_int_equal(gap.starved, starved);
}

static void test_no_gap(void **state)
{
	struct sensor_gaps gaps = begin(7);

	(void)state;
	expect(&gaps, 0, 0);
	for (uint32_t i = 1; i < 100; i++) {
		assert_int_equal(sensor_gaps_note(&gaps, 7 + i, (10 + i) * PERIOD, (9 + i) * PERIOD), 1 + i);
		expect(&gaps, 0, 0);
	}
}

static void test_sensor_or_starved(void **state)
{
	struct sensor_gaps gaps = begin(0);

	(void)state;
	/* 11, 12 and 13 are missing, and the buffer of 14 was there before all of them */
	assert_int_equal(sensor_gaps_note(&gaps, 4, 14 * PERIOD, 9 * PERIOD), 5);
	expect(&gaps, 3, 0);
	/* it was there only when 16 and 17 had passed, but before 18 was due */
	assert_int_equal(sensor_gaps_note(&gaps, 9, 19 * PERIOD, 17 * PERIOD + PERIOD / 2), 10);
	expect(&gaps, 1, 3);
	/* it came at the last moment */
	assert_int_equal(sensor_gaps_note(&gaps, 12, 22 * PERIOD, 22 * PERIOD - 1), 13);
	expect(&gaps, 0, 2);
	/* what is not taken adds up, and damage counts */
	sensor_gaps_note(&gaps, 14, 24 * PERIOD, 0);
	sensor_gaps_damaged(&gaps);
	sensor_gaps_note(&gaps, 16, 26 * PERIOD, 0);
	expect(&gaps, 3, 0);
	expect(&gaps, 0, 0);
}

static void test_wrap(void **state)
{
	struct sensor_gaps gaps = begin(UINT32_MAX - 1);

	(void)state;
	assert_int_equal(sensor_gaps_note(&gaps, UINT32_MAX, 11 * PERIOD, 0), 2);
	assert_int_equal(sensor_gaps_note(&gaps, 0, 12 * PERIOD, 0), 3);
	expect(&gaps, 0, 0);
	assert_int_equal(sensor_gaps_note(&gaps, 3, 15 * PERIOD, 0), 6);
	expect(&gaps, 2, 0);
}

static void test_sequence_of_no_use(void **state)
{
	struct sensor_gaps gaps = begin(0);

	(void)state;
	/* always 0: the times tell */
	assert_int_equal(sensor_gaps_note(&gaps, 0, 11 * PERIOD, 0), 2);
	assert_int_equal(sensor_gaps_note(&gaps, 0, 12 * PERIOD + PERIOD * 4 / 10, 0), 3);
	expect(&gaps, 0, 0);
	assert_int_equal(sensor_gaps_note(&gaps, 0, 16 * PERIOD, 0), 7);
	expect(&gaps, 3, 0);
	/* starting anew, backwards, and astray */
	gaps = begin(1000);
	assert_int_equal(sensor_gaps_note(&gaps, 0, 11 * PERIOD, 0), 2);
	assert_int_equal(sensor_gaps_note(&gaps, 1, 12 * PERIOD, 0), 3);
	expect(&gaps, 0, 0);
	assert_int_equal(sensor_gaps_note(&gaps, 1000000, 15 * PERIOD, 0), 6);
	expect(&gaps, 2, 0);
	sensor_gaps_restarted(&gaps);
	assert_int_equal(sensor_gaps_note(&gaps, 0, 20 * PERIOD, 0), 11);
	expect(&gaps, 4, 0);
	assert_int_equal(sensor_gaps_note(&gaps, 2, 22 * PERIOD, 0), 13);
	expect(&gaps, 1, 0);
	/* without a period, nothing is guessed */
	gaps.period_ns = 0;
	sensor_gaps_restarted(&gaps);
	assert_int_equal(sensor_gaps_note(&gaps, 50, 99 * PERIOD, 0), 14);
	expect(&gaps, 0, 0);
}

static void test_colour(void **state)
{
	static const struct {
		struct v4l2_colour_facts facts;
		enum pixel_format pixels;
		struct colour colour;
	} cases[] = {
		{ { V4L2_COLORSPACE_SRGB, 0, 0, 0 }, PIXEL_NV12, { 1, 13, 6, false } },
		{ { V4L2_COLORSPACE_DEFAULT, 0, 0, 0 }, PIXEL_NV12, { 1, 13, 6, false } },
		{ { V4L2_COLORSPACE_JPEG, 0, 0, 0 }, PIXEL_NV12, { 1, 13, 6, true } },
		{ { V4L2_COLORSPACE_SRGB, 0, 0, 0 }, PIXEL_MJPEG, { 1, 13, 6, true } },
		{ { V4L2_COLORSPACE_REC709, 0, 0, 0 }, PIXEL_NV12, { 1, 1, 1, false } },
		{ { V4L2_COLORSPACE_REC709, 0, 0, V4L2_QUANTIZATION_FULL_RANGE }, PIXEL_NV12, { 1, 1, 1, true } },
		{ { V4L2_COLORSPACE_REC709, 0, V4L2_YCBCR_ENC_601, 0 }, PIXEL_MJPEG, { 1, 1, 6, true } },
		{ { V4L2_COLORSPACE_SMPTE170M, 0, 0, 0 }, PIXEL_NV12, { 6, 6, 6, false } },
		{ { V4L2_COLORSPACE_470_SYSTEM_BG, 0, 0, 0 }, PIXEL_NV12, { 5, 6, 5, false } },
		{ { V4L2_COLORSPACE_SMPTE240M, 0, 0, 0 }, PIXEL_NV12, { 7, 7, 7, false } },
		{ { V4L2_COLORSPACE_BT2020, 0, 0, 0 }, PIXEL_NV12, { 9, 1, 9, false } },
		{ { V4L2_COLORSPACE_SRGB, V4L2_XFER_FUNC_709, V4L2_YCBCR_ENC_709, V4L2_QUANTIZATION_LIM_RANGE }, PIXEL_NV12,
		  { 1, 1, 1, false } },
		{ { V4L2_COLORSPACE_SRGB, 0, 0, 0 }, PIXEL_RGB24, { 1, 13, 0, true } },
		{ { V4L2_COLORSPACE_SRGB, 0, 0, V4L2_QUANTIZATION_LIM_RANGE }, PIXEL_BGR24, { 1, 13, 0, false } },
		{ { V4L2_COLORSPACE_REC709, 0, V4L2_YCBCR_ENC_709, 0 }, PIXEL_BGR24, { 1, 1, 0, true } },
		{ { V4L2_COLORSPACE_SRGB, 0, 0, 0 }, PIXEL_GREY, { 1, 13, 6, true } },
		{ { V4L2_COLORSPACE_SRGB, 0, 0, V4L2_QUANTIZATION_LIM_RANGE }, PIXEL_Y10, { 1, 13, 6, false } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct colour colour = v4l2_colour_map(&cases[i].facts, cases[i].pixels);

		assert_int_equal(colour.primaries, cases[i].colour.primaries);
		assert_int_equal(colour.transfer, cases[i].colour.transfer);
		assert_int_equal(colour.matrix, cases[i].colour.matrix);
		assert_int_equal(colour.full_range, cases[i].colour.full_range);
	}
}

static void test_mjpeg(void **state)
{
	uint8_t data[1000];

	(void)state;
	memset(data, 0x55, sizeof(data));
	assert_false(mjpeg_is_whole(data, sizeof(data)));
	data[0] = 0xff;
	data[1] = 0xd8;
	assert_false(mjpeg_is_whole(data, sizeof(data)));
	data[998] = 0xff;
	data[999] = 0xd9;
	assert_true(mjpeg_is_whole(data, sizeof(data)));
	assert_false(mjpeg_is_whole(data, 999));
	assert_false(mjpeg_is_whole(data, 100));
	assert_false(mjpeg_is_whole(data, 0));
	data[200] = 0xff;
	data[201] = 0xd9;
	memset(data + 202, 0, sizeof(data) - 202);
	assert_true(mjpeg_is_whole(data, sizeof(data)));
	memset(data + 2, 0, sizeof(data) - 2);
	assert_false(mjpeg_is_whole(data, sizeof(data)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_gap), cmocka_unit_test(test_sensor_or_starved), cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_sequence_of_no_use), cmocka_unit_test(test_colour), cmocka_unit_test(test_mjpeg),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
