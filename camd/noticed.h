/*
 * What analysers find in the cameras' pictures: told as events; and motion may trigger clips, which last as long as it does. Main
 * thread.
 */
#pragma once

#include "camd/session.h"

struct noticed;

struct noticed *noticed_create(struct session *session);
void noticed_destroy(struct noticed *noticed);		/* NULL is allowed */

void noticed_tell(struct noticed *noticed, struct camera *camera, enum analyzer_kind kind, const struct analyzer_news *news);

/* Often: motion that has filled a clip goes on in another one. now_ns: CLOCK_MONOTONIC. */
void noticed_tick(struct noticed *noticed, int64_t now_ns);
