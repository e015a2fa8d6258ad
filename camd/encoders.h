/* Which encoders this machine has, looked up once, in a worker, for a driver may take its time. Main thread. */
#pragma once

#include "common/field.h"

#include <uv.h>

struct encoders;

/* Begins to look; on_known is called when it is done. */
struct encoders *encoders_look(uv_loop_t *loop, void (*on_known)(void *user), void *user);

bool encoders_are_known(const struct encoders *encoders);

/* Names, best first; empty as long as they aren't known. */
const struct list *encoders_names(const struct encoders *encoders);

/* They must be known. NULL is allowed. */
void encoders_destroy(struct encoders *encoders);
