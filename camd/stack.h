/*
 * Consecutive frames of one camera on their way to being one picture, without the overlay: each is added to the sum as it comes, so
 * that no frame is held back from its source. MJPEG is too dear to decode there: what is kept is a copy, coded as it is, and the sum
 * is made at the end.
 *
 * The camera's source thread fills it (camd/bare.h), then whoever asked for it has it.
 */
#pragma once

#include "camd/sums.h"
#include "common/error.h"

#include <stdatomic.h>

struct camera;
struct stack;
struct still_impl;

/* The main thread's. stack: takes it over; NULL: it did not become full in time, or was cancelled. */
typedef void (*stack_fn)(void *user, struct camera *camera, struct stack *stack);

struct stack {
	int wanted;			/* frames, at most SUMS_MAX_PICTURES */
	int64_t from_ns;		/* sensor time: none before that */
	stack_fn fn;
	void *user;

	int n;				/* frames in it */
	struct sums *sums;
	struct frame **coded;
	struct frame_format format;
	struct frame facts;		/* what is said of the first, with the exposure times of all */
	int64_t last_sensor_ns;
	bool fresh;			/* the frame under way is in it, and has no number yet */
	struct stack *next;		/* for who keeps several */
};

struct stack *stack_create(int wanted, int64_t from_ns, stack_fn fn, void *user);
void stack_destroy(struct stack *stack);	/* NULL is allowed */

/* The source's thread: a frame that may be read. One of another size than those before begins anew. Bytes that had to be copied. */
size_t stack_add(struct stack *stack, const struct frame *frame);

/* And once all that is said of that frame is known. True: it is full. */
bool stack_note(struct stack *stack, const struct frame *frame);

/* Its sum, which stays the stack's. NULL: ERR_IO for damaged MJPEG. A worker. */
struct sums *stack_sums(struct stack *stack, struct error *err);

/*
 * The bytes of a picture of it, for the caller to free(): of the frames' mean, or of their sum, made brighter by a gain. A sum has 16
 * bits where the format does; in others, as a mean has, the levels of one picture. A worker.
 */
bool stack_write(struct stack *stack, const struct still_impl *still, int quality, bool sum, double *gain, uint8_t **data, size_t *bytes,
		 struct error *err);
