/*
 * At the start: recordings that a crash or a power cut left unfinished are salvaged in a worker, while cameras already run,
 * and told of by `recovered` events. Main thread.
 */
#pragma once

#include "camd/session.h"

struct recovery;

struct recovery *recovery_begin(struct session *session, const char *output_dir);

/* Sends what was found before anybody could subscribe; what is found later is sent at once. */
void recovery_tell(struct recovery *recovery);

/* To be called now and then: what found no room on the disk is tried again when there is more of it. */
void recovery_tick(struct recovery *recovery);

/* Ends after its present file. */
void recovery_stop(struct recovery *recovery);
bool recovery_is_busy(const struct recovery *recovery);	/* any thread */
void recovery_destroy(struct recovery *recovery);	/* NULL is allowed; must not be busy */
