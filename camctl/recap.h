/*
 * What the files of a session say of it: for each camera how even its frames came, what was lost, when and why, how many
 * bits a second it took, and how far it is from the first camera. Read in two passes, in a bounded room, from recordings
 * that are finished, unfinished, or cut anywhere. One thread.
 */
#pragma once

#include "camctl/csv.h"
#include "camctl/spread.h"
#include "common/field.h"

#include <stdbool.h>

#define RECAP_SLOTS 240		/* parts that the session's time is divided into */
#define RECAP_LOSSES 16		/* that are kept one by one */

/* What fell into one part of the time. */
struct recap_slot {
	int64_t frames, bytes, lost[N_CSV_CAUSES + 1];	/* the last: of no known cause */
	int64_t intervals, skews;
	double interval_sum, interval_min, interval_max;
	double skew_sum, skew_min, skew_max;
};

struct recap_loss {		/* one after another, with less than a second between them */
	int64_t at_ns;		/* sensor time of the first frame behind it */
	int64_t number;		/* of that frame */
	int64_t lost[N_CSV_CAUSES + 1];
};

struct recap_recording {
	char *csv, *video;	/* paths; video: NULL if there is none */
	int64_t rows, first_ns, last_ns, video_bytes;
};

struct recap_camera {
	int64_t id;
	struct recap_recording *recordings;	/* in the order of time */
	size_t n_recordings;

	int64_t rows, bad, disordered;
	int64_t coded_bytes;			/* of all frames */
	double seconds;				/* of video: from first to last frame of each recording */
	int64_t lost[N_CSV_CAUSES + 1];
	struct spread intervals;		/* between frames of which none between was lost */

	struct recap_loss losses[RECAP_LOSSES];
	int64_t n_losses;

	bool has_sizes;				/* of single frames: an MP4's */
	double lowest_bps, highest_bps;		/* of whole seconds; 0: there is none */

	/* sensor time less that of the nearest frame of the first camera */
	struct spread skews;
	double skew_drift;			/* ns a second, by the line through all */
	struct recap_slot slots[RECAP_SLOTS];
};

struct recap {
	char *label;
	struct recap_camera **cameras;		/* by their numbers */
	size_t n_cameras;
	int64_t first_ns, last_ns, first_wall_us;
	size_t without_table;			/* videos */
	struct list problems;			/* of texts */
};

/* Looks at a session's directory, or at one table or video. False: there is nothing to tell of; err says why. */
bool recap_read(struct recap *recap, const char *path, struct error *err);
void recap_clear(struct recap *recap);

int64_t recap_lost(const int64_t lost[N_CSV_CAUSES + 1]);
double recap_slot_seconds(const struct recap *recap);
double recap_drift(const struct recap_camera *camera);	/* of its skew, us a minute, to a tenth */

/* "sensor 2, encoder 1", or "none". */
#define RECAP_LOST_BYTES 160
const char *recap_lost_text(const int64_t lost[N_CSV_CAUSES + 1], char text[RECAP_LOST_BYTES]);

extern const char *const recap_causes[N_CSV_CAUSES + 1];

/* For people, so many columns wide; blocks: whether the place knows the letters for bars. */
void recap_print(const struct recap *recap, int columns, bool blocks, FILE *to);

/* As a picture. */
void recap_draw(const struct recap *recap, FILE *to);
