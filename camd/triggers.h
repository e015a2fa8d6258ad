/*
 * Triggers: what is about to be gone is kept, the seconds before and after a moment, as a clip of each camera; and marks, which only
 * note something with a frame. Whoever notices something, a client, a wire, a program, calls triggers_fire(). Main thread.
 */
#pragma once

#include "camd/session.h"
#include "protocol/commands.h"

struct triggers;

struct triggers *triggers_create(struct session *session);
void triggers_destroy(struct triggers *triggers);	/* NULL is allowed */

/*
 * The moment is now. Of no cameras in particular those that have a prebuffer write clips; ones that are named must. trigger_saved
 * follows. reply->camera_id.items is the caller's to free.
 */
bool triggers_fire(struct triggers *triggers, const struct trigger_args *args, struct triggered *reply, struct error *err);

/* The next frame of each camera that is encoded gets the mark; named ones must be. The event mark follows for each. Reply as above. */
bool triggers_mark(struct triggers *triggers, const struct mark_args *args, struct marked *reply, struct error *err);

/* What the cameras tell. */
void triggers_on_clip(struct triggers *triggers, const struct clip_done *done);
void triggers_on_mark(struct triggers *triggers, const struct camera *camera, const struct mark_done *done);

bool triggers_are_idle(const struct triggers *triggers);	/* no clip is being written */
