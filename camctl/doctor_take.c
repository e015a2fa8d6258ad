#include "camctl/doctor_take.h"

#include "camctl/doctor_machine.h"
#include "camctl/item.h"
#include "camctl/progress.h"
#include "common/clock.h"
#include "common/util.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_NS NS_PER_S		/* between two looks at the status */
#define SELDOM_NS (5 * NS_PER_S)	/* the same in a long recording */
#define LONG_NS (120 * NS_PER_S)
#define STOP_LIMIT_NS (60 * NS_PER_S)

static const char cameras[] = "data.cameras";

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static struct doctor_part *find(struct doctor_take *take, int64_t camera_id)
{
	for (int i = 0; i < take->n; i++)
		if (take->parts[i].camera_id == camera_id)
			return &take->parts[i];
	return NULL;
}

static struct doctor_part *add(struct doctor_take *take, int64_t camera_id)
{
	struct doctor_part *part = &take->parts[take->n];

	if (take->n == DOCTOR_MAX_CAMERAS)
		return NULL;
	take->n++;
	part->camera_id = camera_id;
	return part;
}

int64_t doctor_take_lost(const struct doctor_part *part)
{
	return part->lost.sensor + part->lost.starved + part->lost.encoder + part->lost.storage;
}

double doctor_take_mbps(const struct doctor_part *part)
{
	return part->duration_ns > 0 ? (double)part->bytes * 8e3 / (double)part->duration_ns : 0;
}

/* ---- its course ---- */

static void note_started(struct doctor_take *take, const struct wire_message *reply)
{
	int n = item_count(reply, cameras), failed = item_count(reply, "data.failed");

	for (int i = 0; i < n; i++) {
		struct doctor_part *part = add(take, item_integer(reply, cameras, i, "camera_id", -1));

		if (part)
			part->first_frame_ns = item_integer(reply, cameras, i, "first_sensor_timestamp_ns",
							    take->begun_ns) - take->begun_ns;
	}
	for (int i = 0; i < failed; i++) {
		struct doctor_part *part = add(take, item_integer(reply, "data.failed", i, "camera_id", -1));

		if (part)
			part->error = copy(item_text(reply, "data.failed", i, "message"));
	}
}

static int64_t copied_bytes(const struct wire_message *status, int64_t camera_id)
{
	return item_integer(status, cameras, item_of_camera(status, cameras, camera_id), "copied_bytes", 0);
}

/* An encoder that was made anew began to count anew. */
static int64_t grown(int64_t before, int64_t after)
{
	return after >= before ? after - before : after;
}

bool doctor_take_begin(struct doctor_take *take, struct patient *patient, const struct list *camera_ids)
{
	struct start_recording_args arguments = { *camera_ids, FIELD_UNSET };
	const struct wire_message *reply;
	struct wire_message status;
	struct error err;

	*take = (struct doctor_take){
		.encoders_changed = patient->encoders_changed, .cameras_lost = patient->cameras_lost,
		.degraded = patient->degraded,
	};
	take->temperature = take->hottest = doctor_machine_temperature();
	patient_ask(patient, CMD_GET_STATUS, NULL, 0, &err);
	status = patient_take(patient);
	take->before = patient_usage(patient);
	take->begun_ns = clock_now_ns();
	reply = patient_ask(patient, CMD_START_RECORDING, &arguments, 0, &err);
	take->start_ns = clock_now_ns() - take->begun_ns;
	if (reply)
		note_started(take, reply);
	else
		snprintf(take->error, sizeof(take->error), "%.199s", err.text);
	for (int i = 0; status.json && i < take->n; i++)
		take->parts[i].copied_bytes = copied_bytes(&status, take->parts[i].camera_id);
	wire_clear_message(&status);
	return reply;
}

/* What was written last, and when, to see pauses. */
struct written {
	int64_t frames[DOCTOR_MAX_CAMERAS], since_ns[DOCTOR_MAX_CAMERAS];
};

static void note_written(struct doctor_take *take, struct written *written, const struct wire_message *status,
			 int64_t now_ns)
{
	for (int i = 0; i < take->n; i++) {
		struct doctor_part *part = &take->parts[i];
		int at = item_of_camera(status, cameras, part->camera_id);
		int64_t frames = item_integer(status, cameras, at, "recorded_frames", 0);
		double fps = item_number(status, cameras, at, "capture_fps", 0);

		if (frames != written->frames[i])
			written->since_ns[i] = now_ns;
		written->frames[i] = frames;
		part->longest_pause_ns = MAX(part->longest_pause_ns, now_ns - written->since_ns[i]);
		part->lowest_fps = part->lowest_fps > 0 ? MIN(part->lowest_fps, fps) : fps;
	}
}

