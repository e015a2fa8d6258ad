#include "camd/timetable.h"

#include "common/lines.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES 4096

struct reader {
	struct timetable *timetable;
	const char *path;
	struct lines lines;
	uint64_t line;			/* number of the current one, from 1 */
	int wall_column, sensor_column;	/* from 0 */
};

static bool fail(const struct reader *reader, struct error *err, const char *what)
{
	return error_set(err, ERR_UNSUPPORTED, "%s: line %" PRIu64 ": %s", reader->path, reader->line, what);
}

/* The column's text, unless the line has too few. */
static const char *find_column(const char *line, int column, size_t *bytes)
{
	for (; column > 0; column--) {
		line = strchr(line, ',');
		if (!line)
			return NULL;
		line++;
	}
	*bytes = strcspn(line, ",");
	return line;
}

static int column_of(const char *header, const char *name)
{
	const char *text;
	size_t bytes;

	for (int column = 0; (text = find_column(header, column, &bytes)); column++)
		if (bytes == strlen(name) && !memcmp(text, name, bytes))
			return column;
	return -1;
}

static bool read_header(struct reader *reader, const char *line, struct error *err)
{
	reader->wall_column = column_of(line, "write_time_unix");
	reader->sensor_column = column_of(line, "sensor_timestamp_ns");
	if (reader->sensor_column < 0)
		return fail(reader, err, "this is no timing table: there is no column sensor_timestamp_ns");
	return true;
}

/* All of the text must be a decimal number that is not negative. */
static bool parse_digits(const char *text, size_t bytes, int64_t *value)
{
	*value = 0;
	for (size_t i = 0; i < bytes; i++)
		if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, text[i] - '0', value))
			return false;
	return bytes > 0;
}

/* "1763640187.123456", exactly; what can't be read is unknown. */
static int64_t parse_wall(const char *text, size_t bytes)
{
	const char *point = memchr(text, '.', bytes);
	size_t whole = point ? (size_t)(point - text) : bytes, decimals = point ? bytes - whole - 1 : 0;
	int64_t seconds, fraction = 0, wall_ns;

	if (!parse_digits(text, whole, &seconds) || decimals > 9 || (decimals && !parse_digits(point + 1, decimals, &fraction)))
		return 0;
	for (; decimals < 9; decimals++)
		fraction *= 10;
	if (__builtin_mul_overflow(seconds, NS_PER_S, &wall_ns) || __builtin_add_overflow(wall_ns, fraction, &wall_ns))
		return 0;
	return wall_ns;
}

static void append(struct timetable *timetable, int64_t sensor_ns)
{
	if (timetable->n == timetable->capacity) {
		timetable->capacity = MAX(2 * timetable->capacity, (size_t)4096);
		timetable->sensor_ns = xrealloc(timetable->sensor_ns, timetable->capacity, sizeof(*timetable->sensor_ns));
	}
	timetable->sensor_ns[timetable->n++] = sensor_ns;
}

static bool read_row(struct reader *reader, const char *line, struct error *err)
{
	struct timetable *timetable = reader->timetable;
	size_t bytes;
	const char *text = find_column(line, reader->sensor_column, &bytes);
	int64_t sensor_ns;

	if (!text || !bytes)
		return fail(reader, err, "the frame has no sensor time, so there is no exact time to give it");
	if (!parse_digits(text, bytes, &sensor_ns))
		return fail(reader, err, "the sensor time is not a number of nanoseconds");
	if (timetable->n && sensor_ns <= timetable->sensor_ns[timetable->n - 1])
		return fail(reader, err, "the sensor time is not later than that of the frame before");
	append(timetable, sensor_ns);
	if (timetable->n > 1 || reader->wall_column < 0)
		return true;
	text = find_column(line, reader->wall_column, &bytes);
	timetable->first_wall_ns = text ? parse_wall(text, bytes) : 0;
	return true;
}

static bool read_line(struct reader *reader, const char *line, size_t bytes, struct error *err)
{
	reader->line++;
	if (strlen(line) != bytes)
		return fail(reader, err, "there is a NUL in it");
	return reader->line == 1 ? read_header(reader, line, err) : read_row(reader, line, err);
}

static bool take_lines(struct reader *reader, const char *data, size_t bytes, struct error *err)
{
	size_t used, line_bytes;
	const char *line;

	for (; bytes; data += used, bytes -= used) {
		switch (lines_feed(&reader->lines, data, bytes, &used, &line, &line_bytes)) {
		case LINES_LINE:
			if (!read_line(reader, line, line_bytes, err))
				return false;
			break;
		case LINES_TOO_LONG:
			reader->line++;
			return fail(reader, err, "it is too long");
		case LINES_MORE:
			break;
		}
	}
	return true;
}

bool timetable_read(int fd, const char *path, struct timetable *timetable, struct error *err)
{
	struct reader reader = { .timetable = timetable, .path = path };
	char data[16384];
	bool ok = true;
	ssize_t n;

	*timetable = (struct timetable){ 0 };
	lines_init(&reader.lines, LINE_BYTES);
	do {
		n = read(fd, data, sizeof(data));
		if (n > 0)
			ok = take_lines(&reader, data, (size_t)n, err);
	} while (ok && (n > 0 || (n < 0 && errno == EINTR)));
	if (n < 0)
		ok = error_set_errno(err, errno, "%s: cannot read the timing table", path);
	else if (ok && !timetable->n)
		ok = error_set(err, ERR_UNSUPPORTED, "%s: the timing table has no rows", path);
	lines_finish(&reader.lines);
	return ok;
}

void timetable_finish(struct timetable *timetable)
{
	free(timetable->sensor_ns);
	*timetable = (struct timetable){ 0 };
}

int64_t timetable_longest_gap_ns(const struct timetable *timetable, size_t n)
{
	int64_t longest = 0;

	for (size_t i = 1; i < n; i++)
		longest = MAX(longest, timetable->sensor_ns[i] - timetable->sensor_ns[i - 1]);
	return longest;
}
