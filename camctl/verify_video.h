/* The parts of camctl/verify.h that read a video and hold it against its table. One thread. */
#pragma once

#include "camctl/ledger.h"
#include "camctl/verify.h"

/* What was found of frames that have no row, and of rows that have no frame. */
struct verify_pairs {
	struct ledger *ledger;		/* NULL: there is no table */
	bool going_on;			/* somebody writes it: the last frames may have no rows yet */
	int64_t frames;
	int64_t rows_alone, first_row_alone, last_row_alone;	/* and the numbers of the first and last of them */
	int64_t frames_alone, last_frame_alone;			/* how many are the last frames of the video */
	int64_t wrong_numbers, wrong_times;
	int64_t damaged;		/* frames that are there, but not whole */
};

/* Looks at an open video of so many bytes. False: it can't be read; err says why. */
bool verify_mp4(struct verify_file *file, struct verify_pairs *pairs, int fd, struct error *err);
bool verify_raw(struct verify_file *file, struct verify_pairs *pairs, int fd, struct error *err);

/* Goes to the table's end: those rows have no frames, unless theirs are being written. */
void verify_leave_rows(struct verify_pairs *pairs);

/* Has the ffmpeg program decode all. */
void verify_decode(struct verify_file *file);
