#include "camctl/mosaic.h"

#include "common/util.h"

#define USUAL_CELL_WIDTH 8
#define USUAL_CELL_HEIGHT 16
#define MIN_COLUMNS 8
#define MIN_ROWS 3
#define GAP 1

struct size mosaic_cell(const struct screen_room *room)
{
	if (room->cell_width > 0 && room->cell_height > 0)
		return (struct size){ room->cell_width, room->cell_height };
	return (struct size){ USUAL_CELL_WIDTH, USUAL_CELL_HEIGHT };
}

static struct size fit(const struct screen_room *room, int columns, int rows, struct size picture)
{
	struct size cell = mosaic_cell(room);
	int64_t tall = (int64_t)columns * cell.width * picture.height, wide = (int64_t)rows * cell.height * picture.width;

	if (tall > wide)
		columns = (int)((wide / picture.height + cell.width / 2) / cell.width);
	else
		rows = (int)((tall / picture.width + cell.height / 2) / cell.height);
	return (struct size){ columns, rows };
}

struct mosaic mosaic_arrange(const struct screen_room *room, size_t n, struct size picture, int max_columns)
{
	struct mosaic best = { 0 };

	for (int across = 1; across <= (int)n; across++) {
		int down = ((int)n + across - 1) / across;
		int columns = MIN((room->columns - GAP * (across - 1)) / across, max_columns);
		struct size tile = fit(room, columns, room->rows / down, picture);

		if (tile.width >= MIN_COLUMNS && tile.height >= MIN_ROWS && tile.width * tile.height > best.columns * best.rows)
			best = (struct mosaic){ across, down, tile.width, tile.height };
	}
	return best;
}

struct size mosaic_fit(const struct screen_room *room, const struct mosaic *mosaic, struct size picture)
{
	struct size fitted = fit(room, mosaic->columns, mosaic->rows, picture);

	return (struct size){ MAX(fitted.width, 1), MAX(fitted.height, 1) };
}
