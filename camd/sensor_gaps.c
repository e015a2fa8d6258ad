#include "camd/sensor_gaps.h"

#include "common/util.h"

/* More missing frames than this beyond what the time allows for are a sequence number gone astray. */
#define PLAUSIBLE_EXTRA 16

void sensor_gaps_init(struct sensor_gaps *gaps, int64_t period_ns)
{
	*gaps = (struct sensor_gaps){ .period_ns = period_ns };
}

static uint32_t missing_by_time(const struct sensor_gaps *gaps, int64_t elapsed_ns)
{
	if (gaps->period_ns <= 0 || elapsed_ns <= gaps->period_ns + gaps->period_ns / 2)
		return 0;
	return (uint32_t)MIN((elapsed_ns + gaps->period_ns / 2) / gaps->period_ns - 1, UINT32_MAX);
}

static uint32_t count_missing(struct sensor_gaps *gaps, uint32_t sequence, int64_t elapsed_ns)
{
	uint32_t step = sequence - gaps->sequence;	/* right across the wrap too */

	if (step == 0)
		gaps->sequence_stuck = true;
	if (gaps->sequence_stuck || gaps->sequence_lost || step > INT32_MAX)
		return missing_by_time(gaps, elapsed_ns);
	if (gaps->period_ns > 0 && step - 1 > elapsed_ns / gaps->period_ns * 2 + PLAUSIBLE_EXTRA)
		return missing_by_time(gaps, elapsed_ns);
	return step - 1;
}

/* How many of the missing frames, thought evenly spaced, were due before the buffer was queued that took the next one. */
static uint32_t count_starved(uint32_t missing, int64_t elapsed_ns, int64_t queued_after_ns)
{
	int64_t step_ns = elapsed_ns / ((int64_t)missing + 1);

	if (queued_after_ns <= 0 || step_ns <= 0)
		return 0;
	return (uint32_t)MIN((queued_after_ns - 1) / step_ns, missing);
}

uint64_t sensor_gaps_note(struct sensor_gaps *gaps, uint32_t sequence, int64_t time_ns, int64_t queued_ns)
{
	int64_t elapsed_ns = time_ns - gaps->time_ns;

	if (gaps->begun) {
		uint32_t missing = count_missing(gaps, sequence, elapsed_ns);
		uint32_t starved = count_starved(missing, elapsed_ns, queued_ns - gaps->time_ns);

		gaps->pending.starved += starved;
		gaps->pending.sensor += missing - starved;
		gaps->position += missing;
	}
	gaps->begun = true;
	gaps->sequence_lost = false;
	gaps->sequence = sequence;
	gaps->time_ns = time_ns;
	return ++gaps->position;
}

void sensor_gaps_damaged(struct sensor_gaps *gaps)
{
	gaps->pending.sensor++;
}

void sensor_gaps_starved(struct sensor_gaps *gaps)
{
	gaps->pending.starved++;
}

void sensor_gaps_restarted(struct sensor_gaps *gaps)
{
	gaps->sequence_lost = true;
}

struct gap sensor_gaps_take(struct sensor_gaps *gaps)
{
	struct gap gap = gaps->pending;

	gaps->pending = (struct gap){ 0 };
	return gap;
}
