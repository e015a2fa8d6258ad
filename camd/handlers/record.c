#include "camd/handlers/handlers.h"

#include "camd/session.h"

void handle_start_recording(struct request *request)
{
	const struct start_recording_args *args = request->arguments;

	session_start_recording(request->session, &args->camera_id, args->duration_ns, request_done, request);
}

void handle_stop_recording(struct request *request)
{
	const struct cameras_args *args = request->arguments;

	session_stop_recording(request->session, &args->camera_id, request_done, request);
}

void handle_sync(struct request *request)
{
	session_sync(request->session, request_done, request);
}
