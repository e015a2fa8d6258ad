/*
 * The lower end of a terminal: a few status lines that are redrawn in place, and lines that scroll by above them. Nothing
 * but the block of status lines is ever touched, the cursor rests at its end, and no mode of the terminal is changed, so
 * there is nothing to restore but by screen_clear(). Without a terminal (or with TERM=dumb) only the lines above are
 * printed. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum screen_colour { SCREEN_PLAIN, SCREEN_DIM, SCREEN_GOOD, SCREEN_BAD };

struct screen;

struct screen *screen_create(FILE *to);
void screen_destroy(struct screen *screen);	/* leaves the block where it is; NULL is allowed */

bool screen_is_live(const struct screen *screen);	/* whether status lines are shown at all */

/* Columns of the terminal behind a file; 100 if it is none. */
int screen_columns(FILE *to);

/* Prints a line above the block. It must be clean (human_clean()). */
void screen_say(struct screen *screen, const char *text);

/* Begins a new block; it is shown by screen_show(), cut to the terminal's size. */
void screen_begin(struct screen *screen);
void screen_add(struct screen *screen, enum screen_colour colour, const char *text);
void screen_show(struct screen *screen);


/* Takes the block away. */
void screen_clear(struct screen *screen);
