/*
 * Starts programs: no shell, none of our descriptors but those that are named, signals as a program expects them, and a process
 * group of its own, so that a terminal's ^C is for us alone to act on and all that it starts can be ended with it. Any thread.
 */
#pragma once

#include <sys/types.h>

struct launch_request {
	const char *const *argv;	/* NULL-terminated; argv[0] is looked up in PATH if it has no slash */
	char *const *environment;	/* NULL-terminated; NULL: ours */
	/* They stay the caller's, and must be above 2. */
	int in_fd;			/* its stdin */
	int words_fd;			/* its stdout and stderr */
	int file_fd;			/* its descriptor 3; -1: none */
};

/* Returns 0, or an errno. */
int launch(const struct launch_request *request, pid_t *pid);
