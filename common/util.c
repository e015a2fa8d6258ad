#include "common/util.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *checked(void *memory)
{
	if (memory)
		return memory;
	fputs("out of memory\n", stderr);
	abort();
}

void *xcalloc(size_t n, size_t size)
{
	return checked(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc(void *old, size_t n, size_t size)
{
	return checked(reallocarray(old, n ? n : 1, size ? size : 1));
}

char *xstrdup(const char *text)
{
	return checked(strdup(text));
}

bool write_whole(int fd, const void *data, size_t bytes)
{
	ssize_t n = 0;

	for (size_t at = 0; at < bytes && n >= 0; at += (size_t)MAX(n, 0)) {
		n = write(fd, (const char *)data + at, bytes - at);
		n = n < 0 && errno == EINTR ? 0 : n;
	}
	return n >= 0;
}

size_t read_at(int fd, void *data, size_t bytes, uint64_t at)
{
	size_t got = 0;

	while (got < bytes) {
		ssize_t n = pread(fd, (char *)data + got, bytes - got, (off_t)(at + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (!n)
			errno = ENODATA;
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	return got;
}

void xthread(pthread_t *thread, void *(*run)(void *), void *argument)
{
	int number = pthread_create(thread, NULL, run, argument);

	if (!number)
		return;
	fprintf(stderr, "cannot start a thread: %s\n", strerror(number));
	abort();
}

void xcond_monotonic(pthread_cond_t *condition)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

char *xasprintf(const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	return checked(text);
}
