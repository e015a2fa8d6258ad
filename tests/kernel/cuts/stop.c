/*
 * For LD_PRELOAD: stops a program (SIGSTOP) right before one of its calls that change files, so that a power cut can be made
 * there; and makes its syncs take time, as those of a card do.
 *
 *   CAMD_STOP_NOTES=FILE       each call becomes a line "KIND NUMBER CALL WHAT", and the one before which it stops "stop" behind that
 *   CAMD_STOP_AT=KIND:NUMBER   stops before the NUMBER-th call of that kind, from 1: write, sync, name (files come, go and are
 *                              renamed) or size (files are cut or room is kept for them)
 *   CAMD_STOP_SYNC_MS=N        a sync takes up to N ms, another time each, half of it before and half after what it does
 *   CAMD_STOP_NO_SYNC=PATTERN  syncs of the files whose names match it (fnmatch(3)) do nothing; a directory's name has a slash behind it
 *
 * Each sync becomes two more lines, "syncing THREAD NS WHAT" and "synced THREAD NS WHAT", THREAD by its name, the times by the monotonic clock.
 *
 * Only calls for files and directories count, not those for pipes and the log.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE	/* built by itself, too */
#endif
#include <dlfcn.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind { WRITE, SYNC, NAME, SIZE, N_KINDS };

static const char *const names[N_KINDS] = { "write", "sync", "name", "size" };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned counts[N_KINDS];
static unsigned seed = 1;

/* Finds the function that is hidden here; pointer is that of a pointer to it. */
static void find(void *pointer, const char *name)
{
	void *symbol = dlsym(RTLD_NEXT, name);

	memcpy(pointer, &symbol, sizeof(symbol));
}

static void note(const char *line)
{
	const char *path = getenv("CAMD_STOP_NOTES");
	int (*open_file)(const char *, int, ...);
	ssize_t (*write_file)(int, const void *, size_t);
	int fd;

	if (!path)
		return;
	find(&open_file, "open64");
	find(&write_file, "write");
	fd = open_file(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0 || write_file(fd, line, strlen(line)) < 0)
		abort();
	close(fd);
}

static int is_here(enum kind kind, unsigned number)
{
	const char *at = getenv("CAMD_STOP_AT");
	size_t bytes = strlen(names[kind]);

	return at && !strncmp(at, names[kind], bytes) && at[bytes] == ':' && strtoul(at + bytes + 1, NULL, 10) == number;
}

/* The last part of a path, with the slash behind it if there is one. */
static const char *name_in(const char *path)
{
	const char *name = path;

	for (const char *at = path; *at; at++)
		if (*at == '/' && at[1])
			name = at + 1;
	return name;
}

static void before(enum kind kind, const char *call, const char *what)
{
	char line[512];
	unsigned number;
	int here;

	pthread_mutex_lock(&lock);
	number = ++counts[kind];
	here = is_here(kind, number);
	snprintf(line, sizeof(line), "%s %u %s %s%s\n", names[kind], number, call, name_in(what), here ? " stop" : "");
	note(line);
	if (here)
		kill(getpid(), SIGSTOP);
	pthread_mutex_unlock(&lock);
}

/* The path of a file or directory whose calls count; else false. Behind a directory's there is a slash. */
static bool path_of(int fd, char *path, size_t bytes)
{
	char link[64];
	struct stat status;
	ssize_t n;

	if (fstat(fd, &status) || !(S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)))
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, bytes - 2);
	if (n <= 0)
		return false;
	path[n] = '\0';
	if (S_ISDIR(status.st_mode))
		strcpy(path + n, "/");
	return !strstr(path, "session.log");
}

static void before_fd(enum kind kind, const char *call, int fd)
{
	char path[1024];

	if (path_of(fd, path, sizeof(path)))
		before(kind, call, path);
}

static void pass(long us)
{
	struct timespec time = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };

	if (us)
		nanosleep(&time, NULL);
}

