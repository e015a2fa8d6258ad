/* Rates as exact fractions, and times that never drift. */
#include "camd/rate.h"
#include "common/util.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_from_fps(void **state)
{
	static const struct {
		double fps;
		int num, den;
	} cases[] = {
		{ 30, 30, 1 }, { 29.97, 30000, 1001 }, { 59.94, 60000, 1001 }, { 23.976, 24000, 1001 }, { 23.98, 24000, 1001 },
		{ 119.88, 120000, 1001 }, { 14.985, 15000, 1001 }, { 30000.0 / 1001, 30000, 1001 }, { 25, 25, 1 }, { 12.5, 25, 2 },
		{ 0.1, 1, 10 }, { 0.5, 1, 2 }, { 1000, 1000, 1 }, { 9.99, 999, 100 }, { 119.9, 1199, 10 }, { 0, 1, 10 },
		{ 1e9, 1000, 1 }, { NAN, 1, 10 }, { 7.5, 15, 2 }, { 29.9, 299, 10 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rate rate = rate_from_fps(cases[i].fps);

		assert_int_equal(rate.num, cases[i].num);
		assert_int_equal(rate.den, cases[i].den);
	}
}

static void test_parse(void **state)
{
	static const char *const bad[] = { "", "x", "-1", "0", "0.05", "1001", "30/", "/2", "30/0", "30/1/1", "1e3", " 30", "30 ",
					   "1.2.3", "nan", "inf", "30.0/1", "99999999999999999999", "0x10", "1/11" };
	struct rate rate;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(rate_parse(bad[i], &rate));
	assert_true(rate_parse("30000/1001", &rate));
	assert_int_equal(rate.num * 10000 + rate.den, 300001001);
	assert_true(rate_parse("60/2", &rate));
	assert_int_equal(rate.num * 10 + rate.den, 301);
	assert_true(rate_parse("29.97", &rate));
	assert_int_equal(rate.num, 30000);
}

static void test_times(void **state)
{
	struct rate ntsc = { 30000, 1001 }, slow = { 1, 10 }, odd = { 1000000, 1001 };

	(void)state;
	assert_int_equal(rate_time_ns(ntsc, 0), 0);
	assert_int_equal(rate_time_ns(ntsc, 1), 33366666);
	assert_int_equal(rate_time_ns(ntsc, 2), 66733333);
	assert_int_equal(rate_time_ns(ntsc, 30000), 1001 * NS_PER_S);
	/* three years, in which a product of 64 bits would have overflowed long ago */
	assert_int_equal(rate_time_ns(ntsc, UINT64_C(30000) * 100000 + 1), 1001 * NS_PER_S * 100000 + 33366666);
	assert_int_equal(rate_time_ns(slow, 7), 70 * NS_PER_S);
	assert_int_equal(rate_time_ns(odd, 999999), INT64_C(1000998999000));
	assert_int_equal(rate_period_ns(ntsc), 33366667);
}

static void test_frames(void **state)
{
	struct rate ntsc = { 30000, 1001 }, odd = { 999983, 1000000 };

	(void)state;
	assert_int_equal(rate_frames(ntsc, 0), 0);
	assert_int_equal(rate_frames(ntsc, 33366666), 0);
	assert_int_equal(rate_frames(ntsc, 33366667), 1);
	assert_int_equal(rate_frames(ntsc, 1001 * NS_PER_S - 1), 29999);
	assert_int_equal(rate_frames(ntsc, 1001 * NS_PER_S * 100000), INT64_C(30000) * 100000);
	assert_int_equal(rate_frames(odd, 999999 * NS_PER_S + 999999999), 999982);
	assert_int_equal(rate_frames(odd, 1000000 * NS_PER_S), 999983);
	assert_true(rate_frames(ntsc, -1) <= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from_fps), cmocka_unit_test(test_parse), cmocka_unit_test(test_times), cmocka_unit_test(test_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
