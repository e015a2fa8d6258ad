#include "camd/overlay_paint.h"

#include "camd/luma.h"
#include "common/util.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* ---- formats ---- */

bool paint_can(enum pixel_format pixels)
{
	return pixels != PIXEL_MJPEG && pixels != PIXEL_Y10;
}

static void add_part(struct canvas *canvas, enum paint_grid grid, const struct plane *plane, int first, int step)
{
	canvas->parts[canvas->n_parts++] = (struct paint_part){ grid, plane->data + first, plane->stride, step };
}

static void add_packed(struct canvas *canvas, const struct plane *plane, int luma, int cb, int cr)
{
	add_part(canvas, GRID_PIXEL, plane, luma, 2);
	add_part(canvas, GRID_PAIR, plane, cb, 4);
	add_part(canvas, GRID_PAIR, plane, cr, 4);
}

static void add_triples(struct canvas *canvas, const struct plane *plane, int red, int blue)
{
	add_part(canvas, GRID_PIXEL, plane, red, 3);
	add_part(canvas, GRID_PIXEL, plane, 1, 3);
	add_part(canvas, GRID_PIXEL, plane, blue, 3);
}

static void add_planes(struct canvas *canvas, const struct plane *planes, enum paint_grid chroma)
{
	add_part(canvas, GRID_PIXEL, &planes[0], 0, 1);
	add_part(canvas, chroma, &planes[1], 0, 1);
	add_part(canvas, chroma, &planes[2], 0, 1);
}

static void add_semiplanar(struct canvas *canvas, const struct plane *planes, int cb, int cr)
{
	add_part(canvas, GRID_PIXEL, &planes[0], 0, 1);
	add_part(canvas, GRID_SQUARE, &planes[1], cb, 2);
	add_part(canvas, GRID_SQUARE, &planes[1], cr, 2);
}

struct canvas paint_canvas(const struct frame *frame)
{
	struct canvas canvas = { .width = frame->format.width & ~1, .height = frame->format.height & ~1 };
	const struct plane *planes = frame->planes;

	switch (frame->format.pixels) {
	case PIXEL_I420:
		add_planes(&canvas, planes, GRID_SQUARE);
		break;
	case PIXEL_I422:
		add_planes(&canvas, planes, GRID_PAIR);
		break;
	case PIXEL_NV12:
		add_semiplanar(&canvas, planes, 0, 1);
		break;
	case PIXEL_NV21:
		add_semiplanar(&canvas, planes, 1, 0);
		break;
	case PIXEL_YUYV:
		add_packed(&canvas, planes, 0, 1, 3);
		break;
	case PIXEL_UYVY:
		add_packed(&canvas, planes, 1, 0, 2);
		break;
	case PIXEL_RGB24:
		add_triples(&canvas, planes, 0, 2);
		break;
	case PIXEL_BGR24:
		add_triples(&canvas, planes, 2, 0);
		break;
	case PIXEL_GREY:
		add_part(&canvas, GRID_PIXEL, planes, 0, 1);
		break;
	case PIXEL_MJPEG:
	case PIXEL_Y10:
		assert(!"such pictures are converted first");
	}
	return canvas;
}

/* ---- colours ---- */

static uint8_t to_byte(double value)
{
	return (uint8_t)lround(fmin(fmax(value, 0), 255));
}

struct paint paint_mix(struct rgba colour, const struct frame_format *format)
{
	const struct luma_weights share = luma_weights_of(format->colour.matrix);
	const double red = colour.red / 255., green = colour.green / 255., blue = colour.blue / 255.;
	const double luma = share.red * red + (1 - share.red - share.blue) * green + share.blue * blue;
	const bool full = format->colour.full_range;
	const double black = full ? 0 : 16, levels = full ? 255 : 219, chroma = full ? 255 : 224;

	if (pixel_format_is_rgb(format->pixels))
		return (struct paint){ { to_byte(black + levels * red), to_byte(black + levels * green), to_byte(black + levels * blue) },
				       colour.alpha };
	return (struct paint){ { to_byte(black + levels * luma), to_byte(128 + chroma * (blue - luma) / (2 * (1 - share.blue))),
				 to_byte(128 + chroma * (red - luma) / (2 * (1 - share.red))) }, colour.alpha };
}

/* ---- coverage ---- */

void paint_fill_grids(struct shape *shape)
{
	const uint8_t *pixels = shape->coverage[GRID_PIXEL];
	uint8_t *pairs = shape->coverage[GRID_PAIR], *squares = shape->coverage[GRID_SQUARE];
	int half = shape->width / 2;

	for (int i = 0; i < half * shape->height; i++)
		pairs[i] = (uint8_t)((pixels[2 * i] + pixels[2 * i + 1] + 1) / 2);
	for (int y = 0; y < shape->height / 2; y++) {
		const uint8_t *upper = pixels + (ptrdiff_t)2 * y * shape->width, *lower = upper + shape->width;

		for (int x = 0; x < half; x++)
			squares[y * half + x] =
				(uint8_t)((upper[2 * x] + upper[2 * x + 1] + lower[2 * x] + lower[2 * x + 1] + 2) / 4);
	}
}

