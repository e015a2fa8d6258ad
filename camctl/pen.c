#include "camctl/pen.h"

#include "common/clock.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct pen {
	int fd;
	uv_poll_t writable;
	void (*on_drained)(void *user);
	void *user;
	char *kept;
	size_t begin, end, room;	/* of kept */
	bool dead;
};

/* An open file of its own, so that not waiting is this pen's affair alone and not that of the shell, too. */
static int open_again(int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

struct pen *pen_create(uv_loop_t *loop, int fd, void (*on_drained)(void *user), void *user)
{
	int own_fd = isatty(fd) ? open_again(fd) : -1;
	struct pen *pen;

	if (own_fd < 0)
		return NULL;
	pen = xcalloc(1, sizeof(*pen));
	*pen = (struct pen){ .fd = own_fd, .on_drained = on_drained, .user = user };
	uv_poll_init(loop, &pen->writable, own_fd);
	pen->writable.data = pen;
	return pen;
}

static void on_closed(uv_handle_t *handle)
{
	struct pen *pen = handle->data;

	close(pen->fd);
	free(pen->kept);
	free(pen);
}

void pen_destroy(struct pen *pen)
{
	if (pen)
		uv_close((uv_handle_t *)&pen->writable, on_closed);
}

size_t pen_kept(const struct pen *pen)
{
	return pen->end - pen->begin;
}

/* As much as goes. A terminal that is gone takes everything. */
static size_t write_some(struct pen *pen, const char *data, size_t bytes)
{
	size_t done = 0;

	while (done < bytes && !pen->dead) {
		ssize_t n = write(pen->fd, data + done, bytes - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno == EAGAIN)
			return done;
		else
			pen->dead = errno != EINTR;
	}
	return bytes;
}

static void write_kept(struct pen *pen)
{
	pen->begin += write_some(pen, pen->kept + pen->begin, pen->end - pen->begin);
	if (pen->begin == pen->end)
		pen->begin = pen->end = 0;
}

static void on_writable(uv_poll_t *handle, int status, int events)
{
	struct pen *pen = handle->data;

	(void)events;
	pen->dead |= status < 0;
	write_kept(pen);
	if (pen_kept(pen))
		return;
	uv_poll_stop(&pen->writable);
	pen->on_drained(pen->user);
}

static void keep(struct pen *pen, const char *data, size_t bytes)
{
	if (pen->begin)
		memmove(pen->kept, pen->kept + pen->begin, pen_kept(pen));
	pen->end -= pen->begin;
	pen->begin = 0;
	if (pen->end + bytes > pen->room) {
		pen->room = pen->end + bytes + pen->room / 2;
		pen->kept = xrealloc(pen->kept, pen->room, 1);
	}
	memcpy(pen->kept + pen->end, data, bytes);
	pen->end += bytes;
}

void pen_write(struct pen *pen, const char *data, size_t bytes)
{
	size_t done = pen_kept(pen) ? 0 : write_some(pen, data, bytes);

	if (done == bytes)
		return;
	if (!pen_kept(pen))
		uv_poll_start(&pen->writable, UV_WRITABLE, on_writable);
	keep(pen, data + done, bytes - done);
}

void pen_flush(struct pen *pen, int timeout_ms)
{
	int64_t end_ns = clock_now_ns() + timeout_ms * NS_PER_MS;
	struct pollfd output = { .fd = pen->fd, .events = POLLOUT };

	while (pen_kept(pen) && clock_now_ns() < end_ns && poll(&output, 1, (int)((end_ns - clock_now_ns()) / NS_PER_MS) + 1) >= 0)
		write_kept(pen);
	if (!pen_kept(pen))
		uv_poll_stop(&pen->writable);
}
