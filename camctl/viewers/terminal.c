/* Pictures in the terminal, above the status lines, by chafa; those of several cameras beside and under each other. */
#include "camctl/viewers/viewer.h"

#include "camctl/addon.h"
#include "camctl/mosaic.h"
#include "common/util.h"

#include <stdlib.h>
#include <string.h>

#define MAX_FPS 10			/* each picture is some 10 to 300 kB for the terminal */
#define MAX_CHARACTER_COLUMNS 120
#define MAX_ENLARGEMENT 2
#define FIRST_SPRITE_ID 7345000		/* kitty's pictures are shared by all that draw in it */

/* What a camera's picture has become. */
struct tile {
	int64_t camera_id;
	struct size cells;
	char *painted;
	bool fresh;
};

struct terminal_viewer {
	const struct painter_module *module;
	struct painter *painter;
	enum painter_kind kind;
	struct screen *screen;
	struct size picture;		/* the first one's, which the layout is for */
	struct mosaic mosaic;
	struct screen_room room;	/* that the mosaic is for */
	int layout;
	struct tile *tiles;
	size_t n_tiles;
};

/* Sixels have a size in pixels, which must be known in cells to be kept off the status lines. */
static enum painter_kind possible(enum painter_kind kind, const struct screen *screen)
{
	struct screen_room room = screen_room(screen);

	return kind == PAINTER_SIXEL && !(room.cell_width && room.cell_height) ? PAINTER_CHARACTERS : kind;
}

static void *create(const struct viewer_context *context, struct error *err)
{
	const struct painter_module *module = addon_load(PAINTER_FILE, "painter_module", PAINTER_ABI, "libchafa-dev", err);
	bool coloured = screen_is_coloured(context->screen);
	struct terminal_viewer *viewer;
	enum painter_kind kind;

	if (!module)
		return NULL;
	viewer = xcalloc(1, sizeof(*viewer));
	*viewer = (struct terminal_viewer){
		.module = module, .painter = module->create(context->kind, coloured), .screen = context->screen,
	};
	viewer->kind = module->kind(viewer->painter);
	kind = possible(viewer->kind, viewer->screen);
	if (kind != viewer->kind) {
		module->destroy(viewer->painter);
		viewer->painter = module->create(kind, coloured);
		viewer->kind = kind;
	}
	return viewer;
}

static void forget_tiles(struct terminal_viewer *viewer)
{
	for (size_t i = 0; i < viewer->n_tiles; i++)
		free(viewer->tiles[i].painted);
	free(viewer->tiles);
	viewer->tiles = NULL;
	viewer->n_tiles = 0;
}

static void destroy(void *user)
{
	struct terminal_viewer *viewer = user;

	forget_tiles(viewer);
	screen_set_art(viewer->screen, NULL);
	viewer->module->destroy(viewer->painter);
	free(viewer);
}

/* ---- layout ---- */

static int max_columns(const struct terminal_viewer *viewer, const struct screen_room *room)
{
	if (viewer->kind == PAINTER_CHARACTERS)
		return MAX_CHARACTER_COLUMNS;
	return MAX(viewer->picture.width * MAX_ENLARGEMENT / mosaic_cell(room).width, 1);
}

/* False: there is no room. */
static bool arrange(struct terminal_viewer *viewer, const struct view *views, size_t n)
{
	struct screen_room room = screen_room(viewer->screen);
	struct mosaic mosaic;

	viewer->picture = (struct size){ views[0].picture.width, views[0].picture.height };
	mosaic = mosaic_arrange(&room, n, viewer->picture, max_columns(viewer, &room));
	if (viewer->n_tiles != n || memcmp(&mosaic, &viewer->mosaic, sizeof(mosaic)) || memcmp(&room, &viewer->room, sizeof(room))) {
		forget_tiles(viewer);
		viewer->tiles = xcalloc(n, sizeof(*viewer->tiles));
		viewer->n_tiles = n;
		viewer->mosaic = mosaic;
		viewer->room = room;
		viewer->layout++;
	}
	return mosaic.across;
}

/* ---- painting ---- */

