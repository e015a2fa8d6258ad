/* take_snapshot: one picture a camera, encoded and written in workers. Main thread. */
#pragma once

#include "camd/session.h"

struct shots;

struct shots *shots_create(struct session *session);
void shots_destroy(struct shots *shots);	/* NULL is allowed; must be idle */
void shots_take(struct shots *shots, const struct take_snapshot_args *args, session_done_fn done, void *user);
bool shots_are_idle(const struct shots *shots);
