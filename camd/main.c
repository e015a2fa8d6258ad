/* camd: one process that owns the cameras of a machine. See docs/architecture.md. */
#include "camd/config.h"
#include "camd/config_file.h"
#include "camd/control.h"
#include "camd/deadline.h"
#include "camd/folder.h"
#include "camd/handed.h"
#include "camd/hooks.h"
#include "camd/jobs.h"
#include "camd/journal.h"
#include "camd/libav.h"
#include "camd/listener.h"
#include "camd/mailbox.h"
#include "camd/notify.h"
#include "camd/presence.h"
#include "camd/service.h"
#include "camd/session.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/util.h"
#include "protocol/describe.h"
#include "protocol/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long a reader that doesn't read may hold up the end. */
#define FLUSH_NS (500 * NS_PER_MS)

/* A terminal and a wrapper may both forward one Ctrl-C: what comes so soon after the first signal is its echo. */
#define ECHO_NS (300 * NS_PER_MS)

/* How long the rest of the end may take, once all files are complete: programs of on_event, readers, camd's own memory. */
#define LEAVE_NS (10 * NS_PER_S)

#define EXIT_UNFINISHED 3

#define MAX_PROBLEMS 100	/* lines of the config file that are complained of */

struct camd {
	uv_loop_t loop;
	uv_signal_t sigterm, sigint;
	struct config config;
	struct options options;
	struct list problems;		/* of texts: lines of the config file, descriptors, that can't be used */
	struct handed handed;
	struct notify notify;
	struct mailbox *mailbox;
	struct session *session;
	struct control *control;
	struct hooks *hooks;
	struct presence *presence;
	struct listener *listener;
	struct service *service;
	struct deadline *deadline;	/* NULL: it does not end yet */
	int protocol_fd;		/* the real stdout */
	const char *signal;		/* why it ends */
	int64_t signalled_ns;
	bool ending;
};

/* ---- file descriptors and signals ---- */

/* A descriptor that is closed would be taken by the next file that is opened. */
static void open_missing_fds(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", fd ? O_WRONLY : O_RDONLY) != fd)
			_exit(1);
}

/* From now on nothing that a library prints gets into the protocol. */
static int guard_stdout(void)
{
	int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);

	if (fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		_exit(1);
	return fd;
}

/* None of these is a reason to end: a reader that is gone, a terminal that is, a file that may not grow. */
static void ignore_signals(void)
{
	static const int ignored[] = { SIGPIPE, SIGTTIN, SIGTTOU, SIGHUP, SIGXFSZ };

	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		signal(ignored[i], SIG_IGN);
}

/* ---- the end ---- */

static void on_hooks_done(void *user)
{
	struct camd *camd = user;

	control_notice(camd->control, MSG_SHUTDOWN, &(struct shutdown_data){ .signal = (char *)camd->signal });
	control_flush(camd->control, FLUSH_NS);
	uv_stop(&camd->loop);
}

/* What was the last to happen has its programs, too. */
static void on_finished(void *user)
{
	struct camd *camd = user;

	deadline_move(camd->deadline, LEAVE_NS, 0, "all files are complete, but something keeps camd from ending: it leaves as it is");
	hooks_finish(camd->hooks, on_hooks_done, camd);
}

static void end(struct camd *camd, const char *why)
{
	if (camd->ending)
		return;
	camd->ending = true;
	/* before anything else: the log may be on a disk that hangs */
	camd->deadline = deadline_create(camd->config.stop_timeout_ns, EXIT_UNFINISHED, "what was recorded could not be finished within "
					 "stop_timeout: the files play as they are, and the next start finishes them. Does the disk hang?");
	log_info("ending: %s", why);
	service_stop(camd->service, camd->config.stop_timeout_ns + LEAVE_NS);
	listener_stop(camd->listener);
	control_cancel(camd->control);
	session_finish(camd->session, on_finished, camd);
}

static void on_quit(void *user)
{
	end(user, "quit");
}

static void on_jobs_done(void *user)
{
	end(user, "end of input");
}

/* What was read is carried out to the end, jobs included. */
static void on_input_end(void *user)
{
	struct camd *camd = user;

	jobs_await(session_jobs(camd->session), on_jobs_done, camd);
}

