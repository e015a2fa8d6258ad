/*
 * What night does to a camera: its exposure and gain are set for the dark, and its rate in night_mode slow_video; by day they become
 * what they were. Main thread.
 */
#pragma once

#include "camd/keeper.h"

#define NIGHT_MAX_CONTROLS 8

struct night_settings {
	bool wanted;			/* night is looked for at all */
	bool slow;			/* frames last as long as the exposure, if that is longer than they do by day */
	int64_t exposure_ns;		/* FIELD_UNSET: as it is */
	double gain;			/* NAN: as it is */
};

struct night {
	bool has_fallen;
	bool entered;			/* and the camera has been set for it */
	bool slow;			/* its frames may last longer */
	bool other_rate;		/* because another rate was set */
	struct control_setting before[NIGHT_MAX_CONTROLS];	/* in the order in which they were set for the night */
	bool was_set[NIGHT_MAX_CONTROLS];	/* somebody had set it by hand */
	size_t n;
};

/* Night falls, or ends, or the camera is there (again): does what has to be done. done: once a control; err: what it can't do. */
void night_set(struct night *night, struct keeper *keeper, const struct night_settings *settings, keeper_done_fn done, void *user);
