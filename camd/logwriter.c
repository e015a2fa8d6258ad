#include "camd/logwriter.h"

#include "common/clock.h"
#include "common/util.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS 50

/* With file_lock. */
static void append_lines(struct logfile *file, const char *text, size_t n)
{
	for (const char *end = text + n, *next; text < end; text = next) {
		next = (const char *)memchr(text, '\n', (size_t)(end - text)) + 1;
		logfile_append(file, text, (size_t)(next - text));
	}
}

/* With file_lock. */
static void take_settings(struct logwriter *writer)
{
	writer->file.max_bytes = atomic_load(&writer->max_bytes);
	writer->file.keep = atomic_load(&writer->keep);
}

/* With lock; let go of while it is at the file. */
static void write_out(struct logwriter *writer)
{
	char *text = writer->text;
	size_t n = writer->n;
	int64_t lost = writer->lost;

	writer->text = writer->spare;
	writer->spare = text;
	writer->n = 0;
	writer->lost = 0;
	atomic_store(&writer->writing, true);
	pthread_mutex_unlock(&writer->lock);
	pthread_mutex_lock(&writer->file_lock);
	take_settings(writer);
	append_lines(&writer->file, text, n);
	writer->file.lost += lost;	/* they came behind those */
	pthread_mutex_unlock(&writer->file_lock);
	atomic_store(&writer->writing, false);
	pthread_mutex_lock(&writer->lock);
	writer->written += n;
	writer->stalled = false;
	pthread_cond_broadcast(&writer->changed);
}

static void *run(void *argument)
{
	struct logwriter *writer = argument;

	pthread_setname_np(pthread_self(), "logfile");
	pthread_mutex_lock(&writer->lock);
	while (writer->n || !writer->ending)
		if (writer->n)
			write_out(writer);
		else
			pthread_cond_wait(&writer->changed, &writer->lock);
	pthread_mutex_unlock(&writer->lock);
	return NULL;
}

void logwriter_start(struct logwriter *writer)
{
	xcond_monotonic(&writer->changed);
	writer->text = xcalloc(2, LOGWRITER_BYTES);
	writer->spare = writer->text + LOGWRITER_BYTES;
	writer->running = true;
	xthread(&writer->thread, run, writer);
}

/* The buffer stays: a thread that is left to itself may still have something to say. */
void logwriter_stop(struct logwriter *writer)
{
	pthread_mutex_lock(&writer->lock);
	writer->ending = true;
	pthread_cond_broadcast(&writer->changed);
	pthread_mutex_unlock(&writer->lock);
	pthread_join(writer->thread, NULL);
	pthread_mutex_lock(&writer->lock);
	writer->running = false;
	pthread_mutex_unlock(&writer->lock);
}

bool logwriter_open(struct logwriter *writer, int directory, const char *path, struct error *err)
{
	uint64_t said;
	bool opened;

	pthread_mutex_lock(&writer->lock);
	said = writer->said;
	pthread_mutex_unlock(&writer->lock);
	logwriter_wait(writer, said);
	pthread_mutex_lock(&writer->file_lock);
	take_settings(writer);
	opened = logfile_open(&writer->file, directory, path, err);
	pthread_mutex_unlock(&writer->file_lock);
	return opened;
}

void logwriter_configure(struct logwriter *writer, int64_t max_bytes, int64_t keep)
{
	atomic_store(&writer->max_bytes, max_bytes);
	atomic_store(&writer->keep, keep);
}

/* With lock. */
static void buffer(struct logwriter *writer, const char *line, size_t n)
{
	if (writer->n + n > LOGWRITER_BYTES) {
		writer->lost++;
		return;
	}
	memcpy(writer->text + writer->n, line, n);
	writer->n += n;
	writer->said += n;
	pthread_cond_broadcast(&writer->changed);
}

uint64_t logwriter_say(struct logwriter *writer, const char *line, size_t n)
{
	uint64_t said;

	pthread_mutex_lock(&writer->lock);
	if (writer->running) {
		buffer(writer, line, n);
	} else {
		pthread_mutex_lock(&writer->file_lock);
		take_settings(writer);
		append_lines(&writer->file, line, n);
		pthread_mutex_unlock(&writer->file_lock);
	}
	said = writer->said;
	pthread_mutex_unlock(&writer->lock);
	return said;
}

void logwriter_wait(struct logwriter *writer, uint64_t said)
{
	int64_t until_ns = clock_now_ns() + WAIT_MS * NS_PER_MS;
	struct timespec until = { .tv_sec = until_ns / NS_PER_S, .tv_nsec = until_ns % NS_PER_S };

	pthread_mutex_lock(&writer->lock);
	while (writer->running && writer->written < said && !writer->stalled)
		writer->stalled = pthread_cond_timedwait(&writer->changed, &writer->lock, &until) != 0;
	pthread_mutex_unlock(&writer->lock);
}

bool logwriter_has_room(struct logwriter *writer)
{
	bool room;

	pthread_mutex_lock(&writer->lock);
	room = !writer->running || writer->n < LOGWRITER_BYTES / 2;
	pthread_mutex_unlock(&writer->lock);
	return room;
}

void logwriter_wait_for_room(struct logwriter *writer)
{
	pthread_mutex_lock(&writer->lock);
	while (writer->running && !writer->ending && writer->n >= LOGWRITER_BYTES / 2)
		pthread_cond_wait(&writer->changed, &writer->lock);
	pthread_mutex_unlock(&writer->lock);
}

static void sleep_ms(void)
{
	const struct timespec ms = { .tv_nsec = NS_PER_MS };

	nanosleep(&ms, NULL);
}

void logwriter_lock_for_a_while(pthread_mutex_t *lock, int patience_ms)
{
	for (int i = 0; i < patience_ms && pthread_mutex_trylock(lock); i++)
		sleep_ms();
}

/* Who is at the file finishes first, likewise. The lock stays. */
int logwriter_die(struct logwriter *writer, int patience_ms)
{
	logwriter_lock_for_a_while(&writer->lock, patience_ms);
	for (int i = 0; i < patience_ms && atomic_load(&writer->writing); i++)
		sleep_ms();
	if (writer->n && write(writer->file.fd, writer->text, writer->n) < 0)
		return writer->file.fd;
	writer->n = 0;
	return writer->file.fd;
}
