/* A second look at an MP4 that another program made: whether its frames have the times they should, and where they lie. Any one thread. */
#pragma once

#include "common/error.h"
#include "common/mp4box.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mp4place {
	uint64_t offset;
	uint32_t bytes;
	bool key;
};

struct mp4places {
	struct mp4box avcc;	/* what its decoder must know */
	struct mp4place *items;
	size_t n;
};

/*
 * fd: of the file, open for reading. Frame k must be at sensor_ns[k] - sensor_ns[0], rounded to 1 / units_per_s, and there
 * must be n frames. Reads the file's tables only, not the pictures. Fills places, unless NULL, if all is right; to be freed then.
 */
bool mp4times_check(int fd, const int64_t *sensor_ns, size_t n, int units_per_s, struct mp4places *places, struct error *err);
void mp4places_finish(struct mp4places *places);
