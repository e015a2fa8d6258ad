#include "camd/handlers/handlers.h"

#include "camd/session.h"

void handle_take_snapshot(struct request *request)
{
	const struct cameras_args *args = request->arguments;

	session_take_snapshot(request->session, &args->camera_id, request_done, request);
}

void handle_toggle_preview(struct request *request)
{
	const struct toggle_preview_args *args = request->arguments;
	int64_t first = 0;
	struct list cameras = args->camera_id.items ? args->camera_id : (struct list){ 1, &first };
	struct preview_toggled reply = { .camera_id = cameras, .enabled = args->enabled };
	struct error err;

	if (session_toggle_preview(request->session, &cameras, args->enabled, &err))
		request_reply(request, &reply);
	else
		request_fail(request, &err);
}
