/*
 * A recording of camd's as footage: its frames with their times, and where their data lies, read off the file itself, which may
 * still be growing. Reads only; files are not trusted. Used by one thread.
 */
#pragma once

#include "common/error.h"
#include "common/fragment.h"
#include "common/mp4box.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reel_place {
	uint64_t offset;	/* of the payload in the file */
	uint32_t bytes;
};

struct reel {
	char *path;		/* absolute */
	int fd;
	uint64_t bytes;		/* of the file when it was opened */
	bool finished;
	int64_t first_ns, last_ns;	/* wall time of the first frame and of the last; that of one that still grows: INT64_MAX */

	/* by reel_index() */
	struct mp4box stsd;	/* whole box */
	struct reel_place *places;
	size_t n;
};

/*
 * Opens a file of an open directory, never through a link, and finds its first and last moment; path is for messages. False: it
 * can't be read, or is no MP4 of camd's with a frame in it (ERR_UNSUPPORTED). reel_finish() in either case.
 */
bool reel_open(struct reel *reel, int directory, const char *path, struct error *err);

/* The same for a file that is open already: the reel has a copy of the descriptor. */
bool reel_adopt(struct reel *reel, int fd, const char *path, struct error *err);

/* Finds all of its frames. */
bool reel_index(struct reel *reel, struct error *err);

/* All about frame k, and where what stands before its payload begins. */
bool reel_frame(const struct reel *reel, size_t k, struct fragment *fragment, uint64_t *start, struct error *err);

/*
 * The first frame at or after a moment by its own wall time, as a table says it; n if there is none. Where the clock was set in mid-file there may be
 * several such places; one of them is found.
 */
bool reel_find(const struct reel *reel, int64_t wall_ns, size_t *k, struct error *err);

void reel_finish(struct reel *reel);
