#include "camd/handlers/handlers.h"

#include "camd/session.h"

void handle_take_snapshot(struct request *request)
{
	session_take_snapshot(request->session, request->arguments, request_done, request);
}

void handle_toggle_preview(struct request *request)
{
	struct toggle_preview_args args = *(const struct toggle_preview_args *)request->arguments;
	int64_t first = 0;
	struct preview_toggled reply = { .enabled = args.enabled };
	struct error err;

	if (!args.camera_id.items)
		args.camera_id = (struct list){ 1, &first };
	reply.camera_id = args.camera_id;
	if (session_toggle_preview(request->session, request->client, &args, &err))
		request_reply(request, &reply);
	else
		request_fail(request, &err);
}
