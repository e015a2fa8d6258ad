/*
 * The last seconds of a camera's packets, always from a key frame on: copies, so that no encoder misses its memory. Belongs to the
 * camera's output thread, but for ring_from_ns() and ring_bytes().
 */
#pragma once

#include "camd/packet.h"

#include <stdatomic.h>

struct ring_entry {
	struct packet *packet;
	struct frame_format format;	/* of the pictures */
};

struct ring {
	int64_t length_ns;		/* so much at least, once there is; 0: none */
	uint64_t max_bytes;		/* but never more than this */
	struct ring_entry *entries;	/* in a circle */
	size_t first, n, capacity;
	_Atomic uint64_t bytes;
	_Atomic int64_t from_ns;
};

void ring_set(struct ring *ring, int64_t length_ns, uint64_t max_bytes);
void ring_finish(struct ring *ring);

/* The copy, which belongs to the ring; NULL: it does not keep this packet. */
struct packet *ring_add(struct ring *ring, const struct packet *packet, const struct frame_format *format);
const struct ring_entry *ring_entry(const struct ring *ring, size_t i);	/* from the oldest, i < n */

/* The last key frame that is not after an instant, or the oldest there is; n of an empty ring: 0. */
size_t ring_find(const struct ring *ring, int64_t sensor_ns);

/* Sensor time of the oldest packet; 0: it is empty. Any thread. */
int64_t ring_from_ns(const struct ring *ring);

/* What its packets take. Any thread. */
uint64_t ring_bytes(const struct ring *ring);
