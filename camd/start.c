#include "camd/start.h"

#include "camd/camera_config.h"
#include "camd/control.h"
#include "camd/instant.h"
#include "camd/storage.h"
#include "camd/tell.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"
#include "protocol/errors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* For so long those whose encoders are open wait for the others, so that all begin at one instant. */
#define GATHER_NS NS_PER_S

enum part_state { PART_WAITING, PART_DONE, PART_FAILED };

/* What one camera has to do with one request. */
struct part {
	int camera_id;
	struct recording *recording;	/* not to be looked into once the part isn't waiting */
	enum part_state state;
	bool ready;			/* the encoder is open */
	struct error error;
	struct started_camera started;
	struct stopped_camera stopped;
};

struct operation {
	struct starts *starts;
	bool starting;			/* else stopping */
	bool begun;			/* those who are ready begin at instant_ns, those who will be, then */
	int64_t instant_ns;		/* 0: with their next frame */
	session_done_fn done;
	void *user;
	struct part *parts;
	size_t n;
	uv_timer_t timer;
	struct operation *next;
};

struct starts {
	struct session *session;
	struct operation *first;
};

struct starts *starts_create(struct session *session)
{
	struct starts *starts = xcalloc(1, sizeof(*starts));

	starts->session = session;
	return starts;
}

void starts_destroy(struct starts *starts)
{
	free(starts);
}

/* ---- answering ---- */

static void free_operation(uv_handle_t *timer)
{
	struct operation *operation = timer->data;

	for (size_t i = 0; i < operation->n; i++) {
		free(operation->parts[i].started.file);
		free(operation->parts[i].started.csv);
		free(operation->parts[i].stopped.file);
		free(operation->parts[i].stopped.error);
	}
	free(operation->parts);
	free(operation);
}

static void end_operation(struct operation *operation, const void *reply, const struct error *err)
{
	struct operation **at = &operation->starts->first;

	while (*at != operation)
		at = &(*at)->next;
	*at = operation->next;
	operation->done(operation->user, reply, err);
	uv_close((uv_handle_t *)&operation->timer, free_operation);
}

static void note_skew(struct started_camera *started, const struct started_camera *first)
{
	started->skew_us = instant_skew_us(started->first_sensor_timestamp_ns, first->first_sensor_timestamp_ns);
	if (started != first)
		log_info("camera %" PRId64 ": the recording begins %+" PRId64 " us after that of camera %" PRId64, started->camera_id,
			 started->skew_us, first->camera_id);
}

static void answer_start(struct operation *operation)
{
	struct started_camera cameras[SESSION_MAX_CAMERAS];
	struct failed_camera failed[SESSION_MAX_CAMERAS];
	char *files[SESSION_MAX_CAMERAS];
	struct recording_started reply = {
		.session = (char *)session_label(operation->starts->session), .files.items = files, .cameras.items = cameras,
	};
	const struct error *first_error = NULL;

	for (size_t i = 0; i < operation->n; i++) {
		struct part *part = &operation->parts[i];

		if (part->state == PART_DONE) {
			files[reply.files.n++] = part->started.file;
			cameras[reply.cameras.n] = part->started;
			note_skew(&cameras[reply.cameras.n++], &cameras[0]);
			continue;
		}
		first_error = first_error ? first_error : &part->error;
		failed[reply.failed.n++] = (struct failed_camera){
			.camera_id = part->camera_id, .code = (char *)error_code_name(part->error.code), .message = part->error.text,
		};
	}
	if (reply.failed.n)
		reply.failed.items = failed;
	end_operation(operation, reply.cameras.n ? &reply : NULL, reply.cameras.n ? NULL : first_error);
}

static void answer_stop(struct operation *operation)
{
	struct stopped_camera cameras[SESSION_MAX_CAMERAS];
	char *files[SESSION_MAX_CAMERAS];
	struct recording_stopped reply = {
		.session = (char *)session_label(operation->starts->session), .files.items = files, .cameras.items = cameras,
	};

	for (size_t i = 0; i < operation->n; i++) {
		struct part *part = &operation->parts[i];

		cameras[reply.cameras.n++] = part->stopped;
		if (part->stopped.file)
			files[reply.files.n++] = part->stopped.file;
	}
	end_operation(operation, &reply, NULL);
}

