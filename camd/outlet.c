#include "camd/outlet.h"

#include "camd/endpoint.h"
#include "common/clock.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_EVENTS 256
#define FULL_BYTES (8 << 20)
#define MAX_PREVIEWS 64

struct line {
	char *text;
	size_t bytes;
	bool event;
	struct line *next;
};

struct preview {
	char *text;
	int64_t since_ns;
};

struct outlet {
	struct endpoint endpoint;
	struct outlet_events events;
	uv_poll_t poll;
	uv_timer_t death;		/* tells of death from the loop, never from within a call */
	int open_handles;
	bool polls, dead, half_closed;
	bool urgent;			/* half closed, and something else than its end looks like that: it is not watched for any more */

	struct line *first, **last;
	size_t n_events;
	size_t waiting_bytes;		/* of lines, the current one and previews not counted */
	bool was_full;			/* the owner was told so, and waits for on_room */
	uint64_t lost;
	struct preview previews[MAX_PREVIEWS];
	int next_preview;

	char *current;			/* being written */
	size_t written, bytes;
};

static void take_current(struct outlet *outlet, char *text)
{
	outlet->current = text;
	outlet->bytes = strlen(text);
	outlet->written = 0;
}

static void take_line(struct outlet *outlet)
{
	struct line *line = outlet->first;

	outlet->first = line->next;
	if (!outlet->first)
		outlet->last = &outlet->first;
	outlet->n_events -= line->event;
	take_current(outlet, line->text);
	outlet->waiting_bytes -= outlet->bytes;
	free(line);
}

static bool take_preview(struct outlet *outlet)
{
	for (int i = 0; i < MAX_PREVIEWS; i++) {
		struct preview *preview = &outlet->previews[(outlet->next_preview + i) % MAX_PREVIEWS];

		if (!preview->text)
			continue;
		take_current(outlet, preview->text);
		*preview = (struct preview){ 0 };
		outlet->next_preview = (outlet->next_preview + i + 1) % MAX_PREVIEWS;
		return true;
	}
	return false;
}

static bool take_next(struct outlet *outlet)
{
	if (outlet->lost && outlet->first && outlet->first->event) {
		take_current(outlet, outlet->events.print_lost(outlet->events.user, outlet->lost));
		outlet->lost = 0;
		return true;
	}
	if (!outlet->first)
		return take_preview(outlet);
	take_line(outlet);
	return true;
}

static void drop_all(struct outlet *outlet)
{
	do
		free(outlet->current);
	while (take_next(outlet));
	outlet->current = NULL;
}

static void on_death(uv_timer_t *timer)
{
	struct outlet *outlet = timer->data;

	outlet->events.on_dead(outlet->events.user);
}

static void die(struct outlet *outlet)
{
	if (outlet->dead)
		return;
	outlet->dead = true;
	if (outlet->polls)
		uv_poll_stop(&outlet->poll);
	drop_all(outlet);
	uv_timer_start(&outlet->death, on_death, 0, 0);
}

/* Writes what goes without waiting. False: the reader doesn't take more now, or is dead. */
static bool pump(struct outlet *outlet)
{
	while (!outlet->dead && (outlet->current || take_next(outlet))) {
		ssize_t n = write(outlet->endpoint.fd, outlet->current + outlet->written, outlet->bytes - outlet->written);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n < 0) {
			die(outlet);
			return false;
		}
		outlet->written += n;
		if (outlet->written < outlet->bytes)
			continue;
		free(outlet->current);
		outlet->current = NULL;
	}
	return !outlet->dead;
}

static void on_poll(uv_poll_t *poll, int status, int events);

/* UV_PRIORITIZED: a socket that is half closed would look disconnected all the time; the kernel still tells of its whole end. */
static void watch(struct outlet *outlet, bool full)
{
	int end = outlet->urgent ? 0 : outlet->half_closed ? UV_PRIORITIZED : UV_DISCONNECT;
	int events = end | (full || outlet->was_full ? UV_WRITABLE : 0);

	if (!outlet->polls || outlet->dead)
		return;
	if (events)
		uv_poll_start(&outlet->poll, events, on_poll);
	else
		uv_poll_stop(&outlet->poll);
}

/* A socket whose other end sends no more, but may still read, looks disconnected, too. */
static bool is_only_half_closed(const struct outlet *outlet)
{
	struct pollfd fd = { .fd = outlet->endpoint.fd, .events = POLLOUT };

	return poll(&fd, 1, 0) >= 0 && !(fd.revents & (POLLHUP | POLLERR));
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct outlet *outlet = poll->data;
	bool had = !outlet_is_drained(outlet);

	if (status >= 0 && events & UV_DISCONNECT && is_only_half_closed(outlet))
		outlet->half_closed = true;
	/* a reader that is gone shows as an error of the poll itself (POLLERR) */
	if (status < 0 || (events & (UV_DISCONNECT | UV_PRIORITIZED) && !is_only_half_closed(outlet))) {
		die(outlet);
		return;
	}
	outlet->urgent = outlet->urgent || events & UV_PRIORITIZED;
	watch(outlet, !pump(outlet));
	if (outlet->was_full && outlet->waiting_bytes < FULL_BYTES / 2)
		outlet->was_full = false;
	else if (!had || !outlet_is_drained(outlet))
		return;
	outlet->events.on_room(outlet->events.user);
}

