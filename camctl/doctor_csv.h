/* What a recording's timing CSV says: how even the frames came, and at what rate. Pure functions; any thread. */
#pragma once

#include "common/error.h"

#include <stddef.h>
#include <stdint.h>

struct doctor_csv {
	int64_t rows, last_number;	/* last_number: lost frames included */
	int64_t gaps;			/* rows before which something was lost */
	int64_t disordered;		/* rows whose time or number is not above the one before */
	int64_t first_ns, last_ns;
	/* between frames that follow each other, none lost in between */
	int64_t intervals;
	double mean_ms, spread_ms, shortest_ms, longest_ms;
	int64_t late;			/* of those, longer than 1.5 times the mean */
	/* of the line through all frames' times by their numbers: what the sensor's clock really does */
	double fps, worst_ms;		/* worst: the farthest that a frame is from that line */
};

/* False: it can't be read, or is no such table. Fewer than three rows leave the rates 0. */
bool doctor_csv_read(const char *path, struct doctor_csv *csv, struct error *err);

/*
 * The values of the first column whose name contains that text, one a row, NAN where the field is empty; allocated. NULL:
 * there is no such column, or no row. name gets the column's.
 */
double *doctor_csv_column(const char *path, const char *part, char name[64], size_t *n);
