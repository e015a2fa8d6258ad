#include "camctl/doctor_csv.h"

#include "camctl/csv.h"
#include "common/util.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LATE 1.5

/* Sums, about the first frame, so that doubles hold them. */
struct sums {
	double n, x, y, xx, xy;		/* x: number, y: nanoseconds */
	double interval, square;	/* of the intervals, in ms; the square about the first of them */
	double first_interval;
};

static void note_interval(struct doctor_csv *csv, struct sums *sums, double ms)
{
	if (!csv->intervals++) {
		sums->first_interval = csv->shortest_ms = csv->longest_ms = ms;
	}
	csv->shortest_ms = MIN(csv->shortest_ms, ms);
	csv->longest_ms = MAX(csv->longest_ms, ms);
	sums->interval += ms;
	sums->square += (ms - sums->first_interval) * (ms - sums->first_interval);
}

static void note_row(struct doctor_csv *csv, struct sums *sums, const struct csv_row *row, const struct csv_row *before)
{
	double x = (double)(row->number - 1), y;

	if (!csv->rows++)
		csv->first_ns = row->sensor_ns;
	else if (row->number <= before->number || row->sensor_ns <= before->sensor_ns)
		csv->disordered++;
	else if (row->number == before->number + 1)
		note_interval(csv, sums, (double)(row->sensor_ns - before->sensor_ns) / 1e6);
	y = (double)(row->sensor_ns - csv->first_ns);
	csv->last_ns = row->sensor_ns;
	csv->last_number = row->number;
	csv->gaps += row->dropped > 0;
	sums->n++;
	sums->x += x;
	sums->y += y;
	sums->xx += x * x;
	sums->xy += x * y;
}

static void settle_intervals(struct doctor_csv *csv, const struct sums *sums)
{
	double n = (double)csv->intervals, off;

	if (!csv->intervals)
		return;
	csv->mean_ms = sums->interval / n;
	off = csv->mean_ms - sums->first_interval;
	csv->spread_ms = sqrt(MAX(sums->square / n - off * off, 0));
}

/* The second time through: what has to be known before is known now. */
static void measure(struct doctor_csv *csv, const struct sums *sums, struct csv *table)
{
	double below = sums->n * sums->xx - sums->x * sums->x;
	double slope = below > 0 ? (sums->n * sums->xy - sums->x * sums->y) / below : 0;
	double base = (sums->y - slope * sums->x) / sums->n;
	struct csv_row row, before = { 0 };

	if (slope > 0)
		csv->fps = 1e9 / slope;
	for (int64_t i = 0; i < csv->rows && csv_next(table, &row); i++) {
		double off = (double)(row.sensor_ns - csv->first_ns) - base - slope * (double)(row.number - 1);
		double ms = (double)(row.sensor_ns - before.sensor_ns) / 1e6;

		csv->worst_ms = MAX(csv->worst_ms, fabs(off) / 1e6);
		csv->late += i && row.number == before.number + 1 && ms > LATE * csv->mean_ms;
		before = row;
	}
}

bool doctor_csv_read(const char *path, struct doctor_csv *csv, struct error *err)
{
	struct csv table;
	struct sums sums = { 0 };
	struct csv_row row, before = { 0 };

	*csv = (struct doctor_csv){ 0 };
	if (!csv_open(&table, path, err))
		return false;
	while (csv_next(&table, &row)) {
		note_row(csv, &sums, &row, &before);
		before = row;
	}
	settle_intervals(csv, &sums);
	csv_close(&table);
	if (csv->rows < 3)
		return true;
	if (!csv_open(&table, path, err))
		return false;
	measure(csv, &sums, &table);
	csv_close(&table);
	return true;
}

/* ---- other columns ---- */

static int find_column(const char *header, const char *part, char name[64])
{
	for (int index = 0;; index++) {
		const char *at = csv_field(header, index);

		if (!at)
			return -1;
		snprintf(name, 64, "%.*s", (int)MIN(strcspn(at, ",\r\n"), 63), at);
		if (strstr(name, part))
			return index;
	}
}

double *doctor_csv_column(const char *path, const char *part, char name[64], size_t *n)
{
	struct csv table;
	struct csv_row row;
	struct error err;
	double *values = NULL;
	int column;

	*n = 0;
	if (!csv_open(&table, path, &err))
		return NULL;
	column = find_column(table.line, part, name);
	while (column >= 0 && csv_next(&table, &row)) {
		const char *at = csv_field(table.line, column);
		char *stop;
		double value = at ? strtod(at, &stop) : NAN;

		values = xrealloc(values, *n + 1, sizeof(*values));
		values[(*n)++] = at && stop > at ? value : NAN;
	}
	csv_close(&table);
	return values;
}
