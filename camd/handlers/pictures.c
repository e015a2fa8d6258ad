#include "camd/handlers/handlers.h"

#include "camd/previews.h"
#include "camd/session.h"
#include "camd/taps.h"

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
	if (previews_toggle(session_previews(request->session), request->client, &args, &err))
		request_reply(request, &reply);
	else
		request_fail(request, &err);
}

void handle_frame_tap(struct request *request)
{
	struct frame_tapped reply;
	struct error err;

	if (taps_set(session_taps(request->session), request->client, request->arguments, &reply, &err))
		request_reply(request, &reply);
	else
		request_fail(request, &err);
}
