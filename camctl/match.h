/* Conditions on a message: PATH OP VALUE, as in "data.cameras.0.frames>=25". Pure function; any thread. */
#pragma once

#include "protocol/wire.h"

/*
 * Operators: = != (texts, or numbers if both are), < <= > >= (numbers), ~ !~ (extended regular expression), PATH? (absent),
 * PATH alone (there). False: err tells what stands there instead, or what is wrong with the condition.
 */
bool match_condition(const struct wire_message *message, const char *condition, struct error *err);

/* Whether a text matches an extended regular expression; `^` and `$` are those of its lines. */
bool match_pattern(const char *text, const char *pattern, bool *matches, struct error *err);
