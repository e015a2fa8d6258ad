/*
 * Turns the time stamps of a camera whose clock isn't known for certain into CLOCK_MONOTONIC, which stands still while the
 * machine sleeps; CLOCK_BOOTTIME goes on. Which of them a camera means is decided once, by its first time stamp. Used by one
 * thread.
 */
#pragma once

#include <stdint.h>

struct sensor_clock {
	int64_t offset_ns;	/* to be added */
	const char *name;	/* for people; NULL: it is neither, frames are to be stamped when they arrive */
};

/* What both clocks say when the first frame has arrived, the time stamp of which is stamp_ns. */
void sensor_clock_init(struct sensor_clock *clock, int64_t stamp_ns, int64_t monotonic_ns, int64_t boottime_ns);

/* A time stamp as CLOCK_MONOTONIC; arrived_ns if it can't be told. */
int64_t sensor_clock_map(const struct sensor_clock *clock, int64_t stamp_ns, int64_t arrived_ns);
