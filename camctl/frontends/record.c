/*
 * `camctl record`: records for a time, or until Ctrl-C, shows how it goes, and ends with a report. What it reports is what
 * camd says of the finished files: the events recording_stopped, one a camera. Pictures it shows only if it is told where.
 */
#include "camctl/frontends/frontend.h"

#include "camctl/human.h"
#include "camctl/previews.h"
#include "camctl/progress.h"
#include "camctl/say.h"
#include "camctl/screen.h"
#include "camctl/statusline.h"
#include "common/clock.h"
#include "common/util.h"

#include <inttypes.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>

#define LIVE_MS 250
#define PLAIN_MS 5000

struct record_options {
	int64_t seconds_ns;
	struct list camera_id;
};

#define AT(member) .at = offsetof(struct record_options, member)
static const struct field options[] = {
	{ .name = "seconds", .type = FIELD_DURATION, AT(seconds_ns), .min = 0.001, .max = 31536000, .unit = "s", .flags = FIELD_OPTIONAL,
	  .help = "How long to record; until Ctrl-C if absent." },
	{ .name = "camera_id", .type = FIELD_LIST, .of = FIELD_INT, AT(camera_id), .flags = FIELD_OPTIONAL,
	  .help = "Number of a camera, or several (0,1); all if absent." },
	{ 0 },
};
#undef AT

struct recorded {
	int64_t camera_id;
	bool stopped;
	char *encoder;
};

struct record {
	struct frontend_context context;
	const struct record_options *options;
	uv_timer_t tick;
	struct screen *screen;
	struct previews *previews;	/* NULL: not wanted */
	struct recorded *cameras;
	size_t n_cameras;
	int64_t started_ns;
	bool started, stopping, asked;
	bool idle_seen;		/* camd says that nothing records; the events that told it must have come before */
};

static void say(struct record *record, const struct wire_message *message)
{
	char *text = record->context.json ? NULL : say_message(message);

	if (text)
		screen_say(record->screen, text);
	free(text);
}

static struct recorded *find(struct record *record, int64_t camera_id)
{
	for (size_t i = 0; i < record->n_cameras; i++)
		if (record->cameras[i].camera_id == camera_id)
			return &record->cameras[i];
	return NULL;
}

static struct recorded *find_or_add(struct record *record, int64_t camera_id)
{
	struct recorded *camera = find(record, camera_id);

	if (camera)
		return camera;
	record->cameras = xrealloc(record->cameras, record->n_cameras + 1, sizeof(*record->cameras));
	record->cameras[record->n_cameras] = (struct recorded){ .camera_id = camera_id };
	return &record->cameras[record->n_cameras++];
}

static void finish(struct record *record, enum session_status status)
{
	uv_timer_stop(&record->tick);
	screen_clear(record->screen);
	session_quit(record->context.session, status);
}

static bool all_stopped(const struct record *record)
{
	for (size_t i = 0; i < record->n_cameras; i++)
		if (!record->cameras[i].stopped)
			return false;
	return record->started;
}

/* ---- how it goes ---- */

static void note_encoders(struct record *record, const struct wire_message *report)
{
	int n = wire_integer(report, "data.cameras.#", 0);

	for (int i = 0; i < n; i++) {
		char *id = xasprintf("data.cameras.%d.camera_id", i), *path = xasprintf("data.cameras.%d.encoder", i);
		struct recorded *camera = find(record, wire_integer(report, id, -1));
		const char *encoder = wire_text(report, path);

		if (camera && encoder && *encoder) {
			free(camera->encoder);
			camera->encoder = xstrdup(encoder);
		}
		free(path);
		free(id);
	}
}

static void add_headline(struct record *record)
{
	int64_t lasted_ns = clock_now_ns() - record->started_ns;
	char *text;

	if (record->stopping)
		text = xstrdup("finishing the files");
	else if (record->options->seconds_ns == FIELD_UNSET)
		text = xstrdup("recording until Ctrl-C");
	else
		text = progress_text("recording", (double)lasted_ns / (double)record->options->seconds_ns, lasted_ns,
				     screen_columns(stdout) - 1, !strcmp(nl_langinfo(CODESET), "UTF-8"));
	screen_add(record->screen, SCREEN_DIM, text);
	free(text);
}

