#include "camd/renew.h"

#include "camd/disk.h"
#include "camd/home.h"
#include "camd/jobs.h"
#include "camd/shots.h"
#include "camd/triggers.h"

/* For people, with the remedy. NULL: nothing is being written. */
static const char *what_is_written(const struct session *session)
{
	for (size_t i = 0; i < session_n_cameras(session); i++) {
		struct camera *camera = session_camera(session, i);

		if (camera && camera_recording(camera))
			return "a recording runs (stop_recording ends it)";
	}
	if (!shots_are_idle(session_shots(session)))
		return "a snapshot is being taken";
	if (!triggers_are_idle(session_triggers(session)))
		return "a clip is being written (trigger_saved tells its end)";
	return jobs_are_idle(session_jobs(session)) ? NULL : "a job runs (job_done tells its end)";
}

bool renew_session(struct session *session, const char *label, struct session_started *reply, struct error *err)
{
	struct home *home = session_home(session);
	const char *written = what_is_written(session);

	if (written)
		return error_set(err, ERR_BUSY, "no new session now: %s", written);
	if (!disk_answers(session_disk(session), err) || !home_move(home, label, err))
		return false;
	*reply = (struct session_started){ .session = (char *)home->folder.label, .path = home->folder.path };
	return true;
}
