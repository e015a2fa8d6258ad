/* The painter of camctl/painter.h by chafa. One canvas is kept, for pictures of the same size follow each other. */
#include "camctl/painter.h"

#include <chafa.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIXEL_ROWS 6		/* of pixels, in one row of sixels */
#define WORK 0.3f		/* of 1: pictures come often */

struct painter {
	enum painter_kind kind;
	bool coloured;
	ChafaTermInfo *terminal;
	ChafaCanvas *canvas;
	struct painter_place place;	/* that the canvas is for */
};

static bool can(const struct painter *painter, ChafaTermSeq sequence)
{
	return chafa_term_info_have_seq(painter->terminal, sequence);
}

static enum painter_kind best_kind(const struct painter *painter)
{
	if (can(painter, CHAFA_TERM_SEQ_BEGIN_KITTY_IMMEDIATE_IMAGE_V1))
		return PAINTER_KITTY;
	return can(painter, CHAFA_TERM_SEQ_BEGIN_SIXELS) ? PAINTER_SIXEL : PAINTER_CHARACTERS;
}

static ChafaCanvasMode colours(const struct painter *painter)
{
	const char *wanted = getenv("COLORTERM");

	if (!painter->coloured)
		return CHAFA_CANVAS_MODE_FGBG;
	/* terminals that say nothing are asked for no more than what all have had for decades */
	if (can(painter, CHAFA_TERM_SEQ_SET_COLOR_FGBG_DIRECT) && wanted && (!strcmp(wanted, "truecolor") || !strcmp(wanted, "24bit")))
		return CHAFA_CANVAS_MODE_TRUECOLOR;
	if (can(painter, CHAFA_TERM_SEQ_SET_COLOR_FGBG_256))
		return CHAFA_CANVAS_MODE_INDEXED_240;
	return can(painter, CHAFA_TERM_SEQ_SET_COLOR_FGBG_16) ? CHAFA_CANVAS_MODE_INDEXED_16 : CHAFA_CANVAS_MODE_INDEXED_8;
}

static void set_symbols(ChafaCanvasConfig *config, bool coloured)
{
	ChafaSymbolMap *symbols = chafa_symbol_map_new();
	bool unicode = !strcmp(nl_langinfo(CODESET), "UTF-8");

	chafa_symbol_map_add_by_tags(symbols, CHAFA_SYMBOL_TAG_SPACE);
	chafa_symbol_map_add_by_tags(symbols, unicode ? CHAFA_SYMBOL_TAG_BLOCK : CHAFA_SYMBOL_TAG_ASCII);
	if (unicode && !coloured)
		chafa_symbol_map_add_by_tags(symbols, CHAFA_SYMBOL_TAG_BRAILLE);
	chafa_canvas_config_set_symbol_map(config, symbols);
	chafa_symbol_map_unref(symbols);
}

/* In how many pixels of its own a cell is painted. */
static struct painter_place canvas_place(const struct painter *painter, const struct picture *picture, const struct painter_place *place)
{
	struct painter_place canvas = *place;

	canvas.id = 0;
	if (painter->kind == PAINTER_SIXEL) {
		/* no sixel may reach into the row below */
		canvas.rows = place->rows * place->cell_height / SIXEL_ROWS;
		canvas.cell_height = SIXEL_ROWS;
	} else if (painter->kind == PAINTER_KITTY) {
		/* which enlarges pictures itself */
		canvas.cell_width = CLAMP(picture->width / place->columns, 1, place->cell_width);
		canvas.cell_height = CLAMP(picture->height / place->rows, 1, place->cell_height);
	}
	return canvas;
}

