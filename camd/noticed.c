#include "camd/noticed.h"

#include "camd/camera_config.h"
#include "camd/tell.h"
#include "camd/triggers.h"

#include <stdlib.h>

static void fire(struct session *session, int64_t id, const struct config *config)
{
	struct trigger_args args;
	struct triggered reply = { 0 };
	struct error err;

	fields_defaults(commands[CMD_TRIGGER].arguments, &args);
	args.camera_id = (struct list){ 1, &id };
	args.before_ns = config->motion_before_ns;
	args.after_ns = config->motion_after_ns;
	args.label = (char *)"motion";
	if (!triggers_fire(session_triggers(session), &args, &reply, &err)) {
		error_wrap(&err, "camera %d: no clip of the motion", (int)id);
		tell_trouble(session_control(session), &err);
	}
	free(reply.camera_id.items);
}

void noticed(struct session *session, const struct camera *camera, enum analyzer_kind kind, const struct analyzer_news *news)
{
	const struct config *config = camera_config(session_options(session), camera_id(camera));

	tell_finding(session_control(session), camera, kind, news);
	if (kind == ANALYZER_MOTION && news->begun && config->motion_trigger)
		fire(session, camera_id(camera), config);
}
