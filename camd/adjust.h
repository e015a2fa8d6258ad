/*
 * set_camera and set_controls: what is changed at cameras while camd runs. They may concern several cameras, take time, and are
 * answered when the last camera has answered. Main thread.
 */
#pragma once

#include "camd/session.h"

struct adjust;
struct overlays;

struct adjust *adjust_create(struct session *session);
void adjust_destroy(struct adjust *adjust);	/* NULL is allowed; all cameras must be gone */

struct overlays *adjust_overlays(const struct adjust *adjust);

void adjust_set_camera(struct adjust *adjust, const struct list *camera_ids, bool enabled, session_done_fn done, void *user);

/* controls: an object of names and values. All cameras take all of it, or none is touched. */
void adjust_set_controls(struct adjust *adjust, const struct list *camera_ids, const struct cJSON *controls, session_done_fn done,
			 void *user);
