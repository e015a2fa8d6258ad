/*
 * One command: waits for the cameras if it is about them, sends it, prints the answer, ends. What only begins with the answer
 * (events, previews, a recording, a job) is stayed for, until it is over or Ctrl-C.
 */
#include "camctl/frontends/frontend.h"

#include "camctl/human.h"
#include "camctl/print.h"
#include "camctl/progress.h"
#include "camctl/say.h"
#include "camctl/screen.h"
#include "common/util.h"

#include <stdlib.h>

#define TIMEOUT_NS (30 * NS_PER_S)

struct oneshot {
	struct frontend_context context;
	uv_timer_t timeout;
	bool sent, staying;
	int64_t job, trigger;	/* waited for; -1: none */
	struct progress *progress;	/* of the job; NULL: not told yet */
	int64_t recordings;	/* that have not ended yet */
};

static void on_timeout(uv_timer_t *timer)
{
	struct oneshot *oneshot = timer->data;

	fprintf(stderr, "camctl: %s: no answer in time (see --timeout)\n", oneshot->context.command->name);
	session_quit(oneshot->context.session, SESSION_TIMEOUT);
}

/* Commands that take as long as they take have no limit but one that is asked for. */
static void start_timeout(struct oneshot *oneshot)
{
	int64_t ns = oneshot->context.timeout_ns;

	if (ns == FIELD_UNSET)
		ns = oneshot->context.command->flags & CMD_MAY_TAKE_TIME ? 0 : TIMEOUT_NS;
	if (ns)
		uv_timer_start(&oneshot->timeout, on_timeout, MAX(ns / NS_PER_MS, 1), 0);
}

static void print(const struct oneshot *oneshot, const struct wire_message *message)
{
	if (oneshot->context.json)
		puts(session_line(oneshot->context.session));
	else
		print_reply(message, screen_columns(stdout), stdout);
	fflush(stdout);
}

static void complain(const struct oneshot *oneshot, const struct wire_message *message)
{
	char *text = say_error(message);

	if (oneshot->context.json)
		print(oneshot, message);
	else
		fprintf(stderr, "camctl: %s\n", text);
	free(text);
	session_quit(oneshot->context.session, SESSION_PROBLEM);
}

/* Whether what was asked for goes on behind the answer. */
static bool goes_on(struct oneshot *oneshot, const struct wire_message *reply)
{
	switch (reply->message) {
	case MSG_JOB_STARTED:
		oneshot->job = wire_integer(reply, "data.job", -1);
		return true;
	case MSG_RECORDING_STARTED:
		if (session_is_attached(oneshot->context.session))
			return false;	/* it goes on without us */
		oneshot->recordings += wire_integer(reply, "data.cameras.#", 0);
		return oneshot->recordings > 0;
	case MSG_TRIGGERED:
		if (session_is_attached(oneshot->context.session))
			return false;
		oneshot->trigger = wire_integer(reply, "data.trigger_id", -1);
		return true;
	case MSG_PREVIEW_TOGGLED:
		return wire_bool(reply, "data.enabled", false);
	default:
		return reply->message == MSG_SUBSCRIBED;
	}
}

static void on_reply(void *user, const struct wire_message *reply)
{
	struct oneshot *oneshot = user;

	if (!reply || session_is_quitting(oneshot->context.session))
		return;
	uv_timer_stop(&oneshot->timeout);
	if (reply->message == MSG_ERROR) {
		complain(oneshot, reply);
		return;
	}
	if (reply->message != MSG_JOB_STARTED || oneshot->context.json)
		print(oneshot, reply);
	if (wire_integer(reply, "data.failed.#", 0) > 0)
		session_set_status(oneshot->context.session, SESSION_PROBLEM);
	oneshot->staying = goes_on(oneshot, reply);
	if (!oneshot->staying)
		session_quit(oneshot->context.session, SESSION_OK);
}

static void send_command(struct oneshot *oneshot)
{
	const struct command *command = oneshot->context.command;

	if (command->reply == MSG_JOB_STARTED || command->reply == MSG_RECORDING_STARTED || command->reply == MSG_TRIGGERED)
		session_want_events(oneshot->context.session);
	session_call(oneshot->context.session, command_id(command), oneshot->context.arguments, on_reply, oneshot);
	oneshot->sent = true;
}

static void show_progress(struct oneshot *oneshot, const struct wire_message *event)
{
	if (oneshot->context.json) {
		print(oneshot, event);
		return;
	}
	if (!oneshot->progress)
		oneshot->progress = progress_create(stderr, oneshot->context.command->name);
	progress_show(oneshot->progress, wire_number(event, "data.progress", 0));
}