/* ---- painting ---- */

/*
 * A mean with weights that add up to 255, rounded: exact, and a coverage of 0 leaves the sample as it is. All in 16 bits, in which
 * the sum fits even where its parts wrap, so that vectors hold twice as many.
 */
static inline uint8_t blend(uint8_t sample, uint8_t value, uint8_t coverage)
{
	uint16_t sum = (uint16_t)(sample * 255 + coverage * (uint16_t)(value - sample) + 128);

	return (uint8_t)((uint16_t)(sum + (sum >> 8)) >> 8);
}

static inline int blend_blocks(uint8_t *restrict samples, const uint8_t *restrict coverage, int at, int n, uint8_t value, const int block)
{
	for (; at + block <= n; at += block)
		for (int i = 0; i < block; i++)
			samples[at + i] = blend(samples[at + i], value, coverage[at + i]);
	return at;
}

/* In blocks of sizes that compilers know, of which they make vector code: letters are narrow, so that the last ones count. */
static void blend_row(uint8_t *restrict samples, const uint8_t *restrict coverage, int n, uint8_t value)
{
	int at = blend_blocks(samples, coverage, 0, n, value, 16);

	at = blend_blocks(samples, coverage, at, n, value, 8);
	at = blend_blocks(samples, coverage, at, n, value, 4);
	blend_blocks(samples, coverage, at, n, value, 1);
}

static void blend_apart(uint8_t *samples, int step, const uint8_t *coverage, int n, uint8_t value)
{
	for (int i = 0; i < n; i++)
		if (coverage[i])
			samples[i * step] = blend(samples[i * step], value, coverage[i]);
}

/* The part of a box that lies in the picture, from its own corner, in samples of a grid. */
struct clip {
	int left, top, width, height;
};

static bool clip_box(const struct canvas *canvas, enum paint_grid grid, int x, int y, int width, int height, struct clip *clip)
{
	int left = MAX(0, -x), top = MAX(0, -y), right = MIN(width, canvas->width - x), bottom = MIN(height, canvas->height - y);
	int across = grid == GRID_PIXEL ? 1 : 2, down = grid == GRID_SQUARE ? 2 : 1;

	*clip = (struct clip){ left / across, top / down, (right - left) / across, (bottom - top) / down };
	return right > left && bottom > top;
}

static uint8_t *sample_at(const struct paint_part *part, int x, int y)
{
	int across = part->grid == GRID_PIXEL ? 1 : 2, down = part->grid == GRID_SQUARE ? 2 : 1;

	return part->samples + (ptrdiff_t)(y / down) * part->stride + (ptrdiff_t)(x / across) * part->step;
}

void paint_shape(const struct canvas *canvas, int x, int y, const struct shape *shape, const struct paint *paint)
{
	for (int i = 0; i < canvas->n_parts; i++) {
		const struct paint_part *part = &canvas->parts[i];
		int row_bytes = part->grid == GRID_PIXEL ? shape->width : shape->width / 2;
		struct clip clip;

		if (!clip_box(canvas, part->grid, x, y, shape->width, shape->height, &clip))
			return;
		for (int row = 0; row < clip.height; row++) {
			const uint8_t *coverage = shape->coverage[part->grid] + (ptrdiff_t)(clip.top + row) * row_bytes + clip.left;
			uint8_t *samples = sample_at(part, MAX(x, 0), MAX(y, 0)) + (ptrdiff_t)row * part->stride;

			if (part->step == 1)
				blend_row(samples, coverage, clip.width, paint->values[i]);
			else
				blend_apart(samples, part->step, coverage, clip.width, paint->values[i]);
		}
	}
}

static void cover_row(uint8_t *samples, int step, int n, uint8_t value, uint8_t alpha)
{
	if (step == 1 && alpha == 255)
		memset(samples, value, (size_t)n);
	else
		for (int i = 0; i < n; i++)
			samples[i * step] = blend(samples[i * step], value, alpha);
}

void paint_box(const struct canvas *canvas, int x, int y, int width, int height, const struct paint *paint)
{
	for (int i = 0; i < canvas->n_parts; i++) {
		const struct paint_part *part = &canvas->parts[i];
		struct clip clip;

		if (!clip_box(canvas, part->grid, x, y, width, height, &clip))
			return;
		for (int row = 0; row < clip.height; row++)
			cover_row(sample_at(part, MAX(x, 0), MAX(y, 0)) + (ptrdiff_t)row * part->stride, part->step, clip.width,
				  paint->values[i], paint->alpha);
	}
}
