/* Directories that are made for a while, with all that comes into them. Any thread. */
#pragma once

#include "common/error.h"

/* BASE/PREFIX-XXXXXX, allocated; BASE and what is above it are made if they are not there. NULL on failure. */
char *tempdir_make(const char *base, const char *prefix, struct error *err);

/* The directory and what is in it, but for what is mounted there. */
void tempdir_remove(const char *path);
