/* Small files of /proc, /sys and /etc, and what stands in them. Pure but for reading; any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define DOCTOR_TEXT_BYTES 200

/* The first line, or what is before the first NUL, without blanks at its end. False: no such file, or nothing in it. */
bool doctor_files_line(const char *path, char text[DOCTOR_TEXT_BYTES]);

/* The value behind KEY in a file of lines like "KEY: value" or KEY="value". False: there is none. */
bool doctor_files_value(const char *path, const char *key, char text[DOCTOR_TEXT_BYTES]);

/* The same as a number of bytes, for lines like "CmaFree:   1234 kB"; -1: there is none. */
int64_t doctor_files_bytes(const char *path, const char *key);
