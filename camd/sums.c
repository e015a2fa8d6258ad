#include "camd/sums.h"

#include "camd/luma.h"
#include "common/util.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#define NEUTRAL 128
#define BLOCK 64
#define BRIGHTEST 1000		/* one of so many samples is left to be clipped */

/* Where the samples of one component are: Y, Cb, Cr or R, G, B. */
struct component {
	int plane, offset, step;	/* in samples */
	int x_shift, y_shift;		/* log2 of pixels a sample */
};

static const struct layout {
	int n;
	struct component components[3];
} layouts[] = {
	[PIXEL_I420] = { 3, { { 0, 0, 1, 0, 0 }, { 1, 0, 1, 1, 1 }, { 2, 0, 1, 1, 1 } } },
	[PIXEL_NV12] = { 3, { { 0, 0, 1, 0, 0 }, { 1, 0, 2, 1, 1 }, { 1, 1, 2, 1, 1 } } },
	[PIXEL_NV21] = { 3, { { 0, 0, 1, 0, 0 }, { 1, 1, 2, 1, 1 }, { 1, 0, 2, 1, 1 } } },
	[PIXEL_I422] = { 3, { { 0, 0, 1, 0, 0 }, { 1, 0, 1, 1, 0 }, { 2, 0, 1, 1, 0 } } },
	[PIXEL_YUYV] = { 3, { { 0, 0, 2, 0, 0 }, { 0, 1, 4, 1, 0 }, { 0, 3, 4, 1, 0 } } },
	[PIXEL_UYVY] = { 3, { { 0, 1, 2, 0, 0 }, { 0, 0, 4, 1, 0 }, { 0, 2, 4, 1, 0 } } },
	[PIXEL_RGB24] = { 3, { { 0, 0, 3, 0, 0 }, { 0, 1, 3, 0, 0 }, { 0, 2, 3, 0, 0 } } },
	[PIXEL_BGR24] = { 3, { { 0, 2, 3, 0, 0 }, { 0, 1, 3, 0, 0 }, { 0, 0, 3, 0, 0 } } },
	[PIXEL_GREY] = { 1, { { 0, 0, 1, 0, 0 } } },
	[PIXEL_Y10] = { 1, { { 0, 0, 1, 0, 0 } } },
};

/* In units of one picture's samples. */
struct levels {
	double black, white, chroma;	/* chroma: its whole range */
	int most;
};

static struct levels levels_of(const struct frame_format *format)
{
	int scale = format->pixels == PIXEL_Y10 ? 4 : 1, most = 256 * scale - 1;

	return format->colour.full_range ? (struct levels){ 0, most, 255, most } : (struct levels){ 16 * scale, 235 * scale, 224, most };
}

static int row_samples(const struct frame_format *format, int plane)
{
	return frame_plane_row_bytes(format, plane) / (format->pixels == PIXEL_Y10 ? 2 : 1);
}

struct sums *sums_create(const struct frame_format *format)
{
	struct sums *sums = xcalloc(1, sizeof(*sums));

	assert(format->pixels != PIXEL_MJPEG);
	sums->format = *format;
	for (int i = 0; i < frame_n_planes(format->pixels); i++) {
		sums->strides[i] = row_samples(format, i);
		sums->planes[i] = xcalloc((size_t)sums->strides[i] * frame_plane_rows(format, i), sizeof(uint16_t));
	}
	return sums;
}

void sums_destroy(struct sums *sums)
{
	for (int i = 0; sums && i < FRAME_MAX_PLANES; i++)
		free(sums->planes[i]);
	free(sums);
}

/* In blocks of a known size, so that the compiler makes vectors of them at any level: four times as fast, in the source's thread. */
static void add_row(uint16_t *restrict sums, const uint8_t *restrict samples, int n)
{
	int at = 0;

	for (; at + BLOCK <= n; at += BLOCK)
		for (int i = 0; i < BLOCK; i++)
			sums[at + i] = (uint16_t)(sums[at + i] + samples[at + i]);
	for (; at < n; at++)
		sums[at] = (uint16_t)(sums[at] + samples[at]);
}

/* What a driver leaves in the upper bits is none of the picture. */
static void add_deep_row(uint16_t *sums, const uint8_t *samples, int n)
{
	for (int i = 0; i < n; i++)
		sums[i] = (uint16_t)(sums[i] + ((samples[2 * i] | samples[2 * i + 1] << 8) & 0x3ff));
}

void sums_add(struct sums *sums, const struct frame *frame)
{
	assert(sums->n < SUMS_MAX_PICTURES);
	for (int i = 0; i < frame->n_planes; i++) {
		for (int row = 0; row < frame_plane_rows(&sums->format, i); row++) {
			uint16_t *to = sums->planes[i] + (size_t)row * sums->strides[i];
			const uint8_t *from = frame->planes[i].data + (ptrdiff_t)row * frame->planes[i].stride;

			if (sums->format.pixels == PIXEL_Y10)
				add_deep_row(to, from, sums->strides[i]);
			else
				add_row(to, from, sums->strides[i]);
		}
	}
	sums->n++;
}

bool sums_are_grey(const struct sums *sums)
{
	return layouts[sums->format.pixels].n == 1;
}

int sums_sample_bits(const struct sums *sums)
{
	return sums->format.pixels == PIXEL_Y10 ? 10 : 8;
}

