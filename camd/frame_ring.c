#include "camd/frame_ring.h"

#include "common/util.h"

#include <stdlib.h>
#include <string.h>

void frame_ring_init(struct frame_ring *ring, int most, size_t most_bytes)
{
	frame_ring_finish(ring);
	*ring = (struct frame_ring){ .most = most, .most_bytes = most_bytes };
	ring->frames = most ? xcalloc((size_t)most, sizeof(*ring->frames)) : NULL;
}

static struct frame **at(const struct frame_ring *ring, int i)
{
	return &ring->frames[(ring->first + i) % ring->most];
}

static struct frame *drop_oldest(struct frame_ring *ring)
{
	struct frame *oldest = *at(ring, 0);

	ring->bytes -= frame_bytes(oldest);
	ring->first = (ring->first + 1) % ring->most;
	ring->n--;
	return oldest;
}

void frame_ring_finish(struct frame_ring *ring)
{
	while (ring->n)
		frame_unref(drop_oldest(ring));
	free(ring->frames);
	ring->frames = NULL;
}

/* Whether a new picture may be written over it: nobody else has it, and nobody can get it any more. */
static bool fits(const struct frame *spare, const struct frame *frame)
{
	return spare && frame->format.pixels != PIXEL_MJPEG && !memcmp(&spare->format, &frame->format, sizeof(frame->format)) &&
	       atomic_load(&spare->references) == 1;
}

size_t frame_ring_add(struct frame_ring *ring, const struct frame *frame)
{
	size_t bytes = frame_bytes(frame);
	struct frame *spare = NULL;

	if (!ring->most || bytes > ring->most_bytes)
		return 0;
	while (ring->n == ring->most || ring->bytes + bytes > ring->most_bytes) {
		frame_unref(spare);
		spare = drop_oldest(ring);
	}
	if (fits(spare, frame)) {
		frame_copy_picture(spare, frame);
		*at(ring, ring->n++) = spare;
	} else {
		*at(ring, ring->n++) = frame_copy(frame);
		frame_unref(spare);
	}
	ring->bytes += bytes;
	ring->fresh = true;
	return bytes;
}

void frame_ring_note(struct frame_ring *ring, const struct frame *frame)
{
	if (ring->fresh)
		frame_copy_facts(*at(ring, ring->n - 1), frame);
	ring->fresh = false;
}

int frame_ring_take(const struct frame_ring *ring, struct frame **frames, int most)
{
	int there = ring->n - ring->fresh, n = MIN(most, there);

	for (int i = 0; i < n; i++)
		frames[i] = frame_ref(*at(ring, there - n + i));
	return n;
}
