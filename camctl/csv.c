#include "camctl/csv.h"

#include "common/util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST (INT64_C(1) << 60)	/* differences and sums stay numbers */

/* A whole line, without its end. False: there is none. One that is too long is read over and empty. */
static bool next_line(struct csv *csv)
{
	size_t n = 0;

	for (int c = getc_unlocked(csv->file); c != EOF; c = getc_unlocked(csv->file)) {
		if (c == '\n') {
			csv->line[n < CSV_LINE_BYTES ? n : 0] = '\0';
			return true;
		}
		if (n < CSV_LINE_BYTES)
			csv->line[n++] = (char)c;
	}
	csv->torn = n > 0;
	return false;
}

bool csv_open(struct csv *csv, const char *path, struct error *err)
{
	*csv = (struct csv){ .file = fopen(path, "re") };
	if (!csv->file)
		return error_set_errno(err, errno, "%s", path);
	if (next_line(csv) && !strncmp(csv->line, "frame_number,", 13))
		return true;
	csv_close(csv);
	return error_set(err, ERR_IO, "%s: this is no timing table", path);
}

void csv_close(struct csv *csv)
{
	if (csv->file)
		fclose(csv->file);
	csv->file = NULL;
}

const char *csv_field(const char *line, int index)
{
	while (index-- && line) {
		line = strchr(line, ',');
		line = line ? line + 1 : NULL;
	}
	return line;
}

static bool read_integer(const char *at, int64_t *value)
{
	char *end;

	errno = 0;
	*value = at ? strtoll(at, &end, 10) : 0;
	return at && end > at && !errno && strchr(",\r\n", *end) && *value > -LARGEST && *value < LARGEST;
}

/* "1732000000.123456"; an empty field is no error. */
static int64_t read_wall(const char *at)
{
	double seconds = at ? strtod(at, NULL) : 0;

	return seconds > 0 && seconds < 9e9 ? (int64_t)(seconds * 1e6) : 0;
}

static bool read_row(const char *line, struct csv_row *row)
{
	*row = (struct csv_row){ .wall_us = read_wall(csv_field(line, 1)) };
	if (!read_integer(line, &row->number) || !read_integer(csv_field(line, 2), &row->sensor_ns) ||
	    !read_integer(csv_field(line, 3), &row->dropped))
		return false;
	for (int cause = 0; cause < N_CSV_CAUSES; cause++)
		if (!read_integer(csv_field(line, 6 + cause), &row->lost[cause]))
			row->lost[cause] = 0;
	return row->number > 0 && row->dropped >= 0;
}

bool csv_next(struct csv *csv, struct csv_row *row)
{
	while (next_line(csv)) {
		if (read_row(csv->line, row))
			return true;
		csv->bad++;
	}
	return false;
}
