/*
 * The index of an MP4, whoever made it: when its frames are, how long they are and, where each lies alone, where. Whatever stands in the
 * file; the index is held in memory. One thread.
 */
#pragma once

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mp4index_state {
	MP4INDEX_READ,
	MP4INDEX_NONE,		/* it has none, or none of a video */
	MP4INDEX_EMPTY,		/* of a video without frames */
	MP4INDEX_FAILED,	/* err says why */
};

struct mp4index {
	uint8_t *moov;
	size_t n, lead_in;		/* frames; those at its begin that players don't show */
	uint32_t units_per_s;
	uint64_t end;			/* of the index in the file */
	/* in moov */
	const uint8_t *sizes, *offsets, *deltas;
	size_t n_deltas;
	uint32_t each;			/* what all frames are long; 0: sizes says it */
	bool wide;			/* offsets have 64 bits */
};

struct mp4index_sample {
	size_t k;			/* from 0 */
	uint64_t time;			/* in units, since the first frame of the file */
	uint64_t duration;
	uint32_t bytes;
	uint64_t offset;		/* 0: not known */
	/* where the next one's delta stands */
	bool begun;
	size_t run;
	uint32_t in_run;
};

/* Looks for the index in an open file of so many bytes, and in it for the first video. mp4index_finish() in any case. */
enum mp4index_state mp4index_read(struct mp4index *index, int fd, const char *path, uint64_t bytes, struct error *err);
void mp4index_finish(struct mp4index *index);

/* Steps to the next frame; a zeroed sample is before the first. False: there is no more. */
bool mp4index_next(const struct mp4index *index, struct mp4index_sample *sample);

#define MP4INDEX_LONGEST_NS (INT64_MAX / 4)

/* Units as nanoseconds, MP4INDEX_LONGEST_NS at most. */
int64_t mp4index_ns(const struct mp4index *index, uint64_t time);
