#include "camd/pattern.h"

#include "common/util.h"

#include <string.h>

#define NUMBER_BITS 40
#define CRC_BITS 16
#define MAX_CELL 64
#define MAX_REDUCTION 4
#define MIN_CONTRAST 32

/* The largest size up to room that keeps to the grids on which encoders transform: 16, then 8, 4 and 2. */
static int cell_size(int room)
{
	if (room >= 16)
		return MIN(room, MAX_CELL) & ~15;
	for (int size = 8; size >= 2; size /= 2)
		if (room >= size)
			return size;
	return 0;
}

bool pattern_layout(int width, int height, struct pattern_layout *layout)
{
	int cell_width = cell_size(width / PATTERN_COLUMNS);
	int cell_height = cell_size(height * 3 / 8 / PATTERN_ROWS);

	if (!cell_width || !cell_height)
		return false;
	*layout = (struct pattern_layout){
		.x = (width - PATTERN_COLUMNS * cell_width) / 2 & ~(MIN(cell_width, 16) - 1),
		.y = (height - PATTERN_ROWS * cell_height) & ~(MIN(cell_height, 16) - 1),
		.cell_width = cell_width,
		.cell_height = cell_height,
	};
	return true;
}

/* CRC-16 with the CCITT polynomial and all ones to begin with, so that an all-black picture is no number. */
static uint16_t crc16(uint64_t number)
{
	uint16_t crc = 0xffff;

	for (int bit = NUMBER_BITS - 1; bit >= 0; bit--) {
		bool carry = (crc >> 15) ^ (number >> bit & 1);

		crc = (uint16_t)(crc << 1 ^ (carry ? 0x1021 : 0));
	}
	return crc;
}

static bool is_calibration(int column)
{
	return column == 0 || column == PATTERN_COLUMNS - 1;
}

static bool calibration_is_white(int column, int row)
{
	return (column == 0) == (row % 2 == 1);
}

uint64_t pattern_cells(uint64_t number)
{
	uint64_t message = (number & PATTERN_MAX) << CRC_BITS | crc16(number & PATTERN_MAX);
	int bit = NUMBER_BITS + CRC_BITS;
	uint64_t cells = 0;

	for (int i = 0; i < PATTERN_ROWS * PATTERN_COLUMNS; i++) {
		int column = i % PATTERN_COLUMNS, row = i / PATTERN_COLUMNS;
		bool white = is_calibration(column) ? calibration_is_white(column, row) : message >> --bit & 1;

		cells |= (uint64_t)white << i;
	}
	return cells;
}

void pattern_draw(uint8_t *luma, int stride, int width, int height, uint64_t number)
{
	uint64_t cells = pattern_cells(number);
	struct pattern_layout layout;

	if (!pattern_layout(width, height, &layout))
		return;
	for (int i = 0; i < PATTERN_ROWS * PATTERN_COLUMNS; i++) {
		int x = layout.x + i % PATTERN_COLUMNS * layout.cell_width;
		int y = layout.y + i / PATTERN_COLUMNS * layout.cell_height;

		for (int row = y; row < y + layout.cell_height; row++)
			memset(luma + (ptrdiff_t)row * stride + x, cells >> i & 1 ? PATTERN_WHITE : PATTERN_BLACK,
			       (size_t)layout.cell_width);
	}
}

/* The mean of the middle half of a span of cells, far from what neighbours and scaling smear into the edges. */
static int cell_mean(const uint8_t *luma, int stride, const struct pattern_layout *layout, int reduction, int cell)
{
	int left = (layout->x + cell % PATTERN_COLUMNS * layout->cell_width) * 4 + layout->cell_width;
	int top = (layout->y + cell / PATTERN_COLUMNS * layout->cell_height) * 4 + layout->cell_height;
	int x0 = left / (4 * reduction), y0 = top / (4 * reduction);
	int x1 = MAX(x0 + 1, (left + layout->cell_width * 2) / (4 * reduction));
	int y1 = MAX(y0 + 1, (top + layout->cell_height * 2) / (4 * reduction));
	int sum = 0;

	for (int y = y0; y < y1; y++)
		for (int x = x0; x < x1; x++)
			sum += luma[(ptrdiff_t)y * stride + x];
	return sum / ((x1 - x0) * (y1 - y0));
}

/* What is halfway between the darkest white and the lightest black of the calibration; -1: this is no calibration. */
static int find_threshold(const int *means)
{
	int lightest_black = 0, darkest_white = 255;

	for (int row = 0; row < PATTERN_ROWS; row++) {
		for (int column = 0; column < PATTERN_COLUMNS; column += PATTERN_COLUMNS - 1) {
			int mean = means[row * PATTERN_COLUMNS + column];

			if (calibration_is_white(column, row))
				darkest_white = MIN(darkest_white, mean);
			else
				lightest_black = MAX(lightest_black, mean);
		}
	}
	return darkest_white - lightest_black < MIN_CONTRAST ? -1 : (darkest_white + lightest_black) / 2;
}

static bool read_reduced(const uint8_t *luma, int stride, int width, int height, int reduction, uint64_t *number)
{
	int means[PATTERN_ROWS * PATTERN_COLUMNS], threshold;
	struct pattern_layout layout;
	uint64_t message = 0;

	if (!pattern_layout(width * reduction, height * reduction, &layout))
		return false;
	for (int i = 0; i < PATTERN_ROWS * PATTERN_COLUMNS; i++)
		means[i] = cell_mean(luma, stride, &layout, reduction, i);
	threshold = find_threshold(means);
	if (threshold < 0)
		return false;
	for (int i = 0; i < PATTERN_ROWS * PATTERN_COLUMNS; i++)
		if (!is_calibration(i % PATTERN_COLUMNS))
			message = message << 1 | (means[i] > threshold);
	if (crc16(message >> CRC_BITS) != (message & 0xffff))
		return false;
	*number = message >> CRC_BITS;
	return true;
}

bool pattern_read(const uint8_t *luma, int stride, int width, int height, uint64_t *number)
{
	if (width <= 0 || height <= 0 || width > INT16_MAX || height > INT16_MAX)
		return false;
	for (int reduction = 1; reduction <= MAX_REDUCTION; reduction++)
		if (read_reduced(luma, stride, width, height, reduction, number))
			return true;
	return false;
}
