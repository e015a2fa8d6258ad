#include "camd/confine.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool refuse(const char *file, const char *root, struct error *err)
{
	return error_set(err, ERR_PATH_NOT_ALLOWED, "%s: the file must be below the output directory, %s", file, root);
}

/* What follows root in path; NULL: path is not below. */
static const char *part_below(const char *root, const char *path)
{
	size_t bytes = strlen(root);

	while (bytes && root[bytes - 1] == '/')
		bytes--;
	if (strncmp(path, root, bytes) || (path[bytes] && path[bytes] != '/'))
		return NULL;
	return path[bytes] && path[bytes + 1] ? path + bytes + 1 : ".";
}

/* A path that can't be followed: whether it would have led below root, as far as its letters tell. */
static bool fail_to_follow(const char *root, const char *real_root, const char *path, const char *file, struct error *err)
{
	int number = errno;

	if (strstr(path, "..") || (!part_below(root, path) && !part_below(real_root, path)))
		return refuse(file, real_root, err);
	if (number == ENOENT)
		return error_set(err, ERR_NOT_FOUND, "%s: there is no such file below the output directory, %s", file, real_root);
	return error_set_errno(err, number, "%s", file);
}

/* Opens the directory anew, so that it is certain what was opened: below root, and no link on the way. */
static int open_below(const char *real_root, const char *part)
{
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
	int root = open(real_root, O_PATH | O_DIRECTORY | O_CLOEXEC), fd, number;

	if (root < 0)
		return -1;
	fd = (int)syscall(SYS_openat2, root, part, &how, sizeof(how));
	number = errno;
	close(root);
	errno = number;
	return fd;
}

static bool open_directory(const char *real_root, const char *directory, const char *file, struct confined *confined,
			   struct error *err)
{
	const char *part = part_below(real_root, directory);

	if (!part)
		return refuse(file, real_root, err);
	confined->directory = open_below(real_root, part);
	if (confined->directory >= 0)
		return true;
	if (errno == ENOSYS)
		return error_set(err, ERR_UNSUPPORTED, "%s: finding files safely needs Linux 5.6 or later", file);
	if (errno == EXDEV || errno == ELOOP)
		return refuse(file, real_root, err);
	return error_set_errno(err, errno, "%s", file);
}

/* Tries one meaning of what was given. path has a slash; file is what was given, for messages. */
static bool try_path(const char *root, const char *real_root, const char *path, const char *file, struct confined *confined,
		     struct error *err)
{
	const char *name = strrchr(path, '/') + 1;
	char *parent = strndup(path, (size_t)(name - path)), *real = realpath(parent, NULL);
	bool ok;

	if (!real)
		ok = fail_to_follow(root, real_root, path, file, err);
	else
		ok = open_directory(real_root, real, file, confined, err);
	if (ok) {
		confined->path = xasprintf("%s/%s", real, name);
		confined->name = strrchr(confined->path, '/') + 1;
	}
	free(parent);
	free(real);
	return ok;
}

static bool is_there(const struct confined *confined)
{
	return !faccessat(confined->directory, confined->name, F_OK, AT_SYMLINK_NOFOLLOW);
}

/* Below the current directory first, as a shell would have it; else, or if it isn't there, below root. */
static bool try_relative(const char *root, const char *real_root, const char *file, struct confined *confined,
			 struct error *err)
{
	char *path = xasprintf("./%s", file);
	bool ok = try_path(root, real_root, path, file, confined, NULL) && is_there(confined);

	free(path);
	if (ok)
		return true;
	confine_finish(confined);
	path = xasprintf("%s/%s", root, file);
	ok = try_path(root, real_root, path, file, confined, err);
	free(path);
	return ok;
}

bool confine_find(const char *root, const char *file, struct confined *confined, struct error *err)
{
	const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
	char *real_root = realpath(root, NULL);
	bool ok;

	*confined = (struct confined){ .directory = -1 };
	if (!real_root)
		return error_set_errno(err, errno, "output directory %s", root);
	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		ok = error_set_argument(err, "file", "file: '%s' is not the name of a file", file);
	else if (*file == '/')
		ok = try_path(root, real_root, file, file, confined, err);
	else
		ok = try_relative(root, real_root, file, confined, err);
	free(real_root);
	return ok;
}

void confine_finish(struct confined *confined)
{
	if (confined->directory >= 0)
		close(confined->directory);
	free(confined->path);
	*confined = (struct confined){ .directory = -1 };
}

static bool check_regular(int fd, const struct confined *confined, const char *name, struct error *err)
{
	struct stat status;

	if (fstat(fd, &status))
		return error_set_errno(err, errno, "%s", name);
	if (!S_ISREG(status.st_mode))
		return error_set(err, ERR_UNSUPPORTED, "%.*s%s: not a regular file", (int)(confined->name - confined->path),
				 confined->path, name);
	return true;
}

int confine_open(const struct confined *confined, const char *name, struct error *err)
{
	int fd = openat(confined->directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int parent = (int)(confined->name - confined->path);

	if (fd < 0 && errno == ELOOP)
		error_set(err, ERR_PATH_NOT_ALLOWED, "%.*s%s: links are not followed; name the file itself", parent, confined->path, name);
	else if (fd < 0)
		error_set_errno(err, errno, "%.*s%s", parent, confined->path, name);
	if (fd < 0 || check_regular(fd, confined, name, err))
		return fd;
	close(fd);
	return -1;
}