static void paint_tile(struct terminal_viewer *viewer, size_t index, const struct view *view)
{
	struct tile *tile = &viewer->tiles[index];
	struct size picture = { view->picture.width, view->picture.height };
	struct size cells = mosaic_fit(&viewer->room, &viewer->mosaic, picture), cell = mosaic_cell(&viewer->room);
	struct painter_place place = { cells.width, cells.height, cell.width, cell.height, FIRST_SPRITE_ID + (int)index };

	tile->fresh = view->fresh || !tile->painted || tile->camera_id != view->camera_id;
	if (!tile->fresh)
		return;
	free(tile->painted);
	tile->painted = viewer->module->paint(viewer->painter, &view->picture, &place);
	tile->camera_id = view->camera_id;
	tile->cells = cells;
}

/* The row-th line of a tile's picture, and blanks up to the tile's full width. */
static void add_line(FILE *to, const struct terminal_viewer *viewer, const struct tile *tile, int row)
{
	const char *line = tile->painted;
	int width = tile->cells.width;

	for (int i = 0; i < row && line; i++) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (row >= tile->cells.height || !line)
		width = 0;
	else
		fwrite(line, 1, strcspn(line, "\n"), to);
	fprintf(to, "%*s", viewer->mosaic.columns - width, "");
}

static char *compose_line(const struct terminal_viewer *viewer, int row)
{
	const struct mosaic *mosaic = &viewer->mosaic;
	size_t first = (size_t)(row / mosaic->rows * mosaic->across), bytes;
	char *text;
	FILE *to = open_memstream(&text, &bytes);

	for (size_t i = first; i < MIN(first + (size_t)mosaic->across, viewer->n_tiles); i++) {
		fputs(i > first ? " " : "", to);
		add_line(to, viewer, &viewer->tiles[i], row % mosaic->rows);
	}
	fclose(to);
	return text;
}

static struct screen_sprite make_sprite(const struct terminal_viewer *viewer, size_t index)
{
	const struct mosaic *mosaic = &viewer->mosaic;
	char wipe[PAINTER_WIPE_BYTES];

	viewer->module->wipe(viewer->painter, FIRST_SPRITE_ID + (int)index, wipe);
	return (struct screen_sprite){
		.row = (int)index / mosaic->across * mosaic->rows, .column = (int)index % mosaic->across * (mosaic->columns + 1),
		.fresh = viewer->tiles[index].fresh, .draw = xstrdup(viewer->tiles[index].painted), .wipe = xstrdup(wipe),
	};
}

static struct screen_art *make_art(const struct terminal_viewer *viewer)
{
	const struct mosaic *mosaic = &viewer->mosaic;
	struct screen_art *art = xcalloc(1, sizeof(*art));

	*art = (struct screen_art){
		.columns = mosaic->across * (mosaic->columns + 1) - 1, .rows = mosaic->down * mosaic->rows, .layout = viewer->layout,
	};
	if (viewer->kind == PAINTER_CHARACTERS) {
		art->lines = xcalloc((size_t)art->rows, sizeof(*art->lines));
		for (int i = 0; i < art->rows; i++)
			art->lines[i] = compose_line(viewer, i);
		return art;
	}
	art->sprites = xcalloc(viewer->n_tiles, sizeof(*art->sprites));
	art->n_sprites = viewer->n_tiles;
	for (size_t i = 0; i < viewer->n_tiles; i++)
		art->sprites[i] = make_sprite(viewer, i);
	return art;
}

static bool is_busy(void *user)
{
	const struct terminal_viewer *viewer = user;

	return screen_is_busy(viewer->screen);
}

static void show(void *user, const struct view *views, size_t n)
{
	struct terminal_viewer *viewer = user;

	if (!n || !arrange(viewer, views, n)) {
		screen_set_art(viewer->screen, NULL);
		return;
	}
	for (size_t i = 0; i < n; i++)
		paint_tile(viewer, i, &views[i]);
	screen_set_art(viewer->screen, make_art(viewer));
	screen_show(viewer->screen);
}

const struct viewer_impl viewer_terminal = {
	.max_fps = MAX_FPS,
	.create = create, .destroy = destroy, .is_busy = is_busy, .show = show,
};
