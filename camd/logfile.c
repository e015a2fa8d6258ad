#include "camd/logfile.h"

#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "session.log"
#define NEW_NAME "session.log.new"
#define NAME_BYTES 48

/* The n-th oldest but one: 0 is the one that grows. */
static const char *name_of(char name[NAME_BYTES], int64_t n)
{
	if (n)
		snprintf(name, NAME_BYTES, NAME ".%" PRId64, n);
	else
		snprintf(name, NAME_BYTES, NAME);
	return name;
}

static int open_at(int directory, const char *name, int flags)
{
	return openat(directory, name, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC | flags, 0666);
}

bool logfile_open(struct logfile *file, int directory, const char *path, struct error *err)
{
	int fd = open_at(directory, NAME, 0), copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat status;

	if (fd < 0 || copy < 0 || fstat(fd, &status)) {
		error_set_errno(err, errno, "log %s/" NAME, path);
		if (fd >= 0)
			close(fd);
		if (copy >= 0)
			close(copy);
		return false;
	}
	logfile_close(file);
	file->fd = fd;
	file->directory = copy;
	file->bytes = status.st_size;
	return true;
}

void logfile_close(struct logfile *file)
{
	if (file->fd >= 0)
		close(file->fd);
	if (file->directory >= 0)
		close(file->directory);
	file->fd = file->directory = -1;
	file->bytes = file->again_bytes = file->lost = 0;
	file->torn = false;
}

/* Makes room for a younger one: each is the next older, the oldest goes. */
static void age(const struct logfile *file)
{
	char from[NAME_BYTES], to[NAME_BYTES];

	for (int64_t n = MAX(file->keep, 1); !unlinkat(file->directory, name_of(from, n), 0); n++)
		;
	for (int64_t n = file->keep; n > 1; n--)
		renameat(file->directory, name_of(from, n - 1), file->directory, name_of(to, n));
	/* a second name first, where there are such: so session.log is always there for who follows it */
	if (file->keep && linkat(file->directory, NAME, file->directory, NAME ".1", 0))
		renameat(file->directory, NAME, file->directory, NAME ".1");
}

/* A new file is there before the old one is touched; without one (a full disk), it goes on in the old one. */
static void rotate(struct logfile *file)
{
	int fd;

	unlinkat(file->directory, NEW_NAME, 0);
	fd = open_at(file->directory, NEW_NAME, O_EXCL);
	if (fd < 0) {
		file->again_bytes = file->bytes + file->max_bytes / 10;
		return;
	}
	age(file);
	renameat(file->directory, NEW_NAME, file->directory, NAME);
	close(file->fd);
	file->fd = fd;
	file->bytes = file->again_bytes = 0;
}

static bool put(struct logfile *file, const char *text, size_t n)
{
	ssize_t written = write(file->fd, text, n);

	if (written > 0) {
		file->bytes += written;
		file->torn = written < (ssize_t)n;
	}
	return written == (ssize_t)n;
}

/* Ends a line that got in by half, and says how many did not. */
static bool tell_lost(struct logfile *file)
{
	char line[LOG_LINE_BYTES], text[80];

	if (file->torn && !put(file, "\n", 1))
		return false;
	snprintf(text, sizeof(text), "the disk did not take %" PRId64 " line%s of the log here", file->lost, file->lost == 1 ? "" : "s");
	if (!put(file, line, log_format(line, LOG_ERROR, "log", text)))
		return false;
	file->lost = 0;
	return true;
}

void logfile_append(struct logfile *file, const char *line, size_t n)
{
	if (file->max_bytes && file->bytes && file->bytes + (int64_t)n > file->max_bytes && file->bytes >= file->again_bytes)
		rotate(file);
	if ((file->lost && !tell_lost(file)) || !put(file, line, n))
		file->lost++;
}

void logfile_remove(int directory)
{
	char name[NAME_BYTES];

	for (int64_t n = 0; !unlinkat(directory, name_of(name, n), 0); n++)
		;
}
