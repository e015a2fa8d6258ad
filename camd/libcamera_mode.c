#include "camd/libcamera_mode.h"

#include "common/util.h"

#define N_BUFFERS 6

#define FOURCC(a, b, c, d) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

/* The best first. DRM names RGB by the word that a processor reads: its RGB888 has blue first in memory. */
static const struct {
	uint32_t fourcc;
	enum pixel_format pixels;
} known[] = {
	{ FOURCC('Y', 'U', '1', '2'), PIXEL_I420 },
	{ FOURCC('N', 'V', '1', '2'), PIXEL_NV12 },
	{ FOURCC('N', 'V', '2', '1'), PIXEL_NV21 },
	{ FOURCC('Y', 'U', '1', '6'), PIXEL_I422 },
	{ FOURCC('Y', 'U', 'Y', 'V'), PIXEL_YUYV },
	{ FOURCC('U', 'Y', 'V', 'Y'), PIXEL_UYVY },
	{ FOURCC('R', 'G', '2', '4'), PIXEL_BGR24 },
	{ FOURCC('B', 'G', '2', '4'), PIXEL_RGB24 },
	{ FOURCC('R', '8', ' ', ' '), PIXEL_GREY },
};

void libcamera_mode_wish(struct libcamera_mode *mode, const struct source_request *request)
{
	*mode = (struct libcamera_mode){
		.config = { .n_buffers = N_BUFFERS, .n_streams = request->small.width > 0 ? 2 : 1 },
	};
	_Static_assert(ARRAY_LEN(known) <= LIBCAMERA_MAX_FORMATS, "they all fit");
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		mode->config.fourccs[i] = known[i].fourcc;
	mode->config.streams[0].width = (uint32_t)MAX(request->size.width, 0);
	mode->config.streams[0].height = (uint32_t)MAX(request->size.height, 0);
	mode->config.streams[1].width = (uint32_t)MAX(request->small.width, 0);
	mode->config.streams[1].height = (uint32_t)MAX(request->small.height, 0);
	mode->config.hflip = request->hflip;
	mode->config.vflip = request->vflip;
}

static struct colour read_colour(const struct libcamera_stream *stream, enum pixel_format pixels)
{
	struct colour colour = {
		.primaries = stream->primaries, .transfer = stream->transfer, .matrix = stream->matrix,
		.full_range = stream->full_range,
	};

	if (!pixel_format_is_rgb(pixels))
		return colour;
	/* RGB that says nothing of itself is that of screens */
	if (colour.primaries == 2)
		colour.primaries = 1;
	if (colour.transfer == 2)
		colour.transfer = 13;
	colour.matrix = 0;
	colour.full_range = true;
	return colour;
}

static bool read_format(const struct libcamera_stream *stream, struct frame_format *format)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (known[i].fourcc != stream->fourcc)
			continue;
		*format = (struct frame_format){
			.pixels = known[i].pixels,
			/* an odd last row or column is left out: there is no half of a chroma sample */
			.width = (int)(stream->width & ~1u), .height = (int)(stream->height & ~1u),
			.colour = read_colour(stream, known[i].pixels),
		};
		return format->width > 0 && format->height > 0 && stream->width <= INT16_MAX && stream->height <= INT16_MAX &&
		       stream->stride <= INT32_MAX && (int)stream->stride >= frame_plane_row_bytes(format, 0);
	}
	return false;
}

bool libcamera_mode_read(struct libcamera_mode *mode, const char *id, struct error *err)
{
	struct libcamera_config *config = &mode->config;
	const struct libcamera_stream *main = &config->streams[0];

	if (!read_format(main, &mode->formats[0]))
		return error_set(err, ERR_UNSUPPORTED, "camera %s: %ux%u in format %.4s with %u bytes a row is nothing "
				 "that camd takes", id, main->width, main->height,
				 main->fourcc ? (const char *)&main->fourcc : "?", main->stride);
	if (config->n_streams > 1 && !read_format(&config->streams[1], &mode->formats[1]))
		config->n_streams = 1;
	return true;
}

static int plane_stride(enum pixel_format pixels, int stride, int plane)
{
	return plane > 0 && (pixels == PIXEL_I420 || pixels == PIXEL_I422) ? stride / 2 : stride;
}

bool libcamera_mode_place(const struct libcamera_mode *mode, int stream, const struct libcamera_buffer *buffer,
			  struct plane planes[FRAME_MAX_PLANES], int sources[FRAME_MAX_PLANES])
{
	const struct frame_format *format = &mode->formats[stream];
	const struct libcamera_stream *told = &mode->config.streams[stream];
	int n = frame_n_planes(format->pixels);
	size_t inside = 0;	/* of the one plane that holds them all, what those before this one take */

	if (buffer->n_planes != 1 && buffer->n_planes != (uint32_t)n)
		return false;
	for (int i = 0; i < n; i++) {
		const struct libcamera_plane *plane = &buffer->planes[buffer->n_planes == 1 ? 0 : i];
		int stride = plane_stride(format->pixels, (int)told->stride, i);
		/* by the true height: libcamera's may be odd */
		size_t rows = i && format->pixels != PIXEL_I422 ? (told->height + 1) / 2 : told->height;
		size_t bytes = (size_t)stride * rows;
		/* nobody fills up the last row */
		size_t needed = (size_t)stride * (size_t)(frame_plane_rows(format, i) - 1) +
				(size_t)frame_plane_row_bytes(format, i);

		if (stride < frame_plane_row_bytes(format, i) || inside + needed > plane->bytes)
			return false;
		planes[i] = (struct plane){ .stride = stride, .bytes = MIN(bytes, plane->bytes - inside), .dmabuf = -1,
					    .offset = plane->offset + inside };
		sources[i] = (int)(plane - buffer->planes);
		inside += buffer->n_planes == 1 ? bytes : 0;
	}
	return true;
}
