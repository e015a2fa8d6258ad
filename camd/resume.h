/*
 * A recording that the disk has ended is begun again as soon as the disk lets it: it was asked for, and nobody has stopped it. Tries with
 * growing pauses; stop_recording, or the end of its duration, ends the wish. Main thread.
 */
#pragma once

#include "camd/session.h"

struct resume;
struct starts;

struct resume *resume_create(struct session *session, struct starts *starts);
void resume_destroy(struct resume *resume);		/* NULL is allowed */

/* What the cameras tell of their recordings. */
void resume_on_recording(struct resume *resume, struct camera *camera, struct recording *recording, enum recording_event event);

/* They are not wished for any more; absent means all. */
void resume_forget(struct resume *resume, const struct list *camera_ids);

bool resume_waits(const struct resume *resume, int camera_id);	/* it records again as soon as it can */

/* A few times a second. now_ns: CLOCK_MONOTONIC. */
void resume_tick(struct resume *resume, int64_t now_ns);
