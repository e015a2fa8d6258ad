#include "tests/unit/pictures.h"

#include "common/util.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const struct shade picture_bars[N_BARS] = {
	{ 255, 255, 255 }, { 230, 200, 20 }, { 20, 190, 200 }, { 40, 180, 60 },
	{ 200, 50, 190 },  { 210, 30, 40 },  { 30, 40, 200 },  { 0, 0, 0 },
};

const struct colour bt709_limited = { 1, 1, 1, false }, bt709_full = { 1, 1, 1, true };
const struct colour bt601_limited = { 6, 6, 6, false }, bt601_full = { 6, 6, 6, true }, jpeg_full = { 1, 13, 6, true };

struct mapping {
	void *memory;
	size_t bytes;
};

struct mappings {
	struct mapping planes[FRAME_MAX_PLANES];
};

static void unmap(struct frame *frame, void *owner)
{
	struct mappings *mappings = owner;

	for (int i = 0; i < frame->n_planes; i++)
		munmap(mappings->planes[i].memory, mappings->planes[i].bytes);
	free(mappings);
	free(frame);
}

static uint8_t *map_before_guard(struct mapping *mapping, size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (bytes + page - 1) / page * page;

	mapping->bytes = whole + page;
	mapping->memory = mmap(NULL, mapping->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert(mapping->memory != MAP_FAILED);
	assert(mprotect((uint8_t *)mapping->memory + whole, page, PROT_NONE) == 0);
	return (uint8_t *)mapping->memory + whole - bytes;
}

static struct frame *create_empty(const struct frame_format *format, int pad)
{
	struct frame *frame = xcalloc(1, sizeof(*frame));
	struct mappings *mappings = xcalloc(1, sizeof(*mappings));

	frame->format = *format;
	frame->n_planes = frame_n_planes(format->pixels);
	atomic_init(&frame->references, 1);
	frame->release = unmap;
	frame->owner = mappings;
	for (int i = 0; i < frame->n_planes; i++) {
		struct plane *plane = &frame->planes[i];
		int row_bytes = frame_plane_row_bytes(format, i);

		plane->stride = row_bytes + pad;
		plane->bytes = (size_t)plane->stride * (frame_plane_rows(format, i) - 1) + row_bytes;
		plane->dmabuf = -1;
		plane->data = map_before_guard(&mappings->planes[i], plane->bytes);
	}
	return frame;
}

static void weights_of(const struct colour *colour, double *red, double *blue)
{
	*red = colour->matrix == 1 ? 0.2126 : 0.299;
	*blue = colour->matrix == 1 ? 0.0722 : 0.114;
}

static uint8_t to_byte(double value)
{
	return (uint8_t)lrint(MIN(MAX(value, 0), 255));
}

void picture_ycbcr(struct shade rgb, const struct colour *colour, uint8_t ycbcr[3])
{
	double red, blue, y;

	weights_of(colour, &red, &blue);
	y = red * rgb.red + (1 - red - blue) * rgb.green + blue * rgb.blue;
	ycbcr[0] = to_byte(colour->full_range ? y : 16 + y * 219 / 255);
	ycbcr[1] = to_byte(128 + (rgb.blue - y) / (2 * (1 - blue)) * (colour->full_range ? 1 : 224. / 255));
	ycbcr[2] = to_byte(128 + (rgb.red - y) / (2 * (1 - red)) * (colour->full_range ? 1 : 224. / 255));
}

struct shade picture_rgb(const struct frame *frame, int x, int y)
{
	const struct plane *planes = frame->planes;
	const struct colour *colour = &frame->format.colour;
	double luma = planes[0].data[y * planes[0].stride + x];
	double cb = planes[1].data[y / 2 * planes[1].stride + x / 2] - 128.;
	double cr = planes[2].data[y / 2 * planes[2].stride + x / 2] - 128.;
	double red, blue, r, b;

	assert(frame->format.pixels == PIXEL_I420);
	weights_of(colour, &red, &blue);
	if (!colour->full_range) {
		luma = (luma - 16) * 255 / 219;
		cb *= 255. / 224;
		cr *= 255. / 224;
	}
	r = luma + 2 * (1 - red) * cr;
	b = luma + 2 * (1 - blue) * cb;
	return (struct shade){ to_byte(r), to_byte((luma - red * r - blue * b) / (1 - red - blue)), to_byte(b) };
}

int picture_distance(struct shade a, struct shade b)
{
	return MAX(MAX(abs(a.red - b.red), abs(a.green - b.green)), abs(a.blue - b.blue));
}

/* Puts one pair of pixels of one colour into a row of a packed format. False: it isn't one. */
static bool put_packed(const struct frame *frame, uint8_t *row, int pair, const uint8_t c[3])
{
	switch (frame->format.pixels) {
	case PIXEL_YUYV:
		memcpy(row + (size_t)pair * 4, (uint8_t[]){ c[0], c[1], c[0], c[2] }, 4);
		return true;
	case PIXEL_UYVY:
		memcpy(row + (size_t)pair * 4, (uint8_t[]){ c[1], c[0], c[2], c[0] }, 4);
		return true;
	case PIXEL_RGB24:
		memcpy(row + (size_t)pair * 6, (uint8_t[]){ c[0], c[1], c[2], c[0], c[1], c[2] }, 6);
		return true;
	case PIXEL_BGR24:
		memcpy(row + (size_t)pair * 6, (uint8_t[]){ c[2], c[1], c[0], c[2], c[1], c[0] }, 6);
		return true;
	case PIXEL_Y10:
		/* the lowest bits of 10 are not seen in 8 */
		memcpy(row + (size_t)pair * 4, (uint8_t[]){ (uint8_t)(c[0] << 2 | 3), c[0] >> 6, (uint8_t)(c[0] << 2), c[0] >> 6 }, 4);
		return true;
	default:
		return false;
	}
}

/* Puts one pair of pixels of one colour, YCbCr or RGB, into a row. */
static void put_pair(struct frame *frame, int pair, int y, const uint8_t colour[3])
{
	enum pixel_format pixels = frame->format.pixels;
	struct plane *planes = frame->planes;
	int chroma_row = pixels == PIXEL_I422 ? y : y / 2;

	if (put_packed(frame, planes[0].data + (size_t)y * planes[0].stride, pair, colour))
		return;
	memset(planes[0].data + (size_t)y * planes[0].stride + pair * 2, colour[0], 2);
	if (pixels == PIXEL_NV12 || pixels == PIXEL_NV21) {
		uint8_t *at = planes[1].data + (size_t)chroma_row * planes[1].stride + pair * 2;

		at[0] = colour[pixels == PIXEL_NV12 ? 1 : 2];
		at[1] = colour[pixels == PIXEL_NV12 ? 2 : 1];
	} else if (pixels != PIXEL_GREY) {
		planes[1].data[(size_t)chroma_row * planes[1].stride + pair] = colour[1];
		planes[2].data[(size_t)chroma_row * planes[2].stride + pair] = colour[2];
	}
}

/* What a colour is in a picture of that format. */
static void encode(struct shade rgb, const struct frame_format *format, uint8_t colour[3])
{
	const uint8_t full[] = { rgb.red, rgb.green, rgb.blue };

	if (!pixel_format_is_rgb(format->pixels)) {
		picture_ycbcr(rgb, &format->colour, colour);
		return;
	}
	for (int i = 0; i < 3; i++)
		colour[i] = format->colour.full_range ? full[i] : to_byte(16 + full[i] * 219. / 255);
}

struct frame *picture_create(const struct frame_format *format, int pad)
{
	struct frame *frame = create_empty(format, pad);
	uint8_t colour[3];

	for (int pair = 0; pair < format->width / 2; pair++) {
		encode(picture_bars[pair * 2 * N_BARS / format->width], format, colour);
		for (int y = 0; y < format->height; y++)
			put_pair(frame, pair, y, colour);
	}
	return frame;
}

struct frame *picture_create_flat(const struct frame_format *format, uint8_t luma)
{
	struct frame *frame = create_empty(format, 0);

	for (int pair = 0; pair < format->width / 2; pair++)
		for (int y = 0; y < format->height; y++)
			put_pair(frame, pair, y, (uint8_t[]){ luma, 128, 128 });
	return frame;
}

static void free_frame(struct frame *frame, void *owner)
{
	(void)owner;
	free(frame);
}

struct frame *picture_wrap_jpeg(const uint8_t *data, size_t bytes, int width, int height)
{
	struct frame *frame = xcalloc(1, sizeof(*frame));

	frame->format = (struct frame_format){ PIXEL_MJPEG, width, height, jpeg_full };
	frame->n_planes = 1;
	frame->planes[0] = (struct plane){ .data = (uint8_t *)(uintptr_t)data, .bytes = bytes, .dmabuf = -1 };
	atomic_init(&frame->references, 1);
	frame->release = free_frame;
	return frame;
}
