/* UTF-8, strictly. Pure functions; any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Bytes of the character at s, of which at most left are there; 0 if it is none (overlong, surrogate, beyond U+10FFFF, cut off). Of a
 * text that ends with NUL nothing behind that is read, whatever left is.
 */
size_t utf8_length(const unsigned char *s, size_t left);

/* The first byte of a text that is no UTF-8; NULL: all is. */
const char *utf8_find_fault(const char *text);
