#include "camd/handlers/handlers.h"

#include "camd/session.h"
#include "camd/taps.h"
#include "common/util.h"

#include <stdlib.h>

void handle_get_status(struct request *request)
{
	struct status_report report;

	session_fill_status(request->session, &report);
	taps_fill_status(session_taps(request->session), &report.taps);
	request_reply(request, &report);
	free(report.cameras.items);
	free(report.taps.items);
}

void handle_list_cameras(struct request *request)
{
	struct camera_info *items = xcalloc(session_n_cameras(request->session), sizeof(*items));
	struct cameras reply = { .cameras.items = items };

	for (size_t i = 0; i < session_n_cameras(request->session); i++) {
		struct camera *camera = session_camera(request->session, (int64_t)i);

		if (camera)
			camera_fill_info(camera, &items[reply.cameras.n++]);
	}
	request_reply(request, &reply);
	free(items);
}
