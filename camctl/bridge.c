#include "camctl/bridge.h"

#include "camctl/attach.h"
#include "common/util.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

static bool write_all(int to, const char *data, size_t bytes)
{
	while (bytes) {
		ssize_t n = write(to, data, bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		data += n;
		bytes -= n;
	}
	return true;
}

/* Up to the end of from, or until to takes no more. */
static void copy(int from, int to)
{
	char chunk[65536];
	ssize_t n;

	while ((n = read(from, chunk, sizeof(chunk))) > 0 || (n < 0 && errno == EINTR))
		if (n > 0 && !write_all(to, chunk, n))
			return;
}

static void *send_input(void *argument)
{
	int fd = (intptr_t)argument;

	copy(STDIN_FILENO, fd);
	shutdown(fd, SHUT_WR);
	return NULL;
}

bool bridge_run(const char *path, struct error *err)
{
	int fd = attach_connect(path, err);
	pthread_t sender;

	if (fd < 0)
		return false;
	signal(SIGPIPE, SIG_IGN);
	xthread(&sender, send_input, (void *)(intptr_t)fd);
	/* the sender may wait for its master for ever: it ends with the process */
	pthread_detach(sender);
	copy(fd, STDOUT_FILENO);
	return true;
}
