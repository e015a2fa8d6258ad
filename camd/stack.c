#include "camd/stack.h"

#include "camd/convert.h"
#include "camd/still/still.h"
#include "common/util.h"

#include <stdlib.h>
#include <string.h>

struct stack *stack_create(int wanted, int64_t from_ns, stack_fn fn, void *user)
{
	struct stack *stack = xcalloc(1, sizeof(*stack));

	*stack = (struct stack){ .wanted = wanted, .from_ns = from_ns, .fn = fn, .user = user };
	stack->coded = xcalloc((size_t)wanted, sizeof(*stack->coded));
	return stack;
}

static void clear(struct stack *stack)
{
	for (int i = 0; i < stack->n; i++)
		frame_unref(stack->coded[i]);
	memset(stack->coded, 0, (size_t)stack->wanted * sizeof(*stack->coded));
	sums_destroy(stack->sums);
	stack->sums = NULL;
	stack->n = 0;
}

void stack_destroy(struct stack *stack)
{
	if (!stack)
		return;
	clear(stack);
	free(stack->coded);
	free(stack);
}

size_t stack_add(struct stack *stack, const struct frame *frame)
{
	bool coded = frame->format.pixels == PIXEL_MJPEG;

	if (frame->sensor_ns < stack->from_ns)
		return 0;
	if (memcmp(&stack->format, &frame->format, sizeof(stack->format)))
		clear(stack);
	stack->format = frame->format;
	stack->fresh = true;
	if (coded) {
		stack->coded[stack->n] = frame_copy(frame);
	} else {
		stack->sums = stack->sums ? stack->sums : sums_create(&frame->format);
		sums_add(stack->sums, frame);
	}
	stack->n++;
	return coded ? frame->planes[0].bytes : 0;
}

/* As long as all of them were open. What is not known of one is not known of all. */
static void add_exposure(struct exposure *all, const struct exposure *one)
{
	all->known &= one->known | ~(unsigned)EXPOSURE_TIME;
	all->time_us = (int32_t)MIN((int64_t)all->time_us + one->time_us, INT32_MAX);
}

bool stack_note(struct stack *stack, const struct frame *frame)
{
	if (!stack->fresh)
		return false;
	stack->fresh = false;
	stack->last_sensor_ns = frame->sensor_ns;
	if (stack->n == 1)
		frame_copy_facts(&stack->facts, frame);
	else
		add_exposure(&stack->facts.exposure, &frame->exposure);
	return stack->n == stack->wanted;
}

static bool add_coded(struct stack *stack, struct converter *converter, const struct frame *coded, struct error *err)
{
	struct frame *decoded = converter_run(converter, coded, err);

	if (!decoded)
		return false;
	stack->sums = stack->sums ? stack->sums : sums_create(&decoded->format);
	sums_add(stack->sums, decoded);
	frame_unref(decoded);
	return true;
}

struct sums *stack_sums(struct stack *stack, struct error *err)
{
	struct converter *converter = converter_create(1);
	bool good = true;

	for (int i = 0; good && i < stack->n && stack->coded[i]; i++)
		good = add_coded(stack, converter, stack->coded[i], err);
	converter_destroy(converter);
	stack->facts.format = good ? stack->sums->format : stack->format;
	return good ? stack->sums : NULL;
}

bool stack_write(struct stack *stack, const struct still_impl *still, int quality, bool sum, double *gain, uint8_t **data, size_t *bytes,
		 struct error *err)
{
	const struct sums *sums = stack_sums(stack, err);
	struct frame *mean;
	bool made;

	if (!sums)
		return false;
	*gain = sum ? sums_gain(sums) : 1;
	if (sum && still->write_sums)
		return still->write_sums(sums, *gain, data, bytes, err);
	mean = sums_mean(sums, *gain);
	made = still->write(mean, quality, data, bytes, err);
	frame_unref(mean);
	return made;
}
