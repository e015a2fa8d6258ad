#include "camctl/spawn.h"

#include "common/lines.h"
#include "common/util.h"

#include <assert.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Far above the longest line that camd prints, a preview of a large picture. */
#define MAX_LINE_BYTES ((size_t)64 << 20)

/* A child of the child may keep the pipes open; its words are waited for no longer than this after the child's end. */
#define STRAGGLER_MS 1000

struct output {
	struct spawn *spawn;
	uv_pipe_t pipe;
	struct lines lines;
	bool open, is_stderr;
};

struct spawn {
	const struct spawn_handlers *handlers;
	void *user;
	uv_process_t process;
	uv_pipe_t input;
	struct output outputs[2];
	uv_timer_t straggler;
	int open_handles;
	bool input_open, running, destroyed;
	struct spawn_end end;
	char buffer[65536];
};

struct write {
	uv_write_t request;
	char data[];
};

static char *own_directory(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n < 0)
		return NULL;
	path[n] = '\0';
	return xstrdup(dirname(path));
}

char *spawn_find_camd(void)
{
	static const char *const places[] = { "camd", "../camd/camd" };	/* installed; in the build tree */
	const char *named = getenv("CAMCTL_CAMD");
	char *directory;

	if (named && *named)
		return xstrdup(named);
	directory = own_directory();
	for (size_t i = 0; directory && i < ARRAY_LEN(places); i++) {
		char *path = xasprintf("%s/%s", directory, places[i]);
		uv_fs_t info;
		bool there = uv_fs_stat(NULL, &info, path, NULL) == 0 && S_ISREG(info.statbuf.st_mode) && !access(path, X_OK);

		uv_fs_req_cleanup(&info);
		if (there) {
			free(directory);
			return path;
		}
		free(path);
	}
	free(directory);
	return xstrdup("camd");
}

void spawn_explain(const char *program, int number, struct error *err)
{
	if (number == ENOENT && !strchr(program, '/'))
		error_set(err, ERR_NOT_FOUND, "camd was found neither beside camctl nor in $PATH: install it, or name it in $CAMCTL_CAMD");
	else
		error_set_errno(err, number, "cannot start %s", program);
}

static void free_if_closed(struct spawn *spawn)
{
	if (spawn->open_handles || !spawn->destroyed)
		return;
	lines_finish(&spawn->outputs[0].lines);
	lines_finish(&spawn->outputs[1].lines);
	free(spawn);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct spawn *spawn = handle->data;

	spawn->open_handles--;
	free_if_closed(spawn);
}

static void close_handle(uv_handle_t *handle)
{
	if (!uv_is_closing(handle))
		uv_close(handle, on_handle_closed);
}

static void end_if_done(struct spawn *spawn)
{
	if (spawn->running || spawn->outputs[0].open || spawn->outputs[1].open)
		return;
	spawn->input_open = false;
	close_handle((uv_handle_t *)&spawn->input);
	close_handle((uv_handle_t *)&spawn->straggler);
	if (spawn->handlers)
		spawn->handlers->on_end(spawn->user, spawn->end);
}

static void close_output(struct output *output)
{
	struct spawn *spawn = output->spawn;

	if (!output->open)
		return;
	output->open = false;
	close_handle((uv_handle_t *)&output->pipe);
	if (output->lines.n && spawn->handlers) {
		if (output->is_stderr)
			spawn->handlers->on_complaint(spawn->user, output->lines.buffer);
		else
			spawn->handlers->on_garbage(spawn->user, "a line without an end");
	}
	end_if_done(spawn);
}

static void take_bytes(struct output *output, const char *data, size_t bytes)
{
	struct spawn *spawn = output->spawn;

	while (bytes && spawn->handlers) {
		const char *line;
		size_t used, line_bytes;
		enum lines_result result = lines_feed(&output->lines, data, bytes, &used, &line, &line_bytes);

		data += used;
		bytes -= used;
		if (result == LINES_TOO_LONG && !output->is_stderr)
			spawn->handlers->on_garbage(spawn->user, "a line beyond all limits");
		if (result == LINES_LINE && output->is_stderr)
			spawn->handlers->on_complaint(spawn->user, line);
		else if (result == LINES_LINE)
			spawn->handlers->on_line(spawn->user, line, line_bytes);
	}
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct spawn *spawn = handle->data;

	(void)suggested;
	*buffer = uv_buf_init(spawn->buffer, sizeof(spawn->buffer));
}

