/*
 * `sync`: answered when all that recordings had captured before it is on the disk. It waits for what is on its way through the queues and for
 * the durability thread, which is asked to hurry; nobody waits for it. Main thread.
 */
#pragma once

#include "camd/session.h"
#include "camd/syncer.h"

struct syncs;

struct syncs *syncs_create(struct session *session);
void syncs_destroy(struct syncs *syncs);	/* NULL is allowed; all recordings must have ended */

/* done: with a struct synced; or with an error if some of it could not be pushed down. */
void syncs_begin(struct syncs *syncs, struct syncer *syncer, session_done_fn done, void *user);

/* What the cameras tell of their recordings. */
void syncs_on_recording(struct syncs *syncs, struct recording *recording, enum recording_event event);
