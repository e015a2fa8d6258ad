/* How the pictures of several cameras share a terminal. Pure functions; any thread. */
#pragma once

#include "camctl/screen.h"
#include "common/field.h"

/* A grid of equal tiles; columns, rows: of one tile, in cells. across 0: there is no room for pictures. */
struct mosaic {
	int across, down, columns, rows;
};

/* What a terminal's cells are taken for that doesn't tell their size. */
struct size mosaic_cell(const struct screen_room *room);

/* The grid in which n pictures of that size come out largest, but none with more than so many cells across. */
struct mosaic mosaic_arrange(const struct screen_room *room, size_t n, struct size picture, int max_columns);

/* The largest that such a picture can be in a tile, in cells. */
struct size mosaic_fit(const struct screen_room *room, const struct mosaic *mosaic, struct size picture);
