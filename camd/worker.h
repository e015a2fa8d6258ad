/*
 * Something that may take long, away from the loop: in a thread of its own, so that a driver or a disk that does not come back from a call
 * holds up nothing else. Not in one of libuv's pool: there had to be many, and each would keep for ever what glibc caches for a thread of all
 * that passed through it, so that for days memory would grow. The pool is for what is short and comes often: pictures of previews and taps,
 * looks at free space.
 */
#pragma once

#include <pthread.h>
#include <uv.h>

struct worker {
	void *data;				/* the caller's */
	void (*work)(struct worker *worker);
	void (*after)(struct worker *worker);
	uv_async_t done;
	pthread_t thread;
};

/*
 * The loop's thread. work() runs in the worker, after() then in the loop, which does not end before. *worker, of which the caller has set
 * data, is the worker's until after() is called; from then on it may be freed or started anew.
 */
void worker_start(uv_loop_t *loop, struct worker *worker, void (*work)(struct worker *worker), void (*after)(struct worker *worker));
