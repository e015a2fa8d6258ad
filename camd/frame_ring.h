/*
 * Copies of the last frames of one camera, as they came. Bounded in frames and in bytes; the oldest goes first. One thread at a time
 * (camd/bare.h has the lock).
 */
#pragma once

#include "camd/frame.h"

struct frame_ring {
	int most;			/* frames; 0: it is off */
	size_t most_bytes;
	struct frame **frames;
	int first, n;
	size_t bytes;
	bool fresh;			/* the newest has no number yet */
};

void frame_ring_init(struct frame_ring *ring, int most, size_t most_bytes);
void frame_ring_finish(struct frame_ring *ring);

/* A frame that may be read. The bytes that were copied. */
size_t frame_ring_add(struct frame_ring *ring, const struct frame *frame);

/* And once all that is said of that frame is known. */
void frame_ring_note(struct frame_ring *ring, const struct frame *frame);

/* New references to the last ones, at most that many, the oldest first. How many there are. */
int frame_ring_take(const struct frame_ring *ring, struct frame **frames, int most);
