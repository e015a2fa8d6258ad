#include "camd/exports.h"

#include "camd/folder.h"
#include "common/log.h"
#include "common/util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "exports"
#define MAX_TWINS 10000

static bool ends_with(const char *name, const char *end)
{
	size_t bytes = strlen(name), end_bytes = strlen(end);

	return bytes > end_bytes && !strcmp(name + bytes - end_bytes, end);
}

static bool open_folder(struct exports *exports, const char *output_dir)
{
	int root = open(output_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), number;

	if (root < 0)
		return false;
	exports->made = !mkdirat(root, FOLDER, 0777);
	if (exports->made)
		fsync(root);
	if (exports->made || errno == EEXIST)
		exports->directory = openat(root, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	number = errno;
	close(root);
	errno = number;
	return exports->directory >= 0;
}

bool exports_open(struct exports *exports, const char *output_dir, struct error *err)
{
	*exports = (struct exports){ .directory = -1, .path = xasprintf("%s/" FOLDER, output_dir) };
	if (open_folder(exports, output_dir))
		return true;
	if (errno == ELOOP || errno == ENOTDIR)
		return error_set(err, ERR_PATH_NOT_ALLOWED, "%s: it must be a directory, and no link to one", exports->path);
	return error_set_errno(err, errno, "%s", exports->path);
}

void exports_finish(struct exports *exports)
{
	if (exports->directory >= 0)
		close(exports->directory);
	/* nothing was exported if it is empty still */
	if (exports->made)
		rmdir(exports->path);
	free(exports->path);
	*exports = (struct exports){ .directory = -1 };
}

static const char *remedy(int number)
{
	switch (number) {
	case ENOSPC:
	case EDQUOT:
		return "; free some space, or export less at once";
	case EFBIG:
		return "; its file system, or ulimit -f, allows no file of that size: export less at once";
	case EROFS:
		return "; remount it writable";
	case EIO:
		return "; the disk is failing: export from a copy of the recordings on another one";
	default:
		return "";
	}
}

bool exports_fail(const struct exports *exports, int number, struct error *err)
{
	return error_set_errno(err, number, "%s: cannot write the export%s", exports->path, remedy(number));
}

bool exports_begin(const struct exports *exports, struct export_part *part, const char *unique, struct error *err)
{
	part->name = xasprintf(".%s.part", unique);
	part->fd = openat(exports->directory, part->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (part->fd >= 0 && !flock(part->fd, LOCK_EX | LOCK_NB))
		return true;
	return exports_fail(exports, errno, err);
}

void exports_end(const struct exports *exports, struct export_part *part)
{
	if (part->name && part->fd >= 0)
		unlinkat(exports->directory, part->name, 0);
	if (part->fd >= 0)
		close(part->fd);
	free(part->name);
	*part = (struct export_part){ .fd = -1 };
}

/* It has its name now. */
static void forget(struct export_part *part)
{
	free(part->name);
	part->name = NULL;
}

/* Table first: a video that is there has one. False with EEXIST: the names are taken. */
static bool name_both(const struct exports *exports, struct export_part *video, struct export_part *table, const char *stem)
{
	char *video_name = xasprintf("%s.mp4", stem), *table_name = xasprintf("%s_frame_timing.csv", stem);
	bool ok = false;
	int number;

	if (folder_rename(exports->directory, table->name, table_name)) {
		ok = folder_rename(exports->directory, video->name, video_name);
		number = errno;
		if (!ok)
			renameat(exports->directory, table_name, exports->directory, table->name);
		errno = number;
	}
	free(video_name);
	free(table_name);
	return ok;
}

/* The video, and its table. */
static bool remove_export(const struct exports *exports, const char *name)
{
	char *table = xasprintf("%.*s_frame_timing.csv", (int)(strlen(name) - strlen(".mp4")), name);
	bool removed = !unlinkat(exports->directory, name, 0);

	unlinkat(exports->directory, table, 0);
	free(table);
	return removed;
}

char *exports_publish(const struct exports *exports, struct export_part *video, struct export_part *table, const char *stem, struct error *err)
{
	char *path = NULL;

	if (fsync(table->fd) || fsync(video->fd)) {
		exports_fail(exports, errno, err);
		return NULL;
	}
	for (int twin = 1; !path && twin < MAX_TWINS; twin++) {
		char *name = twin > 1 ? xasprintf("%s_%d", stem, twin) : xstrdup(stem);

		if (name_both(exports, video, table, name))
			path = xasprintf("%s/%s.mp4", exports->path, name);
		else if (errno != EEXIST)
			twin = MAX_TWINS;
		free(name);
	}
	if (!path) {
		error_set_errno(err, errno, "%s: cannot name the export", exports->path);
		return NULL;
	}
	forget(video);
	forget(table);
	if (folder_settle(exports->directory, table->fd) && folder_settle(exports->directory, video->fd))
		return path;
	exports_fail(exports, errno, err);
	remove_export(exports, strrchr(path, '/') + 1);
	free(path);
	return NULL;
}

/* ---- how many are kept ---- */

struct kept {
	char *name;
	struct timespec made;
};

static bool is_protected(int directory, const char *name)
{
	char *marker = xasprintf("%s.protected", name);
	bool there = !faccessat(directory, marker, F_OK, AT_SYMLINK_NOFOLLOW);

	free(marker);
	return there;
}

static int compare_age(const void *a, const void *b)
{
	const struct kept *one = a, *other = b;

	if (one->made.tv_sec != other->made.tv_sec)
		return one->made.tv_sec < other->made.tv_sec ? -1 : 1;
	if (one->made.tv_nsec != other->made.tv_nsec)
		return one->made.tv_nsec < other->made.tv_nsec ? -1 : 1;
	return strcmp(one->name, other->name);
}

/* Those that may go. */
static size_t list_kept(const struct exports *exports, int64_t camera_id, const char *made, struct kept **kept)
{
	struct dirent **entries = NULL;
	int n = scandirat(exports->directory, ".", &entries, NULL, alphasort);
	char prefix[40];
	size_t found = 0;

	snprintf(prefix, sizeof(prefix), "export_cam%" PRId64 "_", camera_id);
	*kept = xcalloc(n > 0 ? (size_t)n : 1, sizeof(**kept));
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;
		struct stat status;

		if (!strncmp(name, prefix, strlen(prefix)) && ends_with(name, ".mp4") && strcmp(name, made) != 0 &&
		    !fstatat(exports->directory, name, &status, AT_SYMLINK_NOFOLLOW) && S_ISREG(status.st_mode) &&
		    !is_protected(exports->directory, name))
			(*kept)[found++] = (struct kept){ xstrdup(name), status.st_mtim };
		free(entries[i]);
	}
	free(entries);
	return found;
}

void exports_keep(const struct exports *exports, int64_t camera_id, int64_t keep, const char *path)
{
	struct kept *kept;
	size_t n;

	if (!keep)
		return;
	n = list_kept(exports, camera_id, strrchr(path, '/') + 1, &kept);
	qsort(kept, n, sizeof(*kept), compare_age);
	for (size_t i = 0; i < n; i++) {
		if (n - i >= (size_t)keep && remove_export(exports, kept[i].name))
			log_info("%s/%s: a newer export takes its place (export_keep)", exports->path, kept[i].name);
		free(kept[i].name);
	}
	free(kept);
}

/* ---- what a crash has left ---- */

void exports_sweep(const char *output_dir)
{
	char *path = xasprintf("%s/" FOLDER, output_dir);
	int directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dirent **entries = NULL;
	int n = directory >= 0 ? scandirat(directory, ".", &entries, NULL, NULL) : 0;

	for (int i = 0; i < n; i++) {
		if (!strncmp(entries[i]->d_name, ".export_", strlen(".export_")) && ends_with(entries[i]->d_name, ".part"))
			folder_sweep(directory, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	if (directory >= 0)
		close(directory);
	free(path);
}
