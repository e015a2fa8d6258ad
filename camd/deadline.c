#include "camd/deadline.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LAST_WORDS_NS (500 * NS_PER_MS)		/* the log may be on the disk that hangs */

struct deadline {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int64_t at_ns;
	int status;
	const char *what;
	bool over;
};

static void *say_last_words(void *argument)
{
	const struct deadline *deadline = argument;

	log_error("%s", deadline->what);
	return NULL;
}

/* With the lock: nothing changes any more. */
static void leave(struct deadline *deadline)
{
	pthread_t words;

	xthread(&words, say_last_words, deadline);
	pthread_detach(words);
	clock_sleep_until(deadline->at_ns + LAST_WORDS_NS);
	_exit(deadline->status);
}

static void *run(void *argument)
{
	struct deadline *deadline = argument;

	pthread_setname_np(pthread_self(), "deadline");
	pthread_mutex_lock(&deadline->lock);
	while (!deadline->over) {
		struct timespec at = { .tv_sec = deadline->at_ns / NS_PER_S, .tv_nsec = deadline->at_ns % NS_PER_S };

		if (clock_now_ns() >= deadline->at_ns)
			leave(deadline);
		pthread_cond_timedwait(&deadline->changed, &deadline->lock, &at);
	}
	pthread_mutex_unlock(&deadline->lock);
	return NULL;
}

static void set(struct deadline *deadline, int64_t left_ns, int status, const char *what)
{
	deadline->at_ns = clock_now_ns() + left_ns;
	deadline->status = status;
	deadline->what = what;
}

struct deadline *deadline_create(int64_t left_ns, int status, const char *what)
{
	struct deadline *deadline = xcalloc(1, sizeof(*deadline));

	pthread_mutex_init(&deadline->lock, NULL);
	xcond_monotonic(&deadline->changed);
	set(deadline, left_ns, status, what);
	xthread(&deadline->thread, run, deadline);
	return deadline;
}

void deadline_move(struct deadline *deadline, int64_t left_ns, int status, const char *what)
{
	pthread_mutex_lock(&deadline->lock);
	set(deadline, left_ns, status, what);
	pthread_cond_broadcast(&deadline->changed);
	pthread_mutex_unlock(&deadline->lock);
}

void deadline_destroy(struct deadline *deadline)
{
	if (!deadline)
		return;
	pthread_mutex_lock(&deadline->lock);
	deadline->over = true;
	pthread_cond_broadcast(&deadline->changed);
	pthread_mutex_unlock(&deadline->lock);
	pthread_join(deadline->thread, NULL);
	pthread_cond_destroy(&deadline->changed);
	pthread_mutex_destroy(&deadline->lock);
	free(deadline);
}
