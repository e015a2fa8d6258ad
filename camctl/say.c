#include "camctl/say.h"

#include "camctl/human.h"
#include "common/util.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef char *(*say_fn)(const struct wire_message *message);

static const char *text_at(const struct wire_message *message, const char *path)
{
	const char *text = wire_text(message, path);

	return text ? text : "?";
}

static const char *path_at(const struct wire_message *message, const char *path)
{
	return human_path(text_at(message, path));
}

static char *say_failed(const struct wire_message *message, char *so_far)
{
	int64_t n = wire_integer(message, "data.failed.#", 0);

	for (int64_t i = 0; i < n; i++) {
		char *id = xasprintf("data.failed.%" PRId64 ".camera_id", i), *why = xasprintf("data.failed.%" PRId64 ".message", i);
		char *longer = xasprintf("%s%scamera %" PRId64 " failed: %s", so_far ? so_far : "", so_far ? "; " : "",
					 wire_integer(message, id, -1), text_at(message, why));

		free(so_far);
		free(id);
		free(why);
		so_far = longer;
	}
	return so_far;
}

static char *say_started(const struct wire_message *message)
{
	return say_failed(message, NULL);
}

/* " (+12.3 ms)": when it was taken, after the first one. */
static char *say_skew(const struct wire_message *message, int64_t i)
{
	char *path = xasprintf("data.shots.%" PRId64 ".skew_us", i);
	char *text = i ? xasprintf(" (%+.1f ms)", (double)wire_integer(message, path, 0) / 1e3) : xstrdup("");

	free(path);
	return text;
}

static char *say_shots(const struct wire_message *message)
{
	char *text = NULL;
	int64_t n = wire_integer(message, "data.shots.#", 0);

	for (int64_t i = 0; i < n; i++) {
		char *path = xasprintf("data.shots.%" PRId64 ".file", i), *skew = say_skew(message, i);
		char *longer = xasprintf("%s%s%s%s", text ? text : "snapshot: ", path_at(message, path), skew, i + 1 < n ? ", " : "");

		free(text);
		free(skew);
		free(path);
		text = longer;
	}
	return say_failed(message, text);
}

char *say_error(const struct wire_message *message)
{
	const char *command = wire_text(message, "data.command"), *detail = wire_text(message, "data.detail");

	return human_clean(xasprintf("%s: %s%s%s (%s)", command ? command : "error", text_at(message, "data.message"),
				     detail ? ": " : "", detail ? detail : "", text_at(message, "data.code")));
}

static char *say_initialized(const struct wire_message *message)
{
	int64_t n = wire_integer(message, "data.cameras", 0);

	return xasprintf("camd %s is ready: %" PRId64 " camera%s", text_at(message, "data.version"), n, n == 1 ? "" : "s");
}

static char *say_warning(const struct wire_message *message)
{
	return xasprintf("warning: %s", text_at(message, "data.message"));
}

static char *say_shutdown(const struct wire_message *message)
{
	const char *signal = wire_text(message, "data.signal");

	return signal ? xasprintf("camd ends, asked by %s", signal) : NULL;
}

static char *say_found(const struct wire_message *message)
{
	return xasprintf("camera %" PRId64 ": %s (%s) runs", wire_integer(message, "data.camera_id", -1),
			 text_at(message, "data.model"), text_at(message, "data.id"));
}

static char *say_lost(const struct wire_message *message)
{
	return xasprintf("camera %" PRId64 ": %s (%s)", wire_integer(message, "data.camera_id", -1),
			 text_at(message, "data.message"), text_at(message, "data.code"));
}

static char *say_frames_lost(const struct wire_message *message)
{
	int64_t total;
	char *lost = human_lost(message, "data.lost", &total);
	char *text = xasprintf("camera %" PRId64 ": %" PRId64 " frame%s lost (%s) by frame %" PRId64,
			       wire_integer(message, "data.camera_id", -1), total, total == 1 ? "" : "s", lost,
			       wire_integer(message, "data.frame_number", -1));

	free(lost);
	return text;
}

static char *say_camera_started(const struct wire_message *message)
{
	return xasprintf("camera %" PRId64 ": records to %s", wire_integer(message, "data.camera_id", -1),
			 path_at(message, "data.file"));
}

static char *say_camera_stopped(const struct wire_message *message)
{
	char duration[HUMAN_BYTES], size[HUMAN_BYTES];
	const char *error = wire_text(message, "data.error");
	char *lost = human_lost(message, "data.lost", NULL);
	char *text = xasprintf("camera %" PRId64 ": %s%s: %" PRId64 " frames, %s, %s, lost: %s",
			       wire_integer(message, "data.camera_id", -1), error ? "the recording ended: " : "recorded ",
			       error ? error : path_at(message, "data.file"), wire_integer(message, "data.frames", 0),
			       human_duration(wire_integer(message, "data.duration_ns", 0), duration),
			       human_size(wire_integer(message, "data.bytes", 0), size), lost);

	free(lost);
	return text;
}

