/* The lines of a session.log that matter to an examination. Pure but for reading; any thread. */
#pragma once

#include "common/field.h"

/* Appends warnings, errors, and what is said of cameras, encoders and libcamera to a list: `most` lines, each once. */
void doctor_log_collect(const char *path, size_t most, struct list *lines);

/* The last line that contains the mark, from `text` on, which it must contain, too; allocated, NULL: there is none. */
char *doctor_log_find(const char *path, const char *mark, const char *text);
