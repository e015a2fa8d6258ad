#include "camd/handlers/handlers.h"

#include "camd/session.h"
#include "common/util.h"

#include <stdlib.h>

/* The events that a list of names means, as bits. */
static bool read_events(const struct list *names, uint64_t *mask, struct error *err)
{
	*mask = 0;
	for (size_t i = 0; i < names->n; i++) {
		const char *name = ((char **)names->items)[i];
		uint64_t meant = message_events(name);

		if (!meant)
			return error_set_argument(err, "events", "events: there is no event '%.60s'", name);
		*mask |= meant;
	}
	return true;
}

static void reply_with_subscriptions(struct request *request)
{
	uint64_t mask = *request_subscriptions(request);
	const char *names[N_MESSAGES];
	struct subscribed reply = { .events.items = names };

	for (int id = 0; id < N_MESSAGES; id++)
		if (mask & UINT64_C(1) << id)
			names[reply.events.n++] = messages[id].name;
	request_reply(request, &reply);
}

static void change(struct request *request, bool wanted)
{
	const struct events_args *args = request->arguments;
	uint64_t *subscriptions = request_subscriptions(request), mask;
	struct error err;

	if (!read_events(&args->events, &mask, &err)) {
		request_fail(request, &err);
		return;
	}
	*subscriptions = wanted ? *subscriptions | mask : *subscriptions & ~mask;
	if (wanted && mask & UINT64_C(1) << EVENT_RECOVERED)
		session_tell_recovered(request->session);
	reply_with_subscriptions(request);
}

void handle_subscribe(struct request *request)
{
	change(request, true);
}

void handle_unsubscribe(struct request *request)
{
	change(request, false);
}
