#include "camd/hook_run.h"

#include "camd/launch.h"
#include "common/lines.h"
#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define NICE 10
#define LINE_BYTES 1000
#define MAX_LOGGED_LINES 100	/* of one run */
#define MAX_READS 16		/* at a time: who talks without end gets no more of the main thread */

struct hook_run {
	struct hook_run_request its;
	pid_t pid;
	int pid_fd, words_fd;
	uv_poll_t end, words;
	int open_handles;
	bool signalled;
	struct lines lines;
	unsigned n_lines;
};

/* ---- what it gets ---- */

/* A file in memory, which takes it all at once and which a program may leave unread. */
static int make_input(const char *line)
{
	int fd = memfd_create("event", MFD_CLOEXEC);
	size_t bytes = strlen(line);

	if (fd < 0)
		return -1;
	if (write(fd, line, bytes) == (ssize_t)bytes && !lseek(fd, 0, SEEK_SET))
		return fd;
	close(fd);
	return -1;
}

static bool is_overruled(const char *entry, char *const *variables)
{
	size_t name = strcspn(entry, "=");

	for (; *variables; variables++)
		if (!strncmp(entry, *variables, name + 1))
			return true;
	return false;
}

/* An array to be freed, of entries that are borrowed. */
static char **make_environment(char *const *variables)
{
	size_t n = 0, room = 1;
	char **all;

	for (char **entry = environ; *entry; entry++)
		room++;
	for (char *const *entry = variables; *entry; entry++)
		room++;
	all = xcalloc(room, sizeof(*all));
	for (char **entry = environ; *entry; entry++)
		if (!is_overruled(*entry, variables))
			all[n++] = *entry;
	for (char *const *entry = variables; *entry; entry++)
		all[n++] = *entry;
	return all;
}

/* ---- what it says ---- */

static void take_line(struct hook_run *run, const char *line)
{
	if (!*line)
		return;
	run->n_lines++;
	if (run->n_lines <= MAX_LOGGED_LINES)
		log_info("%s: %s", run->its.argv[0], line);
	else if (run->n_lines == MAX_LOGGED_LINES + 1)
		log_info("%s says more, which is not logged", run->its.argv[0]);
}

static void take_text(struct hook_run *run, const char *text, size_t bytes)
{
	size_t used, line_bytes;
	const char *line;

	for (; bytes; text += used, bytes -= used)
		if (lines_feed(&run->lines, text, bytes, &used, &line, &line_bytes) == LINES_LINE)
			take_line(run, line);
}

/* What is there; false: there will be no more. */
static bool listen_to(struct hook_run *run)
{
	char text[4096];
	ssize_t n = 1;

	for (int i = 0; i < MAX_READS && n > 0; i++) {
		n = read(run->words_fd, text, sizeof(text));
		if (n > 0)
			take_text(run, text, (size_t)n);
	}
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void on_words(uv_poll_t *poll, int status, int events)
{
	(void)events;
	if (status < 0 || !listen_to(poll->data))
		uv_poll_stop(poll);
}

/* ---- its end ---- */

static void log_end(const struct hook_run *run, int status)
{
	const char *name = run->its.argv[0];

	if (WIFSIGNALED(status))
		log_warning("%s was ended by signal %d", name, WTERMSIG(status));
	else if (WEXITSTATUS(status))
		log_warning("%s failed with status %d", name, WEXITSTATUS(status));
	else
		log_debug("%s has ended well", name);
}

static void on_end(uv_poll_t *poll, int poll_status, int events)
{
	struct hook_run *run = poll->data;
	siginfo_t seen = { 0 };
	int status;

	(void)poll_status;
	(void)events;
	if (waitid(P_PID, (id_t)run->pid, &seen, WEXITED | WNOHANG | WNOWAIT) || !seen.si_pid)
		return;
	/* it was to end, so is what it has left; as long as it is not reaped the group's number is its own */
	if (run->signalled)
		kill(-run->pid, SIGKILL);
	waitpid(run->pid, &status, 0);
	run->pid = 0;
	listen_to(run);
	take_text(run, "\n", 1);
	log_end(run, status);
	run->its.on_end(run->its.user, run);
}

void hook_run_signal(struct hook_run *run, int number)
{
	run->signalled = true;
	kill(-run->pid, number);
}

/* ---- its beginning ---- */

static void watch(struct hook_run *run, uv_poll_t *poll, int fd, uv_poll_cb callback)
{
	uv_poll_init(run->its.loop, poll, fd);
	poll->data = run;
	run->open_handles++;
	uv_poll_start(poll, UV_READABLE, callback);
}

static int spawn(struct hook_run *run, int in_fd, int words_fd)
{
	char **environment = make_environment(run->its.variables);
	struct launch_request program = {
		.argv = (const char *const *)run->its.argv, .environment = environment, .in_fd = in_fd, .words_fd = words_fd, .file_fd = -1,
	};
	int number = launch(&program, &run->pid);

	free(environment);
	return number;
}

static bool start(struct hook_run *run, int in_fd, struct error *err)
{
	const char *name = run->its.argv[0];
	int words[2], number;

	if (in_fd < 0 || pipe2(words, O_CLOEXEC | O_NONBLOCK))
		return error_set_errno(err, errno, "cannot run %s", name);
	run->words_fd = words[0];
	/* the program's end is as programs expect theirs */
	number = fcntl(words[1], F_SETFL, 0) ? errno : spawn(run, in_fd, words[1]);
	close(words[1]);
	if (number) {
		run->pid = 0;
		return error_set_errno(err, number, "cannot run %s", name);
	}
	setpriority(PRIO_PROCESS, (id_t)run->pid, NICE);
	run->pid_fd = pidfd_open(run->pid, 0);
	if (run->pid_fd < 0)
		return error_set_errno(err, errno, "cannot watch %s", name);
	watch(run, &run->words, run->words_fd, on_words);
	watch(run, &run->end, run->pid_fd, on_end);
	return true;
}

struct hook_run *hook_run_start(const struct hook_run_request *request, struct error *err)
{
	struct hook_run *run = xcalloc(1, sizeof(*run));
	int in_fd = make_input(request->line);
	bool ok;

	*run = (struct hook_run){ .its = *request, .pid_fd = -1, .words_fd = -1 };
	lines_init(&run->lines, LINE_BYTES);
	ok = start(run, in_fd, err);
	if (in_fd >= 0)
		close(in_fd);
	if (ok)
		return run;
	hook_run_destroy(run);
	return NULL;
}

static void release(struct hook_run *run)
{
	if (run->pid_fd >= 0)
		close(run->pid_fd);
	if (run->words_fd >= 0)
		close(run->words_fd);
	lines_finish(&run->lines);
	free(run);
}

static void on_closed(uv_handle_t *handle)
{
	struct hook_run *run = handle->data;

	if (!--run->open_handles)
		release(run);
}

void hook_run_destroy(struct hook_run *run)
{
	if (!run)
		return;
	if (run->pid) {
		kill(-run->pid, SIGKILL);
		waitpid(run->pid, NULL, WNOHANG);
	}
	if (!run->open_handles) {
		release(run);
		return;
	}
	uv_close((uv_handle_t *)&run->words, on_closed);
	uv_close((uv_handle_t *)&run->end, on_closed);
}
