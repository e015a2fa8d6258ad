#include "camd/pacer.h"

#include "common/clock.h"
#include "common/util.h"

#include <time.h>

void pacer_init(struct pacer *pacer)
{
	pthread_mutex_init(&pacer->lock, NULL);
	xcond_monotonic(&pacer->changed);
	pacer->stopping = false;
}

void pacer_finish(struct pacer *pacer)
{
	pthread_cond_destroy(&pacer->changed);
	pthread_mutex_destroy(&pacer->lock);
}

static void set_stopping(struct pacer *pacer, bool stopping)
{
	pthread_mutex_lock(&pacer->lock);
	pacer->stopping = stopping;
	pacer_wake_locked(pacer);
	pthread_mutex_unlock(&pacer->lock);
}

void pacer_arm(struct pacer *pacer)
{
	set_stopping(pacer, false);
}

void pacer_stop(struct pacer *pacer)
{
	set_stopping(pacer, true);
}

bool pacer_wait_until(struct pacer *pacer, int64_t monotonic_ns)
{
	bool go_on;

	pthread_mutex_lock(&pacer->lock);
	while (!pacer->stopping && clock_now_ns() < monotonic_ns)
		pacer_wait_locked(pacer, monotonic_ns);
	go_on = !pacer->stopping;
	pthread_mutex_unlock(&pacer->lock);
	return go_on;
}

bool pacer_wait_locked(struct pacer *pacer, int64_t monotonic_ns)
{
	struct timespec until = { .tv_sec = monotonic_ns / NS_PER_S, .tv_nsec = monotonic_ns % NS_PER_S };

	if (pacer->stopping)
		return false;
	if (monotonic_ns == INT64_MAX)
		pthread_cond_wait(&pacer->changed, &pacer->lock);
	else
		pthread_cond_timedwait(&pacer->changed, &pacer->lock, &until);
	return !pacer->stopping;
}

void pacer_wake_locked(struct pacer *pacer)
{
	pthread_cond_broadcast(&pacer->changed);
}
