/*
 * Writes session.log in a thread of its own, so that nobody who has something to say waits for a disk for longer than a moment: a disk
 * that stands still must not hold what records, nor what answers.
 *
 * A line goes into a buffer, and who said it waits until it is in the file, as he does with a disk that works; after WAIT_MS the disk is
 * taken to stand still, and nobody waits any more until it goes on. What finds no room in the buffer is counted, and told in the log.
 * Any thread, but where it says otherwise.
 */
#pragma once

#include "camd/logfile.h"

#include <pthread.h>
#include <stdatomic.h>

#define LOGWRITER_BYTES (1 << 20)	/* of lines that wait for the disk */

struct logwriter {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	char *text, *spare;		/* lines that wait; what the thread writes just then */
	size_t n;			/* bytes in text */
	uint64_t said, written;		/* bytes so far */
	int64_t lost;			/* lines for which there was no room */
	bool running, ending;
	bool stalled;			/* somebody has waited for too long */
	atomic_bool writing;		/* the thread is at the file */
	pthread_t thread;

	_Atomic int64_t max_bytes, keep;	/* what it is configured to: set without a lock that waits for the disk */
	pthread_mutex_t file_lock;	/* behind lock, if both are held */
	struct logfile file;
};

#define LOGWRITER_STOPPED { .lock = PTHREAD_MUTEX_INITIALIZER, .file_lock = PTHREAD_MUTEX_INITIALIZER, .file = LOGFILE_CLOSED }

/* Main thread. From start to stop lines are buffered; before and after, who says one writes it. stop() waits until all are written. */
void logwriter_start(struct logwriter *writer);
void logwriter_stop(struct logwriter *writer);

/* Main thread: what is said from now on goes to another directory's session.log. */
bool logwriter_open(struct logwriter *writer, int directory, const char *path, struct error *err);
void logwriter_configure(struct logwriter *writer, int64_t max_bytes, int64_t keep);

/* A line with its newline. Never waits. Returns what logwriter_wait() wants, to be called without locks. */
uint64_t logwriter_say(struct logwriter *writer, const char *line, size_t n);
void logwriter_wait(struct logwriter *writer, uint64_t said);

/* Whether much fits in; and waits until it does. */
bool logwriter_has_room(struct logwriter *writer);
void logwriter_wait_for_room(struct logwriter *writer);

/* A handler of a deadly signal: waits for who holds the lock, but not for ever, for that may be the dying thread itself. */
void logwriter_lock_for_a_while(pthread_mutex_t *lock, int patience_ms);

/* The same: what waits is written, and nothing is buffered any more. Returns the file, to be written to. */
int logwriter_die(struct logwriter *writer, int patience_ms);
