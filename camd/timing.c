#include "camd/timing.h"

#include "common/clock.h"
#include "common/util.h"

/* A rate that is nearer to the wanted one than this is the wanted one. */
#define SAME_RATE 1.02

/* A camera is silent when it has missed so many frames, and so much time. */
#define SILENCE_NS (2 * NS_PER_S)
#define SILENCE_PERIODS 6

void timing_start(struct timing *timing, int64_t source_period_ns, double wanted_fps)
{
	int64_t wanted_period_ns;

	timing->wanted = rate_from_fps(wanted_fps);
	wanted_period_ns = wanted_fps > 0 ? rate_period_ns(timing->wanted) : 0;
	timing->source_period_ns = source_period_ns;
	timing->wanted_period_ns = wanted_period_ns > source_period_ns * SAME_RATE ? wanted_period_ns : 0;
	timing->resumed = timing->last_ns != 0;
	timing->exposed = timing->arrived = timing->kept = (struct rate_window){ 0 };
	atomic_store(&timing->arrived_ns, clock_now_ns());
}

void timing_set_period(struct timing *timing, int64_t source_period_ns)
{
	timing->source_period_ns = source_period_ns;
	timing->exposed = timing->arrived = timing->kept = (struct rate_window){ 0 };
}

/*
 * Whether a frame of that time is one of those wanted: the first in its slot, and a slot begins half a frame before its time, so
 * that of a regular sensor's frames this is the nearest.
 */
static bool is_wanted(struct timing *timing, int64_t sensor_ns)
{
	int64_t slot;

	if (!timing->wanted_period_ns)
		return true;
	slot = rate_frames(timing->wanted, sensor_ns - timing->origin_ns + timing->source_period_ns / 2);
	if (slot <= timing->last_slot)
		return false;
	timing->last_slot = slot;
	return true;
}

/* The frames of a gap lie evenly between its ends; those of them that were wanted are lost, the others don't matter. */
static void note_gap(struct timing *timing, const struct gap *gap, int64_t until_ns)
{
	uint32_t n = gap->sensor + gap->starved;
	int64_t from_ns = timing->last_ns;

	for (uint32_t i = 1; i <= n; i++) {
		int64_t at_ns = from_ns + (int64_t)((double)(until_ns - from_ns) * i / (n + 1));

		if (from_ns && !is_wanted(timing, at_ns))
			continue;
		if (i <= gap->sensor)
			timing->pending.sensor++;
		else
			timing->pending.starved++;
	}
}

/* A camera that was away comes back with a new count: what it would have given meanwhile is lost. */
static void note_absence(struct timing *timing, struct frame *frame)
{
	int64_t away_ns = frame->sensor_ns - timing->last_ns;

	timing->resumed = false;
	if (timing->source_period_ns && away_ns > timing->source_period_ns * 3 / 2)
		frame->gap.sensor += (away_ns + timing->source_period_ns / 2) / timing->source_period_ns - 1;
}

/* Windows end with a frame, as they begin, so that an even rate comes out exact. */
static void measure(struct rate_window *window, int64_t sensor_ns, uint32_t frames, int64_t period_ns, _Atomic int64_t *mfps)
{
	int64_t elapsed_ns = sensor_ns - window->start_ns;

	if (!window->start_ns || elapsed_ns < 0) {
		*window = (struct rate_window){ .start_ns = sensor_ns };
		return;
	}
	window->frames += frames;
	if (elapsed_ns < NS_PER_S - period_ns / 2)
		return;
	atomic_store(mfps, (window->frames * 1000 * NS_PER_S + elapsed_ns / 2) / elapsed_ns);
	*window = (struct rate_window){ .start_ns = sensor_ns };
}

static void measure_all(struct timing *timing, const struct frame *frame, bool kept)
{
	int64_t at_ns = frame->sensor_ns, period_ns = timing->source_period_ns;

	measure(&timing->exposed, at_ns, 1 + frame->gap.sensor + frame->gap.starved, period_ns, &timing->hardware_mfps);
	measure(&timing->arrived, at_ns, 1, period_ns, &timing->capture_mfps);
	if (kept)
		measure(&timing->kept, at_ns, 1, timing_kept_period_ns(timing), &timing->collation_mfps);
}

bool timing_note(struct timing *timing, struct frame *frame)
{
	bool kept;
	uint32_t lost;

	if (timing->resumed)
		note_absence(timing, frame);
	if (!timing->last_ns) {
		timing->origin_ns = frame->sensor_ns;
		timing->last_slot = -1;
	}
	note_gap(timing, &frame->gap, frame->sensor_ns);
	kept = is_wanted(timing, frame->sensor_ns);
	measure_all(timing, frame, kept);
	timing->last_ns = frame->sensor_ns;
	atomic_store(&timing->arrived_ns, frame->arrived_ns ? frame->arrived_ns : clock_now_ns());
	if (!kept)
		return false;
	frame->gap = timing->pending;
	timing->pending = (struct gap){ 0 };
	lost = frame->gap.sensor + frame->gap.starved;
	timing->camera_frame += 1 + lost;
	frame->camera_frame = timing->camera_frame;
	atomic_fetch_add(&timing->produced, 1 + lost);
	atomic_fetch_add(&timing->lost, lost);
	return true;
}

int64_t timing_kept_period_ns(const struct timing *timing)
{
	return timing->wanted_period_ns ? timing->wanted_period_ns : timing->source_period_ns;
}

int64_t timing_next_ns(const struct timing *timing, int64_t not_before_ns)
{
	int64_t periods;

	if (!timing->last_ns || !timing->source_period_ns)
		return 0;
	if (timing->wanted_period_ns) {
		periods = rate_frames(timing->wanted, not_before_ns - timing->origin_ns - 1) + 1;
		return timing->origin_ns + rate_time_ns(timing->wanted, MAX(periods, timing->last_slot + 1));
	}
	periods = (not_before_ns - timing->last_ns + timing->source_period_ns - 1) / timing->source_period_ns;
	return timing->last_ns + MAX(periods, 1) * timing->source_period_ns;
}

bool timing_is_silent(const struct timing *timing, int64_t period_ns, int64_t now_ns, int64_t patience_ns)
{
	return now_ns - atomic_load(&timing->arrived_ns) > MAX(patience_ns, SILENCE_PERIODS * period_ns);
}

int64_t timing_silence_ns(const struct timing *timing, int64_t period_ns, int64_t now_ns)
{
	return timing_is_silent(timing, period_ns, now_ns, SILENCE_NS) ? now_ns - atomic_load(&timing->arrived_ns) : 0;
}