static const uint16_t *row_of(const struct sums *sums, const struct component *component, int y)
{
	return sums->planes[component->plane] + (size_t)(y >> component->y_shift) * sums->strides[component->plane] + component->offset;
}

/* Luma's, or of RGB those of all three. */
static size_t count_levels(const struct sums *sums, uint32_t *counts)
{
	const struct layout *layout = &layouts[sums->format.pixels];
	int n = pixel_format_is_rgb(sums->format.pixels) ? 3 : 1;
	size_t samples = 0;

	for (int c = 0; c < n; c++) {
		for (int y = 0; y < sums->format.height; y++) {
			const uint16_t *row = row_of(sums, &layout->components[c], y);

			for (int x = 0; x < sums->format.width; x++)
				counts[row[x * layout->components[c].step]]++;
		}
		samples += (size_t)sums->format.width * sums->format.height;
	}
	return samples;
}

double sums_gain(const struct sums *sums)
{
	struct levels levels = levels_of(&sums->format);
	uint32_t *counts = xcalloc(UINT16_MAX + 1, sizeof(*counts));
	size_t above = count_levels(sums, counts) / BRIGHTEST;
	int brightest = UINT16_MAX;
	double span;

	while (brightest > 0 && counts[brightest] <= above)
		above -= counts[brightest--];
	free(counts);
	span = brightest / (double)sums->n - levels.black;
	return span * sums->n <= levels.white - levels.black ? sums->n : MAX(1, (levels.white - levels.black) / span);
}

struct frame *sums_mean(const struct sums *sums, double gain)
{
	const struct layout *layout = &layouts[sums->format.pixels];
	struct levels levels = levels_of(&sums->format);
	struct frame *mean = frame_create(&sums->format);
	bool rgb = pixel_format_is_rgb(sums->format.pixels);

	for (int c = 0; c < layout->n; c++) {
		const struct component *at = &layout->components[c];
		double base = c == 0 || rgb ? levels.black : NEUTRAL, factor = gain / sums->n;

		for (int y = 0; y < sums->format.height; y += 1 << at->y_shift) {
			const uint16_t *from = row_of(sums, at, y);
			uint8_t *to = mean->planes[at->plane].data + (ptrdiff_t)(y >> at->y_shift) * mean->planes[at->plane].stride;

			for (int x = 0; x < sums->format.width >> at->x_shift; x++) {
				double value = floor(base + (from[x * at->step] - base * sums->n) * factor + 0.5);
				int level = (int)MIN(MAX(value, 0), levels.most);

				if (sums->format.pixels == PIXEL_Y10) {
					to[2 * x] = (uint8_t)level;
					to[2 * x + 1] = (uint8_t)(level >> 8);
				} else {
					to[x * at->step + at->offset] = (uint8_t)level;
				}
			}
		}
	}
	return mean;
}

static float clip(double value)
{
	return (float)MIN(MAX(value, 0), 1);
}

static void ycbcr_row(const struct sums *sums, const struct levels *levels, double gain, int y, float *rgb)
{
	const struct component *components = layouts[sums->format.pixels].components;
	const uint16_t *luma = row_of(sums, &components[0], y), *cb = row_of(sums, &components[1], y), *cr = row_of(sums, &components[2], y);
	struct luma_weights weights = luma_weights_of(sums->format.colour.matrix);
	double green = 1 - weights.red - weights.blue, black = levels->black * sums->n, neutral = NEUTRAL * sums->n;
	double luma_scale = gain / sums->n / (levels->white - levels->black), chroma_scale = gain / sums->n / levels->chroma;

	for (int x = 0; x < sums->format.width; x++, rgb += 3) {
		double level = (luma[x * components[0].step] - black) * luma_scale;
		double b = level + 2 * (1 - weights.blue) * chroma_scale * (cb[(x >> 1) * components[1].step] - neutral);
		double r = level + 2 * (1 - weights.red) * chroma_scale * (cr[(x >> 1) * components[2].step] - neutral);

		rgb[0] = clip(r);
		rgb[1] = clip((level - weights.red * r - weights.blue * b) / green);
		rgb[2] = clip(b);
	}
}

void sums_rgb_row(const struct sums *sums, double gain, int y, float *rgb)
{
	const struct layout *layout = &layouts[sums->format.pixels];
	struct levels levels = levels_of(&sums->format);
	double black = levels.black * sums->n, scale = gain / sums->n / (levels.white - levels.black);

	if (layout->n == 3 && !pixel_format_is_rgb(sums->format.pixels)) {
		ycbcr_row(sums, &levels, gain, y, rgb);
		return;
	}
	for (int c = 0; c < 3; c++) {
		const struct component *at = &layout->components[c % layout->n];
		const uint16_t *row = row_of(sums, at, y);

		for (int x = 0; x < sums->format.width; x++)
			rgb[3 * x + c] = clip((row[x * at->step] - black) * scale);
	}
}

void sums_luma_row(const struct sums *sums, int y, uint16_t *luma)
{
	const struct component *components = layouts[sums->format.pixels].components;
	const uint16_t *rows[3] = { row_of(sums, &components[0], y), row_of(sums, &components[1], y), row_of(sums, &components[2], y) };

	for (int x = 0; x < sums->format.width; x++) {
		int at = x * components[0].step;

		luma[x] = pixel_format_is_rgb(sums->format.pixels) ?
			(uint16_t)lrint(0.299 * rows[0][at] + 0.587 * rows[1][at] + 0.114 * rows[2][at]) : rows[0][at];
	}
}
