/*
 * The first block of an MP4 of camd's (camd/movie.h): what it says of the file's state. Pure functions on memory; any thread.
 */
#pragma once

#include "common/mp4box.h"

#include <stddef.h>
#include <stdint.h>

#define MOVIE_HEAD_BYTES 4096	/* where the first fragment begins */
#define MOVIE_SLOT 32		/* where the slot is that becomes the header of an mdat: right behind ftyp */
#define MOVIE_SLOT_BYTES 16
#define MOVIE_SLOT_MAGIC "cam2"	/* another one when fragments change, so that an older camd leaves the file alone */

enum movie_state {
	MOVIE_FOREIGN,		/* not written by camd, or not frame by frame */
	MOVIE_UNFINISHED,
	MOVIE_FINISHED,
	MOVIE_DAMAGED,		/* camd's head, but no longer whole, or nothing but zeros */
};

/* Says what a file that begins like this is. If MOVIE_UNFINISHED, file_id is what its fragments have; else 0. */
enum movie_state movie_head_read(const uint8_t *head, size_t bytes, uint32_t *file_id);

/* Of MOVIE_FINISHED: where its index begins, or should: a file system may have kept the slot and lost what was synced before. */
uint64_t movie_head_index_at(const uint8_t *head);

/* Makes the head of MOVIE_FINISHED what it was before, but for the file's id, which its fragments have. */
void movie_head_reopen(uint8_t *head, uint32_t file_id);

void movie_head_ftyp(struct mp4box *box);

/* Of the whole head; it stands in its last four bytes. */
uint32_t movie_head_crc(const uint8_t head[MOVIE_HEAD_BYTES]);
