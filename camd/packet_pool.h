/*
 * Memory for packets that goes round, so that an encoder asks for no large blocks per frame. take() belongs to the encoder's
 * thread; packets may be let go in any. The pool outlives its owner for as long as others hold packets of it.
 */
#pragma once

#include "camd/packet.h"

struct packet_pool;

/* max_idle_bytes: of memory that is kept although no packet needs it. */
struct packet_pool *packet_pool_create(size_t max_idle_bytes);

/* A packet with room for so many bytes at least, one reference, all else zero: data and bytes are the caller's to set. */
struct packet *packet_pool_take(struct packet_pool *pool, size_t bytes);

/* Where a packet of a pool has its memory, and how much. */
uint8_t *packet_pool_memory(struct packet *packet);
size_t packet_pool_room(const struct packet *packet);

/* Lets go of the pool; its memory lives on until the last packet has come back. NULL is allowed. */
void packet_pool_close(struct packet_pool *pool);
