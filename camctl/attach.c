#include "camctl/attach.h"

#include "common/lines.h"
#include "common/util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Far above the longest line that camd prints, a preview of a large picture. */
#define MAX_LINE_BYTES ((size_t)64 << 20)

struct attach {
	const struct attach_handlers *handlers;
	void *user;
	int fd;				/* of pipe */
	uv_pipe_t pipe;
	struct lines lines;
	bool closed, destroyed;
	char buffer[65536];
};

struct write {
	uv_write_t request;
	char data[];
};

/* ---- connecting ---- */

static bool explain(const char *path, int number, struct error *err)
{
	const char *remedy = "";

	if (number == ENOENT || number == ECONNREFUSED)
		remedy = ": no camd listens there (is its camd.socket started?)";
	else if (number == EACCES || number == EPERM)
		remedy = ": you must be in the socket's group";
	return error_set_errno(err, number, "cannot attach to %s%s", path, remedy);
}

int attach_connect(const char *path, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		error_set(err, ERR_BAD_ARGUMENT, "cannot attach to %.200s: a socket's path has %zu bytes at most", path,
			  sizeof(address.sun_path) - 1);
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	explain(path, errno, err);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* ---- reading ---- */

static void on_closed(uv_handle_t *handle)
{
	struct attach *attach = handle->data;

	attach->closed = true;
	lines_finish(&attach->lines);
	if (attach->destroyed)
		free(attach);
	else
		attach->handlers->on_end(attach->user);
}

static void take_bytes(struct attach *attach, const char *data, size_t bytes)
{
	while (bytes && !uv_is_closing((uv_handle_t *)&attach->pipe)) {
		const char *line;
		size_t used, line_bytes;
		enum lines_result result = lines_feed(&attach->lines, data, bytes, &used, &line, &line_bytes);

		data += used;
		bytes -= used;
		if (result == LINES_TOO_LONG)
			attach->handlers->on_garbage(attach->user, "a line beyond all limits");
		else if (result == LINES_LINE)
			attach->handlers->on_line(attach->user, line, line_bytes);
	}
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct attach *attach = handle->data;

	(void)suggested;
	*buffer = uv_buf_init(attach->buffer, sizeof(attach->buffer));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
	struct attach *attach = stream->data;

	if (n > 0)
		take_bytes(attach, buffer->base, n);
	if (n >= 0)
		return;
	if (attach->lines.n)
		attach->handlers->on_garbage(attach->user, "a line without an end");
	attach_close(attach);
}

/* ---- its beginning and end ---- */

struct attach *attach_create(uv_loop_t *loop, int fd, const struct attach_handlers *handlers, void *user)
{
	struct attach *attach = xcalloc(1, sizeof(*attach));

	attach->handlers = handlers;
	attach->user = user;
	attach->fd = fd;
	lines_init(&attach->lines, MAX_LINE_BYTES);
	uv_pipe_init(loop, &attach->pipe, 0);
	attach->pipe.data = attach;
	uv_pipe_open(&attach->pipe, fd);
	uv_read_start((uv_stream_t *)&attach->pipe, on_alloc, on_read);
	return attach;
}

void attach_destroy(struct attach *attach)
{
	if (!attach)
		return;
	attach->destroyed = true;
	if (attach->closed)
		free(attach);
	else
		attach_close(attach);
}

static void on_written(uv_write_t *request, int status)
{
	(void)status;
	free(request->data);
}

void attach_write(struct attach *attach, const char *data, size_t bytes)
{
	struct write *write;
	uv_buf_t buffer;
	ssize_t n;

	if (uv_is_closing((uv_handle_t *)&attach->pipe))
		return;
	/* libuv would raise SIGPIPE, which has another meaning here: that nobody reads what camctl prints */
	n = send(attach->fd, data, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 ? errno != EAGAIN : (size_t)n == bytes)
		return;
	data += MAX(n, 0);
	bytes -= MAX(n, 0);
	write = xcalloc(1, sizeof(*write) + bytes);
	memcpy(write->data, data, bytes);
	write->request.data = write;
	buffer = uv_buf_init(write->data, bytes);
	if (uv_write(&write->request, (uv_stream_t *)&attach->pipe, &buffer, 1, on_written))
		free(write);
}

void attach_close(struct attach *attach)
{
	if (!uv_is_closing((uv_handle_t *)&attach->pipe))
		uv_close((uv_handle_t *)&attach->pipe, on_closed);
}
