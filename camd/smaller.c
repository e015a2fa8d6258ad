#include "camd/smaller.h"

const struct frame *smaller_choose(const struct frame *frame, struct size size)
{
	const struct frame *small = frame->small;

	return small && (small->format.width >= size.width || small->format.height >= size.height) ? small : frame;
}

static struct frame *scale(struct converter *converter, const struct frame *picture, struct size size, struct error *err)
{
	struct frame *converted, *scaled;

	if (!convert_needed(picture->format.pixels))
		return convert_scale(picture, size.width, size.height, err);
	converted = converter_run(converter, picture, err);
	scaled = converted ? convert_scale(converted, size.width, size.height, err) : NULL;
	frame_unref(converted);
	return scaled;
}

struct frame *smaller_make(struct converter *converter, const struct frame *frame, struct size size, struct error *err)
{
	const struct frame *picture = smaller_choose(frame, size);
	struct frame *scaled;

	frame_begin_read(picture);
	scaled = scale(converter, picture, size, err);
	frame_end_read(picture);
	return scaled;
}
