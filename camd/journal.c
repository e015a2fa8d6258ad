#include "camd/journal.h"

#include "camd/chatter.h"
#include "camd/config.h"
#include "camd/logwriter.h"
#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Room for a library that says much while the disk is slow: nobody but a library waits for the journal's thread. */
#define PIPE_BYTES (1 << 20)

/* What is read at once, so that nobody who has a line of his own has to write all that a library had to say. */
#define DRAIN_BYTES (1 << 16)

/* How long something without an end of line waits for it. */
#define LINE_MS 1000

/* How long a handler of a deadly signal waits for who writes just then, and after how long it is ended itself if it hangs. */
#define HOLDER_MS 200
#define DEATH_S 5

struct journal {
	struct logwriter writer;
	pthread_mutex_t lock;	/* of what is read of the pipe, and of the order of lines */
	struct chatter chatter;
	int pipe_fd;		/* what is read; -1: there is none yet */
	pthread_t thread;
	atomic_bool ending;
};

/* Of the process. */
static struct journal *get(void)
{
	static struct journal journal = { .writer = LOGWRITER_STOPPED, .lock = PTHREAD_MUTEX_INITIALIZER, .pipe_fd = -1 };

	return &journal;
}

static void on_line(void *user, enum log_level level, const char *thread, const char *text)
{
	struct journal *journal = user;
	char line[LOG_LINE_BYTES];

	logwriter_say(&journal->writer, line, log_format(line, level, thread, text));
}

/* The lock is held. What finds no room stays in the pipe. */
static void drain(struct journal *journal)
{
	char text[4096];
	ssize_t n;

	for (size_t rest = DRAIN_BYTES; rest && logwriter_has_room(&journal->writer); rest -= MIN(rest, (size_t)n)) {
		n = read(journal->pipe_fd, text, sizeof(text));
		if (n <= 0)
			return;
		chatter_feed(&journal->chatter, text, (size_t)n, on_line, journal);
	}
}

static void on_own_line(const char *line, size_t n)
{
	struct journal *journal = get();
	uint64_t said;

	pthread_mutex_lock(&journal->lock);
	drain(journal);
	said = logwriter_say(&journal->writer, line, n);
	pthread_mutex_unlock(&journal->lock);
	logwriter_wait(&journal->writer, said);
}

/*
 * A signal for the whole process may come to any thread: to this one between its read and the line's writing, and the line would be
 * lost. One of its own still comes: abort() unblocks it.
 */
static void leave_death_to_others(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGABRT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void *run(void *argument)
{
	struct journal *journal = argument;
	struct pollfd pipe = { .fd = journal->pipe_fd, .events = POLLIN };
	bool partial = false;

	pthread_setname_np(pthread_self(), "log");
	leave_death_to_others();
	while (!atomic_load(&journal->ending)) {
		int n = poll(&pipe, 1, partial ? LINE_MS : -1);

		logwriter_wait_for_room(&journal->writer);
		pthread_mutex_lock(&journal->lock);
		drain(journal);
		if (n == 0)
			chatter_flush(&journal->chatter, on_line, journal);
		partial = journal->chatter.n;
		pthread_mutex_unlock(&journal->lock);
	}
	return NULL;
}

/* ---- the end that nobody wished ---- */

static void on_last_line(void *user, enum log_level level, const char *thread, const char *text)
{
	char line[LOG_LINE_BYTES];
	size_t n = log_format(line, level, thread, text);
	const int *fd = user;

	if (write(*fd, line, n) < 0)
		return;
}

/* What it writes is not counted, and nothing is put into another file any more. The lock stays: nobody writes behind it. */
static void on_death(int number)
{
	struct journal *journal = get();
	struct chatter rest;
	char text[4096];
	ssize_t n;
	int fd;

	signal(SIGALRM, SIG_DFL);
	alarm(DEATH_S);
	logwriter_lock_for_a_while(&journal->lock, HOLDER_MS);
	fd = logwriter_die(&journal->writer, HOLDER_MS);
	rest = journal->chatter;
	rest.n = MIN(rest.n, (size_t)CHATTER_BYTES - 1);
	while ((n = read(journal->pipe_fd, text, sizeof(text))) > 0)
		chatter_feed(&rest, text, (size_t)n, on_last_line, &fd);
	chatter_flush(&rest, on_last_line, &fd);
	snprintf(text, sizeof(text), "camd dies of signal %d (SIG%s)", number, sigabbrev_np(number));
	on_last_line(&fd, LOG_ERROR, "camd", text);
	/* the default is in place again: it comes when this returns */
	raise(number);
}

/* Whoever else wants these signals, such as a sanitizer, keeps them. */
static void await_death(void)
{
	static const int deadly[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS };
	struct sigaction action = { .sa_handler = on_death, .sa_flags = SA_RESETHAND }, there;

	for (size_t i = 0; i < ARRAY_LEN(deadly); i++)
		if (!sigaction(deadly[i], NULL, &there) && there.sa_handler == SIG_DFL)
			sigaction(deadly[i], &action, NULL);
}

/* ---- */

void journal_configure(const struct config *config)
{
	log_set_level(config->log_level);
	logwriter_configure(&get()->writer, config->log_max_size_bytes, config->log_keep);
}

/* What is written to a pipe waits, and does not fail: a C++ stream that fails once is silent for ever. */
static bool make_pipe(struct journal *journal, struct error *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return error_set_errno(err, errno, "a pipe for the log");
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES);
	/* both are open, or what opens missing ones at the start would have ended camd */
	dup2(ends[1], STDERR_FILENO);
	dup2(ends[1], STDOUT_FILENO);
	close(ends[1]);
	journal->pipe_fd = ends[0];
	logwriter_start(&journal->writer);
	xthread(&journal->thread, run, journal);
	log_set_sink(on_own_line);
	await_death();
	return true;
}

bool journal_open(int directory, const char *path, struct error *err)
{
	struct journal *journal = get();

	return logwriter_open(&journal->writer, directory, path, err) && (journal->pipe_fd >= 0 || make_pipe(journal, err));
}

void journal_end(void)
{
	struct journal *journal = get();

	if (journal->pipe_fd < 0)
		return;
	atomic_store(&journal->ending, true);
	if (write(STDERR_FILENO, "\n", 1) == 1)
		pthread_join(journal->thread, NULL);
	logwriter_stop(&journal->writer);
	log_set_sink(NULL);
	dup2(journal->writer.file.fd, STDERR_FILENO);
	dup2(journal->writer.file.fd, STDOUT_FILENO);
	for (int i = 0; i < PIPE_BYTES / DRAIN_BYTES; i++)
		drain(journal);
	chatter_flush(&journal->chatter, on_line, journal);
}
