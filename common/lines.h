/*
 * Bytes to lines, with a limit: a line that is longer is reported once and skipped up to its newline, so that memory stays
 * bounded whatever comes. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct lines {
	char *buffer;
	size_t n, capacity, limit;
	bool skipping;
};

enum lines_result {
	LINES_MORE,	/* no whole line is there */
	LINES_LINE,	/* *line has one, without its newline (and without a carriage return before it) */
	LINES_TOO_LONG,	/* a line went over the limit; it is being skipped */
};

void lines_init(struct lines *lines, size_t limit);
void lines_finish(struct lines *lines);

/*
 * Takes from data what belongs to the next line; *used says how much. Call again with the rest while there is some. The line
 * stays until the next call, is followed by a NUL, and may hold NULs itself.
 */
enum lines_result lines_feed(struct lines *lines, const char *data, size_t bytes, size_t *used, const char **line, size_t *line_bytes);