static struct output *output_of(struct spawn *spawn, const uv_stream_t *stream)
{
	return &spawn->outputs[stream == (const uv_stream_t *)&spawn->outputs[1].pipe];
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
	struct spawn *spawn = stream->data;
	struct output *output = output_of(spawn, stream);

	if (n > 0)
		take_bytes(output, buffer->base, n);
	else if (n < 0)
		close_output(output);
}

static void on_stragglers(uv_timer_t *timer)
{
	struct spawn *spawn = timer->data;

	close_output(&spawn->outputs[0]);
	close_output(&spawn->outputs[1]);
}

static void on_process_exit(uv_process_t *process, int64_t status, int signal)
{
	struct spawn *spawn = process->data;

	spawn->running = false;
	spawn->end = (struct spawn_end){ status, signal };
	close_handle((uv_handle_t *)process);
	if (spawn->outputs[0].open)	/* it may have been paused */
		uv_read_start((uv_stream_t *)&spawn->outputs[0].pipe, on_alloc, on_read);
	uv_timer_start(&spawn->straggler, on_stragglers, STRAGGLER_MS, 0);
	end_if_done(spawn);
}

static void init_handles(struct spawn *spawn, uv_loop_t *loop)
{
	uv_pipe_init(loop, &spawn->input, 0);
	uv_pipe_init(loop, &spawn->outputs[0].pipe, 0);
	uv_pipe_init(loop, &spawn->outputs[1].pipe, 0);
	uv_timer_init(loop, &spawn->straggler);
	spawn->input.data = spawn->outputs[0].pipe.data = spawn->outputs[1].pipe.data = spawn->straggler.data = spawn;
	spawn->process.data = spawn;
	spawn->open_handles = 4;
	spawn->outputs[1].is_stderr = true;
	for (int i = 0; i < 2; i++) {
		spawn->outputs[i].spawn = spawn;
		lines_init(&spawn->outputs[i].lines, MAX_LINE_BYTES);
	}
}

/* Pipes as any other master makes them, not libuv's socket pairs: camd is to be tested with what it will meet. */
static bool open_pipes(struct spawn *spawn, int theirs[3], struct error *err)
{
	uv_pipe_t *ours[3] = { &spawn->input, &spawn->outputs[0].pipe, &spawn->outputs[1].pipe };

	for (int i = 0; i < 3; i++) {
		uv_file ends[2];
		int number = uv_pipe(ends, i ? UV_NONBLOCK_PIPE : 0, i ? 0 : UV_NONBLOCK_PIPE);

		if (number)
			return error_set_errno(err, -number, "cannot make a pipe");
		theirs[i] = i ? ends[1] : ends[0];
		uv_pipe_open(ours[i], i ? ends[0] : ends[1]);
	}
	return true;
}

static char **make_arguments(const char *program, const char *const *flags)
{
	size_t n = 0;
	char **arguments;

	while (flags[n])
		n++;
	arguments = xcalloc(n + 2, sizeof(*arguments));
	arguments[0] = (char *)program;
	if (n)
		memcpy(arguments + 1, flags, n * sizeof(*flags));
	return arguments;
}

static bool start(struct spawn *spawn, uv_loop_t *loop, const struct spawn_options *options, const int theirs[3],
		  struct error *err)
{
	char *program = spawn_find_camd();
	char **arguments = make_arguments(program, options->flags);
	uv_stdio_container_t stdio[3];
	uv_process_options_t how = {
		.file = program, .args = arguments, .cwd = options->directory, .exit_cb = on_process_exit,
		.flags = UV_PROCESS_DETACHED, .stdio_count = 3, .stdio = stdio,
	};
	int number;