static void answer_if_all_have(struct operation *operation)
{
	for (size_t i = 0; i < operation->n; i++)
		if (operation->parts[i].state == PART_WAITING)
			return;
	if (operation->starting)
		answer_start(operation);
	else
		answer_stop(operation);
}

/* ---- beginning at one instant ---- */

/* Whether some part still waits for its encoder. */
static bool is_gathering(const struct operation *operation)
{
	for (size_t i = 0; i < operation->n; i++)
		if (operation->parts[i].state == PART_WAITING && !operation->parts[i].ready)
			return true;
	return false;
}

/* All who are ready. Who comes later begins at the same instant if that is still to come, else at once. */
static void begin(struct operation *operation)
{
	struct session *session = operation->starts->session;
	struct camera *cameras[SESSION_MAX_CAMERAS];
	size_t n = 0;

	for (size_t i = 0; i < operation->n; i++)
		if (operation->parts[i].ready && operation->parts[i].state == PART_WAITING)
			cameras[n++] = session_camera(session, operation->parts[i].camera_id);
	operation->instant_ns = instant_choose(cameras, n, session_config(session)->start_timeout_ns / 2);
	operation->begun = true;
	for (size_t i = 0; i < n; i++)
		camera_begin_recording(cameras[i], operation->instant_ns);
}

static void note_ready(struct operation *operation, struct part *part)
{
	part->ready = true;
	if (operation->begun)
		camera_begin_recording(session_camera(operation->starts->session, part->camera_id), operation->instant_ns);
}

/* ---- what cameras tell ---- */

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static void fill_stopped(const struct recording *recording, int id, struct stopped_camera *stopped)
{
	const struct error *err = &recording->error;	/* its threads are done with it */

	*stopped = (struct stopped_camera){
		.camera_id = id, .file = recording->rows ? recording->current : NULL, .frames = recording->rows,
		.segments = (int64_t)recording->n_files,
		.duration_ns = atomic_load(&recording->duration_ns), .bytes = atomic_load(&recording->bytes),
		.captured = recording->number, .lost = recording_lost(recording),
		.error = err->code ? (char *)err->text : NULL,
	};
}

static void note_started(struct part *part, struct recording *recording)
{
	part->started = (struct started_camera){
		.camera_id = part->camera_id, .file = copy(recording->path),
		.csv = recording->request.csv ? copy(recording->csv_path) : NULL,
		.first_sensor_timestamp_ns = atomic_load(&recording->first_sensor_ns),
	};
	part->state = PART_DONE;
}

static void note_failed(struct part *part, struct recording *recording)
{
	struct error err;

	if (recording_error(recording, &err))
		part->error = err;
	else if (!part->error.code)
		error_set(&part->error, ERR_CANCELLED, "camera %d: the recording was stopped before its first frame", part->camera_id);
	part->state = PART_FAILED;
}

static void note_finished(struct part *part, const struct recording *recording)
{
	fill_stopped(recording, part->camera_id, &part->stopped);
	part->stopped.file = copy(part->stopped.file);
	part->stopped.error = copy(part->stopped.error);
	part->state = PART_DONE;
}

static void tell_part(struct operation *operation, struct recording *recording, enum recording_event event)
{
	for (size_t i = 0; i < operation->n; i++) {
		struct part *part = &operation->parts[i];

		if (part->recording != recording || part->state != PART_WAITING)
			continue;
		if (operation->starting && event == RECORDING_READY)
			note_ready(operation, part);
		else if (operation->starting && event == RECORDING_STARTED)
			note_started(part, recording);
		else if (operation->starting && event == RECORDING_FINISHED)
			note_failed(part, recording);	/* not before: the next start must not meet it */
		else if (!operation->starting && event == RECORDING_FINISHED)
			note_finished(part, recording);
	}
}

