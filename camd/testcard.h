/*
 * The picture of the synthetic camera, in any raw pixel format and colour:
 *
 *   bars      eight colour bars (EBU 100/0/75/0) from the top edge down, which never change
 *   strip     a mid-grey strip through which two boxes move, the large one 2 pixels a frame, the small one 6
 *   pattern   the frame's number (camd/pattern.h) on black, down to the lower edge
 *
 * The bars' RGB is exact before it becomes Y'CbCr by the colour's matrix and range, rounded to 8 bits: whoever turns it
 * back with the same matrix and range comes out within 2 of 255.
 *
 * Everything is made of rectangles, and a frame that was drawn before gets only those that differ from what it holds.
 * Used by one thread at a time.
 */
#pragma once

#include "camd/frame.h"

#define TESTCARD_BARS 8
#define TESTCARD_MIN_WIDTH 64
#define TESTCARD_MIN_HEIGHT 48

struct rgb {
	uint8_t r, g, b;
};

/* white 255,255,255; yellow 191,191,0; cyan 0,191,191; green 0,191,0; magenta 191,0,191; red 191,0,0; blue 0,0,191; black 0,0,0 */
extern const struct rgb testcard_bar_rgb[TESTCARD_BARS];

struct rectangle {
	int x, y, width, height;	/* even */
};

struct ycbcr {
	uint8_t y, cb, cr;
};

struct testcard {
	struct rectangle bars[TESTCARD_BARS], strip, below;
	struct ycbcr bar_colours[TESTCARD_BARS], grey, black, white;
};

/* What a frame holds already; all zero: nothing. */
struct testcard_state {
	bool drawn;
	uint64_t cells;
	struct rectangle large_box, small_box;
};

/* The size must be even and at least TESTCARD_MIN_*; the colour's matrix 1, 5 or 6. */
void testcard_init(struct testcard *card, const struct frame_format *format);

/* Draws picture `number` into a frame of that format (not MJPEG) which holds what state says; updates state. */
void testcard_draw(const struct testcard *card, struct frame *frame, struct testcard_state *state, uint64_t number);

/* A colour in Y'CbCr as these code points say. */
struct ycbcr testcard_ycbcr(struct rgb rgb, const struct colour *colour);
