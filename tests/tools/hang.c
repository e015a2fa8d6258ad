/*
 * A disk that hangs, for a program that is started with this in LD_PRELOAD: while the file $HANG_WHEN exists, what writes to a regular
 * file whose name ends with $HANG_ON, or syncs it, does not come back; nor does what asks for a path that begins with $HANG_UNDER, if
 * that is set.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

static bool is_meant(int fd)
{
	const char *when = getenv("HANG_WHEN"), *on = getenv("HANG_ON");
	char link[32], name[4096];
	struct stat status;
	ssize_t bytes;

	if (!when || !on || access(when, F_OK) || fstat(fd, &status) || !S_ISREG(status.st_mode))
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	bytes = readlink(link, name, sizeof(name));
	return bytes >= (ssize_t)strlen(on) && !memcmp(name + bytes - strlen(on), on, strlen(on));
}

static void hang_if_meant(int fd)
{
	while (is_meant(fd))
		usleep(10000);
}

static void *next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

ssize_t pwritev64(int fd, const struct iovec *pieces, int n, off64_t at)
{
	ssize_t (*real)(int, const struct iovec *, int, off64_t) = (ssize_t (*)(int, const struct iovec *, int, off64_t))next("pwritev64");

	hang_if_meant(fd);
	return real(fd, pieces, n, at);
}

ssize_t write(int fd, const void *data, size_t bytes)
{
	ssize_t (*real)(int, const void *, size_t) = (ssize_t (*)(int, const void *, size_t))next("write");

	hang_if_meant(fd);
	return real(fd, data, bytes);
}

int fdatasync(int fd)
{
	int (*real)(int) = (int (*)(int))next("fdatasync");

	hang_if_meant(fd);
	return real(fd);
}

int fsync(int fd)
{
	int (*real)(int) = (int (*)(int))next("fsync");

	hang_if_meant(fd);
	return real(fd);
}

/* ---- by path ---- */

static void hang_if_under(const char *path)
{
	const char *when = getenv("HANG_WHEN"), *under = getenv("HANG_UNDER");
	int (*access_there)(const char *, int) = (int (*)(const char *, int))next("access");

	while (when && under && !strncmp(path, under, strlen(under)) && !access_there(when, F_OK))
		usleep(10000);
}

int access(const char *path, int mode)
{
	int (*real)(const char *, int) = (int (*)(const char *, int))next("access");

	hang_if_under(path);
	return real(path, mode);
}

int mkdir(const char *path, mode_t mode)
{
	int (*real)(const char *, mode_t) = (int (*)(const char *, mode_t))next("mkdir");

	hang_if_under(path);
	return real(path, mode);
}

int stat64(const char *path, struct stat64 *status)
{
	int (*real)(const char *, struct stat64 *) = (int (*)(const char *, struct stat64 *))next("stat64");

	hang_if_under(path);
	return real(path, status);
}

int statfs64(const char *path, struct statfs64 *fs)
{
	int (*real)(const char *, struct statfs64 *) = (int (*)(const char *, struct statfs64 *))next("statfs64");

	hang_if_under(path);
	return real(path, fs);
}

int statvfs64(const char *path, struct statvfs64 *fs)
{
	int (*real)(const char *, struct statvfs64 *) = (int (*)(const char *, struct statvfs64 *))next("statvfs64");

	hang_if_under(path);
	return real(path, fs);
}

char *realpath(const char *path, char *resolved)
{
	char *(*real)(const char *, char *) = (char *(*)(const char *, char *))next("realpath");

	hang_if_under(path);
	return real(path, resolved);
}

int open64(const char *path, int flags, ...)
{
	int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))next("open64");
	va_list more;
	mode_t mode = 0;

	if (flags & (O_CREAT | O_TMPFILE)) {
		va_start(more, flags);
		mode = va_arg(more, mode_t);
		va_end(more);
	}
	hang_if_under(path);
	return real(path, flags, mode);
}
