/*
 * What fuzz targets share. Each target is one file with LLVMFuzzerTestOneInput(): built with libFuzzer by -Dfuzz=true, and in every
 * build with replay.c, which runs it over its corpus. A target aborts where what it drives breaks its word. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* Aborts with the text unless it is true. */
void must(bool ok, const char *what);

/* Writes a file of that name in a directory in memory that is this process's alone; returns its path. */
const char *fuzz_file(const char *name, const void *data, size_t bytes);
const char *fuzz_directory(void);

/* What is in a file; allocated. Aborts if it can't be read. */
uint8_t *fuzz_slurp(const char *path, size_t *bytes);