static void send_started(struct starts *starts, const struct camera *camera, const struct recording *recording)
{
	struct camera_started data = {
		.camera_id = camera_id(camera), .session = (char *)session_label(starts->session), .file = recording->path,
		.csv = recording->request.csv ? recording->csv_path : NULL,
		.first_sensor_timestamp_ns = atomic_load(&recording->first_sensor_ns),
	};

	control_event(session_control(starts->session), EVENT_RECORDING_STARTED, &data);
}

static void send_stopped(struct starts *starts, const struct camera *camera, const struct recording *recording)
{
	struct camera_stopped data = { .session = (char *)session_label(starts->session), .cause = (char *)recording->cause };

	fill_stopped(recording, camera_id(camera), &data.camera);
	control_event(session_control(starts->session), EVENT_RECORDING_STOPPED, &data);
}

/* Each RECORDING_SEGMENT is about one; they come in order. */
static void send_segment(struct starts *starts, const struct camera *camera, struct recording *recording)
{
	struct segment *segment = recording_take_segment(recording);
	const struct footage_facts *facts = &segment->facts;
	char from[CLOCK_ISO_BYTES], to[CLOCK_ISO_BYTES];
	struct segment_finished data = {
		.camera_id = camera_id(camera), .session = (char *)session_label(starts->session), .file = facts->path,
		.csv = recording->request.csv ? facts->csv_path : NULL, .index = (int64_t)segment->index, .frames = (int64_t)facts->frames,
		.bytes = (int64_t)facts->bytes, .from_sensor_timestamp_ns = facts->first_ns, .to_sensor_timestamp_ns = facts->last_ns,
		.from = from, .to = to,
	};

	clock_iso(facts->first_wall_ns, from);
	clock_iso(facts->last_wall_ns, to);
	if (recording->request.segment_ns || recording->request.segment_bytes || atomic_load(&recording->split))
		control_event(session_control(starts->session), EVENT_SEGMENT_FINISHED, &data);
	storage_file_ended(session_storage(starts->session), facts->path);
	segment_destroy(segment);
}

static void send_failed(struct starts *starts, const struct camera *camera, struct recording *recording)
{
	struct control *control = session_control(starts->session);
	struct error err;

	recording_error(recording, &err);
	if (err.code == ERR_STORAGE_FULL)
		control_event(control, EVENT_STORAGE_FULL,
			      &(struct storage_full){ .camera_id = camera_id(camera), .path = recording->directory, .message = err.text });
	control_event(control, EVENT_WARNING, &(struct warning){ .message = err.text, .code = (char *)error_code_name(err.code) });
	control_notice(control, MSG_WARNING, &(struct warning){ .message = err.text, .code = (char *)error_code_name(err.code) });
}

void starts_on_recording(struct starts *starts, struct camera *camera, struct recording *recording, enum recording_event event)
{
	struct error trouble;

	switch (event) {
	case RECORDING_RESCUED:
		if (recording_take_trouble(recording, &trouble))
			tell_warning(session_control(starts->session), &trouble);
		break;
	case RECORDING_READY:
	case RECORDING_SYNCED:
	case RECORDING_SYNC_FAILED:
		break;
	case RECORDING_STARTED:
		recording->started = true;
		session_mark_used(starts->session);
		send_started(starts, camera, recording);
		break;
	case RECORDING_SEGMENT:
		send_segment(starts, camera, recording);
		break;
	case RECORDING_COMPLETE:
		camera_stop_recording(camera, "duration");
		break;
	case RECORDING_FAILED:
		if (recording->started || !recording->request.again)
			send_failed(starts, camera, recording);
		camera_stop_recording(camera, "error");
		break;
	case RECORDING_FINISHED:
		if (recording->started)
			send_stopped(starts, camera, recording);
		break;
	}
	for (struct operation *operation = starts->first; operation; operation = operation->next)
		tell_part(operation, recording, event);
	for (struct operation *operation = starts->first, *next; operation; operation = next) {
		next = operation->next;
		if (operation->starting && !operation->begun && !is_gathering(operation))
			begin(operation);
		answer_if_all_have(operation);
	}
}

