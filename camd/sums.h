/*
 * Pictures added up, sample by sample, in 16 bits: what a stack of frames is made of, and how stills get at the samples of any pixel
 * format. 64 pictures of 10 bits just fit.
 *
 * Levels are those of the samples: black is 0 in full range and 16 in limited range, white 255 and 235 (of Y10 four times that), and
 * a gain spreads what is above black. Used by one thread at a time.
 */
#pragma once

#include "camd/frame.h"

#define SUMS_MAX_PICTURES 64

struct sums {
	struct frame_format format;
	int n;				/* pictures */
	uint16_t *planes[FRAME_MAX_PLANES];
	int strides[FRAME_MAX_PLANES];	/* samples from row to row */
};

/* Of no pictures so far. Not for MJPEG, which has no samples. */
struct sums *sums_create(const struct frame_format *format);
void sums_destroy(struct sums *sums);	/* NULL is allowed */

/* One of its format, in memory that may be read (frame_begin_read()). At most SUMS_MAX_PICTURES. */
void sums_add(struct sums *sums, const struct frame *frame);

/* Grey has no colour to be told. */
bool sums_are_grey(const struct sums *sums);
int sums_sample_bits(const struct sums *sums);	/* of one picture: 8 or 10 */

/* By how much the mean may be made brighter until its brightest thousandth is white: from 1 to n. */
double sums_gain(const struct sums *sums);

/* Their mean, rounded, with a gain, in a new frame of the same format without facts. The caller unrefs. */
struct frame *sums_mean(const struct sums *sums, double gain);

/* One row of the mean with a gain as R, G, B in sRGB's range, 0 black to 1 white, by the matrix and range of its colour. */
void sums_rgb_row(const struct sums *sums, double gain, int y, float *rgb);

/* One row of sums of luma as the samples have it; of RGB, BT.601's luma of the sums. */
void sums_luma_row(const struct sums *sums, int y, uint16_t *luma);
