/*
 * Pictures of a clip's frames, as a job (camd/still_series.h): read back from the clip, with the codec's losses and the overlay; or the
 * raw frames of its time, as far as somebody has kept them. Main thread.
 */
#pragma once

#include "camd/session.h"
#include "camd/still_series.h"

struct clip_stills_request {
	const char *video, *table;	/* absolute; table: NULL if ring is given */
	int64_t frames;			/* in the clip */
	int64_t to_ns;			/* sensor time of the last */
	struct frame **ring;		/* references to frames in their order, on the heap; NULL: they are read from the clip */
	int n_ring;
	int *held;			/* is less by n_ring once these are let go; lives longer than jobs */
};

/* Puts the job in line, which has the references then. False: there are too many jobs. */
bool clip_stills_start(struct session *session, const struct clip_stills_request *request, const struct still_series_request *series, int64_t *job,
		       struct error *err);
