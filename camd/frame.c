#include "camd/frame.h"

#include "common/clock.h"
#include "common/util.h"

#include <assert.h>
#include <errno.h>
#include <linux/dma-buf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define ROW_ALIGN 64

const char *const pixel_format_names[] = {
	"i420", "nv12", "i422", "yuyv", "mjpeg", "rgb24", "bgr24", "uyvy", "nv21", "grey", "y10", NULL,
};

bool pixel_format_is_rgb(enum pixel_format pixels)
{
	return pixels == PIXEL_RGB24 || pixels == PIXEL_BGR24;
}

struct frame *frame_ref(struct frame *frame)
{
	atomic_fetch_add_explicit(&frame->references, 1, memory_order_relaxed);
	return frame;
}

void frame_unref(struct frame *frame)
{
	if (!frame)
		return;
	assert(atomic_load(&frame->references) > 0);
	if (atomic_fetch_sub_explicit(&frame->references, 1, memory_order_acq_rel) == 1)
		frame->release(frame, frame->owner);
}

void frame_note_arrival(struct frame *frame)
{
	frame->arrived_ns = clock_now_ns();
	frame->wall_ns = clock_wall_ns();
}

int64_t frame_exposed_wall_ns(const struct frame *frame)
{
	return frame->arrived_ns ? frame->wall_ns - (frame->arrived_ns - frame->sensor_ns) : frame->wall_ns;
}

/* An error leaves the reader with what the cache holds, and there is nothing better: not every dmabuf can be synchronised. */
static void sync_planes(const struct frame *frame, uint64_t flags)
{
	struct dma_buf_sync sync = { .flags = flags };

	if (!frame->needs_sync)
		return;
	for (int i = 0; i < frame->n_planes; i++) {
		if (frame->planes[i].dmabuf < 0 || (i && frame->planes[i].dmabuf == frame->planes[i - 1].dmabuf))
			continue;
		while (ioctl(frame->planes[i].dmabuf, DMA_BUF_IOCTL_SYNC, &sync) && (errno == EINTR || errno == EAGAIN))
			;
	}
}

void frame_begin_read(const struct frame *frame)
{
	if (frame->map)
		frame->map(frame);
	sync_planes(frame, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
}

void frame_end_read(const struct frame *frame)
{
	sync_planes(frame, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);
}

void frame_begin_write(struct frame *frame)
{
	if (frame->map)
		frame->map(frame);
	sync_planes(frame, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW);
	frame->touched = true;
}

void frame_end_write(const struct frame *frame)
{
	sync_planes(frame, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW);
}

int frame_n_planes(enum pixel_format pixels)
{
	switch (pixels) {
	case PIXEL_I420:
	case PIXEL_I422:
		return 3;
	case PIXEL_NV12:
	case PIXEL_NV21:
		return 2;
	default:
		return 1;
	}
}

int frame_plane_rows(const struct frame_format *format, int plane)
{
	if (format->pixels == PIXEL_MJPEG)
		return 0;
	if (plane > 0 && format->pixels != PIXEL_I422)
		return (format->height + 1) / 2;
	return format->height;
}

int frame_plane_row_bytes(const struct frame_format *format, int plane)
{
	int half = (format->width + 1) / 2;

	switch (format->pixels) {
	case PIXEL_I420:
	case PIXEL_I422:
		return plane ? half : format->width;
	case PIXEL_NV12:
	case PIXEL_NV21:
		return plane ? half * 2 : format->width;
	case PIXEL_YUYV:
	case PIXEL_UYVY:
		return half * 4;
	case PIXEL_RGB24:
	case PIXEL_BGR24:
		return format->width * 3;
	case PIXEL_GREY:
		return format->width;
	case PIXEL_Y10:
		return format->width * 2;
	default:
		return 0;
	}
}

size_t frame_bytes(const struct frame *frame)
{
	size_t bytes = 0;

	for (int i = 0; i < frame->n_planes; i++)
		bytes += frame->format.pixels == PIXEL_MJPEG ? frame->planes[i].bytes :
			 (size_t)frame_plane_rows(&frame->format, i) * frame_plane_row_bytes(&frame->format, i);
	return bytes;
}

static void release_own(struct frame *frame, void *owner)
{
	free(owner);
	free(frame);
}

struct frame *frame_create(const struct frame_format *format)
{
	struct frame *frame = xcalloc(1, sizeof(*frame));
	size_t offsets[FRAME_MAX_PLANES], total = 0;
	uint8_t *memory;

	frame->format = *format;
	frame->n_planes = frame_n_planes(format->pixels);
	for (int i = 0; i < frame->n_planes; i++) {
		struct plane *plane = &frame->planes[i];

		plane->stride = (frame_plane_row_bytes(format, i) + ROW_ALIGN - 1) / ROW_ALIGN * ROW_ALIGN;
		plane->bytes = (size_t)plane->stride * frame_plane_rows(format, i);
		plane->dmabuf = -1;
		offsets[i] = total;
		total += plane->bytes;
	}
	memory = aligned_alloc(ROW_ALIGN, MAX(total, ROW_ALIGN));
	assert(memory);
	for (int i = 0; i < frame->n_planes; i++)
		frame->planes[i].data = memory + offsets[i];
	atomic_init(&frame->references, 1);
	frame->release = release_own;
	frame->owner = memory;
	return frame;
}

void frame_copy_picture(struct frame *to, const struct frame *from)
{
	for (int i = 0; i < from->n_planes; i++) {
		size_t row_bytes = (size_t)frame_plane_row_bytes(&from->format, i);
		const struct plane *in = &from->planes[i], *out = &to->planes[i];

		for (int row = 0; row < frame_plane_rows(&from->format, i); row++)
			memcpy(out->data + (ptrdiff_t)row * out->stride, in->data + (ptrdiff_t)row * in->stride, row_bytes);
	}
}

static void copy_jpeg(struct frame *to, const struct frame *from)
{
	size_t bytes = from->planes[0].bytes;
	uint8_t *memory = xcalloc(1, MAX(bytes, 1));

	memcpy(memory, from->planes[0].data, bytes);
	free(to->owner);
	to->owner = memory;
	to->planes[0] = (struct plane){ .data = memory, .bytes = bytes, .dmabuf = -1 };
}

struct frame *frame_copy(const struct frame *frame)
{
	struct frame *copy = frame_create(&frame->format);

	frame_copy_facts(copy, frame);
	if (frame->format.pixels == PIXEL_MJPEG)
		copy_jpeg(copy, frame);
	else
		frame_copy_picture(copy, frame);
	return copy;
}

void frame_copy_facts(struct frame *to, const struct frame *from)
{
	to->sensor_ns = from->sensor_ns;
	to->wall_ns = from->wall_ns;
	to->arrived_ns = from->arrived_ns;
	to->sequence = from->sequence;
	to->gap = from->gap;
	to->exposure = from->exposure;
	to->camera_frame = from->camera_frame;
	to->number = from->number;
	to->lost = from->lost;
	to->capture_mfps = from->capture_mfps;
	to->kept_mfps = from->kept_mfps;
}
