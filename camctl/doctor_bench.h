/*
 * What the trials of a board share: the camd under examination, where it records to, and the tables that every recording and
 * every camd's log go into. One thread.
 */
#pragma once

#include "camctl/doctor_take.h"

struct doctor_bench {
	struct doctor *doctor;
	struct patient *patient;	/* NULL: none runs */
	char *directory;		/* for recordings; removed at the end */
	int64_t long_ns, alone_ns, short_ns;	/* all cameras together; one alone; each of the small trials */
	int64_t bitrate_bps;		/* the user's */
	bool hardware;			/* the board has an encoder */
	struct wire_message cameras;	/* as list_cameras told them; json is NULL: not asked yet */
	struct list recordings;		/* of texts: rows of the table of all recordings */
	struct list log;		/* of texts */
};

/* Starts a camd that records to the bench's directory. False: a row of the report says why. */
bool doctor_bench_start(struct doctor_bench *bench, const struct list *base, const char *const *flags);

/* Ends it, and keeps of its log what matters; title: what it was for. */
void doctor_bench_end(struct doctor_bench *bench, const char *title);

/* Whether there is a reason to go on: the user wants it, and camd lives. */
bool doctor_bench_goes_on(const struct doctor_bench *bench);

/*
 * A whole recording, which also goes into the table, under that title; the caller clears it. False: nothing was recorded, or
 * not all the time.
 */
bool doctor_bench_take(struct doctor_bench *bench, struct doctor_take *take, const struct list *camera_ids, int64_t ns,
		       const char *title);

/* For recordings that are made in steps. */
void doctor_bench_note(struct doctor_bench *bench, const struct doctor_take *take, const char *title);

/* The head of the table that `recordings` holds the rows of: lines, then NULL. */
extern const char *const doctor_bench_head[];
