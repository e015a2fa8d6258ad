#include "camd/packet.h"

#include <assert.h>

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
