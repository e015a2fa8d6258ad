/*
 * How many bytes each frame of a recording takes, read off the MP4 itself: the table of a finished one, the fragments of one
 * that is not (camd writes one a frame). No library; whatever stands in the file. One thread.
 */
#pragma once

#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

struct mp4sizes {
	int fd;
	int64_t end;			/* of the file */
	int64_t at;			/* the table's next entry, or the next box to look at */
	int64_t left;			/* entries of the table; -1: it goes by fragments */
	int64_t each;			/* that all frames have; 0: the table says it */
	uint8_t entries[4096];		/* read ahead */
	int n_entries, next;
};

bool mp4sizes_open(struct mp4sizes *sizes, const char *path, struct error *err);
void mp4sizes_close(struct mp4sizes *sizes);

/* False: there is no more. */
bool mp4sizes_next(struct mp4sizes *sizes, int64_t *bytes);
