/*
 * Completion for shells, of what the tables know: flags with their choices, sub-commands with theirs, names of settings and
 * events, and files where a path is wanted. Each shell's script is these as functions that print words, which both shells
 * read, and a few lines of its own that use them. Words that begin with @ stand for files.
 */
#pragma once

#include "common/field.h"

#include <stdio.h>

#define COMPLETION_FLAG_BYTES 84

typedef void (*completion_fn)(const struct field *f, const char *flag, FILE *to);

/* "--target-fps" of a name, with "--no-" for a switch that is off. */
void completion_flag(char flag[COMPLETION_FLAG_BYTES], const char *before, const char *name);

/* All flags of a table; a switch has two. */
void completion_each(const struct field *table, completion_fn print, FILE *to);

/* What may be done with each: the flag, if it takes a value the flag, a line `flag) what the value can be`. */
void completion_name(const struct field *f, const char *flag, FILE *to);
void completion_name_with_value(const struct field *f, const char *flag, FILE *to);
void completion_value_case(const struct field *f, const char *flag, FILE *to);
