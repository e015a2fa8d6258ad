/*
 * The lower end of a terminal: a few status lines that are redrawn in place, perhaps with pictures above them, and lines that
 * scroll by above it all. Nothing but this block is ever touched, the cursor rests at its end, and no mode of the terminal is
 * changed for longer than one redrawing, so there is nothing to restore but by screen_clear(). Without a terminal (or with
 * TERM=dumb) only the lines above are printed. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <uv.h>

enum screen_colour { SCREEN_PLAIN, SCREEN_DIM, SCREEN_GOOD, SCREEN_BAD };

struct screen;

struct screen *screen_create(FILE *to);
void screen_destroy(struct screen *screen);	/* leaves the block where it is; NULL is allowed */

/*
 * From now on a terminal that is slow is not waited for (camctl/pen.h): redrawings are left out while it is. Until
 * screen_detach(), which must come before the loop ends.
 */
void screen_attach(struct screen *screen, uv_loop_t *loop);
void screen_detach(struct screen *screen);
bool screen_is_busy(const struct screen *screen);	/* it has not taken the last redrawing yet */

bool screen_is_live(const struct screen *screen);	/* whether status lines are shown at all */
bool screen_is_coloured(const struct screen *screen);

/* Columns of the terminal behind a file; 100 if it is none. */
int screen_columns(FILE *to);

/* Prints a line above the block. It must be clean (human_clean()). */
void screen_say(struct screen *screen, const char *text);
void screen_bell(struct screen *screen);

/* Begins a new block; it is shown by screen_show(), cut to the terminal's size. Pictures stay. */
void screen_begin(struct screen *screen);
void screen_add(struct screen *screen, enum screen_colour colour, const char *text);
void screen_show(struct screen *screen);

/* Takes the block away, pictures and all. */
void screen_clear(struct screen *screen);

/* ---- pictures ---- */

/* What the terminal's pictures may take above the status lines; cells are in pixels, 0 if the terminal doesn't tell. */
struct screen_room {
	int columns, rows, cell_width, cell_height;
};

/* A picture that the terminal draws itself: what makes it do so, at that place, and what takes it away. Texts are allocated. */
struct screen_sprite {
	int row, column;
	bool fresh;			/* it is not what was drawn there last */
	char *draw, *wipe;
};

struct screen_art {
	int columns, rows;
	int layout;			/* art with another number is not drawn over the last one, but in its stead */
	char **lines;			/* one a row, no wider than columns, allocated; NULL: sprites only */
	struct screen_sprite *sprites;
	size_t n_sprites;
};

struct screen_room screen_room(const struct screen *screen);

/* Takes it over; NULL: no more pictures. It is shown by screen_show(), if there is still room for it. */
void screen_set_art(struct screen *screen, struct screen_art *art);
void screen_art_destroy(struct screen_art *art);	/* NULL is allowed */
