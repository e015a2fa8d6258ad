/*
 * Which frames an export is made of: all footage of one camera below the output directory whose wall times lie in a range, in
 * order, each frame once, however many files hold it. Any thread, for as long as it takes to read the files' indexes.
 *
 * Time goes on as the sensor counted it, within a file and from file to file where both were made in one run of the machine with
 * its clock not set in between; else as the wall clock says. What is missing stays missing.
 */
#pragma once

#include "camd/framelog.h"
#include "camd/movie.h"
#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GATHER_CAMERAS_MAX 64

struct gather_request {
	int root;		/* the output directory */
	const char *root_path;	/* absolute */
	int64_t camera_id;
	int64_t from_ns, to_ns;	/* wall times: frames at or after the one and before the other; INT64_MIN and INT64_MAX: all there are */

	bool (*is_cancelled)(void *user);
	/* of each frame that is shown; before: number of the row before it in its recording, 0: there is none */
	void (*on_row)(void *user, const struct framelog_row *row, uint64_t before);
	void (*on_gap)(void *user, int64_t from_ns, int64_t to_ns);	/* wall times; a second or more without a frame */
	void *user;
};

/* A stretch of a file that holds samples one behind the other. */
struct gathered_run {
	size_t file;
	uint64_t start, end;
	size_t first_sample, n_samples;
	uint64_t goes_to;		/* the user's: its place in what is made of it */
};

struct gathered_file {
	char *path;
	int fd;				/* open, and locked so that nobody deletes it */
	int64_t first_ns, last_ns;	/* wall times */
};

struct gathered {
	struct movie movie;		/* offsets of its samples are those in their files */
	struct gathered_file *files;
	size_t n_files;
	struct gathered_run *runs;
	size_t n_runs;
	int64_t from_ns, to_ns;		/* wall time of the first frame shown, and of the end of the last */
	int64_t first_sensor_ns;	/* of the first frame shown */
	size_t left_out;		/* files that could not be used, in the range or not */
};

/*
 * False: ERR_NOT_FOUND, there is nothing; or what could not be read. gathered_finish() in either case; until then the files stay
 * open, and where they are.
 */
bool gather(struct gathered *gathered, const struct gather_request *request, struct error *err);
void gathered_finish(struct gathered *gathered);

/* Which cameras have files there, by number. */
void gather_cameras(int root, bool found[GATHER_CAMERAS_MAX]);

/* Raw recordings of any time that nothing was made of which could be gathered; wanted: by camera, NULL: of all. */
size_t gather_count_raw(int root, const bool *wanted);
