/* Counting a camera's frames: numbers, gaps, and what is left out when the sensor is faster than wanted. */
#include "camd/timing.h"
#include "common/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PERIOD_30 33333333

static bool note(struct timing *timing, int64_t sensor_ns, uint32_t sensor, uint32_t starved, struct frame *frame)
{
	*frame = (struct frame){ .sensor_ns = sensor_ns, .gap = { sensor, starved } };
	return timing_note(timing, frame);
}

static void gaps_are_counted(void **state)
{
	struct timing timing = { 0 };
	struct frame frame;

	(void)state;
	timing_start(&timing, PERIOD_30, 0);
	assert_true(note(&timing, 1000, 0, 0, &frame));
	assert_int_equal(frame.camera_frame, 1);
	assert_true(note(&timing, 1000 + 4 * PERIOD_30, 2, 1, &frame));
	assert_int_equal(frame.camera_frame, 5);
	assert_int_equal(frame.gap.sensor, 2);
	assert_int_equal(frame.gap.starved, 1);
	assert_int_equal(timing.produced, 5);
	assert_int_equal(timing.lost, 3);
}

/* 60 down to 25 frames/s with a gap: every wanted slot is either a kept frame or a lost one. */
static void leaving_out_is_no_loss(void **state)
{
	struct timing timing = { 0 };
	struct frame frame;
	uint64_t kept = 0, lost = 0;
	int64_t period_ns = NS_PER_S / 60;

	(void)state;
	timing_start(&timing, period_ns, 25);
	for (int i = 0; i < 600; i++) {
		bool after_gap = i == 330;

		if (i >= 300 && i < 330)
			continue;
		if (!note(&timing, NS_PER_S + i * period_ns, after_gap ? 30 : 0, 0, &frame))
			continue;
		kept++;
		lost += frame.gap.sensor;
		assert_int_equal(frame.camera_frame, kept + lost);
	}
	assert_in_range(kept + lost, 249, 251);
	assert_in_range(lost, 12, 13);
}

static void the_same_rate_is_not_thinned(void **state)
{
	struct timing timing = { 0 };
	struct frame frame;

	(void)state;
	timing_start(&timing, PERIOD_30, 30);
	for (int i = 0; i < 1000; i++)	/* a sensor never keeps its nominal rate quite */
		assert_true(note(&timing, NS_PER_S + i * (int64_t)(PERIOD_30 * 0.999), 0, 0, &frame));
}

/* What is kept lies nearest to the wanted grid, in the long run too, and is measured exactly. */
static void check_thinning(struct rate sensor, double wanted_fps, int64_t seconds)
{
	struct timing timing = { 0 };
	struct rate wanted = rate_from_fps(wanted_fps);
	struct frame frame;
	int64_t kept = 0, worst_ns = 0, n;

	timing_start(&timing, rate_period_ns(sensor), wanted_fps);
	assert_int_not_equal(timing.wanted_period_ns, 0);
	for (n = 0; rate_time_ns(sensor, n) < seconds * NS_PER_S; n++) {
		int64_t next_ns = timing_next_ns(&timing, 0), off_ns;

		if (!note(&timing, NS_PER_S + rate_time_ns(sensor, n), 0, 0, &frame))
			continue;
		off_ns = frame.sensor_ns - NS_PER_S - rate_time_ns(wanted, kept);
		worst_ns = MAX(worst_ns, llabs(off_ns));
		if (kept)
			assert_true(next_ns && llabs(frame.sensor_ns - next_ns) <= rate_period_ns(sensor) / 2 + 2);
		kept++;
	}
	assert_true(worst_ns <= rate_period_ns(sensor) / 2 + 2);
	assert_in_range(kept, rate_frames(wanted, seconds * NS_PER_S), rate_frames(wanted, seconds * NS_PER_S) + 1);
	assert_int_equal(timing.lost, 0);
	assert_in_range(timing.hardware_mfps, (int64_t)(rate_fps(sensor) * 1000), (int64_t)(rate_fps(sensor) * 1000) + 1);
	assert_int_equal(timing.capture_mfps, timing.hardware_mfps);
}

