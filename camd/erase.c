#include "camd/erase.h"

#include "camd/framelog.h"
#include "camd/logfile.h"
#include "camd/scan.h"
#include "camd/video_name.h"
#include "common/util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool check_name(const struct confined *at, struct error *err)
{
	struct video_name name;

	if (video_name_read(at->name, &name))
		return true;
	return error_set(err, ERR_PATH_NOT_ALLOWED, "%s: not called like a video of camd's (cam0_….mp4, clip_cam0_….mp4, export_cam0_….mp4); only these can be "
			 "protected or deleted", at->path);
}

bool erase_find(const char *output_dir, const char *file, struct confined *at, struct error *err)
{
	int fd;

	if (!confine_find(output_dir, file, at, err))
		return false;
	fd = check_name(at, err) ? confine_open(at, at->name, err) : -1;
	if (fd >= 0) {
		close(fd);
		return true;
	}
	confine_finish(at);
	return false;
}

static bool is_there(int directory, const char *name)
{
	return !faccessat(directory, name, F_OK, AT_SYMLINK_NOFOLLOW);
}

bool erase_is_protected(const struct confined *at)
{
	char *marker = video_name_marker(at->name);
	bool protected = is_there(at->directory, marker);

	free(marker);
	return protected;
}

/* Nobody writes it, nobody reads it for long. */
static bool check_idle(const struct confined *at, bool own, struct error *err)
{
	int fd;
	bool locked;

	if (!own && scan_is_locked(at->directory))
		return error_set(err, ERR_BUSY, "%s: the session belongs to another camd that runs; ask that one, or wait for its end", at->path);
	fd = confine_open(at, at->name, err);
	if (fd < 0)
		return false;
	locked = flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;
	close(fd);
	return locked ? error_set(err, ERR_BUSY, "%s is being read; ask again later", at->path) : true;
}

/* A table that the other container's video still needs stays. */
static bool remove_table(const struct confined *at, struct error *err)
{
	char *table = framelog_path_of(at->name), *twin = video_name_twin(at->name);
	bool ok = is_there(at->directory, twin) || !unlinkat(at->directory, table, 0) || errno == ENOENT;

	if (!ok)
		error_set_errno(err, errno, "cannot delete the timing table of %s", at->path);
	free(table);
	free(twin);
	return ok;
}

bool erase_video(const struct confined *at, bool own, struct error *err)
{
	if (erase_is_protected(at))
		return error_set(err, ERR_PERMISSION_DENIED, "%s is protected; unprotect it first", at->path);
	if (!check_idle(at, own, err))
		return false;
	/* the table first: nobody would ever ask for one that is left without a video */
	if (!remove_table(at, err))
		return false;
	if (unlinkat(at->directory, at->name, 0))
		return error_set_errno(err, errno, "cannot delete %s", at->path);
	return true;
}

bool erase_protect(const struct confined *at, bool protect, struct error *err)
{
	char *marker = video_name_marker(at->name);
	bool ok;

	if (protect) {
		int fd = openat(at->directory, marker, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

		ok = fd >= 0 || errno == EEXIST;
		if (fd >= 0)
			close(fd);
	} else {
		ok = !unlinkat(at->directory, marker, 0) || errno == ENOENT;
	}
	ok = ok && !fsync(at->directory);
	if (!ok)
		error_set_errno(err, errno, protect ? "cannot protect %s" : "cannot end the protection of %s", at->path);
	free(marker);
	return ok;
}

bool erase_is_in_session(const struct confined *at, const char *session)
{
	size_t bytes = session ? strlen(session) : 0, parent = (size_t)(at->name - at->path) - 1;

	return bytes && parent > bytes && at->path[parent - bytes - 1] == '/' && !strncmp(at->path + parent - bytes, session, bytes);
}

/* session.log, session.log.1 … */
static bool is_log(const char *name)
{
	return !strncmp(name, "session.log", 11) && (!name[11] || (name[11] == '.' && name[12] && !name[12 + strspn(name + 12, "0123456789")]));
}

static bool holds_nothing_but_its_log(int directory)
{
	int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *entry;
	bool only = entries, log = false;

	while (only && (entry = readdir(entries))) {
		log = log || is_log(entry->d_name);
		only = is_log(entry->d_name) || !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..");
	}
	if (entries)
		closedir(entries);
	else if (copy >= 0)
		close(copy);
	return only && log;
}

/* The name must still mean that directory. */
static bool is_still_named(int parent, const char *name, int directory)
{
	struct stat named, held;

	return !fstatat(parent, name, &named, AT_SYMLINK_NOFOLLOW) && !fstat(directory, &held) && named.st_dev == held.st_dev &&
	       named.st_ino == held.st_ino;
}

void erase_empty_session(const char *output_dir, const struct confined *at)
{
	char *root = realpath(output_dir, NULL), *path = strndup(at->path, (size_t)(at->name - at->path) - 1), *slash = strrchr(path, '/');
	int parent = root ? open(root, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	*slash = '\0';
	if (parent >= 0 && !strcmp(path, root) && !scan_is_locked(at->directory) && is_still_named(parent, slash + 1, at->directory) &&
	    holds_nothing_but_its_log(at->directory)) {
		logfile_remove(at->directory);
		unlinkat(parent, slash + 1, AT_REMOVEDIR);
	}
	if (parent >= 0)
		close(parent);
	free(path);
	free(root);
}