static void show_plain(const struct wire_message *report)
{
	int n = wire_integer(report, "data.cameras.#", 0);

	for (int i = 0; i < n; i++) {
		enum screen_colour colour;
		char *line = statusline_text(report, i, screen_columns(stdout), &colour);

		puts(line);
		free(line);
	}
	fflush(stdout);
}

static void show(struct record *record, const struct wire_message *report)
{
	if (record->context.json)
		return;
	if (!screen_is_live(record->screen)) {
		show_plain(report);
		return;
	}
	screen_begin(record->screen);
	statusline_add(record->screen, report, screen_columns(stdout));
	add_headline(record);
	screen_show(record->screen);
}

/* Events can be lost, the state can't: if nothing records though an end was never told, that is a failure, not a wait. */
static void check_idle(struct record *record, const struct wire_message *report)
{
	bool idle = record->started && !wire_bool(report, "data.recording", true);

	if (idle && record->idle_seen) {
		fprintf(stderr, "camctl: camd stopped recording without saying what it recorded\n");
		finish(record, SESSION_PROBLEM);
	}
	record->idle_seen = idle;
}

static void on_status(void *user, const struct wire_message *report)
{
	struct record *record = user;

	record->asked = false;
	if (!report || report->message != MSG_STATUS_REPORT || session_is_quitting(record->context.session))
		return;
	note_encoders(record, report);
	show(record, report);
	check_idle(record, report);
}

static void on_first_status(void *user, const struct wire_message *report)
{
	if (report && report->message == MSG_STATUS_REPORT)
		note_encoders(user, report);
}

static void on_tick(uv_timer_t *timer)
{
	struct record *record = timer->data;

	if (record->asked)
		return;
	record->asked = true;
	session_call(record->context.session, CMD_GET_STATUS, NULL, on_status, record);
}

/* ---- the end ---- */

/* Takes the text. */
static void say_line(struct record *record, char *text)
{
	screen_say(record->screen, human_clean(text));
	free(text);
}

static void print_report(struct record *record, const struct wire_message *event)
{
	const struct recorded *camera = find(record, wire_integer(event, "data.camera_id", -1));
	int64_t frames = wire_integer(event, "data.frames", 0), duration_ns = wire_integer(event, "data.duration_ns", 0), total;
	char duration[HUMAN_BYTES], size[HUMAN_BYTES], *lost = human_lost(event, "data.lost", &total);
	const char *error = wire_text(event, "data.error"), *file = wire_text(event, "data.file");

	say_line(record, xasprintf("camera %" PRId64 "  %s", wire_integer(event, "data.camera_id", -1), file ? file : "(no file)"));
	say_line(record, xasprintf("          %" PRId64 " frames, %s, %.2f frames/s, %s, encoder %s", frames,
				   human_duration(duration_ns, duration), duration_ns ? frames * 1e9 / duration_ns : 0.0,
				   human_size(wire_integer(event, "data.bytes", 0), size),
				   camera && camera->encoder ? camera->encoder : "unknown"));
	say_line(record, xasprintf("          %" PRId64 " of %" PRId64 " frames lost%s%s", total,
				   wire_integer(event, "data.captured", 0), total ? ": " : "", total ? lost : ""));
	if (error)
		say_line(record, xasprintf("          the recording ended early: %s", error));
	free(lost);
}

static void on_camera_stopped(struct record *record, const struct wire_message *event)
{
	if (!record->context.json)
		print_report(record, event);
	if (wire_text(event, "data.error") || !wire_integer(event, "data.frames", 0))
		session_set_status(record->context.session, SESSION_PROBLEM);
	/* a very short recording may be over before its start is answered */
	find_or_add(record, wire_integer(event, "data.camera_id", -1))->stopped = true;
	if (all_stopped(record))
		finish(record, SESSION_OK);
}

static void on_stop_reply(void *user, const struct wire_message *reply)
{
	struct record *record = user;

	if (!reply || reply->message != MSG_ERROR)
		return;
	/* its duration may have been over at the same moment: then the events are on their way */
	if (!strcmp(wire_text(reply, "data.code"), "not_recording") && record->started)
		return;
	say(record, reply);
	finish(record, SESSION_PROBLEM);
}

static void interrupt(void *frontend)
{
	struct record *record = frontend;
	struct cameras_args arguments = { .camera_id = record->options->camera_id };

	if (!record->started) {
		finish(record, SESSION_PROBLEM);
		return;
	}
	record->stopping = true;
	session_call(record->context.session, CMD_STOP_RECORDING, &arguments, on_stop_reply, record);
}

