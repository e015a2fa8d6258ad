#include "camd/ring.h"

#include "common/util.h"

#include <stdlib.h>
#include <string.h>

const struct ring_entry *ring_entry(const struct ring *ring, size_t i)
{
	return &ring->entries[(ring->first + i) % ring->capacity];
}

int64_t ring_from_ns(const struct ring *ring)
{
	return atomic_load(&ring->from_ns);
}

uint64_t ring_bytes(const struct ring *ring)
{
	return atomic_load(&ring->bytes);
}

static void note_begin(struct ring *ring)
{
	atomic_store(&ring->from_ns, ring->n ? ring_entry(ring, 0)->packet->sensor_ns : 0);
}

/* The oldest ones go. */
static void drop(struct ring *ring, size_t n)
{
	for (; n; n--) {
		struct packet *packet = ring_entry(ring, 0)->packet;

		ring->bytes -= packet->bytes;
		packet_unref(packet);
		ring->first = (ring->first + 1) % ring->capacity;
		ring->n--;
	}
}

/* How many packets lie before the second key frame; 0: there is none. */
static size_t oldest_group(const struct ring *ring)
{
	for (size_t i = 1; i < ring->n; i++)
		if (ring_entry(ring, i)->packet->key)
			return i;
	return 0;
}

/* What is older than need be goes, and what is too much; whole groups, for what follows refers to their key frame. */
static void trim(struct ring *ring)
{
	while (ring->n) {
		int64_t wanted_ns = ring_entry(ring, ring->n - 1)->packet->sensor_ns - ring->length_ns;
		size_t group = oldest_group(ring);

		if (ring->bytes > ring->max_bytes || !ring->length_ns)
			drop(ring, group ? group : ring->n);
		else if (group && ring_entry(ring, group)->packet->sensor_ns <= wanted_ns)
			drop(ring, group);
		else
			break;
	}
	note_begin(ring);
}

void ring_set(struct ring *ring, int64_t length_ns, uint64_t max_bytes)
{
	ring->length_ns = length_ns;
	ring->max_bytes = max_bytes;
	trim(ring);
}

void ring_finish(struct ring *ring)
{
	drop(ring, ring->n);
	free(ring->entries);
}

static void grow(struct ring *ring)
{
	struct ring_entry *entries = xcalloc(ring->capacity ? 2 * ring->capacity : 256, sizeof(*entries));

	for (size_t i = 0; i < ring->n; i++)
		entries[i] = *ring_entry(ring, i);
	free(ring->entries);
	ring->entries = entries;
	ring->capacity = ring->capacity ? 2 * ring->capacity : 256;
	ring->first = 0;
}

/* A file has one size: what another one lies between is of no use together. */
static bool fits(const struct ring *ring, const struct frame_format *format)
{
	const struct frame_format *last = &ring_entry(ring, ring->n - 1)->format;

	return last->width == format->width && last->height == format->height && !memcmp(&last->colour, &format->colour, sizeof(format->colour));
}

struct packet *ring_add(struct ring *ring, const struct packet *packet, const struct frame_format *format)
{
	if (!ring->length_ns)
		return NULL;
	if (ring->n && !fits(ring, format))
		drop(ring, ring->n);
	if (!ring->n && !packet->key)
		return NULL;
	if (ring->n == ring->capacity)
		grow(ring);
	ring->n++;
	ring->entries[(ring->first + ring->n - 1) % ring->capacity] = (struct ring_entry){ packet_copy(packet), *format };
	ring->bytes += packet->bytes;
	trim(ring);
	return ring->n ? ring_entry(ring, ring->n - 1)->packet : NULL;
}

size_t ring_find(const struct ring *ring, int64_t sensor_ns)
{
	size_t found = 0;

	for (size_t i = 0; i < ring->n && ring_entry(ring, i)->packet->sensor_ns <= sensor_ns; i++)
		if (ring_entry(ring, i)->packet->key)
			found = i;
	return found;
}
