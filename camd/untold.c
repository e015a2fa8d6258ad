#include "camd/untold.h"

#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME ".recovered"
#define BYTES_MAX (1u << 20)

void untold_add(int directory, const char *name, const char *path, const struct recover_report *report)
{
	int fd = openat(directory, NAME, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
	char *line = xasprintf("%" PRIu64 " %" PRId64 " %" PRIu64 " %" PRIu64 " %s\n", report->frames, report->duration_ns, report->bytes_cut,
			       report->damaged_frames, name);

	if (fd < 0 || !write_whole(fd, line, strlen(line)) || fsync(fd) || (fsync(directory) && errno != EINVAL))
		log_warning("%s: if the power goes now, nobody will be told that it was recovered: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	free(line);
}

/* One number and the blank behind it. */
static bool take_number(const char **at, uint64_t *number)
{
	char *end;

	if (**at < '0' || **at > '9')
		return false;
	errno = 0;
	*number = strtoull(*at, &end, 10);
	if (errno || *end != ' ' || *number > INT64_MAX)
		return false;
	*at = end + 1;
	return true;
}

static void parse_line(struct untold *untold, const char *line)
{
	struct untold_video video = { .report.state = RECOVER_DONE };
	uint64_t duration_ns;

	if (!take_number(&line, &video.report.frames) || !take_number(&line, &duration_ns) || !take_number(&line, &video.report.bytes_cut) ||
	    !take_number(&line, &video.report.damaged_frames) || !*line || strchr(line, '/'))
		return;
	video.report.duration_ns = (int64_t)duration_ns;
	video.name = xstrdup(line);
	if (!(untold->n & (untold->n - 1)))
		untold->videos = xrealloc(untold->videos, MAX(2 * untold->n, (size_t)1), sizeof(*untold->videos));
	untold->videos[untold->n++] = video;
}

void untold_parse(struct untold *untold, const char *text, size_t bytes)
{
	for (const char *end; bytes && (end = memchr(text, '\n', bytes)); bytes -= (size_t)(end + 1 - text), text = end + 1) {
		char *line = xasprintf("%.*s", (int)(end - text), text);

		parse_line(untold, line);
		free(line);
	}
}

void untold_read(struct untold *untold, int directory)
{
	int fd = openat(directory, NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat status;
	char *text;

	*untold = (struct untold){ 0 };
	untold->there = fd >= 0;
	if (fd < 0)
		return;
	text = xcalloc(BYTES_MAX, 1);
	if (!fstat(fd, &status) && S_ISREG(status.st_mode))
		untold_parse(untold, text, read_at(fd, text, BYTES_MAX, 0));
	free(text);
	close(fd);
}

void untold_finish(struct untold *untold)
{
	for (size_t i = 0; i < untold->n; i++)
		free(untold->videos[i].name);
	free(untold->videos);
	*untold = (struct untold){ 0 };
}

bool untold_find(const struct untold *untold, const char *name, struct recover_report *report)
{
	for (size_t i = untold->n; i--;)
		if (!strcmp(untold->videos[i].name, name)) {
			*report = untold->videos[i].report;
			return true;
		}
	return false;
}

void untold_forget(const char *session)
{
	char *path = xasprintf("%s/" NAME, session);

	if (unlink(path) && errno != ENOENT)
		log_warning("%s: it can't be removed, so the next start will tell of its recordings again: %s", path, strerror(errno));
	free(path);
}
