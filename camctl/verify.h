/*
 * Says of a recording what plays, what its timing table says, and what is missing. Nothing is changed; whatever may stand in the files,
 * also of a recording that goes on. Reads each file once, in a bounded room but for an MP4's index. One thread.
 */
#pragma once

#include "common/field.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum verify_verdict { VERIFY_SOUND, VERIFY_MISSING, VERIFY_UNKNOWN };	/* also camctl's exit status */

extern const char *const verify_verdicts[];

/* What is wrong with a recording, by names that stay. */
enum verify_code {
	VERIFY_UNFINISHED, VERIFY_NO_INDEX, VERIFY_HEAD, VERIFY_DAMAGED, VERIFY_UNINDEXED, VERIFY_NO_TABLE, VERIFY_NO_VIDEO,
	VERIFY_ROWS, VERIFY_FRAMES, VERIFY_NUMBERS, VERIFY_TIMES, VERIFY_BAD_ROWS, VERIFY_TORN_ROW, VERIFY_ORDER, VERIFY_GAPS,
	VERIFY_FILES, VERIFY_DECODING, VERIFY_FOREIGN, VERIFY_EMPTY, VERIFY_UNREADABLE,
	N_VERIFY_CODES,
};

struct verify_problem {
	int code;		/* enum verify_code */
	int64_t count;		/* of frames or rows; FIELD_UNSET: it is not of that kind */
	char *message;
};

struct verify_lost {
	int64_t sensor, starved, encoder, storage;
};

struct verify_file {
	char *file, *table;		/* NULL: there is none */
	int verdict;			/* enum verify_verdict */
	const char *state;		/* "finished", "unfinished", "recording", "raw", "foreign", …; NULL: not known */
	/* FIELD_UNSET: not known */
	int64_t bytes, frames, duration_ns;
	int64_t whole_frames;		/* whose checksum is right */
	int64_t decoded_frames;
	int64_t rows, first_number, last_number, first_sensor_ns, last_sensor_ns, gaps;
	struct verify_lost lost;	/* that the table says of this file */
	int64_t time_error_ns;		/* the farthest that a frame is from its row's time */
	struct list problems;		/* of struct verify_problem */
	struct list notes;		/* of texts: what is worth knowing, but no fault */

	/* for who looks at several files of a recording */
	int64_t camera, before;		/* number of the row before the first; FIELD_UNSET: there is none, or not known */
	bool composed;			/* a clip or an export */
};

extern const struct field verify_file_fields[];

/* Looks at a video, or at a table without one. decode: has ffmpeg decode all frames, too. verify_file_clear() in any case. */
void verify_file(struct verify_file *file, const char *path, bool decode);
void verify_file_init(struct verify_file *file);	/* nothing is known */
void verify_file_clear(struct verify_file *file);

void verify_add_problem(struct verify_file *file, enum verify_code code, int64_t count, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void verify_add_note(struct verify_file *file, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- several ---- */

struct verify_summary {
	int64_t recordings, sound, missing, unknown;
	int status;			/* enum verify_verdict of all */
};

extern const struct field verify_summary_fields[];

/* Called for each recording. */
typedef void (*verify_fn)(void *user, const struct verify_file *file);

/* Looks at a video or table, or at all of them in a directory and in those below it. What can't be looked at is told, too. */
void verify_path(const char *path, bool decode, struct verify_summary *summary, verify_fn on_file, void *user);

/* For people. */
void verify_print(const struct verify_file *file, FILE *to);
void verify_print_summary(const struct verify_summary *summary, FILE *to);
