/*
 * A bounded queue between two threads: fixed-size elements, a bound in elements and one in bytes.
 *
 * The producer is never made to wait: a push that does not fit is refused, and who pushes counts that loss. What must not
 * be lost (an end marker) goes in by force. The consumer waits; one that waits for other things, too, polls a descriptor.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	unsigned char *slots;
	size_t element_bytes;
	size_t capacity;	/* slots there are; grows only by force */
	size_t first, n;
	size_t max_n, max_bytes, bytes;
	bool closed;
	int wake_fd;		/* an eventfd; -1: the consumer waits in queue_pop() */
	bool awaited;		/* the consumer polls wake_fd, or is about to */
};

/* max_bytes 0: no bound in bytes. */
void queue_init(struct queue *queue, size_t element_bytes, size_t max_n, size_t max_bytes);
void queue_finish(struct queue *queue);

/* Copies the element in. bytes is what it counts against the byte bound. False: full, nothing was taken. */
bool queue_push(struct queue *queue, const void *element, size_t bytes);
void queue_push_force(struct queue *queue, const void *element);

/* Waits for an element. False: closed and empty. bytes must be given back by queue_release() once the element is done with. */
bool queue_pop(struct queue *queue, void *element);

/* For a consumer that polls: makes the descriptor. To be called before the first push. False: errno. */
bool queue_open_wake_fd(struct queue *queue);

/* Takes an element if there is one. False: there is none, and the next push, or the closing, makes wake_fd readable. */
bool queue_try_pop(struct queue *queue, void *element);

/* After poll() has found wake_fd readable. */
void queue_clear_wake_fd(struct queue *queue);
bool queue_is_over(struct queue *queue);	/* closed and empty */

size_t queue_bytes(struct queue *queue);	/* pushed and not released */

/* Says that n bytes of popped elements are done with. */
void queue_release(struct queue *queue, size_t bytes);

/* Wakes the consumer for good once the queue is empty. */
void queue_close(struct queue *queue);
