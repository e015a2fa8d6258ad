#include "camd/listener.h"

#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_REFUSALS_LOGGED 100
#define MAX_GROUPS 65536		/* the kernel's own limit */

/* With no descriptor left, nobody can be taken: the next try, instead of turning in circles. */
#define RETRY_MS 1000

struct door {
	struct listener *listener;
	uv_poll_t poll;
	uv_timer_t retry;
	int fd, open_handles;
	gid_t group;
};

struct listener {
	struct control *control;
	struct door *doors[HANDED_MAX];
	size_t n;
	int refusals;
};

/* ---- who may speak ---- */

/* Of the file that the socket is bound to. */
static gid_t group_of(int fd)
{
	struct sockaddr_un address = { 0 };
	socklen_t bytes = sizeof(address) - 1;
	struct stat st;

	if (!getsockname(fd, (struct sockaddr *)&address, &bytes) && address.sun_path[0] && !stat(address.sun_path, &st))
		return st.st_gid;
	return getegid();
}

static bool is_in_group(int fd, const struct ucred *peer, gid_t group)
{
	gid_t *groups;
	socklen_t bytes = MAX_GROUPS * sizeof(*groups);
	bool in = peer->gid == group;

	if (in)
		return true;
	groups = xcalloc(MAX_GROUPS, sizeof(*groups));
	if (!getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &bytes))
		for (size_t i = 0; i < bytes / sizeof(*groups); i++)
			in = in || groups[i] == group;
	free(groups);
	return in;
}

static bool may_speak(int fd, gid_t group, struct ucred *peer, struct error *err)
{
	socklen_t bytes = sizeof(*peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &bytes))
		return error_set(err, ERR_PERMISSION_DENIED, "who connects can't be found out: %s", strerror(errno));
	if (!peer->uid || peer->uid == geteuid() || is_in_group(fd, peer, group))
		return true;
	return error_set(err, ERR_PERMISSION_DENIED, "user %u may not command this camd: root, user %u and members of group %u may",
			 peer->uid, geteuid(), group);
}

/* ---- those that come ---- */

static void refuse(struct listener *listener, int fd, const struct ucred *peer, const struct error *err)
{
	char *line = wire_print_error(err, NULL, NULL);

	if (listener->refusals++ < MAX_REFUSALS_LOGGED)
		log_warning("process %d was refused: %s", peer->pid, err->text);
	/* whoever has just connected has room for a line */
	send(fd, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL);
	free(line);
	close(fd);
}

static void let_in(struct listener *listener, int fd, gid_t group)
{
	struct ucred peer = { 0 };
	struct error err;
	char *who;

	if (!may_speak(fd, group, &peer, &err)) {
		refuse(listener, fd, &peer, &err);
		return;
	}
	who = xasprintf("process %d, user %u, group %u", peer.pid, peer.uid, peer.gid);
	if (!control_attach(listener->control, fd, who, &err))
		refuse(listener, fd, &peer, &err);
	free(who);
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void on_retry(uv_timer_t *timer)
{
	struct door *door = timer->data;

	uv_poll_start(&door->poll, UV_READABLE, on_poll);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct door *door = poll->data;
	int fd = accept4(door->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)status;
	(void)events;
	if (fd >= 0) {
		let_in(door->listener, fd, door->group);
	} else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
		log_warning("no further client can be taken: %s", strerror(errno));
		uv_poll_stop(&door->poll);
		uv_timer_start(&door->retry, on_retry, RETRY_MS, 0);
	}
}

/* ---- its beginning and end ---- */

static void open_door(struct listener *listener, uv_loop_t *loop, int fd)
{
	struct door *door = xcalloc(1, sizeof(*door));

	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	*door = (struct door){ .listener = listener, .fd = fd, .group = group_of(fd), .open_handles = 2 };
	uv_timer_init(loop, &door->retry);
	uv_poll_init(loop, &door->poll, fd);
	door->retry.data = door->poll.data = door;
	uv_poll_start(&door->poll, UV_READABLE, on_poll);
	listener->doors[listener->n++] = door;
	log_info("clients are taken from descriptor %d: root, user %u, members of group %u", fd, geteuid(), door->group);
}

struct listener *listener_create(uv_loop_t *loop, struct control *control, const struct handed *handed)
{
	struct listener *listener = xcalloc(1, sizeof(*listener));

	listener->control = control;
	for (size_t i = 0; i < handed->n; i++) {
		if (handed->sockets[i].listening)
			open_door(listener, loop, handed->sockets[i].fd);
		else
			let_in(listener, handed->sockets[i].fd, getegid());
	}
	return listener;
}

static void on_closed(uv_handle_t *handle)
{
	struct door *door = handle->data;

	if (--door->open_handles)
		return;
	close(door->fd);
	free(door);
}

void listener_stop(struct listener *listener)
{
	for (size_t i = 0; i < listener->n; i++) {
		uv_close((uv_handle_t *)&listener->doors[i]->poll, on_closed);
		uv_close((uv_handle_t *)&listener->doors[i]->retry, on_closed);
	}
	listener->n = 0;
}

void listener_destroy(struct listener *listener)
{
	if (listener)
		listener_stop(listener);
	free(listener);
}