/* ---- the start ---- */

static void on_not_started(struct record *record, const struct wire_message *error)
{
	char *text = say_error(error);

	if (!record->context.json)
		fprintf(stderr, "camctl: %s\n", text);
	free(text);
	finish(record, SESSION_PROBLEM);
}

static void on_started(void *user, const struct wire_message *reply)
{
	struct record *record = user;
	int n, interval = screen_is_live(record->screen) ? LIVE_MS : PLAIN_MS;

	if (!reply)
		return;
	if (reply->message == MSG_ERROR) {
		on_not_started(record, reply);
		return;
	}
	say(record, reply);
	if (wire_integer(reply, "data.failed.#", 0) > 0)
		session_set_status(record->context.session, SESSION_PROBLEM);
	n = wire_integer(reply, "data.cameras.#", 0);
	for (int i = 0; i < n; i++) {
		char *path = xasprintf("data.cameras.%d.camera_id", i);

		find_or_add(record, wire_integer(reply, path, -1));
		free(path);
	}
	record->started = true;
	record->started_ns = clock_now_ns();
	if (all_stopped(record)) {
		finish(record, SESSION_OK);
		return;
	}
	session_call(record->context.session, CMD_GET_STATUS, NULL, on_first_status, record);
	uv_timer_start(&record->tick, on_tick, interval, interval);
}

static void on_ready(void *user, const struct wire_message *initialized)
{
	struct record *record = user;
	struct start_recording_args arguments = { record->options->camera_id, record->options->seconds_ns };

	(void)initialized;
	if (record->previews)
		previews_ready(record->previews);
	if (!session_is_quitting(record->context.session))
		session_call(record->context.session, CMD_START_RECORDING, &arguments, on_started, record);
}

static void on_message(void *user, const struct wire_message *message)
{
	struct record *record = user;

	if (message->message == EVENT_RECORDING_STOPPED)
		on_camera_stopped(record, message);
	else if (!record->previews || !previews_take(record->previews, message))
		say(record, message);
}

static void on_line(void *user, const char *line)
{
	struct record *record = user;

	if (!record->context.json)
		return;
	puts(line);
	fflush(stdout);
}

static void on_text(void *user, const char *text)
{
	struct record *record = user;
	char *clean = human_clean(xstrdup(text));

	screen_clear(record->screen);
	fprintf(stderr, "%s\n", clean);
	free(clean);
}

static void on_window_close(void *user)
{
	struct record *record = user;

	if (!record->stopping)
		interrupt(record);
}

static void on_window_key(void *user, char key)
{
	if (key == 'q')
		on_window_close(user);
}

static const struct previews_handlers previews_handlers = { .on_key = on_window_key, .on_close = on_window_close, .on_text = on_text };

static void on_end(void *user)
{
	struct record *record = user;

	previews_destroy(record->previews);
	screen_clear(record->screen);
	screen_detach(record->screen);
	uv_close((uv_handle_t *)&record->tick, NULL);
}

static void *create(const struct frontend_context *context)
{
	struct record *record = xcalloc(1, sizeof(*record));

	record->context = *context;
	record->options = context->arguments;
	record->screen = screen_create(stdout);
	screen_attach(record->screen, session_loop(context->session));
	if (context->picture != PREVIEW_AUTO && !context->json)
		record->previews = previews_create(context->session, context->picture, record->screen, &previews_handlers, record);
	uv_timer_init(session_loop(context->session), &record->tick);
	record->tick.data = record;
	session_want_events(context->session);
	return record;
}

static void destroy(void *frontend)
{
	struct record *record = frontend;

	for (size_t i = 0; i < record->n_cameras; i++)
		free(record->cameras[i].encoder);
	free(record->cameras);
	screen_destroy(record->screen);
	free(record);
}

const struct frontend_impl frontend_record = {
	.name = "record",
	.summary = "Records for a time, or until Ctrl-C, and reports what was recorded.",
	.options = options, .options_bytes = sizeof(struct record_options), .keeps_session = true,
	.create = create, .interrupt = interrupt, .destroy = destroy,
	.watcher = { .on_ready = on_ready, .on_message = on_message, .on_line = on_line, .on_text = on_text, .on_end = on_end },
};
