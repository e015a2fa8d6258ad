#include "camctl/onlooker.h"

#include "camctl/human.h"
#include "common/loop.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCKET_FD 3

struct onlooker {
	struct session *session;
	struct previews *previews;
};

static void on_ready(void *user, const struct wire_message *message)
{
	struct onlooker *onlooker = user;

	(void)message;
	previews_ready(onlooker->previews);
}

static void on_message(void *user, const struct wire_message *message)
{
	struct onlooker *onlooker = user;

	previews_take(onlooker->previews, message);
}

static void on_end(void *user)
{
	struct onlooker *onlooker = user;

	previews_destroy(onlooker->previews);
}

static const struct session_watcher watcher = { .on_ready = on_ready, .on_message = on_message, .on_end = on_end };

static void on_key(void *user, char key)
{
	(void)user;
	(void)key;
}

static void leave(void *user)
{
	struct onlooker *onlooker = user;

	session_quit(onlooker->session, SESSION_OK);
}

static const struct previews_handlers previews_handlers = {
	.on_key = on_key, .on_close = leave, .on_nothing = leave, .on_text = human_print_text,
};

static void look_on(enum preview_place place)
{
	struct onlooker onlooker = { 0 };
	uv_loop_t loop;

	xloop(&loop);
	onlooker.session = session_adopt(&loop, SOCKET_FD);
	onlooker.previews = previews_create(onlooker.session, place, NULL, &previews_handlers, &onlooker);
	session_watch(onlooker.session, &watcher, &onlooker);
	uv_run(&loop, UV_RUN_DEFAULT);
	session_destroy(onlooker.session);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
}

/* The master waits for the end of what it reads and writes: nobody but camd may hold that open. Ctrl-C is camd's affair, too. */
static void let_go(int fd)
{
	int nothing = open("/dev/null", O_RDWR);

	setsid();
	signal(SIGPIPE, SIG_IGN);
	dup2(nothing, STDIN_FILENO);
	dup2(nothing, STDOUT_FILENO);
	dup2(fd, SOCKET_FD);
	close_range(SOCKET_FD + 1, ~0U, 0);
}

int onlooker_start(enum preview_place place, struct error *err)
{
	int ends[2];
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) {
		error_set_errno(err, errno, "no preview windows: no socket");
		return -1;
	}
	child = fork();
	if (!child) {
		/* once more, so that camd has no child that it does not know of */
		if (!fork()) {
			let_go(ends[1]);
			look_on(place);
		}
		_exit(0);
	}
	close(ends[1]);
	if (child > 0) {
		waitpid(child, NULL, 0);
		return ends[0];
	}
	error_set_errno(err, errno, "no preview windows: no process");
	close(ends[0]);
	return -1;
}
