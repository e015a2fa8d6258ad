#include "camd/handlers/handlers.h"

#include "camd/renew.h"

void handle_new_session(struct request *request)
{
	const struct new_session_args *args = request->arguments;
	struct session_started reply;
	struct error err;

	if (renew_session(request->session, args->label, &reply, &err))
		request_reply(request, &reply);
	else
		request_fail(request, &err);
}
