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
		cmocka_unit_test(an_absence_is_a_gap),
	};

	return cmocka_run_group_tests_name("timing", tests, NULL, NULL);
}
