/*
 * The socket of a camd that runs already: lines in, lines out; what they mean is the session's matter. Everything runs in the
 * loop's thread.
 */
#pragma once

#include "common/error.h"

#include <stddef.h>
#include <uv.h>

struct attach;

struct attach_handlers {
	void (*on_line)(void *user, const char *line, size_t bytes);	/* without its newline, followed by a NUL */
	void (*on_garbage)(void *user, const char *what);		/* a line too long to be one, or without an end */
	void (*on_end)(void *user);					/* the last call: the connection is closed */
};

/* Connects to the socket of that path. -1: err says why. */
int attach_connect(const char *path, struct error *err);

/* Takes a connected socket over. handlers and user are kept until on_end. */
struct attach *attach_create(uv_loop_t *loop, int fd, const struct attach_handlers *handlers, void *user);

/* Forgets it: on_end is not called any more. NULL is allowed; its loop must run once more. */
void attach_destroy(struct attach *attach);

/* Queues a copy. What can't be delivered is dropped: on_end is on its way then. */
void attach_write(struct attach *attach, const char *data, size_t bytes);

/* Hangs up; on_end comes from the loop. */
void attach_close(struct attach *attach);
