#include "camd/handlers/handlers.h"

#include "camd/adjust.h"
#include "camd/overlays.h"
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

void handle_set_overlay(struct request *request)
{
	const struct set_overlay_args *args = request->arguments;
	struct overlay_set reply;
	struct error err;

	if (overlays_set(adjust_overlays(session_adjust(request->session)), args, &reply, &err))
		request_reply(request, &reply);
	else
		request_fail(request, &err);
}
