#include "camd/folder.h"

#include "camd/journal.h"
#include "camd/logfile.h"
#include "common/clock.h"
#include "common/util.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_TWINS 10000
#define MAX_LABEL_BYTES 64

/* mkdir -p */
static bool make_parents(const char *path, bool *made, struct error *err)
{
	char *copy = xstrdup(path);
	bool ok = true;

	for (char *at = copy + 1; ok && at[-1]; at++) {
		char end = *at;

		if (end && end != '/')
			continue;
		*at = '\0';
		*made = !mkdir(copy, 0777);
		if (!*made && errno != EEXIST)
			ok = error_set_errno(err, errno, "output directory %s", copy);
		*at = end;
	}
	free(copy);
	return ok;
}

static bool make_new(struct folder *folder, const char *parent, const char *prefix, const char *label, struct error *err)
{
	char stamp[CLOCK_STAMP_BYTES], twin[16] = "";

	clock_stamp(clock_wall_ns(), stamp);
	for (int n = 2; n < MAX_TWINS; n++) {
		char *path = xasprintf("%s/%s_%s%s%s%s", parent, prefix, stamp, label ? "_" : "", label ? label : "", twin);

		if (!mkdir(path, 0777)) {
			folder->path = path;
			folder->label = strrchr(path, '/') + 1;
			return true;
		}
		if (errno != EEXIST) {
			error_set_errno(err, errno, "session folder %s", path);
			free(path);
			return false;
		}
		free(path);
		snprintf(twin, sizeof(twin), "_%d", n);
	}
	return error_set(err, ERR_IO, "session folder: too many of this second");
}

bool folder_sync(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), number;
	bool ok = fd >= 0 && !fsync(fd);

	number = errno;
	if (fd >= 0)
		close(fd);
	errno = number;
	return ok;
}

/* Of UTF-8: the control characters and spaces of U+0080 to U+00A0, and of U+2000 to U+207F with what turns the direction of writing. */
static bool is_invisible(const unsigned char *c)
{
	return (c[0] == 0xc2 && c[1] <= 0xa0) || (c[0] == 0xe2 && (c[1] == 0x80 || c[1] == 0x81));
}

/*
 * What every file system, shell and spreadsheet takes: letters of all scripts and digits, - and _. So there is no way up (..), no
 * hidden name, no line break in a log.
 */
bool folder_check_label(const char *label, struct error *err)
{
	if (!*label || strlen(label) > MAX_LABEL_BYTES)
		return error_set_argument(err, "label", "label: must have 1 to %d bytes", MAX_LABEL_BYTES);
	for (const unsigned char *c = (const unsigned char *)label; *c; c++)
		if ((*c < 0x80 && !isalnum(*c) && *c != '-' && *c != '_') || is_invisible(c))
			return error_set_argument(err, "label", "label: may hold letters, digits, - and _ only");
	return true;
}

bool folder_rename(int directory, const char *from, const char *to)
{
	if (!renameat2(directory, from, directory, to, RENAME_NOREPLACE))
		return true;
	if (errno != EINVAL && errno != ENOSYS)
		return false;
	return !linkat(directory, from, directory, to, 0) && !unlinkat(directory, from, 0);
}

bool folder_settle(int directory, int file)
{
	/* some network file systems know no sync of directories and say EINVAL */
	return !fsync(file) && (!fsync(directory) || errno == EINVAL);
}

void folder_sweep(int directory, const char *name)
{
	int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return;
	if (!flock(fd, LOCK_EX | LOCK_NB))
		unlinkat(directory, name, 0);
	close(fd);
}

bool folder_create(struct folder *folder, const char *output_dir, const char *prefix, const char *label, struct error *err)
{
	char *parent;

	*folder = (struct folder){ .fd = -1 };
	if (label && !folder_check_label(label, err))
		return false;
	if (strchr(prefix, '/'))
		return error_set_argument(err, "session_prefix", "session_prefix: '%s' must not hold a slash", prefix);
	if (!make_parents(output_dir, &folder->made_parent, err))
		return false;
	parent = realpath(output_dir, NULL);
	if (!parent)
		return error_set_errno(err, errno, "output directory %s", output_dir);
	if (!make_new(folder, parent, prefix, label, err)) {
		free(parent);
		return false;
	}
	folder_sync(parent);
	free(parent);
	folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder->fd >= 0 && !flock(folder->fd, LOCK_EX | LOCK_NB))
		return true;
	error_set_errno(err, errno, "session folder %s", folder->path);
	folder_finish(folder, true);
	return false;
}

bool folder_open_log(const struct folder *folder, struct error *err)
{
	return journal_open(folder->fd, folder->path, err);
}

void folder_finish(struct folder *folder, bool remove_if_unused)
{
	if (!folder->path)
		return;
	if (remove_if_unused && folder->fd >= 0) {
		logfile_remove(folder->fd);
		rmdir(folder->path);
		*strrchr(folder->path, '/') = '\0';
		if (folder->made_parent)
			rmdir(folder->path);
	}
	if (folder->fd >= 0)
		close(folder->fd);
	free(folder->path);
	*folder = (struct folder){ .fd = -1 };
}
