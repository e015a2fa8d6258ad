#include "camd/control_private.h"

#include "camd/handlers/handlers.h"
#include "camd/input.h"
#include "camd/outlet.h"
#include "camd/session.h"
#include "common/log.h"
#include "common/util.h"

#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 65536
#define MAX_UNANSWERED 64
#define MAX_STARTED 16			/* at a time: then it is the turn of the others, and of the cameras */
#define MAX_REFUSALS_LOGGED 100

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

	if (request->cancelled) {	/* the client may have left long ago */
		free(line);
		free_request(request);
		return;
	}
	outlet_reply(client->outlet, line);
	unlink_request(request);
	free_request(request);
	client_advance(client);
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

/* Gives a request up: its error is its one line. A handler that is still at work frees it by answering. */
static void cancel(struct request *request, const char *why)
{
	struct error err;
	bool running = request->running;

	error_set(&err, ERR_CANCELLED, "Cancelled: %s", why);
	outlet_reply(request->client->outlet, wire_print_error(&err, request->wire.command_name, request->wire.id));
	unlink_request(request);
	request->cancelled = true;
	if (running && request->on_cancel)
		request->on_cancel(request);
	else if (!running)
		free_request(request);
}

static void take_no_more(struct client *client)
{
	client->closed = true;
	if (client->input)
		input_pause(client->input);
}

void client_cancel(struct client *client, const struct request *until)
{
	take_no_more(client);
	while (client->first && client->first != until)
		cancel(client->first, "camd ends");
}

void request_quit(struct request *request)
{
	struct control *control = request->control;
	struct client *client = request->client;
	char *line = wire_print_message(request->wire.command->reply, NULL, request->wire.id, &request->wire.ignored);

	client_cancel(client, request);
	outlet_reply(client->outlet, line);
	unlink_request(request);
	free_request(request);
	control_cancel(control);
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

static void read_on(struct client *client)
{
	if (!client->input_ended && client->n_requests <= MAX_UNANSWERED && !outlet_is_full(client->outlet))
		input_resume(client->input);
	else
		input_pause(client->input);
}

void client_advance(struct client *client)
{
	struct request *request;

	if (client->advancing)
		return;
	client->advancing = true;
	for (int n = 0; n < MAX_STARTED && !client->closed && (request = next_to_start(client)); n++)
		start(request);
	client->advancing = false;
	if (!client->closed && next_to_start(client))
		control_on_more(client);
	if (!client->closed && client->input)
		read_on(client);
	if (!client->closed && client->input_ended && !client->first) {
		client->closed = true;
		control_on_input_end(client);
	}
	if (client_has_left(client))
		control_on_left(client);
}

bool client_has_left(const struct client *client)
{
	bool all_said = client->input_ended || (client->deaf && client->closed);

	return client->number && all_said && !client->first && outlet_is_drained(client->outlet);
}

/* ---- the end of one that came by a socket ---- */

static bool is_wait(const struct request *request)
{
	return request->wire.command == &commands[CMD_WAIT] && !request->error.code;
}

/*
 * Nobody is there any more to whom a wait would matter, nor may it keep its place among the clients for so long. What stands
 * behind it was meant for later: to do it at once would end a recording too early.
 */
static void drop_from_wait(struct client *client)
{
	const struct request *request = client->first;
	size_t before = 0;

	for (; request && !is_wait(request); request = request->next)
		before++;
	if (!request)
		return;
	/* nothing more is read; what stands before it is carried out */
	client->input_ended = true;
	while (client->n_requests > before) {
		struct request *at = client->first;

		for (size_t i = 0; i < before; i++)
			at = at->next;
		cancel(at, "the client is gone");
	}
}

/* ---- what it sends ---- */

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
		log_warning("client %d: refused a request: %s", client->number, err->text);
	else if (client->refusals == MAX_REFUSALS_LOGGED + 1)
		log_warning("client %d: further refused requests are not logged", client->number);
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
	if (client->deaf && client->number)
		drop_from_wait(client);
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

	for (; bytes && !client->closed && !client->input_ended; data += used, bytes -= used) {
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
	client_advance(client);
}

static void on_end(void *user)
{
	struct client *client = user;

	if (client->lines.n)
		log_warning("client %d: its input ended in mid-line: %zu bytes without newline are not carried out", client->number,
			    client->lines.n);
	client->input_ended = true;
	client_advance(client);
}

/* ---- what it is sent ---- */

static void on_dead(void *user)
{
	struct client *client = user;

	client->deaf = true;
	if (client->number)
		drop_from_wait(client);
	else
		client_cancel(client, NULL);
	control_on_dead(client);
	client_advance(client);
}

static void on_room(void *user)
{
	client_advance(user);
}

static char *print_lost(void *user, uint64_t count)
{
	struct events_lost data = { .count = count };

	(void)user;
	return wire_print_message(EVENT_EVENTS_LOST, &data, NULL, NULL);
}

/* ---- its beginning and end ---- */

struct client *client_create(struct control *control, int number, int in_fd, int out_fd)
{
	struct client *client = xcalloc(1, sizeof(*client));
	struct input_events input = { .user = client, .on_data = on_data, .on_end = on_end };
	struct outlet_events outlet = { .user = client, .on_dead = on_dead, .on_room = on_room, .print_lost = print_lost };

	client->control = control;
	client->number = number;
	client->last = &client->first;
	lines_init(&client->lines, LINE_BYTES);
	client->outlet = outlet_create(control->its.loop, out_fd, &outlet);
	if (in_fd < 0)
		return client;
	client->input = input_create(control->its.loop, in_fd, &input);
	input_resume(client->input);
	return client;
}

void client_destroy(struct client *client)
{
	input_destroy(client->input);
	outlet_destroy(client->outlet);
	lines_finish(&client->lines);
	free(client);
}
