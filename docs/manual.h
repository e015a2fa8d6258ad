/* Pieces of man pages, in scdoc's language, out of the tables. */
#pragma once

#include "common/field.h"

#include <stdio.h>

#define MANUAL_PRINTED "; Printed by docs/manual*.c and the tables, by `ninja -C build docs`: change those.\n"

/* Text of a table; what scdoc would take for its own is written so that it doesn't. `code` is bold. */
void manual_text(const char *text, FILE *to);

/* A name; of a flag, with '-' for '_'. */
void manual_name(const char *name, bool flag, FILE *to);

void manual_choices(const struct field *f, FILE *to);

/* What stands for a value: NUMBER, TIME. */
const char *manual_placeholder(const struct field *f);

/* Each flag, and what it means. */
void manual_flags(const struct field *table, FILE *to);
