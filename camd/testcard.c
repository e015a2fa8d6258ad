#include "camd/testcard.h"

#include "camd/pattern.h"
#include "common/util.h"

#include <math.h>
#include <string.h>

#define LARGE_STEP 2
#define SMALL_STEP 6

const struct rgb testcard_bar_rgb[TESTCARD_BARS] = {
	{ 255, 255, 255 }, { 191, 191, 0 }, { 0, 191, 191 }, { 0, 191, 0 },
	{ 191, 0, 191 }, { 191, 0, 0 }, { 0, 0, 191 }, { 0, 0, 0 },
};

static uint8_t to_byte(double value)
{
	return (uint8_t)lround(fmin(fmax(value, 0), 255));
}

struct ycbcr testcard_ycbcr(struct rgb rgb, const struct colour *colour)
{
	double kr = colour->matrix == 1 ? 0.2126 : 0.299, kb = colour->matrix == 1 ? 0.0722 : 0.114;
	double r = rgb.r / 255.0, g = rgb.g / 255.0, b = rgb.b / 255.0;
	double y = kr * r + (1 - kr - kb) * g + kb * b;
	double cb = (b - y) / (2 * (1 - kb)), cr = (r - y) / (2 * (1 - kr));

	if (colour->full_range)
		return (struct ycbcr){ to_byte(255 * y), to_byte(128 + 255 * cb), to_byte(128 + 255 * cr) };
	return (struct ycbcr){ to_byte(16 + 219 * y), to_byte(128 + 224 * cb), to_byte(128 + 224 * cr) };
}

void testcard_init(struct testcard *card, const struct frame_format *format)
{
	int width = format->width, height = format->height, strip_height = MAX(8, MIN(height / 10, width / 8) & ~7);
	struct pattern_layout pattern;

	*card = (struct testcard){ 0 };
	if (!pattern_layout(width, height, &pattern))
		return;
	card->strip = (struct rectangle){ 0, pattern.y - strip_height, width, strip_height };
	card->below = (struct rectangle){ 0, pattern.y, width, height - pattern.y };
	for (int i = 0; i < TESTCARD_BARS; i++) {
		int left = width * i / TESTCARD_BARS & ~1, right = width * (i + 1) / TESTCARD_BARS & ~1;

		card->bars[i] = (struct rectangle){ left, 0, right - left, card->strip.y };
		card->bar_colours[i] = testcard_ycbcr(testcard_bar_rgb[i], &format->colour);
	}
	card->grey = testcard_ycbcr((struct rgb){ 127, 127, 127 }, &format->colour);
	card->black = testcard_ycbcr((struct rgb){ 0, 0, 0 }, &format->colour);
	card->white = testcard_ycbcr((struct rgb){ 255, 255, 255 }, &format->colour);
}

static void fill_bytes(const struct plane *plane, int x, int y, int row_bytes, int rows, uint8_t value)
{
	for (int row = y; row < y + rows; row++)
		memset(plane->data + (ptrdiff_t)row * plane->stride + x, value, (size_t)row_bytes);
}

/* Rows of a repeated unit of bytes: CbCr pairs of NV12, Y0 Cb Y1 Cr of YUYV. */
static void fill_units(const struct plane *plane, int x, int y, const uint8_t *unit, int unit_bytes, int units, int rows)
{
	uint8_t *first = plane->data + (ptrdiff_t)y * plane->stride + x;

	for (int i = 0; i < units; i++)
		memcpy(first + i * unit_bytes, unit, (size_t)unit_bytes);
	for (int row = 1; row < rows; row++)
		memcpy(first + (ptrdiff_t)row * plane->stride, first, (size_t)(units * unit_bytes));
}

static void fill(struct frame *frame, struct rectangle at, struct ycbcr colour)
{
	struct plane *planes = frame->planes;
	const uint8_t pair[] = { colour.cb, colour.cr }, packed[] = { colour.y, colour.cb, colour.y, colour.cr };
	int down = frame->format.pixels == PIXEL_I422 ? 1 : 2;

	if (at.width <= 0 || at.height <= 0)
		return;
	if (frame->format.pixels == PIXEL_YUYV) {
		fill_units(&planes[0], at.x * 2, at.y, packed, 4, at.width / 2, at.height);
		return;
	}
	fill_bytes(&planes[0], at.x, at.y, at.width, at.height, colour.y);
	if (frame->format.pixels == PIXEL_NV12) {
		fill_units(&planes[1], at.x, at.y / 2, pair, 2, at.width / 2, at.height / 2);
		return;
	}
	fill_bytes(&planes[1], at.x / 2, at.y / down, at.width / 2, at.height / down, colour.cb);
	fill_bytes(&planes[2], at.x / 2, at.y / down, at.width / 2, at.height / down, colour.cr);
}

static void draw_cells(const struct testcard *card, struct frame *frame, uint64_t cells, uint64_t changed)
{
	struct pattern_layout layout;

	if (!pattern_layout(frame->format.width, frame->format.height, &layout))
		return;
	for (int i = 0; i < PATTERN_ROWS * PATTERN_COLUMNS; i++) {
		struct rectangle at = {
			layout.x + i % PATTERN_COLUMNS * layout.cell_width,
			layout.y + i / PATTERN_COLUMNS * layout.cell_height,
			layout.cell_width, layout.cell_height,
		};

		if (changed >> i & 1)
			fill(frame, at, cells >> i & 1 ? card->white : card->black);
	}
}

/* Where a box is that starts at the left with picture 1 and comes in from the left again when it has reached the right. */
static struct rectangle box_at(const struct rectangle *strip, int width, int height, int step, uint64_t number)
{
	uint64_t way = (uint64_t)(strip->width - width);
	int x = (int)((number - 1) * (uint64_t)step % way) & ~1;

	return (struct rectangle){ strip->x + x, strip->y + ((strip->height - height) / 2 & ~1), width, height };
}

static void draw_boxes(const struct testcard *card, struct frame *frame, struct testcard_state *state, uint64_t number)
{
	int side = card->strip.height;

	fill(frame, state->large_box, card->grey);
	fill(frame, state->small_box, card->grey);
	state->large_box = box_at(&card->strip, side * 2, side, LARGE_STEP, number);
	state->small_box = box_at(&card->strip, side / 2, side / 2, SMALL_STEP, number);
	fill(frame, state->large_box, card->bar_colours[1]);
	fill(frame, state->small_box, card->bar_colours[6]);
}

void testcard_draw(const struct testcard *card, struct frame *frame, struct testcard_state *state, uint64_t number)
{
	uint64_t cells = pattern_cells(number), changed = cells ^ state->cells;

	if (!state->drawn) {
		for (int i = 0; i < TESTCARD_BARS; i++)
			fill(frame, card->bars[i], card->bar_colours[i]);
		fill(frame, card->strip, card->grey);
		fill(frame, card->below, card->black);
		changed = UINT64_MAX;
	}
	draw_cells(card, frame, cells, changed);
	draw_boxes(card, frame, state, number);
	state->cells = cells;
	state->drawn = true;
}
