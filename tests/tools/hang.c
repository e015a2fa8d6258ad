/*
 * A disk that hangs, for a program that is started with this in LD_PRELOAD: while the file $HANG_WHEN exists, what writes to a regular
 * file whose name ends with $HANG_ON, or syncs it, does not come back.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
