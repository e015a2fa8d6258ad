/* camctl: the client of camd. One loop, one thread: a session, one front-end on it, and the signals that end both. */
#include "camctl/check_lines.h"
#include "camctl/cmdline.h"
#include "camctl/help.h"
#include "camctl/script.h"
#include "common/loop.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READER_CHECK_MS 1000
#define TWICE_MS 300

struct camctl {
	uv_loop_t loop;
	uv_signal_t signals[4];
	uv_timer_t reader_check;
	struct session *session;
	const struct frontend_impl *frontend;
	void *face;		/* the front-end's own */
	bool interrupted;
	uint64_t interrupted_at_ms;
};

static int usage_error(const struct error *err)
{
	fprintf(stderr, "camctl: %s\n", err->text);
	return SESSION_USAGE;
}

/* ---- a session ---- */

static void interrupt(struct camctl *camctl)
{
	camctl->interrupted = true;
	camctl->interrupted_at_ms = uv_now(&camctl->loop);
	if (camctl->frontend->interrupt)
		camctl->frontend->interrupt(camctl->face);
	else
		session_leave(camctl->session, SESSION_OK);
}

/*
 * A terminal or a reader of our output that is gone is as good as Ctrl-C, but never a second one; nor is a signal that comes
 * twice at once, as from timeout(1), which sends it to us and to our group.
 */
static void on_signal(uv_signal_t *handle, int number)
{
	struct camctl *camctl = handle->data;
	bool meant = (number == SIGINT || number == SIGTERM) && uv_now(handle->loop) - camctl->interrupted_at_ms > TWICE_MS;

	if (!camctl->interrupted)
		interrupt(camctl);
	else if (meant)
		session_kill(camctl->session);
}

/* It may be gone for long before there is something to write: `camctl subscribe '*' | head -1`. */
static void on_reader_check(uv_timer_t *timer)
{
	struct camctl *camctl = timer->data;
	struct pollfd output = { .fd = STDOUT_FILENO };

	if (!camctl->interrupted && poll(&output, 1, 0) > 0 && output.revents & POLLERR)
		interrupt(camctl);
}

static void watch_signals(struct camctl *camctl)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		uv_signal_init(&camctl->loop, &camctl->signals[i]);
		camctl->signals[i].data = camctl;
		uv_signal_start(&camctl->signals[i], on_signal, numbers[i]);
	}
	uv_timer_init(&camctl->loop, &camctl->reader_check);
	camctl->reader_check.data = camctl;
	uv_timer_start(&camctl->reader_check, on_reader_check, READER_CHECK_MS, READER_CHECK_MS);
}

static void on_end(void *user)
{
	struct camctl *camctl = user;

	for (size_t i = 0; i < ARRAY_LEN(camctl->signals); i++)
		uv_close((uv_handle_t *)&camctl->signals[i], NULL);
	uv_close((uv_handle_t *)&camctl->reader_check, NULL);
}

static const struct session_watcher watcher = { .on_end = on_end };

static const struct frontend_impl *choose_frontend(const struct cmdline *cmdline)
{
	const char *term = getenv("TERM");
	bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term && strcmp(term, "dumb");

	if (cmdline->frontend)
		return cmdline->frontend;
	return terminal && !cmdline->options.json ? &frontend_terminal : &frontend_keyboard;
}

/*
 * camctl's own wishes stand first, so that the user's can overrule them, but not those of a file that was written for camd alone
 * or for a recorder that begins by itself: a question must not start a recording. Borrowed texts, the array is the caller's.
 */
static const char **camd_flags(const struct cmdline *cmdline, const struct frontend_impl *frontend)
{
	const char **flags = xcalloc(cmdline->camd_flags.n + 6, sizeof(*flags));
	size_t n = 0;

	flags[n++] = "--mode";
	flags[n++] = "slave";
	if (cmdline->frontend)
		flags[n++] = "--no-auto-start-recording";
	if (!frontend->keeps_session) {
		flags[n++] = "--keep-session";
		flags[n++] = "used";
	}
	for (size_t i = 0; i < cmdline->camd_flags.n; i++)
		flags[n++] = ((char **)cmdline->camd_flags.items)[i];
	return flags;
}

