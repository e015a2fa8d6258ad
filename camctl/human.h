/* Numbers and texts for people. Pure functions; any thread. */
#pragma once

#include "protocol/wire.h"

#include <stdint.h>

#define HUMAN_BYTES 32

/* "1.4 MB", in powers of 1000; "12.345 s" or "1:02:03"; "00:01:12". */
const char *human_size(int64_t bytes, char buffer[HUMAN_BYTES]);
const char *human_duration(int64_t ns, char buffer[HUMAN_BYTES]);
const char *human_clock(int64_t ns, char buffer[HUMAN_BYTES]);

/* Replaces what a terminal would obey (control characters, broken UTF-8) by '?'. Returns the text. */
char *human_clean(char *text);

/* Columns that the text takes in a terminal. */
int human_width(const char *text);

/* Cuts the text so that it takes no more than that many columns. */
void human_cut(char *text, int columns);

/* The path as it is seen from the working directory, if it lies below that; a part of the text itself. */
const char *human_path(const char *path);

/* The object of losses at the path: "sensor 2, encoder 1", or "none"; allocated. The total goes to *total (may be NULL). */
char *human_lost(const struct wire_message *message, const char *path, int64_t *total);

/* What camd's stderr says, on ours: cleaned, a line. For a watcher's on_text; user is not looked at. */
void human_print_text(void *user, const char *text);
