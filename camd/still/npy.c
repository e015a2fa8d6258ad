/*
 * Arrays for NumPy, its format 1.0: "\x93NUMPY", version, length of a header that is a Python dict, the numbers in C order.
 *
 *   npy      (height, width), luma as the camera gives it: limited range stays 16 to 235. uint8, of 10 bits uint16
 *   npy_bgr  (height, width, 3), blue, green, red as OpenCV has them, full range 0 to 255. uint8
 *
 * Sums are uint16 without any gain: n pictures' values added up.
 */
#include "camd/still/still.h"

#include "common/util.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "\x93NUMPY\x01\x00"
#define MAGIC_BYTES 8
#define HEADER_BYTES 128	/* in all: the data begin at a multiple of 64 */

static void write_header(uint8_t *to, const struct sums *sums, int channels, bool deep)
{
	int length = HEADER_BYTES - MAGIC_BYTES - 2;
	char shape[64], text[HEADER_BYTES];
	int used;

	snprintf(shape, sizeof(shape), channels == 1 ? "%d, %d" : "%d, %d, 3", sums->format.height, sums->format.width);
	used = snprintf(text, sizeof(text), "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", deep ? "<u2" : "|u1", shape);
	memcpy(to, MAGIC, MAGIC_BYTES);
	to[MAGIC_BYTES] = (uint8_t)length;
	to[MAGIC_BYTES + 1] = (uint8_t)(length >> 8);
	memset(to + MAGIC_BYTES + 2, ' ', (size_t)length);
	memcpy(to + MAGIC_BYTES + 2, text, (size_t)used);
	to[HEADER_BYTES - 1] = '\n';
}

static uint8_t *put(uint8_t *to, unsigned value, bool deep)
{
	*to++ = (uint8_t)value;
	if (deep)
		*to++ = (uint8_t)(value >> 8);
	return to;
}

static uint8_t *put_luma(const struct sums *sums, int y, bool deep, uint16_t *luma, uint8_t *to)
{
	sums_luma_row(sums, y, luma);
	for (int x = 0; x < sums->format.width; x++)
		to = put(to, luma[x], deep);
	return to;
}

static uint8_t *put_bgr(const struct sums *sums, int y, bool deep, float *rgb, uint8_t *to)
{
	const float white = 255 * (float)sums->n;

	sums_rgb_row(sums, 1, y, rgb);
	for (int x = 0; x < sums->format.width; x++)
		for (int c = 2; c >= 0; c--)
			to = put(to, (unsigned)lrintf(rgb[3 * x + c] * white), deep);
	return to;
}

static bool write_array(const struct sums *sums, int channels, bool deep, uint8_t **data, size_t *bytes)
{
	int width = sums->format.width, height = sums->format.height;
	void *row = xcalloc((size_t)width, channels * sizeof(float));
	uint8_t *to;

	*bytes = HEADER_BYTES + (size_t)width * height * channels * (deep ? 2 : 1);
	*data = xcalloc(1, *bytes);
	write_header(*data, sums, channels, deep);
	to = *data + HEADER_BYTES;
	for (int y = 0; y < height; y++)
		to = channels == 1 ? put_luma(sums, y, deep, row, to) : put_bgr(sums, y, deep, row, to);
	free(row);
	return true;
}

static bool write_frame(const struct frame *frame, int channels, uint8_t **data, size_t *bytes, struct error *err)
{
	struct sums *sums = still_open(frame, err);

	*data = NULL;
	*bytes = 0;
	if (sums)
		write_array(sums, channels, channels == 1 && sums_sample_bits(sums) > 8, data, bytes);
	sums_destroy(sums);
	return *data;
}

static bool npy_write(const struct frame *frame, int quality, uint8_t **data, size_t *bytes, struct error *err)
{
	(void)quality;
	return write_frame(frame, 1, data, bytes, err);
}

static bool npy_write_sums(const struct sums *sums, double gain, uint8_t **data, size_t *bytes, struct error *err)
{
	(void)gain;
	(void)err;
	return write_array(sums, 1, true, data, bytes);
}

static bool npy_bgr_write(const struct frame *frame, int quality, uint8_t **data, size_t *bytes, struct error *err)
{
	(void)quality;
	return write_frame(frame, 3, data, bytes, err);
}

static bool npy_bgr_write_sums(const struct sums *sums, double gain, uint8_t **data, size_t *bytes, struct error *err)
{
	(void)gain;
	(void)err;
	return write_array(sums, 3, true, data, bytes);
}

const struct still_impl still_npy = { .name = "npy", .suffix = ".npy", .write = npy_write, .write_sums = npy_write_sums };
const struct still_impl still_npy_bgr = { .name = "npy_bgr", .suffix = ".npy", .write = npy_bgr_write, .write_sums = npy_bgr_write_sums };
