/*
 * A raw H.264 stream, given times: read from a file frame by frame, written as NUT, the one stream format that carries times
 * to the nanosecond through a pipe, to whoever takes it. Not a byte of the pictures changes.
 *
 * One thread; takes as long as reading the file does.
 */
#pragma once

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct restamp;

struct restamp_request {
	int fd;			/* of the raw stream, read from its beginning; stays the caller's */
	const char *path;	/* for messages */
	bool (*write)(void *user, const void *data, size_t bytes, struct error *err);
	void *user;
};

enum restamp_result {
	RESTAMP_FRAME,
	RESTAMP_END,		/* there are no more frames */
	RESTAMP_FAILED,		/* err says why; write()'s own errors come through */
};

struct restamp *restamp_create(const struct restamp_request *request, struct error *err);

/* Passes the next frame on with its time, from 0 and growing. */
enum restamp_result restamp_copy(struct restamp *restamp, int64_t time_ns, struct error *err);

/* Leaves the next frame out. */
enum restamp_result restamp_skip(struct restamp *restamp, struct error *err);

/* Writes what is still to be written. */
bool restamp_finish(struct restamp *restamp, struct error *err);
void restamp_destroy(struct restamp *restamp);	/* NULL is allowed */
