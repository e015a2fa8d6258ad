#include "camctl/controls.h"

#include "common/util.h"
#include "protocol/errors.h"

#include <stdlib.h>
#include <string.h>

const char controls_help[] = "r record or stop   s snapshot   q quit";

struct controls {
	struct session *session;
	const struct controls_handlers *handlers;
	void *user;
	const char *doing;
};

struct controls *controls_create(struct session *session, const struct controls_handlers *handlers, void *user)
{
	struct controls *controls = xcalloc(1, sizeof(*controls));

	*controls = (struct controls){ .session = session, .handlers = handlers, .user = user };
	return controls;
}

void controls_destroy(struct controls *controls)
{
	free(controls);
}

static void done(struct controls *controls)
{
	controls->doing = NULL;
	controls->handlers->on_done(controls->user);
}

static void on_reply(void *user, const struct wire_message *reply)
{
	struct controls *controls = user;

	if (!reply)
		return;
	if (reply->message == MSG_ERROR || wire_integer(reply, "data.failed.#", 0) > 0)
		session_set_status(controls->session, SESSION_PROBLEM);
	controls->handlers->on_reply(controls->user, reply);
	done(controls);
}

/* The user may leave before the recording has ended: camd cancels the answer then, and ends the recording as it ends itself. */
static void on_stopped(void *user, const struct wire_message *reply)
{
	struct controls *controls = user;
	const char *code = reply ? wire_text(reply, "data.code") : NULL;

	if (!session_is_quitting(controls->session) || !code || strcmp(code, error_code_name(ERR_CANCELLED)) != 0)
		on_reply(user, reply);
}

/* camd knows best whether it records: a camera may have stopped by itself. */
static void on_state(void *user, const struct wire_message *report)
{
	struct controls *controls = user;
	bool recording;

	if (!report)
		return;
	if (report->message == MSG_ERROR) {
		on_reply(user, report);
		return;
	}
	recording = wire_bool(report, "data.recording", false);
	controls->doing = recording ? "stopping the recording" : "starting to record";
	if (recording)
		session_call(controls->session, CMD_STOP_RECORDING, NULL, on_stopped, controls);
	else
		session_call(controls->session, CMD_START_RECORDING, NULL, on_reply, controls);
}

enum controls_result controls_key(struct controls *controls, char key)
{
	if (key == 'q' || key == 'Q') {
		controls->doing = "finishing the files";
		session_leave(controls->session, SESSION_OK);
		return CONTROLS_DONE;
	}
	if (key != 'r' && key != 'R' && key != 's' && key != 'S')
		return CONTROLS_UNKNOWN;
	if (controls->doing)
		return CONTROLS_BUSY;
	if (key == 's' || key == 'S') {
		controls->doing = "taking a snapshot";
		session_call(controls->session, CMD_TAKE_SNAPSHOT, NULL, on_reply, controls);
	} else {
		controls->doing = "asking camd whether it records";
		session_call(controls->session, CMD_GET_STATUS, NULL, on_state, controls);
	}
	return CONTROLS_DONE;
}

const char *controls_doing(const struct controls *controls)
{
	return controls->doing;
}
