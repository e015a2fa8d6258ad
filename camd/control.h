/*
 * The control path: bytes of clients to requests, requests to handlers, replies and events back to clients. Keeps the order of
 * each client: one line for one request, in turn, but for those with an id that may overtake what takes time.
 *
 * A client is an object with its own reader, queues, subscriptions and previews (client.c). stdin/stdout is the first: its end
 * is camd's. Others come by a socket, and their end is their own matter. Main thread.
 */
#pragma once

#include "camd/config.h"
#include "common/options.h"
#include "protocol/wire.h"

#include <uv.h>

struct control;
struct client;
struct hooks;
struct session;

struct request {
	struct control *control;
	struct client *client;
	struct session *session;
	const void *arguments;			/* the command's struct */

	/* for handlers that answer later: called if the request is given up; request_fail() is due then */
	void (*on_cancel)(struct request *request);
	void *later;				/* the handler's */

	/* control's own */
	struct wire_request wire;
	struct error error;			/* the line was no good */
	bool running, cancelled;
	struct request *next;
};

/* Answers at once, or keeps the request and answers by request_reply() or request_fail() once, later. */
typedef void (*handler_fn)(struct request *request);

/* What a handler must not decide by itself. */
struct control_owner {
	void *user;
	void (*on_quit)(void *user);		/* `quit` was answered */
	void (*on_input_end)(void *user);	/* stdin has ended and all of it is answered */
	void (*on_dead)(void *user);		/* stdout is dead */
};

struct control_request {
	uv_loop_t *loop;
	struct session *session;
	struct config *config;
	struct options *options;		/* that config was made by */
	struct hooks *hooks;			/* that hear of events, too */
	struct control_owner owner;
};

struct control *control_create(const struct control_request *request);

/* Frees; what is queued for clients was flushed by control_end(). */
void control_destroy(struct control *control);	/* NULL is allowed; the loop must run once more */

/* The first client, which must come before all others. in_fd -1: none reads (headless). Takes the descriptors over. */
void control_add_client(struct control *control, int in_fd, int out_fd);

/* A further one, by a connected socket, which is taken over if there is room for it. who: for the log. */
bool control_attach(struct control *control, int fd, const char *who, struct error *err);

/* Events and pictures go to the clients that want them, notices to the first one. */
void control_event(struct control *control, enum message_id event, const void *data);
void control_notice(struct control *control, enum message_id notice, const void *data);	/* only with --greeting */
void control_preview(struct control *control, const struct preview_frame *preview);
/* See outlet_preview_since(); 0 also if only some of the clients that want it have one waiting. */
int64_t control_preview_since(const struct control *control, int camera_id);

/* Drops what a client was to be sent of a camera and has not read yet. */
void control_forget_preview(const struct client *client, int camera_id);

/* Cameras came: requests that wait for them go on. */
void control_advance(struct control *control);

/* Reads no more, takes no more clients; every request that is not answered gets the error `cancelled`. */
void control_cancel(struct control *control);

/* Writes out what is queued, as far as the clients take it in so much time. */
void control_flush(struct control *control, int64_t timeout_ns);

/* ---- for handlers ---- */

struct options *request_options(const struct request *request);
uv_loop_t *request_loop(const struct request *request);

/* Answers and frees the request. data: the struct of the command's reply, or NULL. */
void request_reply(struct request *request, const void *data);
void request_fail(struct request *request, const struct error *err);

/* Does the one or the other, for modules that call back when they are done: user is the request, err NULL on success. */
void request_done(void *user, const void *reply, const struct error *err);

/* Ends all requests of all clients but this one, then answers it and tells the owner. */
void request_quit(struct request *request);

/* Which events the client gets: a bit an enum message_id. */
uint64_t *request_subscriptions(const struct request *request);

