#include "camd/m2m_picture.h"

#include <libyuv.h>
#include <string.h>

#define I420_FORMATS { V4L2_PIX_FMT_YUV420, PIXEL_I420, 1 }, { V4L2_PIX_FMT_YUV420M, PIXEL_I420, 3 }
#define NV12_FORMATS { V4L2_PIX_FMT_NV12, PIXEL_NV12, 1 }, { V4L2_PIX_FMT_NV12M, PIXEL_NV12, 2 }

static const struct m2m_raw from_i420[] = { I420_FORMATS, NV12_FORMATS, { 0 } };
static const struct m2m_raw from_nv12[] = { NV12_FORMATS, I420_FORMATS, { 0 } };
static const struct m2m_raw from_yuyv[] = { { V4L2_PIX_FMT_YUYV, PIXEL_YUYV, 1 }, I420_FORMATS, NV12_FORMATS, { 0 } };
static const struct m2m_raw from_uyvy[] = { { V4L2_PIX_FMT_UYVY, PIXEL_UYVY, 1 }, I420_FORMATS, NV12_FORMATS, { 0 } };
static const struct m2m_raw from_nv21[] = { { V4L2_PIX_FMT_NV21, PIXEL_NV21, 1 }, I420_FORMATS, { 0 } };
static const struct m2m_raw from_nothing[] = { { 0 } };

const struct m2m_raw *m2m_picture_formats(enum pixel_format pixels)
{
	switch (pixels) {
	case PIXEL_I420:
		return from_i420;
	case PIXEL_NV12:
		return from_nv12;
	case PIXEL_YUYV:
		return from_yuyv;
	case PIXEL_UYVY:
		return from_uyvy;
	case PIXEL_NV21:
		return from_nv21;
	default:
		return from_nothing;
	}
}

/* Of the planes that follow the first in the same memory, V4L2 says nothing: they have its stride, or half of it. */
static size_t stride_of(const struct m2m_format *format, const struct m2m_raw *raw, int plane)
{
	if (raw->n_memory > 1)
		return format->strides[plane];
	return plane && raw->pixels == PIXEL_I420 ? format->strides[0] / 2 : format->strides[0];
}

bool m2m_picture_spots(const struct m2m_format *format, const struct m2m_raw *raw, const struct frame_format *picture,
		       struct m2m_spot spots[FRAME_MAX_PLANES])
{
	/* rows of the driver's picture, which may be higher than ours, decide where the next plane begins */
	const struct frame_format padded = { .pixels = raw->pixels, .width = picture->width, .height = format->height };
	size_t end = 0;

	if (format->n_memory != raw->n_memory || format->width < picture->width || format->height < picture->height)
		return false;
	for (int i = 0; i < frame_n_planes(raw->pixels); i++) {
		size_t stride = stride_of(format, raw, i);
		int memory = raw->n_memory > 1 ? i : 0;

		if (memory)
			end = 0;
		if (stride < (size_t)frame_plane_row_bytes(&padded, i))
			return false;
		spots[i] = (struct m2m_spot){ .memory = memory, .offset = end, .stride = (int)stride };
		end += stride * (size_t)frame_plane_rows(&padded, i);
		if (end > format->bytes[memory])
			return false;
	}
	return true;
}

static void write_plane(const struct plane *from, uint8_t *to, int stride, int rows, int row_bytes)
{
	for (int row = 0; row < rows; row++)
		memcpy(to + (ptrdiff_t)row * stride, from->data + (ptrdiff_t)row * from->stride, (size_t)row_bytes);
}

static void convert_to_i420_at(const struct frame *frame, uint8_t *const to[], const struct m2m_spot *spots)
{
	const struct plane *from = frame->planes;
	int width = frame->format.width, height = frame->format.height;

	switch (frame->format.pixels) {
	case PIXEL_YUYV:
		YUY2ToI420(from[0].data, from[0].stride, to[0], spots[0].stride, to[1], spots[1].stride, to[2],
			   spots[2].stride, width, height);
		break;
	case PIXEL_UYVY:
		UYVYToI420(from[0].data, from[0].stride, to[0], spots[0].stride, to[1], spots[1].stride, to[2],
			   spots[2].stride, width, height);
		break;
	case PIXEL_NV21:
		NV21ToI420(from[0].data, from[0].stride, from[1].data, from[1].stride, to[0], spots[0].stride, to[1],
			   spots[1].stride, to[2], spots[2].stride, width, height);
		break;
	default:
		NV12ToI420(from[0].data, from[0].stride, from[1].data, from[1].stride, to[0], spots[0].stride, to[1],
			   spots[1].stride, to[2], spots[2].stride, width, height);
	}
}

static void convert_to_nv12_at(const struct frame *frame, uint8_t *const to[], const struct m2m_spot *spots)
{
	const struct plane *from = frame->planes;
	int width = frame->format.width, height = frame->format.height;

	switch (frame->format.pixels) {
	case PIXEL_YUYV:
		YUY2ToNV12(from[0].data, from[0].stride, to[0], spots[0].stride, to[1], spots[1].stride, width, height);
		break;
	case PIXEL_UYVY:
		UYVYToNV12(from[0].data, from[0].stride, to[0], spots[0].stride, to[1], spots[1].stride, width, height);
		break;
	default:
		I420ToNV12(from[0].data, from[0].stride, from[1].data, from[1].stride, from[2].data, from[2].stride,
			   to[0], spots[0].stride, to[1], spots[1].stride, width, height);
	}
}

uint64_t m2m_picture_write(const struct frame *frame, enum pixel_format as, const struct m2m_spot spots[FRAME_MAX_PLANES],
			   void *const memory[M2M_MAX_MEMORY])
{
	struct frame_format format = frame->format;
	uint8_t *to[FRAME_MAX_PLANES];
	uint64_t written = 0;

	format.pixels = as;
	for (int i = 0; i < frame_n_planes(as); i++) {
		int rows = frame_plane_rows(&format, i), row_bytes = frame_plane_row_bytes(&format, i);

		to[i] = (uint8_t *)memory[spots[i].memory] + spots[i].offset;
		written += (uint64_t)rows * (uint64_t)row_bytes;
		if (as == frame->format.pixels)
			write_plane(&frame->planes[i], to[i], spots[i].stride, rows, row_bytes);
	}
	if (as == PIXEL_I420 && frame->format.pixels != as)
		convert_to_i420_at(frame, to, spots);
	else if (as == PIXEL_NV12 && frame->format.pixels != as)
		convert_to_nv12_at(frame, to, spots);
	return written;
}
