#include "camd/pool.h"

#include "common/util.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct slot {
	struct frame frame;	/* what goes round */
	struct frame *memory;	/* whose planes it shows; NULL: jpeg */
	uint8_t *jpeg;
};

struct pool {
	pthread_mutex_t lock;
	struct slot *slots;
	int n_slots;
	struct slot **idle;	/* a ring of those that are free, the oldest first */
	int first_idle, n_idle;
	bool closed;
};

static void destroy(struct pool *pool)
{
	for (int i = 0; i < pool->n_slots; i++) {
		frame_unref(pool->slots[i].memory);
		free(pool->slots[i].jpeg);
	}
	pthread_mutex_destroy(&pool->lock);
	free(pool->slots);
	free(pool->idle);
	free(pool);
}

static void give_back(struct frame *frame, void *owner)
{
	struct pool *pool = owner;
	struct slot *slot = (struct slot *)frame;	/* its first member */
	bool last;

	pthread_mutex_lock(&pool->lock);
	pool->idle[(pool->first_idle + pool->n_idle++) % pool->n_slots] = slot;
	last = pool->closed && pool->n_idle == pool->n_slots;
	pthread_mutex_unlock(&pool->lock);
	if (last)
		destroy(pool);
}

static void slot_init(struct slot *slot, const struct frame_format *format, size_t jpeg_bytes)
{
	if (format->pixels == PIXEL_MJPEG) {
		slot->jpeg = xcalloc(1, jpeg_bytes);
		slot->frame.format = *format;
		slot->frame.n_planes = 1;
		slot->frame.planes[0] = (struct plane){ .data = slot->jpeg, .bytes = jpeg_bytes, .dmabuf = -1 };
		return;
	}
	slot->memory = frame_create(format);
	slot->frame.format = *format;
	slot->frame.n_planes = slot->memory->n_planes;
	for (int i = 0; i < slot->memory->n_planes; i++)
		slot->frame.planes[i] = slot->memory->planes[i];
}

struct pool *pool_create(const struct frame_format *format, int n_frames, size_t jpeg_bytes)
{
	struct pool *pool = xcalloc(1, sizeof(*pool));

	assert(n_frames > 0);
	pthread_mutex_init(&pool->lock, NULL);
	pool->slots = xcalloc((size_t)n_frames, sizeof(*pool->slots));
	pool->idle = xcalloc((size_t)n_frames, sizeof(*pool->idle));
	pool->n_slots = pool->n_idle = n_frames;
	for (int i = 0; i < n_frames; i++) {
		slot_init(&pool->slots[i], format, jpeg_bytes);
		pool->idle[i] = &pool->slots[i];
	}
	return pool;
}

struct frame *pool_take(struct pool *pool)
{
	struct slot *slot = NULL;
	struct frame *frame;

	pthread_mutex_lock(&pool->lock);
	if (pool->n_idle) {
		slot = pool->idle[pool->first_idle];
		pool->first_idle = (pool->first_idle + 1) % pool->n_slots;
		pool->n_idle--;
	}
	pthread_mutex_unlock(&pool->lock);
	if (!slot)
		return NULL;
	frame = &slot->frame;
	frame_copy_facts(frame, &(struct frame){ 0 });
	atomic_store(&frame->references, 1);
	frame->release = give_back;
	frame->owner = pool;
	return frame;
}

int pool_index(const struct pool *pool, const struct frame *frame)
{
	return (int)((const struct slot *)frame - pool->slots);
}

void pool_close(struct pool *pool)
{
	bool last;

	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->closed = true;
	last = pool->n_idle == pool->n_slots;
	pthread_mutex_unlock(&pool->lock);
	if (last)
		destroy(pool);
}
