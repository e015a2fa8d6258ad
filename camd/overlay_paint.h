/*
 * Blends colour into the samples of a picture, in place, whatever its pixel format: boxes, and shapes given as coverage.
 *
 * A format is described once, as up to three grids of samples; everything else follows from that. Places and sizes are even,
 * so that a sample of chroma belongs to a whole number of pixels; what lies outside the picture is left out. Pure functions on
 * what they are given, which must be there and writable (frame_begin_write()); any thread.
 */
#pragma once

#include "camd/frame.h"
#include "common/field.h"

/* A colour as a picture's samples have it: Y, Cb, Cr, or R, G, B. */
struct paint {
	uint8_t values[3], alpha;
};

/* How many pixels a sample stands for. */
enum paint_grid {
	GRID_PIXEL,	/* one */
	GRID_PAIR,	/* two side by side */
	GRID_SQUARE,	/* two by two */
	N_GRIDS,
};

struct paint_part {
	enum paint_grid grid;
	uint8_t *samples;
	int stride, step;	/* bytes from row to row, from sample to sample */
};

struct canvas {
	int width, height;	/* in pixels, even */
	struct paint_part parts[3];
	int n_parts;
};

/* Coverage of a shape, 0 to 255, in rows without padding, as each grid sees it. */
struct shape {
	int left, top;		/* of its corner, right of and above what whoever has it calls its place; even */
	int width, height;	/* in pixels, even */
	uint8_t *coverage[N_GRIDS];
};

/* Whether pictures of that format can be painted as they lie: not MJPEG, and not Y10. */
bool paint_can(enum pixel_format pixels);

struct canvas paint_canvas(const struct frame *frame);		/* one that can */
struct paint paint_mix(struct rgba colour, const struct frame_format *format);

/* Works out the coverage of the coarser grids from that of the pixels. */
void paint_fill_grids(struct shape *shape);

/* x, y: of the left upper corner, in pixels, even. */
void paint_shape(const struct canvas *canvas, int x, int y, const struct shape *shape, const struct paint *paint);
void paint_box(const struct canvas *canvas, int x, int y, int width, int height, const struct paint *paint);
