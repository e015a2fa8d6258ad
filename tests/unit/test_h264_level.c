/* The levels of H.264, against Table A-1 and against what boards are known to need. */
#include "camd/h264_level.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>

#include <cmocka.h>

static void test_streams_of_cameras(void **state)
{
	(void)state;
	assert_int_equal(h264_level_needed(1920, 1080, 30, 10000000, true), 40);
	assert_int_equal(h264_level_needed(1920, 1080, 60, 10000000, true), 42);
	assert_int_equal(h264_level_needed(1456, 1088, 30, 10000000, true), 40);
	assert_int_equal(h264_level_needed(1456, 1088, 39.7, 10000000, true), 40);
	assert_int_equal(h264_level_needed(1456, 1088, 39.8, 10000000, true), 42);
	assert_int_equal(h264_level_needed(1456, 1088, 60, 10000000, true), 42);
	assert_int_equal(h264_level_needed(1280, 720, 30, 10000000, true), 31);
	assert_int_equal(h264_level_needed(640, 480, 30, 2000000, true), 30);
	assert_int_equal(h264_level_needed(320, 180, 10, 300000, true), 12);
	assert_int_equal(h264_level_needed(3840, 2160, 30, 20000000, true), 51);
}

/* The rate of macroblocks is inclusive. */
static void test_the_rate_decides(void **state)
{
	(void)state;
	assert_int_equal(h264_level_needed(1280, 720, 30, 1000000, false), 31);
	assert_int_equal(h264_level_needed(1280, 720, 30.01, 1000000, false), 32);
	assert_int_equal(h264_level_needed(1280, 720, 60, 1000000, false), 32);
	assert_int_equal(h264_level_needed(1280, 720, 60.01, 1000000, false), 40);
}

static void test_the_size_decides(void **state)
{
	(void)state;
	/* one frame a minute, so that only the size counts: 8192, 8704 and 8705 macroblocks and more */
	assert_int_equal(h264_level_needed(2048, 1024, 1 / 60., 1000, false), 40);
	assert_int_equal(h264_level_needed(2048, 1088, 1 / 60., 1000, false), 42);
	assert_int_equal(h264_level_needed(2048, 1104, 1 / 60., 1000, false), 50);
	assert_int_equal(h264_level_needed(4096, 2304, 1 / 60., 1000, false), 51);
	assert_int_equal(h264_level_needed(4096, 2320, 1 / 60., 1000, false), 60);
	assert_int_equal(h264_level_needed(8192, 4352, 1 / 60., 1000, false), 60);
	assert_int_equal(h264_level_needed(8192, 4368, 1 / 60., 1000, false), 0);
	/* parts of macroblocks count whole: 176x144 is level 1's largest */
	assert_int_equal(h264_level_needed(176, 144, 1, 1000, false), 10);
	assert_int_equal(h264_level_needed(178, 144, 1, 1000, false), 11);
}

/* Long strips are restricted, too: no side beyond the root of eight times the macroblocks. */
static void test_a_long_side_decides(void **state)
{
	(void)state;
	assert_int_equal(h264_level_needed(448, 16, 1, 1000, false), 10);	/* 28 macroblocks: 784 of 792 */
	assert_int_equal(h264_level_needed(464, 16, 1, 1000, false), 11);
	assert_int_equal(h264_level_needed(16, 464, 1, 1000, false), 11);
	assert_int_equal(h264_level_needed(4096, 64, 1, 1000, false), 40);	/* 256: the root of 8 * 8192 */
	assert_int_equal(h264_level_needed(4112, 64, 1, 1000, false), 42);
}

static void test_the_bitrate_decides(void **state)
{
	(void)state;
	assert_int_equal(h264_level_needed(1920, 1080, 30, 20000000, false), 40);
	assert_int_equal(h264_level_needed(1920, 1080, 30, 20000001, false), 41);
	assert_int_equal(h264_level_needed(1920, 1080, 30, 25000000, true), 40);
	assert_int_equal(h264_level_needed(1920, 1080, 30, 25000001, true), 41);
	assert_int_equal(h264_level_needed(1920, 1080, 30, 50000001, false), 50);
	assert_int_equal(h264_level_needed(176, 144, 15, 64000, false), 10);
	assert_int_equal(h264_level_needed(176, 144, 15, 128000, false), 9);
	assert_int_equal(h264_level_needed(176, 144, 15, 128001, false), 11);
	assert_int_equal(h264_level_needed(176, 144, 15, 800000000, false), 62);
	assert_int_equal(h264_level_needed(176, 144, 15, 800000001, false), 0);
	assert_int_equal(h264_level_needed(176, 144, 15, 1000000000, true), 62);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streams_of_cameras), cmocka_unit_test(test_the_rate_decides),
		cmocka_unit_test(test_the_size_decides), cmocka_unit_test(test_a_long_side_decides),
		cmocka_unit_test(test_the_bitrate_decides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
