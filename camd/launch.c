#include "camd/launch.h"

#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#define FILE_FD 3

/* Descriptors in the order in which they can't tread on each other: sources are above 2, and 3 comes last. */
static void plan_files(posix_spawn_file_actions_t *actions, const struct launch_request *request)
{
	posix_spawn_file_actions_adddup2(actions, request->in_fd, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(actions, request->words_fd, STDERR_FILENO);
	posix_spawn_file_actions_adddup2(actions, STDERR_FILENO, STDOUT_FILENO);
	if (request->file_fd >= 0)
		posix_spawn_file_actions_adddup2(actions, request->file_fd, FILE_FD);
	posix_spawn_file_actions_addclosefrom_np(actions, FILE_FD + (request->file_fd >= 0));
}

static void plan_signals(posix_spawnattr_t *attributes)
{
	sigset_t set;

	sigemptyset(&set);
	posix_spawnattr_setsigmask(attributes, &set);
	sigfillset(&set);
	posix_spawnattr_setsigdefault(attributes, &set);
	posix_spawnattr_setpgroup(attributes, 0);
	posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
}

int launch(const struct launch_request *request, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int number;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	plan_files(&actions, request);
	plan_signals(&attributes);
	number = posix_spawnp(pid, request->argv[0], &actions, &attributes, (char *const *)request->argv,
			      request->environment ? request->environment : environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return number;
}
