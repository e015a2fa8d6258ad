/*
 * The pictures that a trigger asks for, or the settings ask of all triggers: raw frames are taken from the cameras' rings at its moment
 * and at its end, so that a ring need not reach across all of its time at once; a job writes them once the clip is complete. Main
 * thread.
 */
#pragma once

#include "camd/session.h"
#include "protocol/commands.h"

struct trigger_stills;

/* What all triggers together hold of frames that the rings may have let go: as many of a camera as its ring has. */
struct still_stock {
	int held[SESSION_MAX_CAMERAS];
};

/* NULL: none are asked for of any of the cameras. args may be gone then. */
struct trigger_stills *trigger_stills_create(struct session *session, struct still_stock *stock, const struct trigger_args *args);
void trigger_stills_destroy(struct trigger_stills *stills);		/* NULL is allowed */

/* Whether the cameras have a ring of frames, if the trigger itself, not a setting, asks for its frames. */
bool trigger_stills_check(struct session *session, const struct trigger_args *args, struct camera **cameras, size_t n, struct error *err);

/* Takes what is there of a time, sensor time, and newer than what was taken. */
void trigger_stills_take(struct trigger_stills *stills, struct camera *camera, int64_t from_ns, int64_t to_ns);

/* The clip of a camera is complete. *job FIELD_UNSET: none are asked for of that. False: err says why there will be none. */
bool trigger_stills_start(struct trigger_stills *stills, const struct trigger_clip *clip, int64_t *job, struct error *err);
