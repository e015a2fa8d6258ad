#include "camd/handlers/handlers.h"

#include "camd/adjust.h"
#include "camd/session.h"

void handle_set_controls(struct request *request)
{
	const struct set_controls_args *args = request->arguments;

	adjust_set_controls(session_adjust(request->session), &args->camera_id, args->controls, request_done, request);
}

void handle_set_camera(struct request *request)
{
	const struct set_camera_args *args = request->arguments;

	adjust_set_camera(session_adjust(request->session), &args->camera_id, args->enabled, request_done, request);
}
