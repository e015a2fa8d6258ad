/*
 * start_recording and stop_recording: they concern several cameras, take time, and are answered when the last camera has
 * answered. Main thread.
 */
#pragma once

#include "camd/session.h"

struct starts;

struct starts *starts_create(struct session *session);
void starts_destroy(struct starts *starts);	/* NULL is allowed */

void starts_start(struct starts *starts, const struct list *camera_ids, int64_t duration_ns, session_done_fn done, void *user);
/* By itself, after the disk has ended the recording: what goes wrong before the first frame is told to done only. */
void starts_start_again(struct starts *starts, const struct list *camera_ids, int64_t duration_ns, session_done_fn done, void *user);
void starts_stop(struct starts *starts, const struct list *camera_ids, session_done_fn done, void *user);

/* Stops all recordings; done when the last file is complete. */
void starts_finish(struct starts *starts, session_done_fn done, void *user);

/* Sends frames_lost for what a recording (NULL: none) lost since the last time. */
void starts_tell_losses(struct starts *starts, struct camera *camera, struct recording *recording);

/* What the cameras tell of their recordings. */
void starts_on_recording(struct starts *starts, struct camera *camera, struct recording *recording, enum recording_event event);

/* False, with the error that a request for nothing but these cameras gets: none of them runs. */
bool starts_check_running(struct camera **cameras, size_t n, struct error *err);
