/* Bars of what takes long: as wide as there is room, with the time that is left once there is something to say of it. */
#include "camctl/progress.h"
#include "camctl/spread.h"

#include "common/util.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void texts(void **state)
{
	static const struct {
		double part;
		int64_t lasted_s;
		int columns;
		const char *text;
	} cases[] = {
		{ 0, 100, 29, "job [.................]   0 %" }, { 1, 100, 29, "job [#################] 100 %" },
		{ 0.5, 1, 30, "job [#########.........]  50 %" }, { 0.5, 60, 38, "job [######.....]  50 %, 00:01:00 left" },
		{ 0.25, 3600, 38, "job [###........]  25 %, 03:00:00 left" }, { 0.5, 60, 30, "job  50 %, 00:01:00 left" },
		{ 0.5, 60, 0, "job  50 %, 00:01:00 left" }, { -1, 9, 29, "job [.................]   0 %" }, { 7, 9, 29, "job [#################] 100 %" },
		{ NAN, 9, 29, "job [.................]   0 %" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text = progress_text("job", cases[i].part, cases[i].lasted_s * NS_PER_S, cases[i].columns, false);

		assert_string_equal(text, cases[i].text);
		free(text);
	}
}

static double filled(double part)
{
	char *text = progress_text("x", part, 0, 200, false);
	double full = 0, all = 0;

	for (const char *at = text; *at; at++) {
		full += *at == '#';
		all += *at == '#' || *at == '.';
	}
	free(text);
	return full / all;
}

static void bars(void **state)
{
	(void)state;
	for (int i = 0; i <= 10; i++)
		assert_float_equal(filled(i / 10.0), i / 10.0, 0.02);
}

/* Quantiles against a sorted list, for times of a camera and for whatever a file may hold. */
static void quantiles(void **state)
{
	static const double odd[] = { -5, 0, 1, 1e3, 8192, 33333333, 33333333, 33333334, 1e12, 1e300 };
	struct spread spread = { 0 };
	int64_t counts[4];

	(void)state;
	assert_true(spread_quantile(&spread, 0.5) == 0 && spread_deviation(&spread) == 0);
	spread_histogram(&spread, 0, 1, counts, 4);
	for (int i = 0; i < 1000; i++)
		spread_add(&spread, 33e6 + (i * 7919 % 1000) * 1e3);
	assert_float_equal(spread_quantile(&spread, 0.5), 33.499e6, 3e3);
	assert_float_equal(spread_quantile(&spread, 0.99), 33.989e6, 3e3);
	assert_float_equal(spread.mean, 33.4995e6, 1);
	assert_float_equal(spread_deviation(&spread), 288.675e3, 1);
	assert_true(spread.min == 33e6 && spread.max == 33.999e6);
	spread_histogram(&spread, 33e6, 33.999e6, counts, 4);
	for (int i = 0; i < 4; i++)
		assert_in_range(counts[i], 247, 253);
	spread_clear(&spread);
	for (size_t i = 0; i < ARRAY_LEN(odd); i++)
		spread_add(&spread, odd[i]);
	assert_float_equal(spread_quantile(&spread, 0.6), 33333333, 1);
	assert_true(spread.min == -5 && spread.max == 1e300);
	spread_clear(&spread);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(texts), cmocka_unit_test(bars), cmocka_unit_test(quantiles) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
