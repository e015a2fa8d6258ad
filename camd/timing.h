/*
 * Counting one camera's frames: their numbers, what was lost between them, the rates, and which to leave out when the sensor
 * is faster than wanted. The camera's source thread; the rates may be read by any.
 */
#pragma once

#include "camd/frame.h"

#include <stdatomic.h>

struct timing {
	int64_t source_period_ns;	/* 0: the source has no fixed rate */
	int64_t wanted_period_ns;	/* 0: all frames are wanted */
	uint64_t camera_frame;		/* of the last frame, lost ones included */
	int64_t origin_ns, last_ns;	/* sensor times of the first and the last frame; last_ns 0: none yet */
	int64_t last_slot;		/* wanted_period_ns since origin_ns */
	int64_t window_start_ns;
	uint32_t window_produced, window_kept;
	struct gap pending;		/* lost, and not yet told with a frame that was kept */
	bool resumed;

	_Atomic uint64_t produced, lost;	/* since the camera's start, in wanted frames */
	_Atomic int64_t capture_mfps, collation_mfps;	/* thousandths of frames/s, over the last second */
	_Atomic int64_t arrived_ns;		/* CLOCK_MONOTONIC when the last frame came */
};

/* wanted_fps 0: all. May be called again when a camera is reopened: then counting goes on, and the time between is a gap. */
void timing_start(struct timing *timing, int64_t source_period_ns, double wanted_fps);

/*
 * Notes a frame: sets its camera_frame, and turns its gap from the sensor's frames into wanted ones. False: this frame is
 * left out (which is no loss).
 */
bool timing_note(struct timing *timing, struct frame *frame);

/* For how long no frame has come, if that is too long for a camera of that nominal period (0: unknown); else 0. Any thread. */
int64_t timing_silence_ns(const struct timing *timing, int64_t period_ns, int64_t now_ns);
