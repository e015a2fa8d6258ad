/*
 * Is it JSON, strictly? cJSON is lenient (it takes bytes that are not UTF-8, raw NULs, garbage behind the value, "\u0000" as
 * an end of string), so each line is held against the grammar of RFC 8259 before cJSON sees it. Pure; any thread.
 */
#pragma once

#include "common/error.h"

#include <stddef.h>

#define JSON_MAX_DEPTH 16

/* True if text is exactly one JSON object in UTF-8, with white space around it at most, nested no deeper than JSON_MAX_DEPTH. */
bool json_check(const char *text, size_t bytes, struct error *err);