bool outlet_is_full(struct outlet *outlet)
{
	outlet->was_full = outlet->was_full || outlet->waiting_bytes > FULL_BYTES;
	return outlet->was_full && !outlet->dead;
}

bool outlet_is_drained(const struct outlet *outlet)
{
	bool waits = outlet->current || outlet->first;

	for (int i = 0; i < MAX_PREVIEWS; i++)
		waits = waits || outlet->previews[i].text;
	return outlet->dead || !waits;
}

struct outlet *outlet_create(uv_loop_t *loop, int fd, const struct outlet_events *events)
{
	struct outlet *outlet = xcalloc(1, sizeof(*outlet));

	outlet->events = *events;
	outlet->last = &outlet->first;
	endpoint_init(&outlet->endpoint, fd, O_WRONLY);
	uv_timer_init(loop, &outlet->death);
	outlet->death.data = outlet;
	outlet->open_handles = 1;
	outlet->polls = outlet->endpoint.pollable && !uv_poll_init(loop, &outlet->poll, outlet->endpoint.fd);
	outlet->poll.data = outlet;
	outlet->open_handles += outlet->polls;
	watch(outlet, false);
	return outlet;
}

static void on_closed(uv_handle_t *handle)
{
	struct outlet *outlet = handle->data;

	if (--outlet->open_handles)
		return;
	endpoint_finish(&outlet->endpoint);
	free(outlet);
}

void outlet_destroy(struct outlet *outlet)
{
	if (!outlet)
		return;
	outlet->dead = true;
	drop_all(outlet);
	if (outlet->polls)
		uv_close((uv_handle_t *)&outlet->poll, on_closed);
	uv_close((uv_handle_t *)&outlet->death, on_closed);
}

static void append(struct outlet *outlet, char *text, bool event)
{
	struct line *line = xcalloc(1, sizeof(*line));

	*line = (struct line){ .text = text, .bytes = strlen(text), .event = event };
	outlet->waiting_bytes += line->bytes;
	*outlet->last = line;
	outlet->last = &line->next;
	outlet->n_events += event;
}

static void drop_oldest_event(struct outlet *outlet)
{
	struct line **at = &outlet->first, *line;

	while (!(*at)->event)
		at = &(*at)->next;
	line = *at;
	*at = line->next;
	if (outlet->last == &line->next)
		outlet->last = at;
	outlet->n_events--;
	outlet->waiting_bytes -= line->bytes;
	outlet->lost++;
	free(line->text);
	free(line);
}

void outlet_reply(struct outlet *outlet, char *line)
{
	if (outlet->dead) {
		free(line);
		return;
	}
	append(outlet, line, false);
	watch(outlet, !pump(outlet));
}

void outlet_event(struct outlet *outlet, char *line)
{
	if (outlet->dead) {
		free(line);
		return;
	}
	if (outlet->n_events == MAX_EVENTS)
		drop_oldest_event(outlet);
	append(outlet, line, true);
	watch(outlet, !pump(outlet));
}

void outlet_preview(struct outlet *outlet, int camera_id, char *line)
{
	struct preview *preview = &outlet->previews[camera_id % MAX_PREVIEWS];

	free(preview->text);
	*preview = (struct preview){ .text = line, .since_ns = clock_now_ns() };
	if (outlet->dead)
		outlet_forget_preview(outlet, camera_id);
	else
		watch(outlet, !pump(outlet));
}

int64_t outlet_preview_since(const struct outlet *outlet, int camera_id)
{
	return outlet->previews[camera_id % MAX_PREVIEWS].since_ns;
}

void outlet_forget_preview(struct outlet *outlet, int camera_id)
{
	struct preview *preview = &outlet->previews[camera_id % MAX_PREVIEWS];

	free(preview->text);
	*preview = (struct preview){ 0 };
}

void outlet_flush(struct outlet *outlet, int64_t timeout_ns)
{
	int64_t until_ns = clock_now_ns() + timeout_ns;

	while (!pump(outlet) && !outlet->dead) {
		struct pollfd fd = { .fd = outlet->endpoint.fd, .events = POLLOUT };
		int64_t left_ms = (until_ns - clock_now_ns()) / NS_PER_MS;

		if (left_ms <= 0 || poll(&fd, 1, left_ms) <= 0)
			return;
	}
}
