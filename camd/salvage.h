/*
 * Finds the whole fragments in a recording that was never finished, whatever happened to the bytes between them. Reads
 * only. Any thread, for as long as it takes to read the file.
 */
#pragma once

#include "camd/fragment.h"
#include "camd/movie.h"
#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

struct salvage {
	uint64_t end;			/* of the last whole fragment; of the file's head if there is none */
	uint64_t damaged_frames;	/* known by the step in the fragments' numbers */
	uint64_t doubtful_frames;	/* whole, but between a damaged frame and the next key frame */
	struct fragment first;		/* if there are any */
};

/* Each whole fragment in turn, with the number of damaged ones before it. */
typedef void (*salvage_fn)(void *user, const struct fragment *fragment, uint64_t damaged_frames);

/*
 * Adds all whole fragments of an open file of so many bytes to movie, whose file_id they must have; 0: that of the
 * first one is taken. False: the file can't be read.
 */
bool salvage_scan(int fd, const char *path, uint64_t bytes, struct movie *movie, struct salvage *salvage, salvage_fn on_fragment,
		  void *user, struct error *err);
