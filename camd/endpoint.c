#include "camd/endpoint.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

static int reopen(int fd, int mode)
{
	char path[64];
	struct stat st;

	if (fstat(fd, &st) || !(S_ISFIFO(st.st_mode) || isatty(fd)))
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, mode | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

static bool is_pollable(int fd)
{
	struct epoll_event event = { .events = EPOLLIN };
	int set = epoll_create1(EPOLL_CLOEXEC);
	bool pollable = set >= 0 && !epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);

	close(set);
	return pollable;
}

void endpoint_init(struct endpoint *endpoint, int fd, int mode)
{
	int again;

	*endpoint = (struct endpoint){ .fd = fd, .pollable = is_pollable(fd), .restore_fd = -1 };
	if (!endpoint->pollable)
		return;
	again = reopen(fd, mode);
	if (again >= 0) {
		close(fd);
		endpoint->fd = again;
		return;
	}
	endpoint->restore_flags = fcntl(fd, F_GETFL);
	if (endpoint->restore_flags >= 0 && !(endpoint->restore_flags & O_NONBLOCK)) {
		endpoint->restore_fd = fd;
		fcntl(fd, F_SETFL, endpoint->restore_flags | O_NONBLOCK);
	}
}

void endpoint_finish(struct endpoint *endpoint)
{
	if (endpoint->restore_fd >= 0)
		fcntl(endpoint->restore_fd, F_SETFL, endpoint->restore_flags);
	if (endpoint->fd >= 0)
		close(endpoint->fd);
	endpoint->fd = endpoint->restore_fd = -1;
}
