/*
 * camd as a service of the system's: tells the service manager when it is ready, what it does, that it is alive, and that it ends.
 *
 * Alive means that restarting camd would not help: the main loop turns, no encoder's or output thread has been at one thing for
 * longer than the watchdog's time, and frames come from one camera at least, or camd is not what keeps them away (it is off,
 * or not there, and tried again). Main thread.
 */
#pragma once

#include "camd/notify.h"
#include "camd/session.h"

struct service;

/* Takes the socket over. */
struct service *service_create(struct session *session, const struct notify *notify);

/* camd ends, and will within so long. */
void service_stop(struct service *service, int64_t within_ns);
void service_destroy(struct service *service);	/* NULL is allowed; freed when the loop has run once more */