/* What a job made, one path a line: fit for people and for the shell. */
static void print_files(const struct wire_message *event)
{
	int n = wire_integer(event, "data.files.#", 0);

	for (int i = 0; i < n; i++) {
		char *path = xasprintf("data.files.%d", i), *file = wire_value_text(event, path);

		puts(file);
		free(file);
		free(path);
	}
	fflush(stdout);
}

static void finish_job(struct oneshot *oneshot, const struct wire_message *event)
{
	bool ok = wire_bool(event, "data.ok", false);

	progress_destroy(oneshot->progress);
	oneshot->progress = NULL;
	if (oneshot->context.json)
		print(oneshot, event);
	else if (ok)
		print_files(event);
	else
		fprintf(stderr, "camctl: %s\n", wire_text(event, "data.message"));
	session_quit(oneshot->context.session, ok ? SESSION_OK : SESSION_PROBLEM);
}

static void finish_trigger(struct oneshot *oneshot, const struct wire_message *event)
{
	const char *trouble = wire_text(event, "data.message");

	if (oneshot->context.json)
		print(oneshot, event);
	else
		print_files(event);
	if (trouble && !oneshot->context.json)
		fprintf(stderr, "camctl: %s\n", trouble);
	session_quit(oneshot->context.session, trouble ? SESSION_PROBLEM : SESSION_OK);
}

static void tell(const struct oneshot *oneshot, const struct wire_message *message)
{
	char *text = oneshot->context.json ? NULL : say_message(message);

	if (oneshot->context.json)
		print(oneshot, message);
	if (text)
		puts(text);
	fflush(stdout);
	free(text);
}

/* It may come before the answer to the start, if the recording is very short. */
static void count_recording(struct oneshot *oneshot, const struct wire_message *event)
{
	tell(oneshot, event);
	oneshot->recordings--;
	if (wire_text(event, "data.error"))
		session_set_status(oneshot->context.session, SESSION_PROBLEM);
	if (oneshot->staying && !oneshot->recordings)
		session_quit(oneshot->context.session, SESSION_OK);
}

static void on_message(void *user, const struct wire_message *message)
{
	struct oneshot *oneshot = user;
	bool my_job = oneshot->job >= 0 && wire_integer(message, "data.job", -1) == oneshot->job;
	bool recording = oneshot->context.command == &commands[CMD_START_RECORDING];

	if (message->message == EVENT_JOB_PROGRESS && my_job)
		show_progress(oneshot, message);
	else if (message->message == EVENT_JOB_DONE && my_job)
		finish_job(oneshot, message);
	else if (message->message == EVENT_TRIGGER_SAVED && wire_integer(message, "data.trigger_id", -1) == oneshot->trigger)
		finish_trigger(oneshot, message);
	else if (message->message == EVENT_RECORDING_STOPPED && recording)
		count_recording(oneshot, message);
	else if (oneshot->staying && !my_job)
		tell(oneshot, message);
	else if (message->message == MSG_WARNING)
		fprintf(stderr, "camctl: warning: %s\n", wire_text(message, "data.message"));
}

/* Of get_status, too, people expect the cameras, though camd would answer it without. */
static bool waits_for_cameras(const struct command *command)
{
	return command->flags & CMD_NEEDS_CAMERAS || command->reply == MSG_STATUS_REPORT;
}

static void on_ready(void *user, const struct wire_message *initialized)
{
	struct oneshot *oneshot = user;

	(void)initialized;
	if (!oneshot->sent)
		send_command(oneshot);
}

static void on_end(void *user)
{
	struct oneshot *oneshot = user;

	uv_close((uv_handle_t *)&oneshot->timeout, NULL);
}

static void *create(const struct frontend_context *context)
{
	struct oneshot *oneshot = xcalloc(1, sizeof(*oneshot));

	oneshot->context = *context;
	oneshot->job = oneshot->trigger = -1;
	uv_timer_init(session_loop(context->session), &oneshot->timeout);
	oneshot->timeout.data = oneshot;
	start_timeout(oneshot);
	if (!waits_for_cameras(context->command))
		send_command(oneshot);
	return oneshot;
}

static void destroy(void *frontend)
{
	struct oneshot *oneshot = frontend;

	progress_destroy(oneshot->progress);
	free(oneshot);
}

/* To end what would go on for ever is no failure; to give up an answer or a job is one. */
static void interrupt(void *frontend)
{
	struct oneshot *oneshot = frontend;
	bool done = oneshot->staying && oneshot->job < 0 && oneshot->trigger < 0;

	session_leave(oneshot->context.session, done ? SESSION_OK : SESSION_PROBLEM);
}

const struct frontend_impl frontend_oneshot = {
	.summary = "One command and its answer.",
	.create = create, .interrupt = interrupt, .destroy = destroy,
	.watcher = { .on_ready = on_ready, .on_message = on_message, .on_text = human_print_text, .on_end = on_end },
};
