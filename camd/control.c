#include "camd/control.h"

#include "camd/handlers/handlers.h"
#include "camd/input.h"
#include "camd/outlet.h"
#include "camd/session.h"
#include "common/lines.h"
#include "common/log.h"
#include "common/util.h"

#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 65536
#define MAX_UNANSWERED 64
#define MAX_REFUSALS_LOGGED 100

struct client {
	struct control *control;
	struct input *input;
	struct outlet *outlet;
	struct lines lines;
	struct request *first, **last;
	size_t n_requests;
	bool input_ended, closed, advancing;
	uint64_t subscriptions;
	uint64_t refusals;
};

struct control {
	struct control_request its;
	struct client *client;		/* the first, and for now the only one */
};

static void advance(struct client *client);

/* ---- requests ---- */

static void unlink_request(struct request *request)
{
	struct client *client = request->client;
	struct request **at = &client->first;

	while (*at != request)
		at = &(*at)->next;
	*at = request->next;
	if (client->last == &request->next)
		client->last = at;
	client->n_requests--;
}

static void free_request(struct request *request)
{
	wire_clear_request(&request->wire);
	free(request);
}

/* One line for one request, and room for the next. */
static void answer(struct request *request, char *line)
{
	struct client *client = request->client;

	if (request->cancelled) {
		free(line);
		free_request(request);
		return;
	}
	outlet_reply(client->outlet, line);
	unlink_request(request);
	free_request(request);
	advance(client);
}

void request_reply(struct request *request, const void *data)
{
	answer(request, wire_print_message(request->wire.command->reply, data, request->wire.id, &request->wire.ignored));
}

void request_fail(struct request *request, const struct error *err)
{
	answer(request, wire_print_error(err, request->wire.command_name, request->wire.id));
}

void request_done(void *user, const void *reply, const struct error *err)
{
	if (err)
		request_fail(user, err);
	else
		request_reply(user, reply);
}

struct config *request_config(const struct request *request)
{
	return request->control->its.config;
}

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

void request_event(const struct request *request, enum message_id event, const void *data)
{
	outlet_event(request->client->outlet, wire_print_message(event, data, NULL, NULL));
}

/* Gives a request up: its error is its one line. A handler that is still at work frees it by answering. */
static void cancel(struct request *request)
{
	struct error err;
	bool running = request->running;

	error_set(&err, ERR_CANCELLED, "Cancelled: camd ends");
	outlet_reply(request->client->outlet, wire_print_error(&err, request->wire.command_name, request->wire.id));
	unlink_request(request);
	request->cancelled = true;
	if (running && request->on_cancel)
		request->on_cancel(request);
	else if (!running)
		free_request(request);
}

static void cancel_all(struct client *client, const struct request *until)
{
	client->closed = true;
	if (client->input)
		input_pause(client->input);
	while (client->first && client->first != until)
		cancel(client->first);
}

void request_quit(struct request *request)
{
	struct control *control = request->control;
	struct client *client = request->client;
	char *line = wire_print_message(request->wire.command->reply, NULL, request->wire.id, &request->wire.ignored);

	cancel_all(client, request);
	outlet_reply(client->outlet, line);
	unlink_request(request);
	free_request(request);
	cancel_all(client, NULL);
	control->its.owner.on_quit(control->its.owner.user);
}

/* ---- their order ---- */

static bool can_start(const struct request *request)
{
	const struct command *command = request->wire.command;

	return request->error.code || !(command->flags & CMD_NEEDS_CAMERAS) || session_is_ready(request->session);
}

static bool may_overtake(const struct request *request)
{
	return !request->running && request->wire.id && can_start(request) &&
	       (request->error.code || !(request->wire.command->flags & CMD_MAY_TAKE_TIME));
}

static void start(struct request *request)
{
	request->running = true;
	if (request->error.code)
		request_fail(request, &request->error);
	else
		handlers[command_id(request->wire.command)](request);
}

/* The first in line if it can begin; else the first behind it that may overtake. NULL: none. */
static struct request *next_to_start(struct client *client)
{
	struct request *request = client->first;

	if (!request)
		return NULL;
	if (!request->running && can_start(request))
		return request;
	for (request = request->next; request; request = request->next)
		if (may_overtake(request))
			return request;
	return NULL;
}

static void advance(struct client *client)
{
	struct request *request;

	if (client->advancing)
		return;
	client->advancing = true;
	while (!client->closed && (request = next_to_start(client)))
		start(request);
	client->advancing = false;
	if (client->closed || !client->input)
		return;
	if (!client->input_ended && client->n_requests <= MAX_UNANSWERED && !outlet_is_full(client->outlet))
		input_resume(client->input);
	else
		input_pause(client->input);
	if (client->input_ended && !client->first) {
		client->closed = true;
		client->control->its.owner.on_input_end(client->control->its.owner.user);
	}
}

void control_advance(struct control *control)
{
	if (control->client)
		advance(control->client);
}

