#include "camd/handlers/handlers.h"

#include "camd/remux.h"

void handle_remux(struct request *request)
{
	const struct remux_args *args = request->arguments;
	struct job_started reply;
	struct error err;

	if (remux_start(request->session, args->file, &reply.job, &err))
		request_reply(request, &reply);
	else
		request_fail(request, &err);
}
