/*
 * Notices when the disk does not keep up with a camera's recording, and when it does again: `storage_slow`. Main thread.
 */
#pragma once

#include "camd/camera.h"
#include "camd/control.h"
#include "camd/meter.h"

/* Of one camera; all zero at first. */
struct strain {
	bool slow;
	int64_t since_ns;		/* it is slow */
	int64_t well_since_ns;		/* while it is slow: since then it has kept up; 0: it does not */
	int64_t lost;			/* frames that the storage has cost the recording, at the last look */
};

/* A few times a second. recovery_point_ns: how old frames become that wait for the next sync. now_ns: CLOCK_MONOTONIC. */
void strain_watch(struct strain *strain, struct camera *camera, const struct meter *meter, struct control *control, int64_t recovery_point_ns,
		  int64_t now_ns);
