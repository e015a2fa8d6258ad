#include "common/lines.h"

#include "common/util.h"

#include <stdlib.h>
#include <string.h>

void lines_init(struct lines *lines, size_t limit)
{
	*lines = (struct lines){ .limit = limit };
}

void lines_finish(struct lines *lines)
{
	free(lines->buffer);
	*lines = (struct lines){ 0 };
}

static void append(struct lines *lines, const char *data, size_t bytes)
{
	if (lines->n + bytes + 1 > lines->capacity) {
		lines->capacity = MAX(lines->capacity * 2, lines->n + bytes + 1);
		lines->buffer = xrealloc(lines->buffer, lines->capacity, 1);
	}
	memcpy(lines->buffer + lines->n, data, bytes);
	lines->n += bytes;
	lines->buffer[lines->n] = '\0';
}

static enum lines_result take_line(struct lines *lines, const char **line, size_t *line_bytes)
{
	if (lines->n && lines->buffer[lines->n - 1] == '\r')
		lines->buffer[--lines->n] = '\0';
	*line = lines->buffer;
	*line_bytes = lines->n;
	lines->n = 0;
	return LINES_LINE;
}

enum lines_result lines_feed(struct lines *lines, const char *data, size_t bytes, size_t *used, const char **line, size_t *line_bytes)
{
	const char *newline = memchr(data, '\n', bytes);
	size_t piece = newline ? (size_t)(newline - data) : bytes;

	*used = newline ? piece + 1 : bytes;
	if (lines->skipping) {
		lines->skipping = !newline;
		return LINES_MORE;
	}
	if (lines->n + piece > lines->limit) {
		lines->n = 0;
		lines->skipping = !newline;
		return LINES_TOO_LONG;
	}
	append(lines, data, piece);
	return newline ? take_line(lines, line, line_bytes) : LINES_MORE;
}
