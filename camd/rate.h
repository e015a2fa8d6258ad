/*
 * Frame rates as exact fractions: 29.97 means 30000/1001, and the time of frame n is computed from n, so that it never
 * drifts. Pure functions; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RATE_MIN_FPS 0.1
#define RATE_MAX_FPS 1000.0

/* num frames in den seconds. */
struct rate {
	int num, den;
};

/* The exact rate that is meant: the NTSC family (23.976, 29.97, 59.94, …) as n*1000/1001, others to a thousandth. */
struct rate rate_from_fps(double fps);

/* From "30", "29.97" or "30000/1001", between RATE_MIN_FPS and RATE_MAX_FPS. False: it is none of these. */
bool rate_parse(const char *text, struct rate *rate);

double rate_fps(struct rate rate);
int64_t rate_period_ns(struct rate rate);		/* rounded to the nearest */
int64_t rate_time_ns(struct rate rate, uint64_t n);	/* of frame n after frame 0, rounded down */
int64_t rate_frames(struct rate rate, int64_t ns);	/* periods that are over after that time; before it: 0 or less */
