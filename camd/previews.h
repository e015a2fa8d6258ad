/* preview_frame messages: scaled, compressed and printed in workers; a reader that is slow gets fewer. Main thread. */
#pragma once

#include "camd/session.h"

struct previews;

struct previews *previews_create(struct session *session);
void previews_destroy(struct previews *previews);	/* NULL is allowed; must be idle */
bool previews_are_idle(const struct previews *previews);

/* False: the cameras are not there. */
bool previews_toggle(struct previews *previews, const struct list *camera_ids, bool enabled, struct error *err);
void previews_config_changed(struct previews *previews);

/* A picture to show; takes over the reference. */
void previews_show(struct previews *previews, struct camera *camera, struct frame *frame);
