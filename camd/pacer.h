/*
 * Where a source's thread waits: until an instant, or for something to change, and in both cases no longer than until
 * it is told to stop. The state that the thread and others share belongs under its lock.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct pacer {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stopping;
};

void pacer_init(struct pacer *pacer);
void pacer_finish(struct pacer *pacer);

void pacer_arm(struct pacer *pacer);	/* before the thread starts */
void pacer_stop(struct pacer *pacer);	/* ends every wait, now and later, until armed again */

/* Waits until a CLOCK_MONOTONIC instant. False: to be stopped. */
bool pacer_wait_until(struct pacer *pacer, int64_t monotonic_ns);

/* The two below are for those who hold the lock: waits for a change or an instant (INT64_MAX: none); says that there was one. */
bool pacer_wait_locked(struct pacer *pacer, int64_t monotonic_ns);
void pacer_wake_locked(struct pacer *pacer);