static bool does_nothing(int fd)
{
	const char *pattern = getenv("CAMD_STOP_NO_SYNC");
	char path[1024];

	return pattern && path_of(fd, path, sizeof(path)) && !fnmatch(pattern, name_in(path), 0);
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* So long before the sync, and so long after it. */
static long half_us(void)
{
	const char *longest = getenv("CAMD_STOP_SYNC_MS");
	long us;

	pthread_mutex_lock(&lock);
	us = longest && atoi(longest) > 0 ? (long)(rand_r(&seed) % (unsigned)(atoi(longest) * 1000 + 1)) / 2 : 0;
	pthread_mutex_unlock(&lock);
	return us;
}

static void note_time(const char *what, int fd)
{
	char path[1024] = "", line[sizeof(path) + 128], thread[16] = "?";

	if (!path_of(fd, path, sizeof(path)))
		return;
	pthread_getname_np(pthread_self(), thread, sizeof(thread));
	snprintf(line, sizeof(line), "%s %s %" PRId64 " %s\n", what, thread, now_ns(), name_in(path));
	note(line);
}

static int slowly(const char *call, int fd)
{
	long us = half_us();
	int (*sync_file)(int), rc;

	before_fd(SYNC, call, fd);
	if (does_nothing(fd))
		return 0;
	note_time("syncing", fd);
	find(&sync_file, call);
	pass(us);
	rc = sync_file(fd);
	pass(us);
	note_time("synced", fd);
	return rc;
}

int fsync(int fd)
{
	return slowly("fsync", fd);
}

int fdatasync(int fd)
{
	return slowly("fdatasync", fd);
}

ssize_t write(int fd, const void *data, size_t bytes)
{
	ssize_t (*next)(int, const void *, size_t);

	before_fd(WRITE, "write", fd);
	find(&next, "write");
	return next(fd, data, bytes);
}

ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t at)
{
	ssize_t (*next)(int, const void *, size_t, off64_t);

	before_fd(WRITE, "pwrite", fd);
	find(&next, "pwrite64");
	return next(fd, data, bytes, at);
}

ssize_t pwritev64(int fd, const struct iovec *pieces, int n, off64_t at)
{
	ssize_t (*next)(int, const struct iovec *, int, off64_t);

	before_fd(WRITE, "pwritev", fd);
	find(&next, "pwritev64");
	return next(fd, pieces, n, at);
}

ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t bytes, unsigned flags)
{
	ssize_t (*next)(int, off64_t *, int, off64_t *, size_t, unsigned);

	before_fd(WRITE, "copy_file_range", to);
	find(&next, "copy_file_range");
	return next(from, from_at, to, to_at, bytes, flags);
}

int ftruncate64(int fd, off64_t bytes)
{
	int (*next)(int, off64_t);

	before_fd(SIZE, "ftruncate", fd);
	find(&next, "ftruncate64");
	return next(fd, bytes);
}

int fallocate64(int fd, int mode, off64_t at, off64_t bytes)
{
	int (*next)(int, int, off64_t, off64_t);

	before_fd(SIZE, "fallocate", fd);
	find(&next, "fallocate64");
	return next(fd, mode, at, bytes);
}

/* The mode is only there with O_CREAT; without it, what is read in its place does no harm. */
#define MODE(flags, mode) \
	va_list arguments; \
	va_start(arguments, flags); \
	mode = va_arg(arguments, mode_t); \
	va_end(arguments)

int open64(const char *path, int flags, ...)
{
	int (*next)(const char *, int, ...);
	mode_t mode;

	MODE(flags, mode);
	if (flags & O_CREAT)
		before(NAME, "open", path);
	find(&next, "open64");
	return next(path, flags, mode);
}

int openat64(int directory, const char *path, int flags, ...)
{
	int (*next)(int, const char *, int, ...);
	mode_t mode;

	MODE(flags, mode);
	if (flags & O_CREAT)
		before(NAME, "openat", path);
	find(&next, "openat64");
	return next(directory, path, flags, mode);
}

int mkdir(const char *path, mode_t mode)
{
	int (*next)(const char *, mode_t);

	before(NAME, "mkdir", path);
	find(&next, "mkdir");
	return next(path, mode);
}

int mkdirat(int directory, const char *path, mode_t mode)
{
	int (*next)(int, const char *, mode_t);

	before(NAME, "mkdirat", path);
	find(&next, "mkdirat");
	return next(directory, path, mode);
}

int rmdir(const char *path)
{
	int (*next)(const char *);

	before(NAME, "rmdir", path);
	find(&next, "rmdir");
	return next(path);
}

int renameat(int from_directory, const char *from, int to_directory, const char *to)
{
	int (*next)(int, const char *, int, const char *);

	before(NAME, "renameat", to);
	find(&next, "renameat");
	return next(from_directory, from, to_directory, to);
}

int renameat2(int from_directory, const char *from, int to_directory, const char *to, unsigned flags)
{
	int (*next)(int, const char *, int, const char *, unsigned);

	before(NAME, "renameat2", to);
	find(&next, "renameat2");
	return next(from_directory, from, to_directory, to, flags);
}

int linkat(int from_directory, const char *from, int to_directory, const char *to, int flags)
{
	int (*next)(int, const char *, int, const char *, int);

	before(NAME, "linkat", to);
	find(&next, "linkat");
	return next(from_directory, from, to_directory, to, flags);
}

int unlink(const char *path)
{
	int (*next)(const char *);

	before(NAME, "unlink", path);
	find(&next, "unlink");
	return next(path);
}

int unlinkat(int directory, const char *path, int flags)
{
	int (*next)(int, const char *, int);

	before(NAME, "unlinkat", path);
	find(&next, "unlinkat");
	return next(directory, path, flags);
}
