#include "camctl/input.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct input {
	const struct input_handlers *handlers;
	void *user;
	bool raw;
	int old_flags;		/* of stdin's description, which others share: libuv makes it non-blocking */
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tty_t tty;
		uv_pipe_t pipe;
		uv_idle_t reader;
	};
	char buffer[4096];
};

/* Runs in a signal handler, and at exit. */
static void restore_terminal(void)
{
	uv_tty_reset_mode();
}

static bool is_drawn_on;	/* stdout is a terminal, too */

/* In the midst of a drawing, too: ends a picture's string, a synchronized update and colours; what comes next has lines of its own. */
static void leave_drawing(void)
{
	static const char leave[] = "\033\\\033[?2026l\033[m\r\n\033[J";

	if (is_drawn_on && write(STDOUT_FILENO, leave, sizeof(leave) - 1) < 0)
		return;		/* nothing can be done about it */
}

static void on_deadly_signal(int number)
{
	leave_drawing();
	restore_terminal();
	raise(number);		/* SA_RESETHAND: this time it kills */
}

static void guard_terminal(void)
{
	static const int deadly[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGQUIT };
	struct sigaction action = { .sa_handler = on_deadly_signal, .sa_flags = (int)SA_RESETHAND };

	is_drawn_on = isatty(STDOUT_FILENO);
	for (size_t i = 0; i < ARRAY_LEN(deadly); i++)
		sigaction(deadly[i], &action, NULL);
	atexit(restore_terminal);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct input *input = handle->data;

	(void)suggested;
	*buffer = uv_buf_init(input->buffer, sizeof(input->buffer));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
	struct input *input = stream->data;

	if (n > 0) {
		input->handlers->on_bytes(input->user, buffer->base, n);
	} else if (n < 0) {
		uv_read_stop(stream);
		input->handlers->on_end(input->user);
	}
}

/* A file is always ready, which epoll doesn't know. */
static void on_idle(uv_idle_t *reader)
{
	struct input *input = reader->data;
	ssize_t n = read(STDIN_FILENO, input->buffer, sizeof(input->buffer));

	if (n < 0 && errno == EINTR)
		return;
	if (n > 0) {
		input->handlers->on_bytes(input->user, input->buffer, n);
		return;
	}
	uv_idle_stop(reader);
	input->handlers->on_end(input->user);
}

static bool open_terminal(struct input *input, uv_loop_t *loop)
{
	if (uv_tty_init(loop, &input->tty, STDIN_FILENO, 0))
		return false;
	if (input->raw)
		guard_terminal();
	input_take(input);
	uv_read_start(&input->stream, on_alloc, on_read);
	return true;
}

static void open_pipe(struct input *input, uv_loop_t *loop)
{
	int flags = fcntl(STDIN_FILENO, F_GETFL);

	uv_pipe_init(loop, &input->pipe, 0);
	if (uv_pipe_open(&input->pipe, STDIN_FILENO) || uv_read_start(&input->stream, on_alloc, on_read))
		input->handlers->on_end(input->user);
	input->old_flags = flags;
}

/* Also what stands for no stdin at all: the first read says so. */
static void open_file(struct input *input, uv_loop_t *loop)
{
	uv_idle_init(loop, &input->reader);
	uv_idle_start(&input->reader, on_idle);
}

struct input *input_create(uv_loop_t *loop, bool raw, const struct input_handlers *handlers, void *user)
{
	struct input *input = xcalloc(1, sizeof(*input));
	uv_handle_type type = uv_guess_handle(STDIN_FILENO);

	*input = (struct input){ .handlers = handlers, .user = user, .raw = raw && type == UV_TTY, .old_flags = -1 };
	if (type == UV_NAMED_PIPE || type == UV_TCP)
		open_pipe(input, loop);
	else if (type != UV_TTY || !open_terminal(input, loop))
		open_file(input, loop);
	input->handle.data = input;
	return input;
}

void input_restore(struct input *input)
{
	if (input->raw)
		uv_tty_set_mode(&input->tty, UV_TTY_MODE_NORMAL);
}

void input_take(struct input *input)
{
	if (input->raw)
		uv_tty_set_mode(&input->tty, UV_TTY_MODE_RAW);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void input_destroy(struct input *input)
{
	if (!input)
		return;
	input_restore(input);
	if (input->old_flags >= 0)
		fcntl(STDIN_FILENO, F_SETFL, input->old_flags);
	uv_close(&input->handle, on_closed);
}
