#include "camd/handlers/handlers.h"

#include "camd/export.h"
#include "camd/jobs.h"
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

void handle_export(struct request *request)
{
	struct job_started reply;
	struct error err;

	if (export_start(request->session, request->arguments, &reply.job, &err))
		request_reply(request, &reply);
	else
		request_fail(request, &err);
}

void handle_cancel(struct request *request)
{
	const struct cancel_args *args = request->arguments;
	struct error err;

	if (jobs_cancel(session_jobs(request->session), args->job, &err))
		request_reply(request, &(struct cancelled){ .job = args->job });
	else
		request_fail(request, &err);
}