bool doctor_take_watch(struct doctor_take *take, struct patient *patient, int64_t ns)
{
	int64_t end_ns = clock_now_ns() + ns, step_ns = ns > LONG_NS ? SELDOM_NS : LOOK_NS;
	struct written written = { 0 };
	struct progress *progress = progress_create(patient->doctor->json ? stderr : stdout, "recording");
	bool whole = true;

	for (int i = 0; i < take->n; i++)
		written.since_ns[i] = clock_now_ns();
	for (int64_t now_ns = clock_now_ns(); now_ns < end_ns; now_ns = clock_now_ns()) {
		const struct wire_message *status;
		struct error err;

		progress_show(progress, 1 - (double)(end_ns - now_ns) / (double)ns);
		whole = patient_wait(patient, MIN(step_ns, end_ns - now_ns) + NS_PER_MS);
		if (!whole)
			break;
		take->hottest = fmax(take->hottest, doctor_machine_temperature());
		status = patient_ask(patient, CMD_GET_STATUS, NULL, 0, &err);
		if (status)
			note_written(take, &written, status, clock_now_ns());
	}
	progress_destroy(progress);
	return whole;
}

static void note_status(struct doctor_take *take, const struct wire_message *status)
{
	for (int i = 0; i < take->n; i++) {
		struct doctor_part *part = &take->parts[i];
		int at = item_of_camera(status, cameras, part->camera_id);
		const char *encoder = item_text(status, cameras, at, "encoder");
		const char *size = item_text(status, cameras, at, "size");

		snprintf(part->encoder, sizeof(part->encoder), "%s", encoder ? encoder : "none");
		snprintf(part->size, sizeof(part->size), "%s", size ? size : "?");
		part->target_fps = item_number(status, cameras, at, "target_fps", 0);
		part->copied_bytes = grown(part->copied_bytes, copied_bytes(status, part->camera_id));
	}
}

static void note_stopped(struct doctor_take *take, const struct wire_message *reply)
{
	int n = item_count(reply, cameras);

	for (int i = 0; i < n; i++) {
		struct doctor_part *part = find(take, item_integer(reply, cameras, i, "camera_id", -1));

		if (!part)
			continue;
		part->file = copy(item_text(reply, cameras, i, "file"));
		part->frames = item_integer(reply, cameras, i, "frames", 0);
		part->captured = item_integer(reply, cameras, i, "captured", 0);
		part->duration_ns = item_integer(reply, cameras, i, "duration_ns", 0);
		part->bytes = item_integer(reply, cameras, i, "bytes", 0);
		part->lost.sensor = item_integer(reply, cameras, i, "lost.sensor", 0);
		part->lost.starved = item_integer(reply, cameras, i, "lost.starved", 0);
		part->lost.encoder = item_integer(reply, cameras, i, "lost.encoder", 0);
		part->lost.storage = item_integer(reply, cameras, i, "lost.storage", 0);
		if (!part->error)
			part->error = copy(item_text(reply, cameras, i, "error"));
	}
}

bool doctor_take_end(struct doctor_take *take, struct patient *patient)
{
	const struct wire_message *reply;
	struct error err;
	int64_t asked_ns;

	reply = patient_ask(patient, CMD_GET_STATUS, NULL, 0, &err);
	if (reply)
		note_status(take, reply);
	take->after = patient_usage(patient);
	asked_ns = clock_now_ns();
	reply = patient_ask(patient, CMD_STOP_RECORDING, NULL, STOP_LIMIT_NS, &err);
	take->stop_ns = clock_now_ns() - asked_ns;
	take->encoders_changed = patient->encoders_changed - take->encoders_changed;
	take->cameras_lost = patient->cameras_lost - take->cameras_lost;
	take->degraded = patient->degraded - take->degraded;
	if (reply)
		note_stopped(take, reply);
	else
		snprintf(take->error, sizeof(take->error), "%.199s", err.text);
	for (int i = 0; i < take->n; i++)
		if (!take->parts[i].file && !take->parts[i].error)
			take->parts[i].error = xstrdup(reply ? "camd does not say that it recorded" : err.text);
	return reply;
}

/* ---- its files ---- */

static char *csv_path(const char *file)
{
	const char *dot = strrchr(file, '.');

	return xasprintf("%.*s_frame_timing.csv", (int)(dot ? dot - file : (ptrdiff_t)strlen(file)), file);
}

void doctor_take_look(struct doctor_take *take, struct doctor *doctor, bool decode)
{
	for (int i = 0; i < take->n; i++) {
		struct doctor_part *part = &take->parts[i];
		struct error err;

		if (!part->file)
			continue;
		part->csv_file = csv_path(part->file);
		if (!doctor_csv_read(part->csv_file, &part->csv, &err))
			snprintf(part->csv_error, sizeof(part->csv_error), "%.159s", err.text);
		if (decode && !doctor_video_look(doctor, part->file, part->duration_ns, &part->video, &err))
			snprintf(part->video_error, sizeof(part->video_error), "%.239s", err.text);
	}
}

bool doctor_take(struct doctor_take *take, struct patient *patient, const struct list *camera_ids, int64_t ns, bool decode)
{
	bool whole = doctor_take_begin(take, patient, camera_ids);

	if (!whole)
		return false;
	whole = doctor_take_watch(take, patient, ns);
	whole = doctor_take_end(take, patient) && whole;
	doctor_take_look(take, patient->doctor, decode);
	return whole;
}

void doctor_take_clear(struct doctor_take *take)
{
	for (int i = 0; i < take->n; i++) {
		struct doctor_part *part = &take->parts[i];

		if (part->file)
			unlink(part->file);
		if (part->csv_file)
			unlink(part->csv_file);
		free(part->file);
		free(part->csv_file);
		free(part->error);
	}
	take->n = 0;
}
