/* A shell command of a script. One thread. */
#pragma once

#include "common/error.h"

#include <uv.h>

struct shell_result {
	bool ended;
	int status;		/* 128 + signal if one ended it */
	char *output;		/* stdout and stderr, allocated */
};

struct shell;

/* Starts `sh -c command` in the directory, with nothing on stdin. NULL on failure. */
struct shell *shell_start(uv_loop_t *loop, const char *command, const char *directory, struct error *err);
bool shell_has_ended(const struct shell *shell);

/* Ends it if it still runs, and tells what came of it. Frees. The loop must have turned until it ended, or turn once more. */
struct shell_result shell_finish(struct shell *shell);
