#include "common/log.h"

#include "common/clock.h"
#include "common/util.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *const log_level_names[] = { "error", "warning", "info", "debug", NULL };

static atomic_int current_level = LOG_INFO;
static atomic_int console_fd = -1;
static void (*_Atomic current_sink)(const char *line, size_t n);

void log_set_level(enum log_level level)
{
	atomic_store(&current_level, level);
}

void log_set_console(int fd)
{
	atomic_store(&console_fd, fd);
}

/*
 * A log that cannot be written is no reason to stop recording, and a pipe that nobody reads none to wait: what doesn't fit
 * is dropped. A line is shorter than PIPE_BUF, so a pipe that is ready takes it whole; the lock is there so that two threads
 * don't share one "ready".
 */
static void write_line(int fd, const char *text, size_t n)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct pollfd ready = { .fd = fd, .events = POLLOUT };

	pthread_mutex_lock(&lock);
	if (poll(&ready, 1, 0) == 1 && ready.revents & POLLOUT && write(fd, text, n) < 0)
		n = 0;
	pthread_mutex_unlock(&lock);
}

void log_set_sink(void (*sink)(const char *line, size_t n))
{
	atomic_store(&current_sink, sink);
}

/* What stands before the text. */
static size_t format_head(char line[LOG_LINE_BYTES], enum log_level level, const char *thread)
{
	char iso[CLOCK_ISO_BYTES];

	return (size_t)snprintf(line, LOG_LINE_BYTES, "%s %-7s %-8.15s ", clock_iso(clock_wall_ns(), iso), log_level_names[level], thread);
}

static size_t end_line(char line[LOG_LINE_BYTES], size_t used)
{
	used = MIN(used, LOG_LINE_BYTES - 2);
	for (char *at = line; at < line + used; at++)
		if ((unsigned char)*at < ' ')
			*at = ' ';
	line[used++] = '\n';
	return used;
}

size_t log_format(char line[LOG_LINE_BYTES], enum log_level level, const char *thread, const char *text)
{
	size_t used = format_head(line, level, thread);

	return end_line(line, used + (size_t)snprintf(line + used, LOG_LINE_BYTES - used, "%s", text));
}

void log_vwrite(enum log_level level, const char *format, va_list args)
{
	void (*sink)(const char *, size_t) = atomic_load(&current_sink);
	char line[LOG_LINE_BYTES], thread[16] = "";
	int console = atomic_load(&console_fd), n;
	size_t used;

	if ((int)level > atomic_load(&current_level))
		return;
	pthread_getname_np(pthread_self(), thread, sizeof(thread));
	used = format_head(line, level, thread);
	n = vsnprintf(line + used, sizeof(line) - used, format, args);
	used = end_line(line, used + (n > 0 ? (size_t)n : 0));
	if (sink)
		sink(line, used);
	else
		write_line(STDERR_FILENO, line, used);
	if (console >= 0)
		write_line(console, line, used);
}

void log_write(enum log_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_vwrite(level, format, args);
	va_end(args);
}
