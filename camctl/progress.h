/*
 * How far long work is: one line that is redrawn at a terminal, with the time that is left; elsewhere a line for each tenth,
 * but none for what is done in ten seconds. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct progress;

struct progress *progress_create(FILE *to, const char *what);

/* part: 0 to 1. The clock runs from the creation. */
void progress_show(struct progress *progress, double part);

/* Takes the line away. NULL is allowed. */
void progress_destroy(struct progress *progress);

/* "remux [########............]  42 %, 1:12 left", as wide as that or less; allocated. blocks: the place knows the letters for bars. */
char *progress_text(const char *what, double part, int64_t lasted_ns, int columns, bool blocks);
