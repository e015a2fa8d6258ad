/*
 * The overlays of all cameras: how they look by the settings, and what set_overlay has changed of that. Main thread.
 */
#pragma once

#include "camd/session.h"
#include "protocol/commands.h"

struct overlays;

struct overlays *overlays_create(struct session *session);
void overlays_destroy(struct overlays *overlays);	/* NULL is allowed; nobody may use one of them any more */

/* The overlay of a camera that comes; borrowed, lives as long as this. NULL: there are too many. */
struct overlay *overlays_add(struct overlays *overlays, int camera_id);

/* Settings were changed: what set_overlay has changed stays. */
void overlays_config_changed(struct overlays *overlays);

/*
 * set_overlay. The reply borrows until the next call, and shows how the first of the cameras looks now. False: err says why nothing
 * was changed.
 */
bool overlays_set(struct overlays *overlays, const struct set_overlay_args *args, struct overlay_set *reply, struct error *err);
