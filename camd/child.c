#include "camd/child.h"

#include "camd/launch.h"
#include "common/lines.h"
#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_BYTES 1000
/* A program that complains about each frame must not fill the log. */
#define MAX_LOGGED_LINES 100

struct child {
	const char *program;
	pid_t pid;		/* 0: not there, or its end was seen */
	int in_fd, err_fd;	/* ours: what it reads, what it says; -1: closed */
	int cancel_fd;
	struct lines lines;
	unsigned n_lines;
	char last_line[300];
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- starting ---- */

static int spawn(struct child *child, const struct child_request *request, int in_fd, int err_fd)
{
	struct launch_request program = {
		.argv = request->argv, .in_fd = in_fd, .words_fd = err_fd, .file_fd = request->output_fd,
	};
	int number = launch(&program, &child->pid);

	if (number)
		child->pid = 0;
	return number;
}

static bool start(struct child *child, const struct child_request *request, struct error *err)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 };
	int number = pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) ? errno : 0;

	child->in_fd = in[1];
	child->err_fd = out[0];
	if (!number && fcntl(child->in_fd, F_SETFL, O_NONBLOCK))
		number = errno;
	if (!number)
		number = spawn(child, request, in[0], out[1]);
	close_fd(&in[0]);
	close_fd(&out[1]);
	if (number == ENOENT)
		return error_set(err, ERR_UNSUPPORTED, "%s is not installed: %s", child->program, request->remedy);
	return number ? error_set_errno(err, number, "cannot run %s", child->program) : true;
}

struct child *child_start(const struct child_request *request, struct error *err)
{
	struct child *child = xcalloc(1, sizeof(*child));

	*child = (struct child){ .program = request->argv[0], .in_fd = -1, .err_fd = -1, .cancel_fd = request->cancel_fd };
	lines_init(&child->lines, LINE_BYTES);
	if (start(child, request, err))
		return child;
	child_destroy(child);
	return NULL;
}

/* ---- what it says ---- */

static void take_line(struct child *child, const char *line)
{
	if (!*line)
		return;
	snprintf(child->last_line, sizeof(child->last_line), "%s", line);
	child->n_lines++;
	if (child->n_lines <= MAX_LOGGED_LINES)
		log_warning("%s: %s", child->program, line);
	else if (child->n_lines == MAX_LOGGED_LINES + 1)
		log_warning("%s says more, which is not logged", child->program);
}

static void take_text(struct child *child, const char *text, size_t bytes)
{
	size_t used, line_bytes;
	const char *line;

	for (; bytes; text += used, bytes -= used)
		if (lines_feed(&child->lines, text, bytes, &used, &line, &line_bytes) == LINES_LINE)
			take_line(child, line);
}

/* Reads what is there; at the end the descriptor is closed. */
static void listen_once(struct child *child)
{
	char text[4096];
	ssize_t n = read(child->err_fd, text, sizeof(text));

	if (n > 0)
		take_text(child, text, (size_t)n);
	if (n > 0 || (n < 0 && errno == EINTR))
		return;
	take_text(child, "\n", 1);
	close_fd(&child->err_fd);
}

/* Until it has said something, or, if that is of interest, can take something. */
static bool wait_for(struct child *child, bool for_input, struct error *err)
{
	struct pollfd fds[] = {
		{ .fd = child->cancel_fd, .events = POLLIN },
		{ .fd = child->err_fd, .events = POLLIN },
		{ .fd = for_input ? child->in_fd : -1, .events = POLLOUT },
	};

	if (poll(fds, ARRAY_LEN(fds), -1) < 0)
		return errno == EINTR ? true : error_set_errno(err, errno, "%s: poll", child->program);
	if (fds[0].revents)
		return error_set(err, ERR_CANCELLED, "Cancelled");
	if (fds[1].revents)
		listen_once(child);
	return true;
}

/* ---- feeding it, and its end ---- */

static bool check_status(const struct child *child, int status, struct error *err)
{
	const char *words = child->last_line[0] ? child->last_line : "it said nothing";

	if (WIFSIGNALED(status))
		return error_set(err, ERR_INTERNAL, "%s was ended by signal %d: %s", child->program, WTERMSIG(status), words);
	if (WEXITSTATUS(status))
		return error_set(err, ERR_INTERNAL, "%s failed with status %d: %s", child->program, WEXITSTATUS(status), words);
	return true;
}

static int wait_pid(struct child *child)
{
	int status = 0;

	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	child->pid = 0;
	return status;
}

/* Hears it out: stderr ends with it. */
static bool reap(struct child *child, struct error *err)
{
	close_fd(&child->in_fd);
	while (child->err_fd >= 0)
		if (!wait_for(child, false, err))
			return false;
	return check_status(child, wait_pid(child), err);
}

static bool fail_to_write(struct child *child, int number, struct error *err)
{
	if (number != EPIPE)
		return error_set_errno(err, number, "writing to %s", child->program);
	return reap(child, err) ? error_set(err, ERR_INTERNAL, "%s ended before it had everything", child->program) : false;
}

bool child_write(struct child *child, const void *data, size_t bytes, struct error *err)
{
	const char *at = data;

	while (bytes) {
		ssize_t n = write(child->in_fd, at, bytes);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return fail_to_write(child, errno, err);
		if (n < 0 && !wait_for(child, true, err))
			return false;
		at += MAX(n, 0);
		bytes -= (size_t)MAX(n, 0);
	}
	return true;
}

bool child_finish(struct child *child, struct error *err)
{
	return reap(child, err);
}

void child_destroy(struct child *child)
{
	if (!child)
		return;
	close_fd(&child->in_fd);
	if (child->pid) {
		kill(child->pid, SIGKILL);
		wait_pid(child);
	}
	close_fd(&child->err_fd);
	lines_finish(&child->lines);
	free(child);
}
