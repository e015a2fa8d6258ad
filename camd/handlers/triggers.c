#include "camd/handlers/handlers.h"

#include "camd/session.h"
#include "camd/triggers.h"

#include <stdlib.h>

void handle_trigger(struct request *request)
{
	struct triggered reply;
	struct error err;

	if (!triggers_fire(session_triggers(request->session), request->arguments, &reply, &err)) {
		request_fail(request, &err);
		return;
	}
	request_reply(request, &reply);
	free(reply.camera_id.items);
}

void handle_mark(struct request *request)
{
	struct marked reply;
	struct error err;

	if (!triggers_mark(session_triggers(request->session), request->arguments, &reply, &err)) {
		request_fail(request, &err);
		return;
	}
	request_reply(request, &reply);
	free(reply.camera_id.items);
}
