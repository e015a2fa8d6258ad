/*
 * start_recording and take_snapshot wait for cameras that are being opened again (set_camera): for start_timeout if none of those that are
 * meant runs, else for a second at most, so that all do it at one instant. (For the first opening, `discovery_timeout` is how long
 * requests wait.) Main thread.
 */
#pragma once

#include "camd/session.h"

struct opening;

struct opening *opening_create(struct session *session);
void opening_destroy(struct opening *opening);		/* NULL is allowed; nothing waits any more */

/* As starts_start() and shots_take(), when it is time; args is borrowed until done. */
void opening_start_recording(struct opening *opening, const struct list *camera_ids, int64_t duration_ns, session_done_fn done, void *user);
void opening_take_snapshot(struct opening *opening, const struct take_snapshot_args *args, session_done_fn done, void *user);

/* Some camera is in another state, or time has passed. */
void opening_look(struct opening *opening);

/* Recordings that wait, and that any of these cameras (absent: all) was to make, are cancelled. */
void opening_stop_recording(struct opening *opening, const struct list *camera_ids);

/* All that waits is cancelled. */
void opening_finish(struct opening *opening);
