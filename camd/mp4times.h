/* A second look at an MP4 that another program made: whether its frames have the times they should. Any one thread. */
#pragma once

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * fd: of the file, open for reading. Frame k must be at sensor_ns[k] - sensor_ns[0], rounded to 1 / units_per_s, and there
 * must be n frames. Reads the file's tables only, not the pictures.
 */
bool mp4times_check(int fd, const int64_t *sensor_ns, size_t n, int units_per_s, struct error *err);
