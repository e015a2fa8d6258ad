/*
 * A program as a child that is fed through its stdin and writes into an open file, which it finds as /proc/self/fd/3. No
 * shell, no names of files on its command line, none of our other descriptors. What it says on stderr goes to the log, the
 * end of it into the error if it fails.
 *
 * Used by one thread, which must ignore SIGPIPE. The child doesn't outlive us: its stdin ends then, and so does it.
 */
#pragma once

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>

struct child;

#define CHILD_OUTPUT "/proc/self/fd/3"

struct child_request {
	const char *const *argv;	/* NULL-terminated; argv[0] is looked up in PATH */
	const char *remedy;		/* where there is no such program */
	int output_fd;			/* of the file; stays the caller's */
	int cancel_fd;			/* once it can be read, all calls fail with ERR_CANCELLED */
};

struct child *child_start(const struct child_request *request, struct error *err);

/* Waits until the child has taken it all. */
bool child_write(struct child *child, const void *data, size_t bytes, struct error *err);

/* Ends its input and waits for its end. False: it failed, or was ended by a signal. */
bool child_finish(struct child *child, struct error *err);

/* Kills it if it is still there. NULL is allowed. */
void child_destroy(struct child *child);
