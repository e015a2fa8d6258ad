/*
 * A file that only grows, where each append is whole or leaves no trace: what videos and timing tables are written
 * through.
 *
 * Used by one thread, the camera's output thread, but for appender_push() and appender_sync(), which any thread may call while the
 * appender lives. Two failures are final, because nothing true could be said about the file afterwards:
 *  - an append failed and the file could not be cut back: it may end in half an append;
 *  - a sync failed: the kernel forgets the error and reports success from then on, although the pages it could not
 *    write are lost and read as zeros after a restart.
 */
#pragma once

#include "common/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct appender {
	int fd;
	char *path;			/* for messages */
	uint64_t bytes;			/* whole appends so far: the end of the file */
	uint64_t reserved;		/* the file may grow to this size without asking for more room; 0: unknown */
	atomic_bool dead;		/* could not be cut back */
	atomic_int sync_errno;		/* of the first sync that failed; 0: none */
};

/* Makes a file that must not exist. The appender is closed by appender_close() also when this has failed. */
bool appender_create(struct appender *appender, const char *path, struct error *err);

/* Takes over an open file, to go on at byte `bytes`. */
void appender_adopt(struct appender *appender, int fd, const char *path, uint64_t bytes);

/*
 * Sees to it, where the file system can, that the file has room for so many bytes more than it has, and, if it must ask, for as many as
 * ahead says. What is not used is given back by appender_release(). False: there is none.
 */
bool appender_reserve(struct appender *appender, uint64_t bytes, uint64_t ahead, struct error *err);
void appender_release(struct appender *appender);

/*
 * Appends all pieces, by one system call if it takes them. False: the file is as it was. The contents of pieces are
 * used up.
 */
bool appender_writev(struct appender *appender, struct iovec *pieces, size_t n, struct error *err);
bool appender_write(struct appender *appender, const void *data, size_t bytes, struct error *err);

/* Overwrites bytes that are there. */
bool appender_patch(struct appender *appender, uint64_t at, const void *data, size_t bytes, struct error *err);

/* Makes the file end at byte `bytes`. Failing is final. */
bool appender_cut(struct appender *appender, uint64_t bytes, struct error *err);

/* Starts writing to the disk what was appended, and does not wait for it: a sync then has less to do. Any thread. */
void appender_push(struct appender *appender);

/* fdatasync. Failing is final. Any thread. */
bool appender_sync(struct appender *appender, struct error *err);

/* fsync of the file and of the directory that holds it, so that its name survives too. */
bool appender_sync_name(struct appender *appender, struct error *err);

/* The same for what was appended first behind bytes, which is cut off again if it fails. */
bool appender_sync_first(struct appender *appender, uint64_t bytes, struct error *err);

/* Whether nothing final has happened. */
bool appender_usable(struct appender *appender, struct error *err);

void appender_close(struct appender *appender);
