/*
 * What stands between camctl and chafa, which turns pictures into what a terminal shows: characters in colours, sixels, or
 * kitty's graphics. camctl/painter_chafa.c is a module of its own, loaded when a picture is to be shown, so that camctl runs
 * where chafa is not installed. One thread.
 */
#pragma once

#include "camctl/picture.h"

#define PAINTER_FILE "camctl_chafa.so"
#define PAINTER_ABI 1

enum painter_kind { PAINTER_BEST, PAINTER_CHARACTERS, PAINTER_SIXEL, PAINTER_KITTY };

struct painter;

/* Where a picture goes: so many cells of that many pixels. */
struct painter_place {
	int columns, rows, cell_width, cell_height;
	int id;			/* of the picture: kitty replaces the one that has it */
};

#define PAINTER_WIPE_BYTES 64

struct painter_module {
	unsigned abi;
	/* kind: PAINTER_BEST is what the terminal can, by its environment. coloured: whether characters may have colours. */
	struct painter *(*create)(enum painter_kind kind, bool coloured);
	void (*destroy)(struct painter *painter);
	enum painter_kind (*kind)(const struct painter *painter);	/* never PAINTER_BEST */
	/*
	 * What is to be written, for the caller to free. Characters: place->rows lines, joined by newlines, each as wide as the
	 * place. Else: one sequence for where the cursor stands, after which the cursor is anywhere.
	 */
	char *(*paint)(struct painter *painter, const struct picture *picture, const struct painter_place *place);
	/* What takes a picture away that would outlive the text under it; "" if none would. */
	void (*wipe)(const struct painter *painter, int id, char text[PAINTER_WIPE_BYTES]);
};

/* The module's; camctl finds it by its name. */
extern const struct painter_module painter_module;
