#include "camd/handlers/handlers.h"

#include "common/clock.h"
#include "common/util.h"
#include "protocol/describe.h"

#include <stdlib.h>

void handle_quit(struct request *request)
{
	request_quit(request);
}

void handle_ping(struct request *request)
{
	request_reply(request, &(struct pong){ .monotonic_ns = clock_now_ns() });
}

void handle_describe(struct request *request)
{
	struct description description;

	describe_all(config_fields, &description);
	request_reply(request, &description);
	describe_free(&description);
}

static void free_timer(uv_handle_t *timer)
{
	free(timer);
}

static void end_wait(uv_timer_t *timer)
{
	struct request *request = timer->data;
	const struct wait_args *args = request->arguments;

	uv_close((uv_handle_t *)timer, free_timer);
	request_reply(request, &(struct waited){ .wait_ns = args->wait_ns });
}

static void cancel_wait(struct request *request)
{
	uv_timer_t *timer = request->later;

	uv_timer_stop(timer);
	end_wait(timer);
}

void handle_wait(struct request *request)
{
	const struct wait_args *args = request->arguments;
	uv_timer_t *timer = xcalloc(1, sizeof(*timer));

	request->later = timer;
	request->on_cancel = cancel_wait;
	timer->data = request;
	uv_timer_init(request_loop(request), timer);
	uv_timer_start(timer, end_wait, (args->wait_ns + NS_PER_MS - 1) / NS_PER_MS, 0);
}
