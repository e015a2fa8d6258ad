/*
 * Pushes what was recorded to the disk at a stated cadence, in a thread of its own, so that neither the encoder nor the
 * next write ever waits for a sync. And knows the paths of all that is being written, for those who delete.
 */
#pragma once

#include "camd/footage.h"
#include "camd/meter.h"

struct syncer;

struct syncer *syncer_create(int64_t interval_ns);
void syncer_destroy(struct syncer *syncer);	/* NULL is allowed; all footage must have been removed */

/* Output threads. remove() waits while a sync of this very file is under way; after it, none begins. */
void syncer_add(struct syncer *syncer, struct footage *footage);
void syncer_remove(struct syncer *syncer, struct footage *footage);

/* Any thread: the next round begins at once; if one is under way, behind it. */
void syncer_hurry(struct syncer *syncer);

struct meter *syncer_meter(struct syncer *syncer);	/* how the disk takes all that footage */

/* Output threads. A video's path is claimed before there is a file, and let go of when no more is written to it. */
void syncer_claim(struct syncer *syncer, const char *video);
void syncer_let_go(struct syncer *syncer, const char *video);

/*
 * Any thread. A file that was there when this is called, and is not claimed, is none that is being written, and no other one of that name
 * is begun as long as it is there.
 */
bool syncer_is_claimed(struct syncer *syncer, const char *video);
