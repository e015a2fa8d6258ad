#include "camd/syncer.h"

#include "common/clock.h"
#include "common/util.h"

#include <stdlib.h>
#include <string.h>

#define STEPS 4		/* in an interval, see wait_for_round() */

struct claim {
	char *video;
	struct claim *next;
};

struct syncer {
	int64_t interval_ns;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct footage **files;
	size_t n, capacity;
	struct footage *busy;		/* being synced right now */
	struct claim *claims;
	bool hurried, ending;
	struct meter meter;
};

static bool is_there(const struct syncer *syncer, const struct footage *footage)
{
	for (size_t i = 0; i < syncer->n; i++)
		if (syncer->files[i] == footage)
			return true;
	return false;
}

static void push(struct footage *footage)
{
	footage_push(footage);
}

static void sync_now(struct footage *footage)
{
	struct error err;

	footage_sync(footage, &err);	/* footage tells whoever must know of a failure */
}

/* Called and left with the lock held; let go of while something is done to a file. */
static void with_each(struct syncer *syncer, void (*act)(struct footage *footage))
{
	size_t n = syncer->n;
	struct footage **round = xcalloc(MAX(n, 1u), sizeof(struct footage *));

	for (size_t i = 0; i < n; i++)
		round[i] = syncer->files[i];
	for (size_t i = 0; i < n; i++) {
		if (!is_there(syncer, round[i]))
			continue;
		syncer->busy = round[i];
		pthread_mutex_unlock(&syncer->lock);
		act(round[i]);
		pthread_mutex_lock(&syncer->lock);
		syncer->busy = NULL;
		pthread_cond_broadcast(&syncer->changed);
	}
	free(round);
}

/* With the lock. */
static void wait_until(struct syncer *syncer, int64_t at_ns)
{
	struct timespec until = { .tv_sec = at_ns / NS_PER_S, .tv_nsec = at_ns % NS_PER_S };

	while (!syncer->ending && !syncer->hurried && syncer->n && !pthread_cond_timedwait(&syncer->changed, &syncer->lock, &until))
		;
}

/*
 * With the lock: to the next round, an interval after the beginning of the last one, or a step after its end if it took so long.
 * At each step what was written meanwhile is started on its way, so that a card gets it as it comes and the syncs find little left to
 * write (tests/kernel/card.py measures that).
 */
static void wait_for_round(struct syncer *syncer, int64_t began_ns)
{
	int64_t step_ns = syncer->interval_ns / STEPS, due_ns;

	if (!syncer->n && !syncer->ending) {
		pthread_cond_wait(&syncer->changed, &syncer->lock);
		began_ns = clock_now_ns();
	}
	due_ns = MAX(began_ns + syncer->interval_ns, clock_now_ns() + step_ns);
	for (int k = STEPS - 1; k >= 0 && !syncer->ending; k--) {
		wait_until(syncer, due_ns - k * step_ns);
		with_each(syncer, push);
	}
	syncer->hurried = false;
}

static void *run(void *argument)
{
	struct syncer *syncer = argument;
	int64_t began_ns = clock_now_ns();

	pthread_setname_np(pthread_self(), "sync");
	pthread_mutex_lock(&syncer->lock);
	while (!syncer->ending) {
		wait_for_round(syncer, began_ns);
		began_ns = clock_now_ns();
		with_each(syncer, sync_now);
	}
	pthread_mutex_unlock(&syncer->lock);
	return NULL;
}

struct syncer *syncer_create(int64_t interval_ns)
{
	struct syncer *syncer = xcalloc(1, sizeof(*syncer));

	syncer->interval_ns = interval_ns;
	pthread_mutex_init(&syncer->lock, NULL);
	xcond_monotonic(&syncer->changed);
	xthread(&syncer->thread, run, syncer);
	return syncer;
}

void syncer_destroy(struct syncer *syncer)
{
	if (!syncer)
		return;
	pthread_mutex_lock(&syncer->lock);
	syncer->ending = true;
	pthread_cond_broadcast(&syncer->changed);
	pthread_mutex_unlock(&syncer->lock);
	pthread_join(syncer->thread, NULL);
	pthread_cond_destroy(&syncer->changed);
	pthread_mutex_destroy(&syncer->lock);
	free(syncer->files);
	free(syncer);
}

void syncer_add(struct syncer *syncer, struct footage *footage)
{
	pthread_mutex_lock(&syncer->lock);
	if (syncer->n == syncer->capacity) {
		syncer->capacity = MAX(2 * syncer->capacity, 16u);
		syncer->files = xrealloc(syncer->files, syncer->capacity, sizeof(struct footage *));
	}
	syncer->files[syncer->n++] = footage;
	pthread_cond_broadcast(&syncer->changed);
	pthread_mutex_unlock(&syncer->lock);
}

void syncer_remove(struct syncer *syncer, struct footage *footage)
{
	pthread_mutex_lock(&syncer->lock);
	while (syncer->busy == footage)
		pthread_cond_wait(&syncer->changed, &syncer->lock);
	for (size_t i = 0; i < syncer->n; i++)
		if (syncer->files[i] == footage)
			syncer->files[i--] = syncer->files[--syncer->n];
	pthread_mutex_unlock(&syncer->lock);
}

void syncer_hurry(struct syncer *syncer)
{
	pthread_mutex_lock(&syncer->lock);
	syncer->hurried = true;
	pthread_cond_broadcast(&syncer->changed);
	pthread_mutex_unlock(&syncer->lock);
}

struct meter *syncer_meter(struct syncer *syncer)
{
	return &syncer->meter;
}

void syncer_claim(struct syncer *syncer, const char *video)
{
	struct claim *claim = xcalloc(1, sizeof(*claim));

	claim->video = xstrdup(video);
	pthread_mutex_lock(&syncer->lock);
	claim->next = syncer->claims;
	syncer->claims = claim;
	pthread_mutex_unlock(&syncer->lock);
}

static struct claim **find_claim(struct syncer *syncer, const char *video)
{
	struct claim **at = &syncer->claims;

	while (*at && strcmp((*at)->video, video))
		at = &(*at)->next;
	return at;
}

void syncer_let_go(struct syncer *syncer, const char *video)
{
	struct claim **at, *claim;

	pthread_mutex_lock(&syncer->lock);
	at = find_claim(syncer, video);
	claim = *at;
	if (claim)
		*at = claim->next;
	pthread_mutex_unlock(&syncer->lock);
	if (!claim)
		return;
	free(claim->video);
	free(claim);
}

bool syncer_is_claimed(struct syncer *syncer, const char *video)
{
	bool claimed;

	pthread_mutex_lock(&syncer->lock);
	claimed = *find_claim(syncer, video);
	pthread_mutex_unlock(&syncer->lock);
	return claimed;
}
