#include "camd/handed.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_FD 3

/* Takes the text over. */
static void complain(struct list *problems, char *text)
{
	fields_add_text(problems, text);
	free(text);
}

/* -1: it is no number. */
static long read_number(const char *text)
{
	char *end;
	long number;

	if (!text || *text < '0' || *text > '9')
		return -1;
	errno = 0;
	number = strtol(text, &end, 10);
	return errno || *end ? -1 : number;
}

static bool is_unix_stream(int fd)
{
	int domain = 0, type = 0;
	socklen_t bytes = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &bytes) || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &bytes))
		return false;
	return domain == AF_UNIX && type == SOCK_STREAM;
}

static bool is_listening(int fd)
{
	int listening = 0;
	socklen_t bytes = sizeof(listening);

	return !getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &bytes) && listening;
}

static void take(struct handed *handed, int fd, struct list *problems)
{
	if (fcntl(fd, F_SETFD, FD_CLOEXEC)) {
		complain(problems, xasprintf("LISTEN_FDS: descriptor %d is not open", fd));
	} else if (!is_unix_stream(fd)) {
		complain(problems, xasprintf("LISTEN_FDS: descriptor %d is no UNIX stream socket (ListenStream= with a path): camd does not use it", fd));
		close(fd);
	} else {
		handed->sockets[handed->n].fd = fd;
		handed->sockets[handed->n++].listening = is_listening(fd);
	}
}

void handed_take(struct handed *handed, struct list *problems)
{
	const char *count = getenv("LISTEN_FDS");
	long n = read_number(count);

	*handed = (struct handed){ 0 };
	/* an environment is inherited: what stands there for another process is none of camd's business */
	if (read_number(getenv("LISTEN_PID")) == getpid()) {
		if (n < 0)
			complain(problems, xasprintf("LISTEN_FDS: '%.60s' is no number of descriptors", count ? count : ""));
		if (n > HANDED_MAX)
			complain(problems, xasprintf("LISTEN_FDS: %ld descriptors are too many: only the first %d are used", n, HANDED_MAX));
		for (int fd = FIRST_FD; fd < FIRST_FD + MIN(n, HANDED_MAX); fd++)
			take(handed, fd, problems);
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}
