#include "camd/handlers/handlers.h"

#include "camd/session.h"

static void on_done(void *user, const void *reply, const struct error *err)
{
	if (err)
		request_fail(user, err);
	else
		request_reply(user, reply);
}

void handle_start_recording(struct request *request)
{
	const struct start_recording_args *args = request->arguments;

	session_start_recording(request->session, &args->camera_id, args->duration_ns, on_done, request);
}

void handle_stop_recording(struct request *request)
{
	const struct cameras_args *args = request->arguments;

	session_stop_recording(request->session, &args->camera_id, on_done, request);
}
