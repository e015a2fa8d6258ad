/*
 * A number as black and white cells in a picture's luma, made to survive encoding, scaling and screenshots: the synthetic
 * camera draws it, tests read it back from what was recorded.
 *
 * 16 x 4 cells near the lower edge. The outer columns are calibration (black and white alternate, and oppose each other);
 * the 56 cells between hold 40 bits of the number and a CRC-16 of them, in rows, the highest bit first. Place and cell
 * size follow from the picture's size alone. Cells are whole macroblocks wherever 16 of them fit, so that an encoder
 * spends next to nothing on them. Pure functions; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PATTERN_COLUMNS 16
#define PATTERN_ROWS 4
#define PATTERN_MAX ((UINT64_C(1) << 40) - 1)	/* of larger numbers, the lower 40 bits are drawn */

/* Luma of the cells: within limited range, so that they are right in full range too. */
#define PATTERN_BLACK 16
#define PATTERN_WHITE 235

struct pattern_layout {
	int x, y;			/* of the first cell */
	int cell_width, cell_height;
};

/* False: the picture is too small (under 32 x 22). */
bool pattern_layout(int width, int height, struct pattern_layout *layout);

/* The 64 cells as bits, 1 is white: cell (column, row) is bit row * PATTERN_COLUMNS + column. */
uint64_t pattern_cells(uint64_t number);

/* Draws the number; a picture that is too small stays as it is. */
void pattern_draw(uint8_t *luma, int stride, int width, int height, uint64_t number);

/*
 * Reads the number from a picture of the size it was drawn in, or scaled down 2, 3 or 4 times; any range, contrast of at
 * least 32 levels. False: there is no pattern, or it is damaged.
 */
bool pattern_read(const uint8_t *luma, int stride, int width, int height, uint64_t *number);
