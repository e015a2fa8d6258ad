/*
 * Modules that bring what not every machine has: loaded when they are needed, kept to the end. Each exports one struct, which
 * begins with the number of its layout. One thread.
 */
#pragma once

#include "common/error.h"

/* The struct by its name. NULL: err says what to install. library: what the module needs, by the name of its package. */
const void *addon_load(const char *file, const char *symbol, unsigned abi, const char *library, struct error *err);
