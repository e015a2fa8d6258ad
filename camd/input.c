#include "camd/input.h"

#include "camd/endpoint.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define CHUNK 16384

struct input {
	struct endpoint endpoint;
	struct input_events events;
	uv_poll_t poll;		/* a pollable endpoint waits */
	uv_idle_t idle;		/* any other is always ready */
	int open_handles;
	bool reading, ended;
};

static void end(struct input *input)
{
	input_pause(input);
	input->ended = true;
	input->events.on_end(input->events.user);
}

static void read_some(struct input *input)
{
	char chunk[CHUNK];
	ssize_t n = read(input->endpoint.fd, chunk, sizeof(chunk));

	if (n > 0)
		input->events.on_data(input->events.user, chunk, n);
	else if (!n || (errno != EAGAIN && errno != EINTR))
		end(input);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	read_some(poll->data);
}

static void on_idle(uv_idle_t *idle)
{
	read_some(idle->data);
}

struct input *input_create(uv_loop_t *loop, int fd, const struct input_events *events)
{
	struct input *input = xcalloc(1, sizeof(*input));

	input->events = *events;
	endpoint_init(&input->endpoint, fd, O_RDONLY);
	uv_idle_init(loop, &input->idle);
	input->idle.data = input;
	input->open_handles = 1;
	if (input->endpoint.pollable && !uv_poll_init(loop, &input->poll, input->endpoint.fd)) {
		input->poll.data = input;
		input->open_handles = 2;
	} else {
		input->endpoint.pollable = false;
	}
	return input;
}

void input_resume(struct input *input)
{
	if (input->reading || input->ended)
		return;
	input->reading = true;
	if (input->endpoint.pollable)
		uv_poll_start(&input->poll, UV_READABLE, on_poll);
	else
		uv_idle_start(&input->idle, on_idle);
}

void input_pause(struct input *input)
{
	if (!input->reading)
		return;
	input->reading = false;
	if (input->endpoint.pollable)
		uv_poll_stop(&input->poll);
	else
		uv_idle_stop(&input->idle);
}

static void on_closed(uv_handle_t *handle)
{
	struct input *input = handle->data;

	if (--input->open_handles)
		return;
	endpoint_finish(&input->endpoint);
	free(input);
}

void input_destroy(struct input *input)
{
	if (!input)
		return;
	input_pause(input);
	if (input->open_handles == 2)
		uv_close((uv_handle_t *)&input->poll, on_closed);
	uv_close((uv_handle_t *)&input->idle, on_closed);
}
