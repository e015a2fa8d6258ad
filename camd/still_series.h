/*
 * Frames one after the other as pictures in a folder beside a clip: CLIP_stills/frame_NNNNNNNN.jpg, by the camera's numbers, and
 * stills.csv, which says of each file which frame it is, and how dark. Dark ones may be stacked: some on end become one picture.
 *
 * Made in any thread, which has it then.
 */
#pragma once

#include "camd/frame.h"
#include "camd/shade.h"
#include "common/error.h"

struct still_series_request {
	const char *clip;		/* absolute; used while the series is made */
	int format;			/* index in still_format_names */
	int quality;			/* of JPEGs */
	int64_t every;			/* the first frame, and each so-many-th after it, if that is in no picture yet */
	int stacking;			/* of dark frames, enum dark_stacking */
	int stack_count;		/* how many become one picture */
	double dark;			/* dark are frames whose score is less, and all of the night */
	struct nights nights;		/* of the camera */
	int camera_id;
	char id[272], model[128];
};

struct still_series;

/* Makes the folder, under a name that there isn't yet, and the table. */
struct still_series *still_series_create(const struct still_series_request *request, struct error *err);

/* The next frame, in memory that may be read, with all that is said of it. */
bool still_series_add(struct still_series *series, const struct frame *frame, struct error *err);

/* Writes what is left, and puts all on the disk: what there is, is in the table. */
bool still_series_finish(struct still_series *series, struct error *err);

const char *still_series_table(const struct still_series *series);
void still_series_destroy(struct still_series *series);		/* NULL is allowed */
