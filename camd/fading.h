/*
 * Notices that a camera fades while it seems to work: gives fewer frames than it should, the same picture all the time, a black
 * one, or one so poor that its video has collapsed. Each has to last for a while before it is told.
 *
 * fading_look() is for the source's thread, the rest for the main thread.
 */
#pragma once

#include "camd/frame.h"

#include <stdatomic.h>

enum fading_reason { FADING_RATE, FADING_FROZEN, FADING_BLACK, FADING_BITRATE, N_FADING };

extern const char *const fading_reason_names[];	/* by enum fading_reason */

/* What changed: one kind of fading has lasted long enough, or is over. */
struct fading_news {
	enum fading_reason reason;
	bool degraded;			/* false: it is over */
	double seconds;			/* since it began */
	double measured, expected;
};

struct fading {
	/* by the source's thread */
	int64_t looked_ns;
	_Atomic uint32_t print;			/* of the last picture looked at */
	_Atomic uint32_t looks;			/* how many pictures were looked at */
	_Atomic int brightness;			/* mean of its samples, 0 to 255; the darkest that video has is 0 */
	_Atomic int brightest;			/* of its samples */

	/* the main thread's */
	uint32_t seen_looks, seen_print;
	int64_t since_ns[N_FADING];		/* 0: it is not so */
	bool told[N_FADING];
	double usual_bps;			/* what the video takes when all is well; 0: unknown yet */
	int64_t measured_ns, measured_bytes;	/* the last look at the recording */
};

/* What the main thread knows about a camera that runs. */
struct fading_facts {
	int64_t now_ns;
	double fps, wanted_fps;		/* wanted 0: it has no fixed rate */
	const void *recording;		/* which; NULL: none */
	int64_t bytes;			/* of the recording */
};

/* With each frame: samples one a second or so. */
void fading_look(struct fading *fading, const struct frame *frame);

/* Once a second or so while the camera runs. Returns how many news there are. after_ns: how long fading must last. */
int fading_check(struct fading *fading, const struct fading_facts *facts, int64_t after_ns, struct fading_news news[N_FADING]);

/* The camera stands still: nothing is known any more, and nothing is told. */
void fading_reset(struct fading *fading);

/* The first kind that has been told; NULL: none. */
const char *fading_reason(const struct fading *fading);
