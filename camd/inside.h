/*
 * The frames that are inside an encoder: each goes in with push() and comes out with its packet. Packets come in the order of
 * the frames, so those that went in before one that came out, and did not come out, were swallowed.
 *
 * Not locked: belongs to whoever feeds the encoder.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INSIDE_MAX 64		/* frames that an encoder may hold */

struct inside_frame {
	uint64_t camera_frame;
	int64_t pushed_ns;
	/* the recording's totals as of this frame, for its packet */
	uint64_t lost_sensor, lost_starved, refused;
};

struct inside {
	struct inside_frame frames[INSIDE_MAX];
	size_t first, n;
};

/* Returns how many old ones had to make room, 0 or 1: they count as swallowed. */
size_t inside_enter(struct inside *inside, const struct inside_frame *frame);

/* Takes out the frame of a packet; *swallowed: how many before it went, too. False: it is not inside. */
bool inside_leave(struct inside *inside, uint64_t camera_frame, struct inside_frame *found, size_t *swallowed);

/* Takes out all; returns how many. */
size_t inside_clear(struct inside *inside);

/* When the oldest was pushed; 0: there is none. */
int64_t inside_oldest_ns(const struct inside *inside);
