/*
 * The words of a script's lines: $NAME and ${NAME} stand for variables, which are those of the environment; "..." keeps blanks
 * ( \" and \\ inside), '...' keeps everything. A '$' before anything else is itself, "$$" is one. Pure but for the environment.
 */
#pragma once

#include "common/error.h"
#include "common/field.h"

/* Allocated; NULL if a variable isn't set. */
char *words_expand(const char *text, struct error *err);

/* Appends the words to a list of texts. */
bool words_split(const char *text, struct list *words, struct error *err);
