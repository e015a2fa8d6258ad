/*
 * Programs that are run when something happens (settings on_event, hook_limit, hook_timeout): one more listener to events, and no
 * client. Each event that a program wants is one run of it, begun in the order of the events: the event's JSON line on its stdin,
 * CAMD_EVENT, CAMD_CAMERA (of events of one camera) and CAMD_SESSION (the folder) in its environment, what it says in the log.
 *
 * So many run at a time; what comes meanwhile waits in a line of HOOKS_MAX_WAITING, and what exceeds that is dropped and
 * counted. A run that takes too long gets SIGTERM, with all that it has started, and SIGKILL a second later. Main thread.
 */
#pragma once

#include "camd/session.h"
#include "protocol/messages.h"

#define HOOKS_MAX_WAITING 64

struct hooks;

/* Reads on_event, as it is at the start: who may change settings later is not asked to run programs. Missing ones become problems. */
struct hooks *hooks_create(struct session *session, struct list *problems);
bool hooks_want(const struct hooks *hooks, enum message_id event);

/* line: the event, as clients get it; borrowed. */
void hooks_event(struct hooks *hooks, enum message_id event, const void *data, const char *line);

/* What runs or waits may end by itself for two seconds, and is ended in two more; then on_done, at once if there is nothing. */
void hooks_finish(struct hooks *hooks, void (*on_done)(void *user), void *user);
void hooks_destroy(struct hooks *hooks);	/* NULL is allowed; freed when the loop has run once more */
