#include "camd/worker.h"

#include "common/log.h"

#include <string.h>

static void *run(void *argument)
{
	struct worker *worker = argument;

	worker->work(worker);
	uv_async_send(&worker->done);
	return NULL;
}

static void on_closed(uv_handle_t *handle)
{
	struct worker *worker = handle->data;

	worker->after(worker);
}

static void on_done(uv_async_t *done)
{
	struct worker *worker = done->data;

	pthread_join(worker->thread, NULL);
	uv_close((uv_handle_t *)done, on_closed);
}

void worker_start(uv_loop_t *loop, struct worker *worker, void (*work)(struct worker *worker), void (*after)(struct worker *worker))
{
	int number;

	worker->work = work;
	worker->after = after;
	worker->done.data = worker;
	uv_async_init(loop, &worker->done, on_done);
	number = pthread_create(&worker->thread, NULL, run, worker);
	if (!number)
		return;
	/* a machine without threads left: late is better than not at all */
	log_warning("no thread can be had (%s): what takes long is done by the main one, and may hold it up", strerror(number));
	work(worker);
	uv_close((uv_handle_t *)&worker->done, on_closed);
}
