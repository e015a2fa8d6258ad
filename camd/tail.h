/*
 * The end of the file that a recording writes, from a key frame at or before the first frame that is not on the disk for sure: what has to
 * be written again if the disk says that it has lost it. References, within a bound; what is beyond it goes, whole groups, the oldest
 * first. Belongs to the camera's output thread.
 */
#pragma once

#include "camd/footage.h"
#include "camd/packet.h"

struct tail_entry {
	struct packet *packet;
	struct footage_mark mark;	/* where it begins in the file */
};

struct tail {
	struct tail_entry *entries;
	size_t n, capacity;
	uint64_t bytes;
	uint64_t trimmed_for;		/* number of the frame up to which all was on the disk */
};

/* A packet that has been written behind that mark. */
void tail_add(struct tail *tail, struct packet *packet, const struct footage_mark *mark);

/* All up to the frame of that number is on the disk. */
void tail_trim(struct tail *tail, uint64_t durable_number);

void tail_clear(struct tail *tail);
void tail_finish(struct tail *tail);
