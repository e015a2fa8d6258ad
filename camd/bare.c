#include "camd/bare.h"

void bare_init(struct bare *bare, void (*on_full)(void *user, struct stack *stack), void *user)
{
	pthread_mutex_init(&bare->lock, NULL);
	bare->on_full = on_full;
	bare->user = user;
}

void bare_finish(struct bare *bare)
{
	struct stack *stack;

	while ((stack = bare_take_stack(bare, NULL)))
		stack_destroy(stack);
	frame_ring_finish(&bare->ring);
	pthread_mutex_destroy(&bare->lock);
}

/* With the lock. */
static void update_wanted(struct bare *bare)
{
	atomic_store(&bare->wanted, bare->stacks || bare->ring.most);
}

bool bare_is_wanted(const struct bare *bare)
{
	return atomic_load(&bare->wanted);
}

bool bare_begin(struct bare *bare, const struct frame *frame)
{
	size_t copied = 0;

	if (!bare_is_wanted(bare))
		return false;
	/* without the lock, for it may ask a driver for the memory */
	frame_begin_read(frame);
	pthread_mutex_lock(&bare->lock);
	for (struct stack *stack = bare->stacks; frame->planes[0].data && stack; stack = stack->next)
		copied += stack_add(stack, frame);
	if (frame->planes[0].data)
		copied += frame_ring_add(&bare->ring, frame);
	pthread_mutex_unlock(&bare->lock);
	frame_end_read(frame);
	atomic_fetch_add(&bare->copied_bytes, copied);
	return true;
}

void bare_end(struct bare *bare, const struct frame *frame)
{
	struct stack **at, *stack;

	pthread_mutex_lock(&bare->lock);
	frame_ring_note(&bare->ring, frame);
	for (at = &bare->stacks; (stack = *at);) {
		if (stack_note(stack, frame)) {
			*at = stack->next;
			bare->on_full(bare->user, stack);
		} else {
			at = &stack->next;
		}
	}
	update_wanted(bare);
	pthread_mutex_unlock(&bare->lock);
}

void bare_set_ring(struct bare *bare, int most, size_t most_bytes)
{
	pthread_mutex_lock(&bare->lock);
	frame_ring_init(&bare->ring, most, most_bytes);
	update_wanted(bare);
	pthread_mutex_unlock(&bare->lock);
}

bool bare_has_ring(const struct bare *bare)
{
	return bare->ring.most;		/* written by this thread only */
}

int bare_take_ring(struct bare *bare, struct frame **frames, int most)
{
	int n;

	pthread_mutex_lock(&bare->lock);
	n = frame_ring_take(&bare->ring, frames, most);
	pthread_mutex_unlock(&bare->lock);
	return n;
}

void bare_add_stack(struct bare *bare, struct stack *stack)
{
	pthread_mutex_lock(&bare->lock);
	stack->next = bare->stacks;
	bare->stacks = stack;
	update_wanted(bare);
	pthread_mutex_unlock(&bare->lock);
}

struct stack *bare_take_stack(struct bare *bare, const void *user)
{
	struct stack **at = &bare->stacks, *stack;

	pthread_mutex_lock(&bare->lock);
	while (*at && user && (*at)->user != user)
		at = &(*at)->next;
	stack = *at;
	if (stack)
		*at = stack->next;
	update_wanted(bare);
	pthread_mutex_unlock(&bare->lock);
	return stack;
}

int bare_stack_frames(struct bare *bare, const void *user)
{
	int n = -1;

	pthread_mutex_lock(&bare->lock);
	for (const struct stack *stack = bare->stacks; stack; stack = stack->next)
		n = stack->user == user ? stack->n : n;
	pthread_mutex_unlock(&bare->lock);
	return n;
}
