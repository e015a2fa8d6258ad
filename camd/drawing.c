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

static void copy_plane(const struct frame *from, struct frame *to, int plane)
{
	size_t row_bytes = (size_t)frame_plane_row_bytes(&from->format, plane);
	const struct plane *in = &from->planes[plane], *out = &to->planes[plane];

	for (int row = 0; row < frame_plane_rows(&from->format, plane); row++)
		memcpy(out->data + (ptrdiff_t)row * out->stride, in->data + (ptrdiff_t)row * in->stride, row_bytes);
}

static struct frame *replace(struct drawing *drawing, struct frame *frame)
{
	struct frame *copy = take_copy(drawing, &frame->format);

	frame_begin_read(frame);
	for (int i = 0; i < frame->n_planes; i++)
		copy_plane(frame, copy, i);
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
