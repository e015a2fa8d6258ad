/*
 * Pictures of known colour for the unit tests: eight vertical bars, in any pixel format and any YCbCr. Each plane ends
 * right before memory that must not be touched, its last row without padding, as buffers of cameras may be.
 */
#pragma once

#include "camd/frame.h"

#include <stdint.h>

#define N_BARS 8

struct shade {
	uint8_t red, green, blue;
};

extern const struct shade picture_bars[N_BARS];

extern const struct colour bt709_limited, bt709_full, bt601_limited, bt601_full, jpeg_full;

/* Not MJPEG. pad: bytes from the end of a row to the next. */
struct frame *picture_create(const struct frame_format *format, int pad);

/* A frame that shows a JPEG's bytes; borrows them. */
struct frame *picture_wrap_jpeg(const uint8_t *data, size_t bytes, int width, int height);

/* As picture_create(), but all of one luma value, chroma neutral. */
struct frame *picture_create_flat(const struct frame_format *format, uint8_t luma);

/* The YCbCr of a colour, rounded to bytes. */
void picture_ycbcr(struct shade rgb, const struct colour *colour, uint8_t ycbcr[3]);

/* The colour of one sample of an I420 picture. */
struct shade picture_rgb(const struct frame *frame, int x, int y);

/* The largest difference of the three. */
int picture_distance(struct shade a, struct shade b);
