#include "camd/drawing.h"

#include <string.h>

#define MAX_COPIES 12		/* more than the encoder's queue and those who look hold at once */

void drawing_finish(struct drawing *drawing)
{
	pool_close(drawing->pool);
}

static struct frame *take_copy(struct drawing *drawing, const struct frame_format *format)
{
	struct frame *copy;

	if (!drawing->pool || memcmp(format, &drawing->format, sizeof(*format))) {
		pool_close(drawing->pool);
		drawing->pool = pool_create(format, MAX_COPIES, 0);
		drawing->format = *format;
	}
	copy = pool_take(drawing->pool);
	return copy ? copy : frame_create(format);
}

static struct frame *replace(struct drawing *drawing, struct frame *frame)
{
	struct frame *copy = take_copy(drawing, &frame->format);

	frame_begin_read(frame);
	frame_copy_picture(copy, frame);
	frame_end_read(frame);
	frame_copy_facts(copy, frame);
	atomic_fetch_add(&drawing->copied_bytes, frame_bytes(frame));
	frame_unref(frame);
	return copy;
}

bool drawing_begin(struct drawing *drawing, struct frame **frame)
{
	if (!overlay_is_on(drawing->overlay) || !paint_can((*frame)->format.pixels))
		return false;
	overlay_prepare(drawing->overlay, &(*frame)->format);
	if ((*frame)->read_only)
		*frame = replace(drawing, *frame);
	frame_begin_write(*frame);
	if ((*frame)->planes[0].data)
		return true;
	frame_end_write(*frame);
	return false;
}

void drawing_end(struct drawing *drawing, struct frame *frame)
{
	overlay_draw(drawing->overlay, frame);
	frame_end_write(frame);
}
