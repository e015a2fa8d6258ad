/*
 * Tells from the sequence numbers and times of a driver's buffers which frames never came, and whose fault that is: where
 * no buffer was queued at the time of a missing frame it starved, otherwise the sensor, the bus or the driver lost it.
 *
 * Drivers differ: the 32-bit sequence wraps, starts again, or is always 0; then the times decide. Used by one thread.
 */
#pragma once

#include "camd/frame.h"

struct sensor_gaps {
	int64_t period_ns;	/* nominal; 0: unknown */
	bool begun;
	bool sequence_lost;	/* the driver started anew: only the time says what is missing */
	bool sequence_stuck;	/* it doesn't count at all */
	uint32_t sequence;
	int64_t time_ns;
	uint64_t position;
	struct gap pending;
};

void sensor_gaps_init(struct sensor_gaps *gaps, int64_t period_ns);

/*
 * Takes note of the next buffer: the driver's sequence number, its time, and when that buffer had been queued. Returns its
 * place in a count that starts at 1 and includes what is missing.
 */
uint64_t sensor_gaps_note(struct sensor_gaps *gaps, uint32_t sequence, int64_t time_ns, int64_t queued_ns);

/* The buffer just noted is of no use: it counts as lost by the sensor. */
void sensor_gaps_damaged(struct sensor_gaps *gaps);

/* The buffer just noted could not be used for want of room. */
void sensor_gaps_starved(struct sensor_gaps *gaps);

/* The stream was restarted, and sequence numbers with it. */
void sensor_gaps_restarted(struct sensor_gaps *gaps);

/* What was lost since the last call: for the frame that is handed on now. */
struct gap sensor_gaps_take(struct sensor_gaps *gaps);
