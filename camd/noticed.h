/* What analysers find in a camera's pictures: told as events, and motion may trigger a clip. Main thread. */
#pragma once

#include "camd/session.h"

void noticed(struct session *session, const struct camera *camera, enum analyzer_kind kind, const struct analyzer_news *news);
