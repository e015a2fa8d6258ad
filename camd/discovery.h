/* Looks, in a worker, for the cameras that are plugged in. Main thread. */
#pragma once

#include "common/field.h"

#include <uv.h>

/* specs: of texts KIND:WHAT, borrowed for the call, of all kinds that can be looked for. */
typedef void (*discovery_fn)(void *user, const struct list *specs);

void discovery_look(uv_loop_t *loop, discovery_fn on_found, void *user);