static char *say_storage_full(const struct wire_message *message)
{
	if (wire_integer(message, "data.camera_id", -1) < 0)
		return xstrdup(text_at(message, "data.message"));
	return xasprintf("camera %" PRId64 ": no space left for %s: %s", wire_integer(message, "data.camera_id", -1),
			 text_at(message, "data.path"), text_at(message, "data.message"));
}

static char *say_deleted(const struct wire_message *message)
{
	return xasprintf("deleted %s (%s)", path_at(message, "data.file"), text_at(message, "data.cause"));
}

static char *say_recovered(const struct wire_message *message)
{
	char duration[HUMAN_BYTES];
	const char *but = wire_text(message, "data.message");

	return xasprintf("finalised %s, which an earlier camd left: %" PRId64 " frames, %s%s%s", path_at(message, "data.file"),
			 wire_integer(message, "data.frames", 0),
			 human_duration(wire_integer(message, "data.duration_ns", 0), duration), but ? "; but " : "", but ? but : "");
}

static char *say_progress(const struct wire_message *message)
{
	return xasprintf("job %" PRId64 ": %.0f %%", wire_integer(message, "data.job", -1),
			 100 * wire_number(message, "data.progress", 0));
}

static char *say_job_done(const struct wire_message *message)
{
	int64_t job = wire_integer(message, "data.job", -1);

	if (!wire_bool(message, "data.ok", false))
		return xasprintf("job %" PRId64 " failed: %s", job, text_at(message, "data.message"));
	return xasprintf("job %" PRId64 " made %s", job, path_at(message, "data.files.0"));
}

static char *say_events_lost(const struct wire_message *message)
{
	return xasprintf("%" PRId64 " events were not read in time and are gone", wire_integer(message, "data.count", 0));
}

static char *say_preview(const struct wire_message *message)
{
	return xasprintf("camera %" PRId64 ": a picture of %s", wire_integer(message, "data.camera_id", -1),
			 text_at(message, "data.size"));
}

static char *say_nothing(const struct wire_message *message)
{
	(void)message;
	return NULL;
}

/* By enum message_id; what is missing is printed as its data. */
static const say_fn sayings[N_MESSAGES] = {
	[MSG_RECORDING_STARTED] = say_started, [MSG_RECORDING_STOPPED] = say_nothing, [MSG_SNAPSHOT_TAKEN] = say_shots,
	[MSG_STATUS_REPORT] = say_nothing, [MSG_QUITTING] = say_nothing, [MSG_SUBSCRIBED] = say_nothing, [MSG_ERROR] = say_error,
	[MSG_INITIALIZING] = say_nothing, [MSG_INITIALIZED] = say_initialized, [MSG_WARNING] = say_warning,
	[MSG_SHUTDOWN] = say_shutdown, [MSG_PREVIEW_FRAME] = say_preview,
	[EVENT_CAMERA_FOUND] = say_found, [EVENT_CAMERA_LOST] = say_lost, [EVENT_FRAMES_LOST] = say_frames_lost,
	[EVENT_RECORDING_STARTED] = say_camera_started, [EVENT_RECORDING_STOPPED] = say_camera_stopped,
	[EVENT_STORAGE_FULL] = say_storage_full, [EVENT_RECORDING_DELETED] = say_deleted,
	[EVENT_RECOVERED] = say_recovered, [EVENT_WARNING] = say_nothing,
	[EVENT_JOB_PROGRESS] = say_progress, [EVENT_JOB_DONE] = say_job_done, [EVENT_EVENTS_LOST] = say_events_lost,
};

static char *say_data(const struct wire_message *message)
{
	char *data = wire_value_text(message, "data");
	char *text = xasprintf("%s %s", messages[message->message].name, data ? data : "");

	free(data);
	return text;
}

char *say_message(const struct wire_message *message)
{
	say_fn say = sayings[message->message] ? sayings[message->message] : say_data;
	const char *timestamp = wire_text(message, "timestamp");
	char *text = say(message), *line;

	if (!text)
		return NULL;
	/* 2026-11-20T14:03:07.123456+01:00 */
	line = timestamp && strlen(timestamp) > 19 ? xasprintf("%.8s %s", timestamp + 11, text) : xstrdup(text);
	free(text);
	return human_clean(line);
}
