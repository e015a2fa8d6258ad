#include "camd/framelog_repair.h"

#include "camd/appender.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct framelog_repair {
	int directory;
	char *name;
	struct appender file;	/* its fd is -1 if there was no table */
	uint64_t old_bytes;
	uint64_t same_bytes;	/* of the old table that are as they ought to be */
	uint64_t same_rows;
	struct framelog_place last;	/* row that was added */
	bool differs;		/* from same_bytes on */
	bool foreign;
	/* what ought to be there from then on */
	char *text;
	size_t text_bytes, capacity;
	uint64_t text_rows;
};

/* Opens a regular file, never through a link. Returns -1 with errno. */
static int open_table(int directory, const char *name, int flags, uint64_t *bytes)
{
	int fd = openat(directory, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | flags, 0644), number;
	struct stat status;

	if (fd < 0)
		return -1;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
		*bytes = (uint64_t)status.st_size;
		return fd;
	}
	number = S_ISREG(status.st_mode) ? errno : EINVAL;
	close(fd);
	errno = number;
	return -1;
}

/* Takes text as the next of what ought to be in the file. */
static void expect(struct framelog_repair *repair, const char *text, size_t bytes)
{
	char old[FRAMELOG_ROW_BYTES];

	if (!repair->differs && read_at(repair->file.fd, old, bytes, repair->same_bytes) == bytes && !memcmp(old, text, bytes)) {
		repair->same_bytes += bytes;
		return;
	}
	repair->differs = true;
	if (repair->capacity - repair->text_bytes < bytes) {
		repair->capacity = MAX(2 * repair->capacity, (size_t)4096);
		repair->text = xrealloc(repair->text, repair->capacity, 1);
	}
	memcpy(repair->text + repair->text_bytes, text, bytes);
	repair->text_bytes += bytes;
}

/* Whether the table begins with another header than camd's: a torn one, or a hole in its place, is still camd's. */
static bool is_foreign(const struct framelog_repair *repair)
{
	char old[sizeof(FRAMELOG_HEADER)];
	size_t got = read_at(repair->file.fd, old, strlen(FRAMELOG_HEADER), 0);

	return got && old[0] && memcmp(old, FRAMELOG_HEADER, got);
}

struct framelog_repair *framelog_repair_open(int directory, const char *name, const char *path, struct error *err)
{
	struct framelog_repair *repair;
	uint64_t bytes = 0;
	int fd = open_table(directory, name, 0, &bytes);

	if (fd < 0 && errno != ENOENT) {
		error_set_errno(err, errno, "%s: cannot open the timing table", path);
		return NULL;
	}
	repair = xcalloc(1, sizeof(*repair));
	repair->directory = directory;
	repair->name = xstrdup(name);
	appender_adopt(&repair->file, fd, path, bytes);
	repair->old_bytes = bytes;
	repair->foreign = is_foreign(repair);
	expect(repair, FRAMELOG_HEADER, strlen(FRAMELOG_HEADER));
	return repair;
}

void framelog_repair_add(struct framelog_repair *repair, const struct framelog_row *row)
{
	char text[FRAMELOG_ROW_BYTES];
	size_t bytes = framelog_format_row(text, row, repair->last);

	expect(repair, text, bytes);
	repair->last = framelog_place_of(row);
	if (repair->differs)
		repair->text_rows++;
	else
		repair->same_rows++;
}

/* Rows from a place on, an unterminated one included. */
static uint64_t count_rows(const struct framelog_repair *repair, uint64_t at)
{
	char text[4096], last = '\n';
	uint64_t rows = 0;
	size_t got;

	while ((got = read_at(repair->file.fd, text, sizeof(text), at))) {
		for (size_t i = 0; i < got; i++)
			rows += text[i] == '\n';
		last = text[got - 1];
		at += got;
	}
	return rows + (last != '\n');
}

bool framelog_repair_close(struct framelog_repair *repair, struct framelog_repair_report *report, struct error *err)
{
	uint64_t old_rows;

	*report = (struct framelog_repair_report){ .foreign = repair->foreign };
	if (repair->foreign || (repair->same_bytes == repair->old_bytes && !repair->text_bytes))
		return true;
	old_rows = count_rows(repair, repair->same_bytes);
	if (!repair->same_bytes && old_rows)
		old_rows--;	/* the header */
	if (repair->file.fd < 0)
		repair->file.fd = open_table(repair->directory, repair->name, O_CREAT | O_EXCL, &repair->old_bytes);
	if (repair->file.fd < 0)
		return error_set_errno(err, errno, "%s: cannot make the timing table", repair->file.path);
	report->changed = true;
	report->rows_added = repair->text_rows > old_rows ? repair->text_rows - old_rows : 0;
	report->rows_cut = old_rows > repair->text_rows ? old_rows - repair->text_rows : 0;
	return appender_cut(&repair->file, repair->same_bytes, err) &&
	       appender_write(&repair->file, repair->text, repair->text_bytes, err) && appender_sync_name(&repair->file, err);
}

void framelog_repair_destroy(struct framelog_repair *repair)
{
	if (!repair)
		return;
	appender_close(&repair->file);
	free(repair->name);
	free(repair->text);
	free(repair);
}

/* Rows are made of little; but in the last column people may have written. */
static bool can_be_in_row(char letter, int commas_before)
{
	if (commas_before >= MARK_COLUMN)
		return (unsigned char)letter >= ' ';
	return letter && strchr("0123456789.,-_abcdefghijklmnopqrstuvwxyz", letter);
}

/* Where the last whole row ends, and how many there are, the header among them. */
static uint64_t end_of_rows(int fd, uint64_t *lines)
{
	uint64_t at = 0, whole = 0;
	int commas = 0;
	bool clean = true;
	char text[4096];
	size_t got;

	for (; (got = read_at(fd, text, sizeof(text), at)); at += got)
		for (size_t i = 0; i < got; i++) {
			if (text[i] != '\n') {
				commas += text[i] == ',';
				clean = clean && can_be_in_row(text[i], commas);
				continue;
			}
			if (clean) {
				whole = at + i + 1;
				++*lines;
			}
			clean = true;
			commas = 0;
		}
	return whole;
}

bool framelog_repair_trim(int directory, const char *name, const char *path, struct framelog_repair_report *report,
			  struct error *err)
{
	struct appender file;
	uint64_t bytes, end, lines = 0;
	int fd = open_table(directory, name, 0, &bytes);
	bool ok = true;

	*report = (struct framelog_repair_report){ 0 };
	if (fd < 0)
		return errno == ENOENT ? true : error_set_errno(err, errno, "%s: cannot open the timing table", path);
	appender_adopt(&file, fd, path, bytes);
	end = end_of_rows(fd, &lines);
	report->rows = lines ? lines - 1 : 0;	/* without the header */
	if (end < bytes) {
		report->changed = true;
		report->rows_cut = 1;
		ok = appender_cut(&file, end, err) && appender_sync(&file, err);
	}
	appender_close(&file);
	return ok;
}
