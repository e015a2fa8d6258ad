#include "camd/packet.h"

#include "common/util.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void free_copy(struct packet *packet, void *owner)
{
	free(owner);
	free(packet);
}

struct packet *packet_copy(const struct packet *packet)
{
	struct packet *copy = xcalloc(1, sizeof(*copy));
	uint8_t *data = xcalloc(MAX(packet->bytes, (size_t)1), 1);

	memcpy(copy, packet, sizeof(*copy));
	memcpy(data, packet->data, packet->bytes);
	atomic_init(&copy->references, 1);
	copy->data = data;
	copy->release = free_copy;
	copy->owner = data;
	return copy;
}

struct packet *packet_ref(struct packet *packet)
{
	atomic_fetch_add_explicit(&packet->references, 1, memory_order_relaxed);
	return packet;
}

void packet_unref(struct packet *packet)
{
	if (!packet)
		return;
	assert(atomic_load(&packet->references) > 0);
	if (atomic_fetch_sub_explicit(&packet->references, 1, memory_order_acq_rel) == 1)
		packet->release(packet, packet->owner);
}
