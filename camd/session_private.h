/* What session.c (its course) and session_parts.c (what others ask of it) share. Main thread. */
#pragma once

#include "camd/home.h"
#include "camd/session.h"
#include "camd/strain.h"

struct session {
	struct session_request its;
	struct control *control;
	struct home home;

	struct syncer *syncer;
	struct camera *cameras[SESSION_MAX_CAMERAS];
	size_t n_cameras;
	struct strain strains[SESSION_MAX_CAMERAS];	/* of each */
	bool discovering;		/* no camera was named: all that are found */
	bool looking;			/* a worker looks for them right now */
	int64_t look_again_ns;

	struct starts *starts;		/* start_recording and stop_recording under way */
	struct opening *opening;	/* what waits for cameras that are being opened */
	struct resume *resume;		/* recordings that the disk has ended */
	struct syncs *syncs;		/* sync under way */
	struct shots *shots;		/* take_snapshot under way */
	struct previews *previews;
	struct taps *taps;
	struct jobs *jobs;
	struct adjust *adjust;
	struct triggers *triggers;
	struct noticed *noticed;
	struct encoders *encoders;
	struct recovery *recovery;
	struct disk *disk;
	struct storage *storage;

	uv_timer_t tick;
	bool tick_open;
	int64_t began_ns, losses_told_ns, start_again_ns;
	bool ready, finishing;
	bool starting_all;		/* every camera that comes is to be recorded */
	bool closing;			/* the cameras are being freed */
	int64_t closing_ns;		/* since when */
	struct session_close {
		struct session *session;
		bool done;
	} closes[SESSION_MAX_CAMERAS];
	size_t n_closes;
	bool left;			/* not all came back */
	void (*on_finished)(void *user);
	void *finished_user;
};
