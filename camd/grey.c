#include "camd/grey.h"

#include "common/util.h"

#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#define MAX_ROW 16384		/* of pixels that are looked at; what a wider picture has beyond stays unseen */
#define MAX_BOX 64		/* sums of so many rows fit 16 bits with room to spare */

void grey_locate(enum pixel_format pixels, int *first, int *step)
{
	bool rgb = pixel_format_is_rgb(pixels);

	*first = pixels == PIXEL_UYVY || rgb;
	*step = rgb ? 3 : pixels == PIXEL_YUYV || pixels == PIXEL_UYVY || pixels == PIXEL_Y10 ? 2 : 1;
}

/* ---- boxes ---- */

static void add_row(uint16_t *restrict sums, const uint8_t *restrict row, int n, int step)
{
	switch (step) {
	case 1:
		for (int x = 0; x < n; x++)
			sums[x] = (uint16_t)(sums[x] + row[x]);
		break;
	case 2:
		for (int x = 0; x < n; x++)
			sums[x] = (uint16_t)(sums[x] + row[2 * x]);
		break;
	default:
		for (int x = 0; x < n; x++)
			sums[x] = (uint16_t)(sums[x] + row[(size_t)step * (size_t)x]);
	}
}

/* Ten bits, little endian: the upper eight of them. */
static void add_row_of_ten(uint16_t *restrict sums, const uint8_t *restrict row, int n)
{
	for (int x = 0; x < n; x++)
		sums[x] = (uint16_t)(sums[x] + ((row[2 * x] | row[2 * x + 1] << 8) >> 2 & 255));
}

static void average(uint8_t *restrict to, const uint16_t *restrict sums, int n, int box)
{
	uint32_t scale = (1u << 20) / (uint32_t)(box * box);

	for (int x = 0; box == 1 && x < n; x++)
		to[x] = (uint8_t)sums[x];
	for (int x = 0; box > 1 && x < n; x++) {
		uint32_t sum = 0;

		for (int i = 0; i < box; i++)
			sum += sums[x * box + i];
		to[x] = (uint8_t)MIN(((uint64_t)sum * scale + (1u << 19)) >> 20, 255);
	}
}

/* Limited range to the full one. */
static void stretch(uint8_t *pixels, int n)
{
	for (int i = 0; i < n; i++) {
		int full = ((pixels[i] - 16) * 298 + 128) >> 8;

		pixels[i] = (uint8_t)MIN(MAX(full, 0), 255);
	}
}

static void shrink(struct grey *grey, const struct frame *picture)
{
	const struct plane *plane = &picture->planes[0];
	int width = MIN(picture->format.width, MAX_ROW), height = picture->format.height, first, step;
	int box = MIN(MAX((width + GREY_MAX_WIDTH - 1) / GREY_MAX_WIDTH, (height + GREY_MAX_HEIGHT - 1) / GREY_MAX_HEIGHT), MAX_BOX);
	uint16_t sums[MAX_ROW];

	grey->width = MIN(width / box, GREY_MAX_WIDTH);
	grey->height = MIN(height / box, GREY_MAX_HEIGHT);
	grey_locate(picture->format.pixels, &first, &step);
	for (int y = 0; y < grey->height; y++) {
		int used = grey->width * box;

		memset(sums, 0, (size_t)used * sizeof(*sums));
		for (int i = 0; i < box; i++) {
			const uint8_t *row = plane->data + (size_t)(y * box + i) * (size_t)plane->stride;

			if (picture->format.pixels == PIXEL_Y10)
				add_row_of_ten(sums, row, used);
			else
				add_row(sums, row + first, used, step);
		}
		average(grey->pixels + (size_t)y * (size_t)grey->width, sums, grey->width, box);
	}
	if (!picture->format.colour.full_range)
		stretch(grey->pixels, grey->width * grey->height);
}

/* ---- pictures ---- */

static void keep_jpeg(struct grey *grey, const struct plane *plane)
{
	if (grey->jpeg_room < plane->bytes) {
		grey->jpeg_room = plane->bytes + plane->bytes / 4;
		grey->jpeg = xrealloc(grey->jpeg, grey->jpeg_room, 1);
	}
	memcpy(grey->jpeg, plane->data, plane->bytes);
	grey->jpeg_bytes = plane->bytes;
}

void grey_take(struct grey *grey, const struct frame *frame)
{
	const struct frame *picture = frame->small ? frame->small : frame;

	grey->sensor_ns = frame->sensor_ns;
	grey->jpeg_bytes = 0;
	frame_begin_read(picture);
	if (picture->format.pixels == PIXEL_MJPEG)
		keep_jpeg(grey, &picture->planes[0]);
	else
		shrink(grey, picture);
	frame_end_read(picture);
}

/* The largest that fits of the sizes at which a JPEG can be decoded. */
static bool decode_into(tjhandle decoder, struct grey *grey)
{
	int width = 0, height = 0, subsampling, space, n;	/* as they stay of a JPEG that has tables only */
	const tjscalingfactor *factors = tjGetScalingFactors(&n);

	if (!factors || tjDecompressHeader3(decoder, grey->jpeg, grey->jpeg_bytes, &width, &height, &subsampling, &space))
		return false;
	grey->width = grey->height = 0;
	for (int i = 0; i < n; i++) {
		int w = TJSCALED(width, factors[i]), h = TJSCALED(height, factors[i]);

		if (w > GREY_MAX_WIDTH || h > GREY_MAX_HEIGHT || w <= grey->width || factors[i].num > factors[i].denom)
			continue;
		grey->width = w;
		grey->height = h;
	}
	/* a damaged one still shows most of it, and the camera's driver has thrown away the worst */
	return grey->width && (!tjDecompress2(decoder, grey->jpeg, grey->jpeg_bytes, grey->pixels, grey->width, 0, grey->height, TJPF_GRAY,
					      TJFLAG_FASTDCT) || tjGetErrorCode(decoder) == TJERR_WARNING);
}

bool grey_decode(struct grey *grey)
{
	tjhandle decoder;
	bool good;

	if (!grey->jpeg_bytes)
		return grey->width > 0;
	decoder = tjInitDecompress();
	good = decoder && decode_into(decoder, grey);
	if (decoder)
		tjDestroy(decoder);
	grey->jpeg_bytes = 0;
	if (!good)
		grey->width = grey->height = 0;
	return good;
}

double grey_mean(const struct grey *grey)
{
	int n = grey->width * grey->height;
	uint32_t sum = 0;

	for (int i = 0; i < n; i++)
		sum += grey->pixels[i];
	return (double)sum / n;
}

void grey_finish(struct grey *grey)
{
	free(grey->jpeg);
	*grey = (struct grey){ 0 };
}
