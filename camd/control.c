#include "camd/control_private.h"

#include "camd/hooks.h"
#include "camd/outlet.h"
#include "camd/previews.h"
#include "camd/session.h"
#include "camd/taps.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_ATTACHED 16

/* Whoever comes and goes once a second must not fill the disk that takes the recordings. */
#define MAX_COMINGS_LOGGED 1000

static enum log_level coming_level(const struct client *client)
{
	return client->number <= MAX_COMINGS_LOGGED ? LOG_INFO : LOG_DEBUG;
}

/* ---- for handlers ---- */

struct options *request_options(const struct request *request)
{
	return request->control->its.options;
}

uv_loop_t *request_loop(const struct request *request)
{
	return request->control->its.loop;
}

uint64_t *request_subscriptions(const struct request *request)
{
	return &request->client->subscriptions;
}

/* ---- clients come and go ---- */

static void add(struct control *control, struct client *client)
{
	struct client **at = &control->clients;

	while (*at)
		at = &(*at)->next;
	*at = client;
}

void control_add_client(struct control *control, int in_fd, int out_fd)
{
	add(control, client_create(control, 0, in_fd, out_fd));
}

bool control_attach(struct control *control, int fd, const char *who, struct error *err)
{
	struct client *client;
	int out_fd;

	if (control->ending)
		return error_set(err, ERR_CANCELLED, "camd ends");
	if (control->n_attached == MAX_ATTACHED)
		return error_set(err, ERR_BUSY, "%d clients are connected already: disconnect one", MAX_ATTACHED);
	out_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (out_fd < 0)
		return error_set(err, ERR_BUSY, "no descriptor is left for another client");
	client = client_create(control, ++control->last_number, fd, out_fd);
	add(control, client);
	control->n_attached++;
	log_write(coming_level(client), "client %d connected: %s", client->number, who);
	if (client->number == MAX_COMINGS_LOGGED)
		log_info("further clients are logged at level debug only");
	return true;
}

/* It may stay until it has read its answers, or until what it began is done; but nothing new is sent. */
static void forget_wishes(struct client *client)
{
	client->subscriptions = 0;
	previews_forget_client(session_previews(client->control->its.session), client);
	taps_forget_client(session_taps(client->control->its.session), client);
}

static void reap(uv_timer_t *timer)
{
	struct control *control = timer->data;
	struct client **at = &control->clients;

	while (*at) {
		struct client *client = *at;

		if (!client_has_left(client)) {
			at = &client->next;
			continue;
		}
		log_write(coming_level(client), "client %d left", client->number);
		*at = client->next;
		control->n_attached--;
		forget_wishes(client);
		client_destroy(client);
	}
}

void control_on_left(struct client *client)
{
	uv_timer_start(&client->control->reaper, reap, 0, 0);
}

void control_on_input_end(struct client *client)
{
	struct control_owner *owner = &client->control->its.owner;

	if (client->number)
		forget_wishes(client);
	else
		owner->on_input_end(owner->user);
}

void control_on_dead(struct client *client)
{
	struct control_owner *owner = &client->control->its.owner;

	forget_wishes(client);
	if (client->number)
		return;
	log_info("nobody reads the output any more");
	owner->on_dead(owner->user);
}

static void on_more(uv_idle_t *idle)
{
	uv_idle_stop(idle);
	control_advance(idle->data);
}

void control_on_more(struct client *client)
{
	uv_idle_start(&client->control->more, on_more);
}

struct control *control_create(const struct control_request *request)
{
	struct control *control = xcalloc(1, sizeof(*control));

	control->its = *request;
	uv_timer_init(request->loop, &control->reaper);
	uv_idle_init(request->loop, &control->more);
	control->reaper.data = control->more.data = control;
	control->open_handles = 2;
	return control;
}

static void on_closed(uv_handle_t *handle)
{
	struct control *control = handle->data;

	if (!--control->open_handles)
		free(control);
}

void control_destroy(struct control *control)
{
	struct client *next;

	if (!control)
		return;
	for (struct client *client = control->clients; client; client = next) {
		next = client->next;
		client_destroy(client);
	}
	uv_close((uv_handle_t *)&control->reaper, on_closed);
	uv_close((uv_handle_t *)&control->more, on_closed);
}

/* ---- what all are told ---- */

void control_event(struct control *control, enum message_id event, const void *data)
{
	for (struct client *client = control->clients; client; client = client->next)
		if (client->subscriptions & UINT64_C(1) << event)
			outlet_event(client->outlet, wire_print_message(event, data, NULL, NULL));
	if (hooks_want(control->its.hooks, event)) {
		char *line = wire_print_message(event, data, NULL, NULL);

		hooks_event(control->its.hooks, event, data, line);
		free(line);
	}
}

void control_notice(struct control *control, enum message_id notice, const void *data)
{
	if (control->clients && control->its.config->greeting)
		outlet_reply(control->clients->outlet, wire_print_message(notice, data, NULL, NULL));
}

static bool wants_preview(const struct client *client, int camera_id)
{
	return previews_wants(session_previews(client->control->its.session), client, camera_id);
}

void control_preview(struct control *control, const struct preview_frame *preview)
{
	char *line = wire_print_message(MSG_PREVIEW_FRAME, preview, NULL, NULL);

	for (struct client *client = control->clients; client; client = client->next)
		if (wants_preview(client, preview->camera_id))
			outlet_preview(client->outlet, preview->camera_id, xstrdup(line));
	free(line);
}

int64_t control_preview_since(const struct control *control, int camera_id)
{
	int64_t newest_ns = 0;

	for (const struct client *client = control->clients; client; client = client->next) {
		int64_t since_ns = outlet_preview_since(client->outlet, camera_id);

		if (!wants_preview(client, camera_id))
			continue;
		if (!since_ns)
			return 0;
		newest_ns = MAX(newest_ns, since_ns);
	}
	return newest_ns;
}

void control_forget_preview(const struct client *client, int camera_id)
{
	outlet_forget_preview(client->outlet, camera_id);
}

/* ---- all of them ---- */

void control_advance(struct control *control)
{
	for (struct client *client = control->clients; client; client = client->next)
		client_advance(client);
}

void control_cancel(struct control *control)
{
	control->ending = true;
	for (struct client *client = control->clients; client; client = client->next)
		client_cancel(client, NULL);
}

/* One that doesn't read must not take the time of those that do. */
void control_flush(struct control *control, int64_t timeout_ns)
{
	int64_t until_ns = clock_now_ns() + timeout_ns;

	for (struct client *client = control->clients; client; client = client->next)
		outlet_flush(client->outlet, 0);
	for (struct client *client = control->clients; client; client = client->next)
		outlet_flush(client->outlet, MAX(until_ns - clock_now_ns(), 0));
}
