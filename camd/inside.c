#include "camd/inside.h"

static struct inside_frame take_first(struct inside *inside)
{
	struct inside_frame frame = inside->frames[inside->first];

	inside->first = (inside->first + 1) % INSIDE_MAX;
	inside->n--;
	return frame;
}

size_t inside_enter(struct inside *inside, const struct inside_frame *frame)
{
	size_t swallowed = inside->n == INSIDE_MAX;

	if (swallowed)
		take_first(inside);
	inside->frames[(inside->first + inside->n++) % INSIDE_MAX] = *frame;
	return swallowed;
}

bool inside_leave(struct inside *inside, uint64_t camera_frame, struct inside_frame *found, size_t *swallowed)
{
	*swallowed = 0;
	while (inside->n && inside->frames[inside->first].camera_frame <= camera_frame) {
		*found = take_first(inside);
		if (found->camera_frame == camera_frame)
			return true;
		++*swallowed;
	}
	return false;
}

size_t inside_clear(struct inside *inside)
{
	size_t n = inside->n;

	inside->n = 0;
	return n;
}

int64_t inside_oldest_ns(const struct inside *inside)
{
	return inside->n ? inside->frames[inside->first].pushed_ns : 0;
}