static void append(struct client *client, struct request *request)
{
	request->client = client;
	request->control = client->control;
	request->session = client->control->its.session;
	request->arguments = request->wire.arguments;
	*client->last = request;
	client->last = &request->next;
	client->n_requests++;
}

/* The log lies on the disk that takes the recordings: a client that talks rubbish must not fill it. */
static void log_refusal(struct client *client, const struct error *err)
{
	if (client->refusals++ < MAX_REFUSALS_LOGGED)
		log_warning("refused a request: %s", err->text);
	else if (client->refusals == MAX_REFUSALS_LOGGED + 1)
		log_warning("further refused requests are not logged");
}

static void take_line(struct client *client, const char *line, size_t bytes)
{
	struct request *request;

	if (strspn(line, " \t\r") == bytes)
		return;
	request = xcalloc(1, sizeof(*request));
	if (!wire_parse_request(line, bytes, &request->wire, &request->error))
		log_refusal(client, &request->error);
	append(client, request);
}

static void take_long_line(struct client *client)
{
	struct request *request = xcalloc(1, sizeof(*request));

	error_set(&request->error, ERR_LINE_TOO_LONG, "Line longer than %d bytes", LINE_BYTES);
	log_refusal(client, &request->error);
	append(client, request);
}

static void on_data(void *user, const char *data, size_t bytes)
{
	struct client *client = user;
	size_t used, line_bytes;
	const char *line;

	for (; bytes && !client->closed; data += used, bytes -= used) {
		switch (lines_feed(&client->lines, data, bytes, &used, &line, &line_bytes)) {
		case LINES_LINE:
			take_line(client, line, line_bytes);
			break;
		case LINES_TOO_LONG:
			take_long_line(client);
			break;
		case LINES_MORE:
			break;
		}
	}
	advance(client);
}

static void on_end(void *user)
{
	struct client *client = user;

	if (client->lines.n)
		log_warning("the input ended in mid-line: %zu bytes without newline are not carried out", client->lines.n);
	client->input_ended = true;
	advance(client);
}

/* ---- clients ---- */

static void on_dead(void *user)
{
	struct client *client = user;

	log_info("nobody reads the output any more");
	cancel_all(client, NULL);
	client->control->its.owner.on_dead(client->control->its.owner.user);
}

static void on_room(void *user)
{
	advance(user);
}

static char *print_lost(void *user, uint64_t count)
{
	struct events_lost data = { .count = count };

	(void)user;
	return wire_print_message(EVENT_EVENTS_LOST, &data, NULL, NULL);
}

void control_add_client(struct control *control, int in_fd, int out_fd)
{
	struct client *client = xcalloc(1, sizeof(*client));
	struct input_events input = { .user = client, .on_data = on_data, .on_end = on_end };
	struct outlet_events outlet = { .user = client, .on_dead = on_dead, .on_room = on_room, .print_lost = print_lost };

	client->control = control;
	client->last = &client->first;
	lines_init(&client->lines, LINE_BYTES);
	client->outlet = outlet_create(control->its.loop, out_fd, &outlet);
	control->client = client;
	if (in_fd < 0)
		return;
	client->input = input_create(control->its.loop, in_fd, &input);
	input_resume(client->input);
}

struct control *control_create(const struct control_request *request)
{
	struct control *control = xcalloc(1, sizeof(*control));

	control->its = *request;
	return control;
}

void control_destroy(struct control *control)
{
	struct client *client = control ? control->client : NULL;

	if (client) {
		input_destroy(client->input);
		outlet_destroy(client->outlet);
		lines_finish(&client->lines);
		free(client);
	}
	free(control);
}

void control_event(struct control *control, enum message_id event, const void *data)
{
	struct client *client = control->client;

	if (client && client->subscriptions & UINT64_C(1) << event)
		outlet_event(client->outlet, wire_print_message(event, data, NULL, NULL));
}

void control_notice(struct control *control, enum message_id notice, const void *data)
{
	if (control->client && control->its.config->greeting)
		outlet_reply(control->client->outlet, wire_print_message(notice, data, NULL, NULL));
}

void control_preview(struct control *control, const struct preview_frame *preview)
{
	if (control->client)
		outlet_preview(control->client->outlet, preview->camera_id, wire_print_message(MSG_PREVIEW_FRAME, preview, NULL, NULL));
}

int64_t control_preview_since(const struct control *control, int camera_id)
{
	return control->client ? outlet_preview_since(control->client->outlet, camera_id) : 0;
}

void control_forget_preview(struct control *control, int camera_id)
{
	if (control->client)
		outlet_forget_preview(control->client->outlet, camera_id);
}

void control_cancel(struct control *control)
{
	if (control->client)
		cancel_all(control->client, NULL);
}

void control_flush(struct control *control, int64_t timeout_ns)
{
	if (control->client)
		outlet_flush(control->client->outlet, timeout_ns);
}