static ChafaCanvas *make_canvas(const struct painter *painter, const struct painter_place *place)
{
	static const ChafaPixelMode modes[] = {
		[PAINTER_CHARACTERS] = CHAFA_PIXEL_MODE_SYMBOLS, [PAINTER_SIXEL] = CHAFA_PIXEL_MODE_SIXELS,
		[PAINTER_KITTY] = CHAFA_PIXEL_MODE_KITTY,
	};
	ChafaCanvasConfig *config = chafa_canvas_config_new();
	bool pixels = painter->kind != PAINTER_CHARACTERS;
	ChafaCanvas *canvas;

	chafa_canvas_config_set_geometry(config, place->columns, MAX(place->rows, 1));
	chafa_canvas_config_set_cell_geometry(config, place->cell_width, place->cell_height);
	set_symbols(config, painter->coloured);
	chafa_canvas_config_set_pixel_mode(config, modes[painter->kind]);
	chafa_canvas_config_set_canvas_mode(config, pixels ? CHAFA_CANVAS_MODE_TRUECOLOR : colours(painter));
	if (!painter->coloured)
		chafa_canvas_config_set_dither_mode(config, CHAFA_DITHER_MODE_ORDERED);
	chafa_canvas_config_set_optimizations(config, CHAFA_OPTIMIZATION_REUSE_ATTRIBUTES);
	chafa_canvas_config_set_work_factor(config, WORK);
	canvas = chafa_canvas_new(config);
	chafa_canvas_config_unref(config);
	return canvas;
}

static void prepare(struct painter *painter, const struct painter_place *place)
{
	if (painter->canvas && !memcmp(&painter->place, place, sizeof(*place)))
		return;
	if (painter->canvas)
		chafa_canvas_unref(painter->canvas);
	painter->canvas = make_canvas(painter, place);
	painter->place = *place;
}

/* Pictures get numbers, so that the next one replaces the last one; the terminal is not to answer, nor to move its cursor. */
static void set_kitty_id(struct painter *painter, int id)
{
	char sequence[96];

	snprintf(sequence, sizeof(sequence), "\033_Ga=T,q=2,C=1,i=%d,f=%%1,s=%%2,v=%%3,c=%%4,r=%%5,m=1\033\\", id);
	chafa_term_info_set_seq(painter->terminal, CHAFA_TERM_SEQ_BEGIN_KITTY_IMMEDIATE_IMAGE_V1, sequence, NULL);
}

static char *chafa_paint(struct painter *painter, const struct picture *picture, const struct painter_place *place)
{
	struct painter_place canvas = canvas_place(painter, picture, place);
	GString *painted;
	char *text;

	prepare(painter, &canvas);
	if (painter->kind == PAINTER_KITTY)
		set_kitty_id(painter, place->id);
	chafa_canvas_draw_all_pixels(painter->canvas, CHAFA_PIXEL_RGBA8_UNASSOCIATED, picture->rgba, picture->width, picture->height,
				     picture->width * 4);
	painted = chafa_canvas_print(painter->canvas, painter->terminal);
	text = strdup(painted->str);
	g_string_free(painted, TRUE);
	return text;
}

static void chafa_wipe(const struct painter *painter, int id, char text[PAINTER_WIPE_BYTES])
{
	text[0] = '\0';
	if (painter->kind == PAINTER_KITTY)
		snprintf(text, PAINTER_WIPE_BYTES, "\033_Ga=d,q=2,d=I,i=%d\033\\", id);
}

static enum painter_kind chafa_kind(const struct painter *painter)
{
	return painter->kind;
}

/* Who demands a kind of pictures knows better than the terminal's name does. */
static void learn_all(struct painter *painter)
{
	ChafaTermInfo *all = chafa_term_db_get_fallback_info(chafa_term_db_get_default());

	chafa_term_info_supplement(painter->terminal, all);
	chafa_term_info_unref(all);
}

static struct painter *chafa_create(enum painter_kind kind, bool coloured)
{
	struct painter *painter = calloc(1, sizeof(*painter));

	if (!painter)
		return NULL;
	/* processors are there for recording */
	chafa_set_n_threads(1);
	painter->terminal = chafa_term_db_detect(chafa_term_db_get_default(), environ);
	painter->coloured = coloured;
	painter->kind = kind == PAINTER_BEST ? best_kind(painter) : kind;
	if (kind != PAINTER_BEST)
		learn_all(painter);
	return painter;
}

static void chafa_destroy(struct painter *painter)
{
	if (!painter)
		return;
	if (painter->canvas)
		chafa_canvas_unref(painter->canvas);
	chafa_term_info_unref(painter->terminal);
	free(painter);
}

__attribute__((visibility("default"))) const struct painter_module painter_module = {
	.abi = PAINTER_ABI, .create = chafa_create, .destroy = chafa_destroy, .kind = chafa_kind, .paint = chafa_paint, .wipe = chafa_wipe,
};
