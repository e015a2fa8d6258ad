/*
 * What analysers look at: the luma of a frame, box by box averaged down to at most 320x240. A copy of its own, so that nobody who
 * looks at pictures keeps a buffer from a source. One thread at a time.
 */
#pragma once

#include "camd/frame.h"

#define GREY_MAX_WIDTH 320
#define GREY_MAX_HEIGHT 240

struct grey {
	int width, height;		/* 0: nothing is in it */
	int64_t sensor_ns;
	uint8_t pixels[GREY_MAX_WIDTH * GREY_MAX_HEIGHT];	/* row by row, without padding; 0 is black, 255 white, whatever the frame's range is */
	/* instead, as long as nobody has decoded it: */
	uint8_t *jpeg;			/* allocated */
	size_t jpeg_bytes, jpeg_room;	/* bytes 0: it is decoded */
};

/* Which bytes of a row tell the brightness of pixels: the first, and every so many; of packed RGB, green. */
void grey_locate(enum pixel_format pixels, int *first, int *step);

/* Takes the picture of a frame, or of its small one. Of a JPEG only the bytes are copied. The source's thread. */
void grey_take(struct grey *grey, const struct frame *frame);

/* Decodes what is still a JPEG. False: there is no picture in it. */
bool grey_decode(struct grey *grey);

/* Mean brightness, 0 to 255, of one that is decoded. */
double grey_mean(const struct grey *grey);

void grey_finish(struct grey *grey);