static void on_dead(void *user)
{
	struct camd *camd = user;

	if (camd->config.mode == MODE_SLAVE)
		end(camd, "nobody reads the output");
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct camd *camd = handle->data;

	if (camd->signal && clock_now_ns() - camd->signalled_ns < ECHO_NS)
		return;
	if (camd->signal) {
		/* the files play as they are, and the next start finishes them */
		log_warning("second signal: leaving without finishing");
		_exit(128 + number);
	}
	camd->signal = number == SIGTERM ? "SIGTERM" : "SIGINT";
	camd->signalled_ns = clock_now_ns();
	end(camd, camd->signal);
}

/* ---- the beginning ---- */

/* As many as anybody reads: what lies there under that name may be no file of settings at all. */
static void note_problem(void *user, const char *text)
{
	struct camd *camd = user;

	if (camd->problems.n < MAX_PROBLEMS)
		fields_add_text(&camd->problems, text);
	else if (camd->problems.n == MAX_PROBLEMS)
		fields_add_text(&camd->problems, "and more lines that can't be used");
}

/* The keyboard is somebody else's. */
static bool check_mode(const struct config *config, struct error *err)
{
	return config->mode != MODE_INTERACTIVE ||
	       error_set_argument(err, "mode", "mode interactive is camctl's: start `camctl` with the same flags instead of camd");
}

/* One that was named must be readable; one that was only found keeps no camera from recording. */
static bool read_file(struct camd *camd, const char *path, bool named, struct error *err)
{
	if (!path || options_read_file(&camd->options, path, note_problem, camd, err))
		return true;
	if (!named)
		note_problem(camd, err->text);
	return !named;
}

/* The file is read first, so that flags override it. */
static bool read_settings(struct camd *camd, int argc, char **argv, struct error *err)
{
	struct config flags;
	struct options first;
	char *file = NULL;
	bool ok;

	options_init(&first, config_fields, config_aliases, &flags);
	ok = options_read_arguments(&first, argc, argv, err);
	options_init(&camd->options, config_fields, config_aliases, &camd->config);
	if (ok) {
		file = config_file_choose(flags.config);
		ok = read_file(camd, file, flags.config, err);
	}
	options_finish(&first);
	ok = ok && options_read_arguments(&camd->options, argc, argv, err) && check_mode(&camd->config, err);
	free(camd->config.config);
	camd->config.config = file;
	return ok;
}

static void print_help(void)
{
	puts("usage: camd [FLAG…] < requests > replies\n\n"
	     "Owns the cameras of a machine; obeys JSON lines on stdin and answers on stdout. camctl is for people.\n\n"
	     "  --help, --version, --print-config (a file of settings, with all of them as comments)\n");
	options_print_help(config_fields, stdout);
	puts("\nOther spellings:\n");
	options_print_aliases(config_aliases, stdout);
}

static bool is_asked_for_text(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--help"))
		print_help();
	else if (argc == 2 && !strcmp(argv[1], "--version"))
		puts("camd " CAMD_VERSION);
	else if (argc == 2 && !strcmp(argv[1], "--print-config"))
		describe_settings_sample(config_fields, stdout);
	else
		return false;
	return true;
}

static void watch_signals(struct camd *camd)
{
	uv_signal_init(&camd->loop, &camd->sigterm);
	uv_signal_init(&camd->loop, &camd->sigint);
	camd->sigterm.data = camd->sigint.data = camd;
	uv_signal_start(&camd->sigterm, on_signal, SIGTERM);
	uv_signal_start(&camd->sigint, on_signal, SIGINT);
}

static void tell_problem(struct camd *camd, const char *text)
{
	struct warning data = { .message = (char *)text, .code = (char *)error_code_name(ERR_BAD_ARGUMENT) };

	log_warning("%s", text);
	control_notice(camd->control, MSG_WARNING, &data);
}

/* libcamera asks the environment, once; who set that himself knows more than one word. No other thread is there yet. */
static void set_libcamera_log_level(const struct config *config)
{
	char levels[32];

	snprintf(levels, sizeof(levels), "*:%s", config_libcamera_log_levels[config->libcamera_log_level]);
	setenv("LIBCAMERA_LOG_LEVELS", levels, 0);
}

