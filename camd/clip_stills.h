/*
 * Pictures of a clip's frames, as a job: CLIP_stills/frame_NNNNNNNN.jpg, by the camera's numbers, and stills.csv, which says of each
 * file what frame it is. They carry the codec's losses and the overlay. Main thread.
 */
#pragma once

#include "camd/session.h"

struct clip_stills_request {
	const char *video, *table;	/* absolute */
	int format;			/* index in still_format_names */
	int64_t every;			/* the first frame, and each so-many-th after it */
	int64_t frames;			/* in the clip */
	int quality;			/* of JPEGs */
};

/* Puts the job in line. False: there are too many. */
bool clip_stills_start(struct session *session, const struct clip_stills_request *request, int64_t *job, struct error *err);
