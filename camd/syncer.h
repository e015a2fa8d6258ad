/*
 * Pushes what was recorded to the disk at a stated cadence, in a thread of its own, so that neither the encoder nor the
 * next write ever waits for a sync.
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