static void begin(struct camd *camd)
{
	struct session_request session = { .loop = &camd->loop, .config = &camd->config, .options = &camd->options };
	struct control_request control = {
		.loop = &camd->loop, .config = &camd->config, .options = &camd->options,
		.owner = { .user = camd, .on_quit = on_quit, .on_input_end = on_input_end, .on_dead = on_dead },
	};
	bool headless = camd->config.mode == MODE_HEADLESS;

	journal_configure(&camd->config);
	set_libcamera_log_level(&camd->config);
	clock_use_utc(camd->config.timezone == TIMEZONE_UTC);
	libav_install();
	/* before there are threads: the module of libcamera that is loaded later looks for it */
	if (camd->config.tuning_file)
		setenv("LIBCAMERA_RPI_TUNING_FILE", camd->config.tuning_file, 1);
	if (camd->config.console_output)
		log_set_console(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
	xloop(&camd->loop);
	watch_signals(camd);
	camd->mailbox = session.mailbox = mailbox_create(&camd->loop);
	camd->session = control.session = session_create(&session);
	camd->hooks = control.hooks = hooks_create(camd->session, &camd->problems);
	camd->control = control_create(&control);
	session_set_control(camd->session, camd->control);
	camd->service = service_create(camd->session, &camd->notify);
	control_add_client(camd->control, headless ? -1 : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3), camd->protocol_fd);
	session_begin(camd->session);
	camd->presence = presence_create(camd->session);
	camd->listener = listener_create(&camd->loop, camd->control, &camd->handed);
	log_info("settings: %s", camd->config.config ? camd->config.config : "no file, flags only");
	for (size_t i = 0; i < camd->problems.n; i++)
		tell_problem(camd, ((char **)camd->problems.items)[i]);
}

static void tear_down(struct camd *camd)
{
	service_destroy(camd->service);
	presence_destroy(camd->presence);
	hooks_destroy(camd->hooks);
	session_destroy(camd->session);
	listener_destroy(camd->listener);
	control_destroy(camd->control);
	mailbox_destroy(camd->mailbox);
	uv_close((uv_handle_t *)&camd->sigterm, NULL);
	uv_close((uv_handle_t *)&camd->sigint, NULL);
	/* libuv has put the default back, which would kill now that all is well */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	uv_run(&camd->loop, UV_RUN_DEFAULT);
	uv_loop_close(&camd->loop);
	options_finish(&camd->options);
	fields_free_texts(&camd->problems);
}

#define MAPPED_BYTES (256 << 10)

/*
 * Memory that one thread takes and another gives back, as frames and packets do, would spread over the many heaps that glibc has for
 * threads, and for days a little more of it would stay taken. Few calls a frame: one heap is fast enough. What is large, pictures and
 * the indices that grow with a recording, is mapped, each by itself, and does not leave holes in the heap that small things then keep
 * open: glibc would see to that only until the first of them is freed, and then raise the limit to its size (mallopt(3)).
 */
static void tame_the_heap(void)
{
#ifdef M_ARENA_MAX
	mallopt(M_ARENA_MAX, 1);
#endif
#ifdef M_MMAP_THRESHOLD
	mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
#endif
}

int main(int argc, char **argv)
{
	struct camd camd = { 0 };
	struct error err;

	tame_the_heap();
	open_missing_fds();
	handed_take(&camd.handed, &camd.problems);
	notify_take(&camd.notify);
	if (is_asked_for_text(argc, argv))
		return 0;
	ignore_signals();
	if (!read_settings(&camd, argc, argv, &err)) {
		fprintf(stderr, "camd: %s\n", err.text);
		options_finish(&camd.options);
		fields_free_texts(&camd.problems);
		return 2;
	}
	camd.protocol_fd = guard_stdout();
	begin(&camd);
	uv_run(&camd.loop, UV_RUN_DEFAULT);
	log_info("ended");
	if (session_left_cameras(camd.session)) {
		journal_end();
		_exit(0);
	}
	tear_down(&camd);
	deadline_destroy(camd.deadline);
	journal_end();
	return 0;
}
