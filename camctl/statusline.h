/* One line a camera out of a status_report, as wide as there is room. Pure functions; any thread. */
#pragma once

#include "camctl/screen.h"
#include "protocol/wire.h"

/* Adds a line for each camera to the screen's block. */
void statusline_add(struct screen *screen, const struct wire_message *report, int columns);

/*
 * The line of the index-th camera, allocated; *colour says how it is doing. What does not fit is left out, the least
 * important first.
 */
char *statusline_text(const struct wire_message *report, int index, int columns, enum screen_colour *colour);
