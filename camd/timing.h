/*
 * Counting one camera's frames: their numbers, what was lost between them, the rates, and which to leave out when the sensor
 * is faster than wanted. The camera's source thread; the rates may be read by any.
 */
#pragma once

#include "camd/frame.h"
#include "camd/rate.h"

#include <stdatomic.h>

/* Frames since an instant, at whose frame it began. */
struct rate_window {
	int64_t start_ns;		/* 0: not begun */
	uint32_t frames;		/* after that one */
};

struct timing {
	int64_t source_period_ns;	/* 0: the source has no fixed rate */
	int64_t wanted_period_ns;	/* 0: all frames are wanted */
	struct rate wanted;		/* exactly, where not all are */
	uint64_t camera_frame;		/* of the last frame, lost ones included */
	int64_t origin_ns, last_ns;	/* sensor times of the first and the last frame; last_ns 0: none yet */
	int64_t last_slot;		/* of the wanted rate, since origin_ns */
	struct rate_window exposed, arrived, kept;
	struct gap pending;		/* lost, and not yet told with a frame that was kept */
	bool resumed;

	_Atomic uint64_t produced, lost;	/* since the camera's start, in wanted frames */
	/* thousandths of frames/s over the last second: exposed by the sensor, arrived, and kept */
	_Atomic int64_t hardware_mfps, capture_mfps, collation_mfps;
	_Atomic int64_t arrived_ns;		/* CLOCK_MONOTONIC when the last frame came */
};

/*
 * wanted_fps 0: all. What the sensor does anyway but for 2 percent is as wanted: 29.97 of a sensor at 30 stay 30, for no sensor keeps
 * its nominal rate quite, and a frame left out now and then would be a jerk. Of others, those frames are kept that lie nearest to the
 * grid of the wanted rate, which begins with the first frame and never drifts. May be called again when a camera is reopened: then
 * counting goes on, and the time between is a gap.
 */
void timing_start(struct timing *timing, int64_t source_period_ns, double wanted_fps);

/*
 * Notes a frame: sets its camera_frame, and turns its gap from the sensor's frames into wanted ones. False: this frame is
 * left out (which is no loss).
 */
bool timing_note(struct timing *timing, struct frame *frame);

/* The source has another rate from now on. */
void timing_set_period(struct timing *timing, int64_t source_period_ns);

/*
 * When, by its rate, the first frame is due that comes after the last one, is kept, and is not exposed before an instant; 0: there is
 * no telling.
 */
int64_t timing_next_ns(const struct timing *timing, int64_t not_before_ns);

/* From one frame that is kept to the next, by the rate; 0: unknown. */
int64_t timing_kept_period_ns(const struct timing *timing);

/* For how long no frame has come, if that is too long for a camera of that nominal period (0: unknown); else 0. Any thread. */
int64_t timing_silence_ns(const struct timing *timing, int64_t period_ns, int64_t now_ns);

/* The same for who has so much patience. */
bool timing_is_silent(const struct timing *timing, int64_t period_ns, int64_t now_ns, int64_t patience_ns);
