/*
 * Brings a timing table into agreement with its video after a crash: rows that are missing are added, torn rows and
 * rows of frames that are not in the video are cut off. The video is right: each of its fragments holds its frame's
 * row.
 *
 * One thread at a time; nobody else may have the table open for writing.
 */
#pragma once

#include "camd/framelog.h"
#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

struct framelog_repair_report {
	uint64_t rows_added;	/* more rows than before */
	uint64_t rows_cut;	/* fewer */
	bool changed;
	uint64_t rows;		/* that are left, of a table that was trimmed */
	bool foreign;		/* it has other columns than camd writes: left as it is */
};

struct framelog_repair;

/* Opens the table in a directory, which stays open; one that isn't there is made at the end. path is for messages. */
struct framelog_repair *framelog_repair_open(int directory, const char *name, const char *path, struct error *err);

/* Says what the next row ought to be. */
void framelog_repair_add(struct framelog_repair *repair, const struct framelog_row *row);

/* Makes the file hold these rows and no others, and syncs it. */
bool framelog_repair_close(struct framelog_repair *repair, struct framelog_repair_report *report, struct error *err);
void framelog_repair_destroy(struct framelog_repair *repair);	/* NULL is allowed */

/*
 * For a table whose video has no rows in it: cuts off what follows the last whole row. A table that isn't there is
 * fine.
 */
bool framelog_repair_trim(int directory, const char *name, const char *path, struct framelog_repair_report *report,
			  struct error *err);
