#include "camd/appender.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *remedy(int number)
{
	switch (number) {
	case ENOSPC:
	case EDQUOT:
		return "; free some space or record to another disk";
	case EFBIG:
		return "; the file has reached the size that its file system or ulimit -f allows";
	case EROFS:
		return "; remount it writable or record to another disk";
	case EIO:
	case ENODEV:
	case ENXIO:
		return "; the disk is failing, record to another one";
	default:
		return "";
	}
}

static bool fail(const struct appender *appender, const char *what, int number, struct error *err)
{
	error_set_errno(err, number, "%s: cannot %s%s", appender->path, what, remedy(number));
	/* a disk that is gone is no camera that is gone */
	if (err && (number == ENODEV || number == ENXIO))
		err->code = ERR_IO;
	return false;
}

void appender_adopt(struct appender *appender, int fd, const char *path, uint64_t bytes)
{
	*appender = (struct appender){ .fd = fd, .path = xstrdup(path), .bytes = bytes };
}

bool appender_create(struct appender *appender, const char *path, struct error *err)
{
	appender_adopt(appender, -1, path, 0);
	/* no O_APPEND: it would turn the positioned writes of appender_patch() into appends */
	appender->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (appender->fd < 0)
		return fail(appender, "create the file", errno, err);
	return true;
}

static bool allocate(struct appender *appender, uint64_t bytes)
{
	if (fallocate(appender->fd, FALLOC_FL_KEEP_SIZE, (off_t)appender->bytes, (off_t)bytes))
		return false;
	appender->reserved = appender->bytes + bytes;
	return true;
}

bool appender_reserve(struct appender *appender, uint64_t bytes, uint64_t ahead, struct error *err)
{
	int number;

	if (appender->bytes + bytes <= appender->reserved || allocate(appender, MAX(bytes, ahead)) || allocate(appender, bytes))
		return true;
	number = errno;
	/* a file system that can't do it is no reason to stop */
	return number != ENOSPC && number != EDQUOT && number != EFBIG ? true : fail(appender, "keep room for what is to come", number, err);
}

void appender_release(struct appender *appender)
{
	if (appender->reserved && appender->fd >= 0 && !atomic_load(&appender->dead))
		appender_cut(appender, appender->bytes, NULL);
}

bool appender_usable(struct appender *appender, struct error *err)
{
	int number = atomic_load(&appender->sync_errno);

	if (number)
		return error_set_errno(err, number, "%s: a sync failed before, so what was written may have holes; "
				       "nothing more is written to it", appender->path);
	if (atomic_load(&appender->dead))
		return error_set(err, ERR_IO, "%s: an earlier write could be neither completed nor undone; "
				 "nothing more is written to it", appender->path);
	return true;
}

/* Drops `bytes` written bytes from the front of the pieces. */
static void advance(struct iovec **pieces, size_t *n, size_t bytes)
{
	while (*n && bytes >= (*pieces)->iov_len) {
		bytes -= (*pieces)->iov_len;
		(*pieces)++;
		(*n)--;
	}
	if (bytes) {
		(*pieces)->iov_base = (char *)(*pieces)->iov_base + bytes;
		(*pieces)->iov_len -= bytes;
	}
}

/* Returns 0 or an errno value. *at ends up behind what was written. */
static int write_all(int fd, struct iovec *pieces, size_t n, uint64_t *at)
{
	advance(&pieces, &n, 0);
	while (n) {
		ssize_t written = pwritev(fd, pieces, (int)MIN(n, (size_t)IOV_MAX), (off_t)*at);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return errno;
		if (!written)
			return EIO;
		*at += (uint64_t)written;
		advance(&pieces, &n, (size_t)written);
	}
	return 0;
}

bool appender_cut(struct appender *appender, uint64_t bytes, struct error *err)
{
	int result;

	do
		result = ftruncate(appender->fd, (off_t)bytes);
	while (result < 0 && errno == EINTR);
	if (result < 0) {
		atomic_store(&appender->dead, true);
		return fail(appender, "cut the file back", errno, err);
	}
	appender->bytes = bytes;
	appender->reserved = 0;		/* went with it */
	return true;
}

bool appender_writev(struct appender *appender, struct iovec *pieces, size_t n, struct error *err)
{
	uint64_t at = appender->bytes;
	int number;

	if (!appender_usable(appender, err))
		return false;
	number = write_all(appender->fd, pieces, n, &at);
	if (!number) {
		appender->bytes = at;
		return true;
	}
	if (at > appender->bytes && !appender_cut(appender, appender->bytes, err))
		return error_wrap(err, "after a write that failed (%s)", strerror(number));
	return fail(appender, "append", number, err);
}

bool appender_write(struct appender *appender, const void *data, size_t bytes, struct error *err)
{
	struct iovec piece = { .iov_base = (void *)data, .iov_len = bytes };

	return appender_writev(appender, &piece, 1, err);
}

bool appender_patch(struct appender *appender, uint64_t at, const void *data, size_t bytes, struct error *err)
{
	struct iovec piece = { .iov_base = (void *)data, .iov_len = bytes };
	int number;

	if (!appender_usable(appender, err))
		return false;
	number = write_all(appender->fd, &piece, 1, &at);
	return number ? fail(appender, "write the head", number, err) : true;
}

void appender_push(struct appender *appender)
{
	/* what fails is told by the sync behind it: without a flag that waits, this takes no error that is kept for that */
	sync_file_range(appender->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

/* sync is fsync() or fdatasync(). */
static bool try_sync(int (*sync)(int), int fd)
{
	int result;

	do
		result = sync(fd);
	while (result < 0 && errno == EINTR);
	return result == 0;
}

static bool synced(struct appender *appender, bool ok, struct error *err)
{
	int expected = 0, number = errno;

	if (ok)
		return true;
	atomic_compare_exchange_strong(&appender->sync_errno, &expected, number);
	return fail(appender, "push the data to the disk", number, err);
}

bool appender_sync(struct appender *appender, struct error *err)
{
	return appender_usable(appender, err) && synced(appender, try_sync(fdatasync, appender->fd), err);
}

static bool sync_directory(const struct appender *appender, struct error *err)
{
	char *copy = xstrdup(appender->path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int number = 0;

	/* some network file systems know no sync of directories and say EINVAL */
	if (fd < 0 || (!try_sync(fsync, fd) && errno != EINVAL))
		number = errno;
	if (fd >= 0)
		close(fd);
	free(copy);
	return number ? fail(appender, "push the directory to the disk", number, err) : true;
}

bool appender_sync_name(struct appender *appender, struct error *err)
{
	return appender_usable(appender, err) && synced(appender, try_sync(fsync, appender->fd), err) &&
	       sync_directory(appender, err);
}

bool appender_sync_first(struct appender *appender, uint64_t bytes, struct error *err)
{
	struct error ignored;

	if (appender_sync_name(appender, err))
		return true;
	appender_cut(appender, bytes, &ignored);
	return false;
}

void appender_close(struct appender *appender)
{
	if (appender->fd >= 0)
		close(appender->fd);
	free(appender->path);
	appender->fd = -1;
	appender->path = NULL;
}
