/*
 * camd as a child: where it is found, its three pipes, its end. Lines in, lines out; what they mean is the session's matter.
 *
 * The child gets a session (setsid) of its own, so that neither Ctrl-C nor a closed terminal reaches it except through
 * camctl; if camctl dies, camd sees the end of its input and finishes by itself. Everything runs in the loop's thread.
 */
#pragma once

#include "common/error.h"

#include <stddef.h>
#include <uv.h>

struct spawn;

/* How a child ended: signal is 0 if it exited by itself. */
struct spawn_end {
	int status, signal;
};

struct spawn_handlers {
	void (*on_line)(void *user, const char *line, size_t bytes);	/* without its newline, followed by a NUL */
	void (*on_garbage)(void *user, const char *what);		/* a line too long to be one, or without an end */
	void (*on_complaint)(void *user, const char *text);		/* a line of stderr */
	void (*on_end)(void *user, struct spawn_end end);		/* the last call: the outputs are read to their end */
};

struct spawn_options {
	const char *const *flags;	/* ends with NULL */
	const char *directory;		/* to run in; NULL: camctl's own */
};

/* The program to start, allocated: $CAMCTL_CAMD, or one near camctl's own, or "camd" for $PATH. */
char *spawn_find_camd(void);

/* Why it could not be started, for an errno value. */
void spawn_explain(const char *program, int number, struct error *err);

/* handlers and user are kept until on_end. NULL on failure. */
struct spawn *spawn_create(uv_loop_t *loop, const struct spawn_options *options, const struct spawn_handlers *handlers,
			   void *user, struct error *err);

/* Forgets the child: on_end is not called any more. One that runs is killed. */
void spawn_destroy(struct spawn *spawn);

/* Queues a copy for its stdin. What can't be delivered is dropped: on_end is on its way then. */
void spawn_write(struct spawn *spawn, const char *data, size_t bytes);

/* Closes its stdin behind what was queued. */
void spawn_end_input(struct spawn *spawn);

void spawn_signal(struct spawn *spawn, int signal);

/* The child's process id, for those that look at what it takes; it stays the same behind its end. */
int spawn_pid(const struct spawn *spawn);

/* Stops reading its stdout for a while, or for good: then its next write fails. */
void spawn_pause_output(struct spawn *spawn);
void spawn_resume_output(struct spawn *spawn);
void spawn_close_output(struct spawn *spawn);
