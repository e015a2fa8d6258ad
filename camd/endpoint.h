/*
 * The file descriptors of stdin and stdout, whatever they are: pipe, terminal, socket, file, /dev/null.
 *
 * Waiting on them needs O_NONBLOCK, which belongs to the open file description and so would leak to the shell or the master
 * that shares it. So pipes and terminals are opened anew through /proc; where that can't be done, the flag is set and put
 * back at the end. Main thread.
 */
#pragma once

#include <stdbool.h>

struct endpoint {
	int fd;			/* non-blocking if pollable; to be used instead of the original */
	bool pollable;		/* false: a file or the like, always ready */
	int restore_fd;		/* its flags are put back at the end; -1: none */
	int restore_flags;
};

/* mode: O_RDONLY or O_WRONLY. Takes fd over. */
void endpoint_init(struct endpoint *endpoint, int fd, int mode);
void endpoint_finish(struct endpoint *endpoint);	/* closes */
