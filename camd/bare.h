/*
 * Who wants a camera's frames as the sensor gave them, before the overlay is drawn into them: stacks, and a ring of the last ones.
 * They are looked at, or copied, in the source's thread; nobody gets a reference, for that would show the overlay a moment later.
 */
#pragma once

#include "camd/frame_ring.h"
#include "camd/stack.h"

#include <pthread.h>

struct bare {
	pthread_mutex_t lock;		/* guards what follows */
	struct stack *stacks;		/* that are not full yet */
	struct frame_ring ring;
	atomic_bool wanted;		/* any thread may read it */
	_Atomic uint64_t copied_bytes;	/* so far; likewise */
	void (*on_full)(void *user, struct stack *stack);	/* takes it over. The source's thread, with the lock */
	void *user;
};

void bare_init(struct bare *bare, void (*on_full)(void *user, struct stack *stack), void *user);
void bare_finish(struct bare *bare);

/* The source's thread: a frame that nobody else has yet. False: nobody wants it. */
bool bare_begin(struct bare *bare, const struct frame *frame);
/* After that, once all that is said of it is known. */
void bare_end(struct bare *bare, const struct frame *frame);

/* The main thread: */
void bare_set_ring(struct bare *bare, int most, size_t most_bytes);	/* as frame_ring_init(); what was in it is gone */
bool bare_has_ring(const struct bare *bare);
int bare_take_ring(struct bare *bare, struct frame **frames, int most);	/* as frame_ring_take() */
bool bare_is_wanted(const struct bare *bare);
void bare_add_stack(struct bare *bare, struct stack *stack);		/* takes it over until it is full */
struct stack *bare_take_stack(struct bare *bare, const void *user);	/* one of that user's back, or NULL; user NULL: of anybody's */
int bare_stack_frames(struct bare *bare, const void *user);		/* how many that has; -1: there is none */
