/*
 * Reads timing tables, row by row, whatever stands in them: a row that is none is counted and left out, a last line
 * without its end does not count, and no line is longer than it may be. One thread a table.
 */
#pragma once

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CSV_LINE_BYTES 1024

enum csv_cause { CSV_SENSOR, CSV_STARVED, CSV_ENCODER, CSV_STORAGE, N_CSV_CAUSES };

struct csv_row {
	int64_t number, sensor_ns, dropped;
	int64_t wall_us;			/* since 1970; 0: unknown */
	int64_t lost[N_CSV_CAUSES];		/* totals since the recording's start; 0 where the table has no such column */
};

struct csv {
	FILE *file;
	char line[CSV_LINE_BYTES];		/* the row that was read last; the header at first */
	int64_t bad;				/* rows that were left out */
	bool torn;				/* behind the last row there is a part of one */
};

/* False: it can't be read, or is no such table. */
bool csv_open(struct csv *csv, const char *path, struct error *err);
void csv_close(struct csv *csv);

/* False: there is no more. */
bool csv_next(struct csv *csv, struct csv_row *row);

/* Where the index-th field of a line begins; NULL: the line is shorter. */
const char *csv_field(const char *line, int index);
