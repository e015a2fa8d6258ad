/*
 * The log: one line a call, with wall time, level and thread, written to fd 2 by one write(), or handed to a sink: in camd
 * the journal, which keeps session.log. Any thread.
 *
 * Lines are lower case without a full stop, the subject first: log_info("camera %d: recording to %s", …).
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

extern const char *const log_level_names[];	/* by enum log_level, NULL-terminated */

void log_set_level(enum log_level level);

/* A second place for camd's own lines (the terminal, with --console); -1 for none. The caller keeps the fd. */
void log_set_console(int fd);

/* Where whole lines go instead of to fd 2; NULL: fd 2 again. It is called by any thread, with a line and its newline. */
void log_set_sink(void (*sink)(const char *line, size_t n));

/* A line as the log has it, with its newline, of what a thread of that name said now; returns its length. No level is held back. */
#define LOG_LINE_BYTES 2048
size_t log_format(char line[LOG_LINE_BYTES], enum log_level level, const char *thread, const char *text);

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_vwrite(enum log_level level, const char *format, va_list args);

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)
