#include "camd/tail.h"

#include "common/util.h"

#include <stdlib.h>
#include <string.h>

/* At 10 Mb/s 13 s: far more than a disk that is well takes for a sync. */
#define MAX_BYTES (16u << 20)

static void drop(struct tail *tail, size_t n)
{
	if (!n)
		return;
	for (size_t i = 0; i < n; i++) {
		tail->bytes -= tail->entries[i].packet->bytes;
		packet_unref(tail->entries[i].packet);
	}
	tail->n -= n;
	memmove(tail->entries, tail->entries + n, tail->n * sizeof(*tail->entries));
}

/* How many packets lie before the second key frame, or all. */
static size_t oldest_group(const struct tail *tail)
{
	for (size_t i = 1; i < tail->n; i++)
		if (tail->entries[i].packet->key)
			return i;
	return tail->n;
}

static void grow(struct tail *tail)
{
	tail->capacity = tail->capacity ? 2 * tail->capacity : 64;
	tail->entries = xrealloc(tail->entries, tail->capacity, sizeof(*tail->entries));
}

void tail_add(struct tail *tail, struct packet *packet, const struct footage_mark *mark)
{
	/* a group whose key frame had to go is of no use */
	if (!tail->n && !packet->key)
		return;
	if (tail->n == tail->capacity)
		grow(tail);
	tail->entries[tail->n++] = (struct tail_entry){ packet_ref(packet), *mark };
	tail->bytes += packet->bytes;
	while (tail->bytes > MAX_BYTES)
		drop(tail, oldest_group(tail));
}

void tail_trim(struct tail *tail, uint64_t durable_number)
{
	size_t key = 0;

	if (durable_number == tail->trimmed_for)
		return;
	tail->trimmed_for = durable_number;
	/* the last key frame that is not behind the first frame to be written again; that may be still to come */
	for (size_t i = 0; i < tail->n && (!i || tail->entries[i - 1].packet->number <= durable_number); i++)
		if (tail->entries[i].packet->key)
			key = i;
	drop(tail, key);
}

void tail_clear(struct tail *tail)
{
	drop(tail, tail->n);
}

void tail_finish(struct tail *tail)
{
	tail_clear(tail);
	free(tail->entries);
	*tail = (struct tail){ 0 };
}
