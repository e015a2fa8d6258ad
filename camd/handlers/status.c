#include "camd/handlers/handlers.h"

#include "camd/session.h"

#include <stdlib.h>

void handle_get_status(struct request *request)
{
	struct status_report report;

	session_fill_status(request->session, &report);
	request_reply(request, &report);
	free(report.cameras.items);
}

void handle_list_cameras(struct request *request)
{
	struct cameras reply;

	session_fill_cameras(request->session, &reply);
	request_reply(request, &reply);
	free(reply.cameras.items);
}
