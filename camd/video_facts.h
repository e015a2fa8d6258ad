/*
 * What is quickly known of a finished video without reading it: from the index of an MP4, from the first and last rows of the timing
 * table of a raw one. Any thread; a few small reads.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct video_facts {
	int64_t frames, duration_ns;	/* FIELD_UNSET: not known */
	int64_t from_ns;		/* wall time of the first frame; FIELD_UNSET: not known */
};

/* name: of a video in that directory. */
void video_facts_read(int directory, const char *name, struct video_facts *facts);