void starts_tell_losses(struct starts *starts, struct camera *camera, struct recording *recording)
{
	struct frames_lost data = { .camera_id = camera_id(camera) };
	struct lost now, *told;

	if (!recording)
		return;
	now = recording_lost(recording);
	told = &recording->reported;
	data.frame_number = atomic_load(&recording->captured);
	data.lost = (struct lost){ now.sensor - told->sensor, now.starved - told->starved, now.encoder - told->encoder,
				   now.storage - told->storage };
	if (!data.lost.sensor && !data.lost.starved && !data.lost.encoder && !data.lost.storage)
		return;
	recording->reported = now;
	log_warning("camera %d: lost frames: sensor %" PRId64 ", starved %" PRId64 ", encoder %" PRId64 ", storage %" PRId64,
		    camera_id(camera), data.lost.sensor, data.lost.starved, data.lost.encoder, data.lost.storage);
	control_event(session_control(starts->session), EVENT_FRAMES_LOST, &data);
}

/* ---- beginning ---- */

static struct operation *add_operation(struct starts *starts, bool starting, size_t n, session_done_fn done, void *user)
{
	struct operation *operation = xcalloc(1, sizeof(*operation));

	*operation = (struct operation){
		.starts = starts, .starting = starting, .done = done, .user = user, .parts = xcalloc(n, sizeof(struct part)),
		.next = starts->first,
	};
	uv_timer_init(session_loop(starts->session), &operation->timer);
	operation->timer.data = operation;
	starts->first = operation;
	return operation;
}

static int64_t gather_ns(int64_t timeout_ns)
{
	return MIN(GATHER_NS, timeout_ns / 4);
}

static void on_timeout(uv_timer_t *timer)
{
	struct operation *operation = timer->data;
	double waited_s = session_config(operation->starts->session)->start_timeout_ns / 1e9;

	for (size_t i = 0; i < operation->n; i++) {
		struct part *part = &operation->parts[i];
		struct camera *camera = session_camera(operation->starts->session, part->camera_id);

		if (part->state != PART_WAITING)
			continue;
		error_set(&part->error, ERR_TIMEOUT, "camera %d gave no frame within %g s", part->camera_id, waited_s);
		log_warning("%s", part->error.text);
		/* it is answered when the recording is really over, so that the next start doesn't meet it */
		if (camera)
			camera_stop_recording(camera, "error");
	}
}

/* What a slow or broken encoder costs the others ends here. */
static void on_gathered(uv_timer_t *timer)
{
	struct operation *operation = timer->data;
	int64_t timeout_ns = session_config(operation->starts->session)->start_timeout_ns;

	if (!operation->begun)
		begin(operation);
	uv_timer_start(timer, on_timeout, (timeout_ns - gather_ns(timeout_ns)) / NS_PER_MS, 0);
}

static void start_part(struct part *part, struct camera *camera, const struct options *options, const struct recording_request *common)
{
	const struct config *config = camera_config(options, camera_id(camera));
	struct recording_request request = *common;
	char *title = camera_title(camera);

	part->camera_id = camera_id(camera);
	request.camera_id = part->camera_id;
	request.title = title;
	request.container = config->container;
	request.csv = config->enable_csv_timing_log;
	request.encoding = camera_config_encoding(options, part->camera_id);
	request.segment_ns = config->segment_length_ns;
	request.segment_bytes = config->segment_size_bytes;
	if (camera_recording(camera)) {
		error_set(&part->error, ERR_ALREADY_RECORDING, "Already recording");
		part->state = PART_FAILED;
	} else if (camera_state(camera) != CAMERA_RUNNING) {
		part->error = *camera_error(camera);
		if (!part->error.code)
			error_set(&part->error, ERR_TIMEOUT, "camera %d is not open yet", part->camera_id);
		part->state = PART_FAILED;
	} else {
		part->recording = camera_start_recording(camera, &request);
	}
	free(title);
}

static bool any_running(struct camera **cameras, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (camera_state(cameras[i]) == CAMERA_RUNNING)
			return true;
	return false;
}

static bool all_recording(struct camera **cameras, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!camera_recording(cameras[i]) || camera_recording(cameras[i])->stopping)
			return false;
	return true;
}

