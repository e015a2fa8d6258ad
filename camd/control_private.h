/* What control.c (the clients together) and client.c (one of them) share. Main thread. */
#pragma once

#include "camd/control.h"
#include "common/lines.h"

struct client {
	struct control *control;
	int number;			/* 0: the first, stdin and stdout; the others came by a socket */
	struct input *input;		/* NULL: none reads */
	struct outlet *outlet;
	struct lines lines;
	struct request *first, **last;
	size_t n_requests;
	bool input_ended, advancing;
	bool closed;			/* what it sends is not taken any more */
	bool deaf;			/* nobody reads what it is sent */
	uint64_t subscriptions;		/* a bit an enum message_id */
	uint64_t refusals;
	struct client *next;
};

struct control {
	struct control_request its;
	struct client *clients;		/* in the order in which they came */
	int n_attached, last_number;
	bool ending;			/* no more clients are taken */
	uv_timer_t reaper;		/* frees clients that have left, never from within a call */
	uv_idle_t more;			/* goes on with those that have more to be begun */
	int open_handles;
};

/* Takes the descriptors over; in_fd -1: none reads. */
struct client *client_create(struct control *control, int number, int in_fd, int out_fd);
void client_destroy(struct client *client);	/* freed when the loop has run once more */

/* Carries out what can be begun, reads on if there is room for more. */
void client_advance(struct client *client);

/* Takes no more from it; each request before `until` (NULL: all) gets the error `cancelled`. */
void client_cancel(struct client *client, const struct request *until);

/* One that came by a socket has sent all that it will, has its answers, and has read them, or never will. */
bool client_has_left(const struct client *client);

/* ---- client.c's calls into control.c ---- */

void control_on_input_end(struct client *client);	/* all that it sent is answered */
void control_on_dead(struct client *client);		/* nobody reads what it is sent */
void control_on_left(struct client *client);		/* client_has_left() */
void control_on_more(struct client *client);		/* it has had its turn, and wants another */
