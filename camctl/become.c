#include "camctl/become.h"

#include "camctl/spawn.h"
#include "common/util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_FD 3

/* As systemd does it, and behind what that may have handed us itself. */
static void hand_over(int fd)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	int n = pid && count && atoi(pid) == getpid() ? MAX(atoi(count), 0) : 0;
	char *own = xasprintf("%d", getpid()), *all = xasprintf("%d", n + 1);

	if (dup2(fd, FIRST_FD + n) >= 0 && fd != FIRST_FD + n)
		close(fd);
	setenv("LISTEN_PID", own, 1);
	setenv("LISTEN_FDS", all, 1);
	unsetenv("LISTEN_FDNAMES");
	free(own);
	free(all);
}

void become_camd(const char *const *flags, int fd, struct error *err)
{
	char *program = spawn_find_camd();
	const char **arguments;
	size_t n = 0;

	while (flags[n])
		n++;
	arguments = xcalloc(n + 2, sizeof(*arguments));
	arguments[0] = program;
	memcpy(arguments + 1, flags, n * sizeof(*flags));
	if (fd >= 0)
		hand_over(fd);
	execvp(program, (char *const *)arguments);
	spawn_explain(program, errno, err);
	free(arguments);
	free(program);
}
