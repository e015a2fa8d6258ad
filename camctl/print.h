/*
 * A whole message for people, by its table: names and values in two columns, lists of objects as tables, or, if those would
 * be too wide, as blocks. One thread.
 */
#pragma once

#include "protocol/wire.h"

#include <stdio.h>

/* columns: the width to stay within if it can be. */
void print_reply(const struct wire_message *message, int columns, FILE *to);
