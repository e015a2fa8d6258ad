/* Small things that every room needs. Memory that cannot be had ends the program: there is no sane way on. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/param.h>	/* MIN, MAX */

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))
#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_US INT64_C(1000)

/* Zeroed memory for n items of size bytes; never NULL for n > 0. The caller frees. */
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *old, size_t n, size_t size);
char *xstrdup(const char *text);

/* Writes all of it, on after a signal. False: errno says why, and some of it may be written. */
bool write_whole(int fd, const void *data, size_t bytes);

/*
 * Reads at a place in a file, on after a signal; returns how many bytes. They are fewer than asked for at the file's end only, where errno is
 * ENODATA, or where it can't be read.
 */
size_t read_at(int fd, void *data, size_t bytes, uint64_t at);

/* Starts a thread that will be joined; a machine that has none left ends the program. */
void xthread(pthread_t *thread, void *(*run)(void *), void *argument);

/* A condition of which timedwait goes by CLOCK_MONOTONIC. */
void xcond_monotonic(pthread_cond_t *condition);

char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