/* Cameras that exist in name only: busy ones are told of, others are not there. */
bool starts_check_running(struct camera **cameras, size_t n, struct error *err)
{
	if (any_running(cameras, n))
		return true;
	for (size_t i = 0; i < n; i++) {
		const struct error *why = camera_error(cameras[i]);

		if (why->code && why->code != ERR_NOT_FOUND) {
			*err = *why;
			return false;
		}
		if (camera_state(cameras[i]) == CAMERA_OPENING && camera_has_answered(cameras[i]))
			return error_set(err, ERR_TIMEOUT, "camera %d is not open yet", camera_id(cameras[i]));
	}
	return error_set(err, ERR_NO_CAMERAS, "No cameras found");
}

static bool check_start(struct starts *starts, const struct list *ids, struct camera ***cameras, size_t *n, const char **directory,
			struct error *err)
{
	if (!session_select(starts->session, ids, cameras, n, err))
		return false;
	if (all_recording(*cameras, *n))
		error_set(err, ERR_ALREADY_RECORDING, "Already recording");
	else if (starts_check_running(*cameras, *n, err) && storage_may_record(session_storage(starts->session), err) && (*directory = session_directory(starts->session, err)))
		return true;
	free(*cameras);
	return false;
}

static void start(struct starts *starts, const struct list *ids, struct recording_request common, session_done_fn done, void *user)
{
	const struct config *config = session_config(starts->session);
	struct operation *operation;
	struct camera **cameras;
	struct error err;
	size_t n;

	if (!check_start(starts, ids, &cameras, &n, &common.directory, &err)) {
		done(user, NULL, &err);
		return;
	}
	operation = add_operation(starts, true, n, done, user);
	operation->n = n;
	for (size_t i = 0; i < n; i++)
		start_part(&operation->parts[i], cameras[i], session_options(starts->session), &common);
	free(cameras);
	uv_timer_start(&operation->timer, on_gathered, gather_ns(config->start_timeout_ns) / NS_PER_MS, 0);
	answer_if_all_have(operation);
}

void starts_start(struct starts *starts, const struct list *ids, int64_t duration_ns, session_done_fn done, void *user)
{
	start(starts, ids, (struct recording_request){ .duration_ns = duration_ns, .wall_ns = clock_wall_ns() }, done, user);
}

void starts_start_again(struct starts *starts, const struct list *ids, int64_t duration_ns, session_done_fn done, void *user)
{
	struct recording_request common = { .duration_ns = duration_ns, .wall_ns = clock_wall_ns(), .again = true };

	start(starts, ids, common, done, user);
}

static void stop_all(struct starts *starts, struct camera **cameras, size_t n, const char *cause, session_done_fn done, void *user)
{
	struct operation *operation = add_operation(starts, false, n, done, user);

	for (size_t i = 0; i < n; i++) {
		struct part *part = &operation->parts[operation->n];

		part->recording = camera_recording(cameras[i]);
		part->camera_id = camera_id(cameras[i]);
		if (!part->recording)
			continue;
		operation->n++;
		camera_stop_recording(cameras[i], cause);
	}
	answer_if_all_have(operation);
}

void starts_stop(struct starts *starts, const struct list *ids, session_done_fn done, void *user)
{
	struct camera **cameras = NULL;
	struct error err;
	size_t n, recording = 0;
	bool known = session_select(starts->session, ids, &cameras, &n, &err);

	for (size_t i = 0; known && i < n; i++)
		recording += camera_recording(cameras[i]) != NULL;
	if (recording) {
		stop_all(starts, cameras, n, "command", done, user);
	} else {
		if (known || err.code == ERR_NO_CAMERAS)
			error_set(&err, ERR_NOT_RECORDING, "Not recording");
		done(user, NULL, &err);
	}
	free(known ? cameras : NULL);
}

void starts_finish(struct starts *starts, session_done_fn done, void *user)
{
	struct list all = { 0 };
	struct camera **cameras = NULL;
	struct error err;
	size_t n = 0;
	bool some = session_select(starts->session, &all, &cameras, &n, &err);

	stop_all(starts, cameras, some ? n : 0, "shutdown", done, user);
	free(some ? cameras : NULL);
}
