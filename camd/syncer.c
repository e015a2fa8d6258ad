#include "camd/syncer.h"

#include "common/clock.h"
#include "common/util.h"

#include <stdlib.h>
#include <string.h>

#define MAX_FILES 256

struct claim {
	char *video;
	struct claim *next;
};

struct syncer {
	int64_t interval_ns;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct footage *files[MAX_FILES];
	size_t n;
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

/* Called and left with the lock held; let go of during the sync itself. */
static void sync_one(struct syncer *syncer, struct footage *footage)
{
	struct error err;

	syncer->busy = footage;
	pthread_mutex_unlock(&syncer->lock);
	footage_sync(footage, &err);
	pthread_mutex_lock(&syncer->lock);
	syncer->busy = NULL;
	pthread_cond_broadcast(&syncer->changed);
}

static void sync_all(struct syncer *syncer)
{
	struct footage *round[MAX_FILES];
	size_t n = syncer->n;

	for (size_t i = 0; i < n; i++)
		round[i] = syncer->files[i];
	for (size_t i = 0; i < n; i++)
		if (is_there(syncer, round[i]))
			sync_one(syncer, round[i]);
}

/* With the lock: for the next round. */
static void wait_for_round(struct syncer *syncer)
{
	int64_t next_ns = clock_now_ns() + syncer->interval_ns;
	struct timespec until = { .tv_sec = next_ns / NS_PER_S, .tv_nsec = next_ns % NS_PER_S };

	if (!syncer->n && !syncer->ending)
		pthread_cond_wait(&syncer->changed, &syncer->lock);
	while (!syncer->ending && !syncer->hurried && syncer->n && !pthread_cond_timedwait(&syncer->changed, &syncer->lock, &until))
		;
	syncer->hurried = false;
}

static void *run(void *argument)
{
	struct syncer *syncer = argument;

	pthread_setname_np(pthread_self(), "sync");
	pthread_mutex_lock(&syncer->lock);
	while (!syncer->ending) {
		wait_for_round(syncer);
		sync_all(syncer);
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
	free(syncer);
}

void syncer_add(struct syncer *syncer, struct footage *footage)
{
	pthread_mutex_lock(&syncer->lock);
	if (syncer->n < MAX_FILES)
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
