/* preview_frame messages: scaled, compressed and printed in workers; a reader that is slow gets fewer. Main thread. */
#pragma once

#include "camd/session.h"

struct previews;

struct previews *previews_create(struct session *session);
void previews_destroy(struct previews *previews);	/* NULL is allowed; must be idle */
bool previews_are_idle(const struct previews *previews);

/*
 * What a client wants of cameras, instead of what it wanted before. Where clients differ on a camera, the largest size, the highest
 * rate and the best quality win. False: the cameras are not there.
 */
bool previews_toggle(struct previews *previews, const struct client *client, const struct toggle_preview_args *args, struct error *err);
bool previews_wants(const struct previews *previews, const struct client *client, int camera_id);

/* A client that is gone wants nothing any more. */
void previews_forget_client(struct previews *previews, const struct client *client);
void previews_config_changed(struct previews *previews);

/* A picture to show; takes over the reference. */
void previews_show(struct previews *previews, struct camera *camera, struct frame *frame);
