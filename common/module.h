/*
 * Where a loadable module of a program lies: beside the program, which is where it is built, else where it is installed. What is
 * in such a module needs libraries that not every machine has. Pure functions; any thread.
 */
#pragma once

#include <stddef.h>

/* The path of the module's file, or of where it is expected. directory: of what is installed. */
void module_find(const char *directory, const char *file, char *path, size_t bytes);
