/*
 * One run of a hook's program: its event on stdin, its words to the log, its end. Main thread.
 */
#pragma once

#include "common/error.h"

#include <stdint.h>
#include <uv.h>

struct hook_run;

struct hook_run_request {
	uv_loop_t *loop;
	char *const *argv;		/* NULL-terminated; lives longer than the run */
	const char *line;		/* the event */
	char *const *variables;		/* NAME=VALUE, NULL-terminated, set in its environment beside ours */
	void (*on_end)(void *user, struct hook_run *run);	/* it was reaped; destroy it */
	void *user;
};

struct hook_run *hook_run_start(const struct hook_run_request *request, struct error *err);

/* To it and all that it has started. */
void hook_run_signal(struct hook_run *run, int number);
void hook_run_destroy(struct hook_run *run);	/* NULL is allowed; freed when the loop has run once more */