static struct frontend_context make_context(const struct cmdline *cmdline)
{
	return (struct frontend_context){
		.json = cmdline->options.json, .picture = (enum preview_place)cmdline->options.picture,
		.socket = cmdline->options.socket, .timeout_ns = cmdline->options.timeout_ns,
		.command = cmdline->command, .arguments = cmdline->arguments.base,
	};
}

static struct session *open_session(const struct cmdline *cmdline, struct camctl *camctl, struct error *err)
{
	const char **flags;
	struct session *session;

	if (cmdline->options.socket)
		return session_attach(&camctl->loop, cmdline->options.socket, err);
	flags = camd_flags(cmdline, camctl->frontend);
	session = session_create(&camctl->loop, flags, err);
	free(flags);
	return session;
}

static int run_session(const struct cmdline *cmdline)
{
	struct camctl camctl = { .frontend = choose_frontend(cmdline) };
	struct frontend_context context = make_context(cmdline);
	struct error err;
	int status = SESSION_CAMD_FAILED;

	xloop(&camctl.loop);
	camctl.session = open_session(cmdline, &camctl, &err);
	if (camctl.session) {
		watch_signals(&camctl);
		context.session = camctl.session;
		camctl.face = camctl.frontend->create(&context);
		session_watch(camctl.session, &camctl.frontend->watcher, camctl.face);
		session_watch(camctl.session, &watcher, &camctl);
		uv_run(&camctl.loop, UV_RUN_DEFAULT);
		status = session_status(camctl.session);
		camctl.frontend->destroy(camctl.face);
		session_destroy(camctl.session);
	} else {
		fprintf(stderr, "camctl: %s\n", err.text);
	}
	uv_run(&camctl.loop, UV_RUN_DEFAULT);
	uv_loop_close(&camctl.loop);
	return status;
}

/* ---- the rest ---- */

static int run_alone(const struct cmdline *cmdline)
{
	struct frontend_context context = make_context(cmdline);

	return cmdline->frontend->run(&context, &cmdline->camd_flags);
}

static int help_on(const char *name)
{
	const struct command *command = command_find(name);

	if (command)
		help_print_command(command, stdout);
	else if (cmdline_frontend(name))
		help_print_frontend(cmdline_frontend(name), stdout);
	else if (!strcmp(name, "script"))
		help_print_script(stdout);
	else
		fprintf(stderr, "camctl: no sub-command '%s' (see camctl --help)\n", name);
	return command || cmdline_frontend(name) || !strcmp(name, "script") ? SESSION_OK : SESSION_USAGE;
}

static int help(const struct cmdline *cmdline)
{
	if (cmdline->command)
		return help_on(cmdline->command->name);
	if (cmdline->frontend)
		return help_on(cmdline->frontend->name);
	if (cmdline->tool == CMDLINE_SCRIPT)
		return help_on("script");
	if (cmdline->words.n)
		return help_on(((char **)cmdline->words.items)[0]);
	help_print(stdout);
	return SESSION_OK;
}

static int run(const struct cmdline *cmdline)
{
	if (cmdline->options.version) {
		puts("camctl " CAMD_VERSION);
		return SESSION_OK;
	}
	if (cmdline->options.help || cmdline->tool == CMDLINE_HELP)
		return help(cmdline);
	if (cmdline->tool == CMDLINE_SCRIPT)
		return script_run_files(&cmdline->words, &cmdline->camd_flags);
	if (cmdline->tool == CMDLINE_CHECK_LINES)
		return check_lines(cmdline->words.n ? ((char **)cmdline->words.items)[0] : NULL);
	return cmdline->frontend && cmdline->frontend->run ? run_alone(cmdline) : run_session(cmdline);
}

/* A descriptor that is closed would be taken by the first pipe that is made. */
static void open_missing_fds(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != fd)
			_exit(SESSION_CAMD_FAILED);
}

int main(int argc, char **argv)
{
	struct cmdline cmdline;
	struct error err;
	int status;

	(void)argc;
	open_missing_fds();
	setlocale(LC_CTYPE, "");
	status = cmdline_parse(&cmdline, (const char *const *)argv, &err) ? run(&cmdline) : usage_error(&err);
	cmdline_clear(&cmdline);
	return status;
}
