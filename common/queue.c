#include "common/queue.h"

#include "common/util.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

void queue_init(struct queue *queue, size_t element_bytes, size_t max_n, size_t max_bytes)
{
	*queue = (struct queue){ .element_bytes = element_bytes, .max_n = max_n, .max_bytes = max_bytes, .capacity = max_n + 4,
				 .wake_fd = -1 };
	pthread_mutex_init(&queue->lock, NULL);
	pthread_cond_init(&queue->filled, NULL);
	queue->slots = xcalloc(queue->capacity, element_bytes);
}

void queue_finish(struct queue *queue)
{
	if (!queue->slots)
		return;
	free(queue->slots);
	queue->slots = NULL;
	if (queue->wake_fd >= 0)
		close(queue->wake_fd);
	pthread_cond_destroy(&queue->filled);
	pthread_mutex_destroy(&queue->lock);
}

static unsigned char *slot(struct queue *queue, size_t index)
{
	return queue->slots + (queue->first + index) % queue->capacity * queue->element_bytes;
}

static void grow(struct queue *queue)
{
	size_t capacity = queue->capacity * 2;
	unsigned char *slots = xcalloc(capacity, queue->element_bytes);

	for (size_t i = 0; i < queue->n; i++)
		memcpy(slots + i * queue->element_bytes, slot(queue, i), queue->element_bytes);
	free(queue->slots);
	queue->slots = slots;
	queue->capacity = capacity;
	queue->first = 0;
}

/* With the lock. True: the consumer polls, and is to be woken up by a write: one for many pushes, for it takes all that is there. */
static bool take_awaited(struct queue *queue)
{
	bool awaited = queue->awaited;

	queue->awaited = false;
	return awaited;
}

/* Without the lock, so that the consumer doesn't wake up only to wait for it. */
static void wake(struct queue *queue, bool awaited)
{
	uint64_t one = 1;

	pthread_cond_broadcast(&queue->filled);
	/* an eventfd refuses only what would overflow it, and then it is readable anyway */
	if (awaited && write(queue->wake_fd, &one, sizeof(one)) < 0)
		return;
}

static void append(struct queue *queue, const void *element)
{
	if (queue->n == queue->capacity)
		grow(queue);
	memcpy(slot(queue, queue->n), element, queue->element_bytes);
	queue->n++;
}

bool queue_push(struct queue *queue, const void *element, size_t bytes)
{
	bool fits, awaited = false;

	pthread_mutex_lock(&queue->lock);
	fits = !queue->closed && queue->n < queue->max_n &&
	       (!queue->max_bytes || !queue->bytes || queue->bytes + bytes <= queue->max_bytes);
	if (fits) {
		append(queue, element);
		queue->bytes += bytes;
		awaited = take_awaited(queue);
	}
	pthread_mutex_unlock(&queue->lock);
	if (fits)
		wake(queue, awaited);
	return fits;
}

void queue_push_force(struct queue *queue, const void *element)
{
	bool awaited;

	pthread_mutex_lock(&queue->lock);
	append(queue, element);
	awaited = take_awaited(queue);
	pthread_mutex_unlock(&queue->lock);
	wake(queue, awaited);
}

static bool take_locked(struct queue *queue, void *element)
{
	if (!queue->n)
		return false;
	memcpy(element, slot(queue, 0), queue->element_bytes);
	queue->first = (queue->first + 1) % queue->capacity;
	queue->n--;
	return true;
}

bool queue_pop(struct queue *queue, void *element)
{
	bool got;

	pthread_mutex_lock(&queue->lock);
	while (!queue->n && !queue->closed)
		pthread_cond_wait(&queue->filled, &queue->lock);
	got = take_locked(queue, element);
	pthread_mutex_unlock(&queue->lock);
	return got;
}

bool queue_open_wake_fd(struct queue *queue)
{
	queue->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return queue->wake_fd >= 0;
}

bool queue_try_pop(struct queue *queue, void *element)
{
	bool got;

	pthread_mutex_lock(&queue->lock);
	got = take_locked(queue, element);
	queue->awaited = !got && !queue->closed;
	pthread_mutex_unlock(&queue->lock);
	return got;
}

void queue_clear_wake_fd(struct queue *queue)
{
	uint64_t ignored;

	if (read(queue->wake_fd, &ignored, sizeof(ignored)) < 0)
		return;
}

bool queue_is_over(struct queue *queue)
{
	bool over;

	pthread_mutex_lock(&queue->lock);
	over = queue->closed && !queue->n;
	pthread_mutex_unlock(&queue->lock);
	return over;
}

void queue_release(struct queue *queue, size_t bytes)
{
	pthread_mutex_lock(&queue->lock);
	queue->bytes -= bytes;
	pthread_mutex_unlock(&queue->lock);
}

void queue_close(struct queue *queue)
{
	bool awaited;

	pthread_mutex_lock(&queue->lock);
	queue->closed = true;
	awaited = take_awaited(queue);
	pthread_mutex_unlock(&queue->lock);
	wake(queue, awaited);
}

size_t queue_bytes(struct queue *queue)
{
	size_t bytes;

	pthread_mutex_lock(&queue->lock);
	bytes = queue->bytes;
	pthread_mutex_unlock(&queue->lock);
	return bytes;
}