	for (int i = 0; i < 3; i++)
		stdio[i] = (uv_stdio_container_t){ .flags = UV_INHERIT_FD, .data.fd = theirs[i] };
	number = uv_spawn(loop, &spawn->process, &how);
	spawn->open_handles++;
	if (number)	/* leaves a handle to be closed all the same */
		close_handle((uv_handle_t *)&spawn->process);
	if (number)
		spawn_explain(program, -number, err);
	free(arguments);
	free(program);
	return number == 0;
}

struct spawn *spawn_create(uv_loop_t *loop, const struct spawn_options *options, const struct spawn_handlers *handlers,
			   void *user, struct error *err)
{
	struct spawn *spawn = xcalloc(1, sizeof(*spawn));
	int theirs[3] = { -1, -1, -1 };
	bool ok;

	init_handles(spawn, loop);
	ok = open_pipes(spawn, theirs, err) && start(spawn, loop, options, theirs, err);
	for (int i = 0; i < 3; i++)
		if (theirs[i] >= 0)
			close(theirs[i]);
	if (!ok) {
		spawn_destroy(spawn);
		return NULL;
	}
	spawn->handlers = handlers;
	spawn->user = user;
	spawn->running = spawn->input_open = true;
	for (int i = 0; i < 2; i++) {
		spawn->outputs[i].open = true;
		uv_read_start((uv_stream_t *)&spawn->outputs[i].pipe, on_alloc, on_read);
	}
	return spawn;
}

void spawn_destroy(struct spawn *spawn)
{
	if (!spawn)
		return;
	assert(!spawn->destroyed);
	spawn->handlers = NULL;
	spawn->destroyed = true;
	if (spawn->running)
		uv_process_kill(&spawn->process, SIGKILL);
	close_handle((uv_handle_t *)&spawn->input);
	close_handle((uv_handle_t *)&spawn->outputs[0].pipe);
	close_handle((uv_handle_t *)&spawn->outputs[1].pipe);
	close_handle((uv_handle_t *)&spawn->straggler);
	free_if_closed(spawn);	/* all may have been closed long ago */
}

static void on_written(uv_write_t *request, int status)
{
	(void)status;
	free(request->data);
}

void spawn_write(struct spawn *spawn, const char *data, size_t bytes)
{
	struct write *write;
	uv_buf_t buffer;

	if (!spawn->input_open)
		return;
	write = xcalloc(1, sizeof(*write) + bytes);
	memcpy(write->data, data, bytes);
	write->request.data = write;
	buffer = uv_buf_init(write->data, bytes);
	if (uv_write(&write->request, (uv_stream_t *)&spawn->input, &buffer, 1, on_written))
		free(write);
}

static void on_shut_down(uv_shutdown_t *request, int status)
{
	(void)status;
	close_handle((uv_handle_t *)request->handle);
	free(request);
}

void spawn_end_input(struct spawn *spawn)
{
	uv_shutdown_t *request;

	if (!spawn->input_open)
		return;
	spawn->input_open = false;
	request = xcalloc(1, sizeof(*request));
	if (!uv_shutdown(request, (uv_stream_t *)&spawn->input, on_shut_down))
		return;
	free(request);
	close_handle((uv_handle_t *)&spawn->input);
}

void spawn_signal(struct spawn *spawn, int signal)
{
	if (spawn->running)
		uv_process_kill(&spawn->process, signal);
}

int spawn_pid(const struct spawn *spawn)
{
	return spawn->process.pid;
}

void spawn_pause_output(struct spawn *spawn)
{
	if (spawn->outputs[0].open)
		uv_read_stop((uv_stream_t *)&spawn->outputs[0].pipe);
}

void spawn_resume_output(struct spawn *spawn)
{
	if (spawn->outputs[0].open)
		uv_read_start((uv_stream_t *)&spawn->outputs[0].pipe, on_alloc, on_read);
}

void spawn_close_output(struct spawn *spawn)
{
	close_output(&spawn->outputs[0]);
}
