#include "camd/packet_pool.h"

#include "common/util.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_ROOM 4096
#define MAX_IDLE 64		/* packets */
#define STEPS 4			/* sizes from one power of two to the next */

struct pooled {
	struct packet packet;	/* its first member */
	struct pooled *next;	/* while idle */
	size_t room;
	uint8_t memory[];
};

struct packet_pool {
	pthread_mutex_t lock;
	struct pooled *idle;		/* the one that came back last is first: its memory is warm */
	size_t n_idle, idle_bytes, max_idle_bytes;
	size_t references;		/* the owner's, and one a packet that is out */
};

struct packet_pool *packet_pool_create(size_t max_idle_bytes)
{
	struct packet_pool *pool = xcalloc(1, sizeof(*pool));

	pthread_mutex_init(&pool->lock, NULL);
	pool->max_idle_bytes = max_idle_bytes;
	pool->references = 1;
	return pool;
}

static void destroy(struct packet_pool *pool)
{
	while (pool->idle) {
		struct pooled *pooled = pool->idle;

		pool->idle = pooled->next;
		free(pooled);
	}
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

static void give_back(struct packet *packet, void *owner)
{
	struct packet_pool *pool = owner;
	struct pooled *pooled = (struct pooled *)packet;	/* its first member */
	bool last, keep;

	pthread_mutex_lock(&pool->lock);
	keep = pool->n_idle < MAX_IDLE && pool->idle_bytes + pooled->room <= pool->max_idle_bytes;
	if (keep) {
		pooled->next = pool->idle;
		pool->idle = pooled;
		pool->n_idle++;
		pool->idle_bytes += pooled->room;
	}
	last = --pool->references == 0;
	pthread_mutex_unlock(&pool->lock);
	if (!keep)
		free(pooled);
	if (last)
		destroy(pool);
}

/* The next size that is made: few different ones, so that what came back fits, and no more than a quarter too large. */
static size_t round_up(size_t bytes)
{
	size_t step = LEAST_ROOM / STEPS;

	while (step * 2 * STEPS < bytes)
		step *= 2;
	return MAX((bytes + step - 1) / step * step, LEAST_ROOM);
}

/* Takes an idle one that is large enough, but not so large that the small would keep the memory of the large. */
static struct pooled *find_idle(struct packet_pool *pool, size_t room)
{
	for (struct pooled **at = &pool->idle; *at; at = &(*at)->next) {
		struct pooled *pooled = *at;

		if (pooled->room < room || pooled->room > 2 * room)
			continue;
		*at = pooled->next;
		pool->n_idle--;
		pool->idle_bytes -= pooled->room;
		return pooled;
	}
	return NULL;
}

struct packet *packet_pool_take(struct packet_pool *pool, size_t bytes)
{
	size_t room = round_up(bytes);
	struct pooled *pooled;

	pthread_mutex_lock(&pool->lock);
	pooled = find_idle(pool, room);
	pool->references++;
	pthread_mutex_unlock(&pool->lock);
	if (!pooled) {
		pooled = xrealloc(NULL, 1, sizeof(*pooled) + room);	/* not zeroed: that would touch all of it */
		pooled->room = room;
	}
	memset(&pooled->packet, 0, sizeof(pooled->packet));
	atomic_init(&pooled->packet.references, 1);
	pooled->packet.release = give_back;
	pooled->packet.owner = pool;
	return &pooled->packet;
}

uint8_t *packet_pool_memory(struct packet *packet)
{
	return ((struct pooled *)packet)->memory;
}

size_t packet_pool_room(const struct packet *packet)
{
	return ((const struct pooled *)packet)->room;
}

void packet_pool_close(struct packet_pool *pool)
{
	bool last;

	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	last = --pool->references == 0;
	pthread_mutex_unlock(&pool->lock);
	if (last)
		destroy(pool);
}