static void thinning_does_not_drift(void **state)
{
	(void)state;
	check_thinning(rate_from_fps(30), 7.5, 3600 * 24);
	check_thinning(rate_from_fps(60), 7.5, 3600);
	check_thinning(rate_from_fps(60), 29.97, 3600 * 24);
	check_thinning(rate_from_fps(31), 29.97, 3600);
	check_thinning(rate_from_fps(59.94), 30, 3600);
	check_thinning(rate_from_fps(60), 1, 3600);
	check_thinning(rate_from_fps(10), 7.5, 3600);
	check_thinning(rate_from_fps(1000), 29.97, 600);
	check_thinning(rate_from_fps(30), 0.1, 3600);
}

static void the_next_frame_is_foretold(void **state)
{
	struct timing timing = { 0 };
	struct frame frame;

	(void)state;
	timing_start(&timing, PERIOD_30, 0);
	assert_int_equal(timing_next_ns(&timing, NS_PER_S), 0);
	note(&timing, NS_PER_S, 0, 0, &frame);
	assert_int_equal(timing_next_ns(&timing, 0), NS_PER_S + PERIOD_30);
	assert_int_equal(timing_next_ns(&timing, NS_PER_S + PERIOD_30), NS_PER_S + PERIOD_30);
	assert_int_equal(timing_next_ns(&timing, NS_PER_S + PERIOD_30 + 1), NS_PER_S + 2 * PERIOD_30);
	assert_int_equal(timing_next_ns(&timing, NS_PER_S + 1000 * (int64_t)PERIOD_30), NS_PER_S + 1000 * (int64_t)PERIOD_30);
	timing_start(&timing, 0, 0);
	assert_int_equal(timing_next_ns(&timing, NS_PER_S), 0);
}

/* Lost by the sensor, and left out: each has its rate. */
static void rates_are_exact(void **state)
{
	struct timing timing = { 0 };
	struct frame frame;
	struct rate rate = rate_from_fps(30);

	(void)state;
	timing_start(&timing, rate_period_ns(rate), 7.5);
	for (int n = 0; n < 300; n++)
		if (n % 3 != 2)
			note(&timing, NS_PER_S + rate_time_ns(rate, n), n % 3 == 0 && n ? 1 : 0, 0, &frame);
	assert_int_equal(timing.hardware_mfps, 30000);
	assert_int_equal(timing.capture_mfps, 20000);
	timing = (struct timing){ 0 };
	timing_start(&timing, rate_period_ns(rate), 7.5);
	for (int n = 0; n < 300; n++)
		note(&timing, NS_PER_S + rate_time_ns(rate, n), 0, 0, &frame);
	assert_int_equal(timing.collation_mfps, 7500);
	rate = rate_from_fps(0.25);
	timing = (struct timing){ 0 };
	timing_start(&timing, rate_period_ns(rate), 0);
	note(&timing, NS_PER_S, 0, 0, &frame);
	note(&timing, 5 * NS_PER_S, 0, 0, &frame);
	assert_int_equal(timing.collation_mfps, 250);
}

static void an_absence_is_a_gap(void **state)
{
	struct timing timing = { 0 };
	struct frame frame;

	(void)state;
	timing_start(&timing, PERIOD_30, 0);
	note(&timing, NS_PER_S, 0, 0, &frame);
	timing_start(&timing, PERIOD_30, 0);
	assert_true(note(&timing, NS_PER_S + 10 * PERIOD_30 + 100, 0, 0, &frame));
	assert_int_equal(frame.gap.sensor, 9);
	assert_int_equal(frame.camera_frame, 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gaps_are_counted),
		cmocka_unit_test(leaving_out_is_no_loss),
		cmocka_unit_test(the_same_rate_is_not_thinned),
		cmocka_unit_test(thinning_does_not_drift),
		cmocka_unit_test(the_next_frame_is_foretold),
		cmocka_unit_test(rates_are_exact),
		cmocka_unit_test(an_absence_is_a_gap),
	};

	return cmocka_run_group_tests_name("timing", tests, NULL, NULL);
}
