/*
 * Finds the whole fragments in a recording, whether it was ever finished or not, and whatever happened to the bytes between them.
 * Reads only. Any thread, for as long as it takes to read the file.
 */
#pragma once

#include "common/error.h"
#include "common/fragment.h"

#include <stdbool.h>
#include <stdint.h>

struct salvage {
	uint64_t end;			/* of the last whole fragment; of the file's head if there is none */
	uint64_t n;			/* whole fragments */
	uint64_t damaged_frames;	/* known by the step in the fragments' numbers */
	uint64_t doubtful_frames;	/* whole, but between a damaged frame and the next key frame */
	uint64_t broken;		/* places where a frame's head is whole, but not its checksum */
	unsigned unreadable;		/* blocks that the disk can't read, taken for zeros */
	struct fragment first;		/* if there are any */
};

/* Each whole fragment in turn; its payload ends at so_far->end. */
typedef void (*salvage_fn)(void *user, const struct fragment *fragment, const struct salvage *so_far);

/*
 * Looks through an open file of so many bytes for fragments that have that file_id; 0: that of the first one. path is for messages.
 * False: the file can't be read, but for a few blocks.
 */
bool salvage_scan(int fd, const char *path, uint64_t bytes, uint32_t file_id, struct salvage *salvage, salvage_fn on_fragment, void *user,
		  struct error *err);
