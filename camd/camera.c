#include "camd/camera.h"

#include "camd/encoding.h"
#include "camd/retry.h"
#include "camd/timing.h"
#include "camd/writing.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *const camera_state_names[] = { "opening", "running", "lost", "failed" };

struct frame_request {
	camera_frame_fn fn;
	void *user;
};

struct camera {
	int id;
	char *spec;
	const char *what;		/* in spec */
	const struct source_impl *impl;
	struct source_request wanted;
	double thin_to_fps;
	uv_loop_t *loop;
	struct mailbox *mailbox;
	struct camera_owner owner;

	/* the main thread's */
	enum camera_state state;
	struct error error, early_end;
	bool answered, wants_source, busy;	/* busy: a worker opens or closes the source */
	struct retry retry;
	double nominal_fps;
	char source_id[256], name[272], model[128];
	struct source *source;			/* NULL unless open; touched by the worker while busy */
	struct recording *recording;		/* until RECORDING_FINISHED */
	void (*on_closed)(void *user);
	void *closed_user;

	struct encoding *encoding;
	struct writing *writing;

	pthread_mutex_t lock;			/* guards what follows: the source's thread and the main thread meet here */
	struct timing timing;			/* but its atomics */
	struct recording *capturing;		/* takes frames; NULL: none */
	int64_t preview_interval_ns, preview_due_ns;
	bool preview_out;			/* a picture is with the owner: a second one would keep a buffer from the source */
	struct frame_request frame_request;
};

/* ---- the source's thread ---- */

struct delivery {
	struct camera *camera;
	struct frame *frame;
	struct frame_request request;
};

static void deliver_preview(void *argument)
{
	struct delivery *delivery = argument;

	delivery->camera->owner.on_preview(delivery->camera->owner.user, delivery->camera, delivery->frame);
	free(delivery);
}

static void update_wanted(struct camera *camera);

static void deliver_frame(void *argument)
{
	struct delivery *delivery = argument;

	update_wanted(delivery->camera);
	delivery->request.fn(delivery->request.user, delivery->camera, delivery->frame);
	free(delivery);
}

static void post_frame(struct camera *camera, struct frame *frame, mailbox_fn fn, struct frame_request request)
{
	struct delivery *delivery = xcalloc(1, sizeof(*delivery));

	*delivery = (struct delivery){ .camera = camera, .frame = frame_ref(frame), .request = request };
	mailbox_post(camera->mailbox, fn, delivery);
}

static void capture(struct camera *camera, struct frame *frame)
{
	struct recording *recording = camera->capturing;

	if (!recording || !recording_capture(recording, frame))
		return;
	if (!encoding_offer(camera->encoding, recording, frame))
		recording_refused(recording);
}

static void look(struct camera *camera, struct frame *frame)
{
	struct frame_request request = camera->frame_request;

	if (request.fn) {
		camera->frame_request = (struct frame_request){ 0 };
		post_frame(camera, frame, deliver_frame, request);
	}
	/* half a frame early is in time, so that a preview at the camera's own rate gets every frame */
	if (camera->preview_interval_ns && !camera->preview_out &&
	    frame->sensor_ns >= camera->preview_due_ns - camera->timing.source_period_ns / 2) {
		camera->preview_out = true;
		camera->preview_due_ns = MAX(camera->preview_due_ns, frame->sensor_ns - camera->preview_interval_ns) +
					 camera->preview_interval_ns;
		post_frame(camera, frame, deliver_preview, request);
	}
}

static void on_frame(void *user, struct frame *frame)
{
	struct camera *camera = user;

	pthread_mutex_lock(&camera->lock);
	if (timing_note(&camera->timing, frame)) {
		capture(camera, frame);
		look(camera, frame);
	}
	pthread_mutex_unlock(&camera->lock);
	frame_unref(frame);
}

struct ended {
	struct camera *camera;
	struct error error;
	bool failed;
};

static void handle_end(void *argument);

static void on_end(void *user, const struct error *err)
{
	struct ended *ended = xcalloc(1, sizeof(*ended));

	ended->camera = user;
	ended->failed = err;
	if (err)
		ended->error = *err;
	mailbox_post(ended->camera->mailbox, handle_end, ended);
}

/* ---- opening and closing, in a worker ---- */

struct source_job {
	uv_work_t work;
	struct camera *camera;
	struct source *source;
	struct error error;
};

static void open_work(uv_work_t *work)
{
	struct source_job *job = work->data;
	struct camera *camera = job->camera;
	struct source_sink sink = { .user = camera, .on_frame = on_frame, .on_end = on_end };

	job->source = camera->impl->open(camera->what, &camera->wanted, &job->error);
	if (!job->source)
		return;
	pthread_mutex_lock(&camera->lock);
	timing_start(&camera->timing, job->source->period_ns, camera->thin_to_fps);
	pthread_mutex_unlock(&camera->lock);
	if (camera->impl->start(job->source, &sink, &job->error))
		return;
	camera->impl->close(job->source);
	job->source = NULL;
}

static void close_work(uv_work_t *work)
{
	struct source_job *job = work->data;

	job->camera->impl->stop(job->source);
	job->camera->impl->close(job->source);
}

static void set_state(struct camera *camera, enum camera_state state, const struct error *err)
{
	camera->state = state;
	camera->error = err ? *err : (struct error){ 0 };
	camera->owner.on_state(camera->owner.user, camera);
}

/* The worker is done; letters that the source posted before were in the mailbox ahead of the one that calls this. */
static void free_camera(void *argument)
{
	struct camera *camera = argument;

	encoding_destroy(camera->encoding);
	writing_destroy(camera->writing);
	recording_destroy(camera->recording);
	if (camera->on_closed)
		camera->on_closed(camera->closed_user);
	pthread_mutex_destroy(&camera->lock);
	free(camera->spec);
	free(camera);
}

static void begin(struct camera *camera, uv_work_cb work, uv_after_work_cb after);
static void after_close(uv_work_t *work, int status);

static void begin_close(struct camera *camera)
{
	if (camera->busy)
		return;
	if (camera->source)
		begin(camera, close_work, after_close);
	else if (!camera->wants_source)
		mailbox_post(camera->mailbox, free_camera, camera);
}

static void after_close(uv_work_t *work, int status)
{
	struct source_job *job = work->data;
	struct camera *camera = job->camera;

	(void)status;
	camera->busy = false;
	camera->source = NULL;
	free(job);
	if (!camera->wants_source)
		begin_close(camera);
}

static void note_opened(struct camera *camera, struct source *source)
{
	camera->source = source;
	retry_note_success(&camera->retry);
	snprintf(camera->source_id, sizeof(camera->source_id), "%s", source->id);
	snprintf(camera->name, sizeof(camera->name), "%s", source->id);
	snprintf(camera->model, sizeof(camera->model), "%s", source->model);
	log_info("camera %d: %s (%s): %dx%d %s at %.5g frames/s; %s", camera->id, camera->name, camera->model, source->format.width,
		 source->format.height, pixel_format_names[source->format.pixels], source->fps, source->clock);
	camera->nominal_fps = camera->timing.wanted_period_ns ? camera->thin_to_fps : source->fps > 0 ? source->fps : 30;
	update_wanted(camera);
	set_state(camera, CAMERA_RUNNING, NULL);
}

static void note_not_opened(struct camera *camera, const struct error *err)
{
	if (!camera->retry.tries || strcmp(camera->error.text, err->text))
		log_warning("camera %d: %s", camera->id, err->text);
	retry_note_failure(&camera->retry);
	set_state(camera, camera->state == CAMERA_LOST ? CAMERA_LOST : CAMERA_FAILED, err);
}

/* The camera is gone: lets go of the source, to be opened anew. */
static void lose(struct camera *camera, const struct error *err)
{
	log_warning("camera %d: lost: %s", camera->id, err->text);
	retry_note_failure(&camera->retry);
	set_state(camera, CAMERA_LOST, err);
	begin_close(camera);
}

static void after_open(uv_work_t *work, int status)
{
	struct source_job *job = work->data;
	struct camera *camera = job->camera;

	(void)status;
	camera->busy = false;
	camera->answered = true;
	if (job->source)
		note_opened(camera, job->source);
	else
		note_not_opened(camera, &job->error);
	free(job);
	if (!camera->wants_source)
		begin_close(camera);
	else if (camera->source && camera->early_end.code)
		lose(camera, &camera->early_end);
	camera->early_end = (struct error){ 0 };
}

static void begin(struct camera *camera, uv_work_cb work, uv_after_work_cb after)
{
	struct source_job *job = xcalloc(1, sizeof(*job));

	job->work.data = job;
	job->camera = camera;
	job->source = camera->source;
	camera->busy = true;
	uv_queue_work(camera->loop, &job->work, work, after);
}

static void handle_end(void *argument)
{
	struct ended *ended = argument;
	struct camera *camera = ended->camera;

	if (!ended->failed)
		log_info("camera %d: %s: played to its end", camera->id, camera->name);
	else if (camera->busy && !camera->source)
		camera->early_end = ended->error;	/* it is not even known to be open yet */
	else if (camera->state == CAMERA_RUNNING && camera->source && !camera->busy)
		lose(camera, &ended->error);
	free(ended);
}

struct camera *camera_create(const struct camera_request *request, struct error *err)
{
	const char *what;
	const struct source_impl *impl = source_find(request->spec, &what, err);
	struct camera *camera;

	if (!impl)
		return NULL;
	camera = xcalloc(1, sizeof(*camera));
	*camera = (struct camera){
		.id = request->id, .spec = xstrdup(request->spec), .impl = impl, .wanted = request->wanted,
		.thin_to_fps = request->thin_to_fps, .nominal_fps = request->wanted.fps > 0 ? request->wanted.fps : 30, .loop = request->loop,
		.mailbox = request->mailbox, .owner = request->owner, .wants_source = true,
	};
	camera->what = camera->spec + (what - request->spec);
	snprintf(camera->name, sizeof(camera->name), "%s", request->spec);
	pthread_mutex_init(&camera->lock, NULL);
	camera->writing = writing_create(camera->id, request->syncer);
	camera->encoding = encoding_create(camera->id, camera->writing);
	begin(camera, open_work, after_open);
	return camera;
}

void camera_close(struct camera *camera, void (*on_closed)(void *user), void *user)
{
	camera->wants_source = false;
	camera->on_closed = on_closed;
	camera->closed_user = user;
	camera_cancel_frame(camera);
	begin_close(camera);
}

/* ---- what it is ---- */

int camera_id(const struct camera *camera)
{
	return camera->id;
}

enum camera_state camera_state(const struct camera *camera)
{
	return camera->state;
}

const char *camera_spec(const struct camera *camera)
{
	return camera->spec;
}

const char *camera_name(const struct camera *camera)
{
	return camera->name;
}

const char *camera_source_id(const struct camera *camera)
{
	return camera->source_id;
}

void camera_set_twin(struct camera *camera, int twin)
{
	if (twin > 1)
		snprintf(camera->name, sizeof(camera->name), "%s#%d", camera->source_id, twin);
	else
		snprintf(camera->name, sizeof(camera->name), "%s", camera->source_id);
}

const char *camera_model(const struct camera *camera)
{
	return camera->model;
}

const struct error *camera_error(const struct camera *camera)
{
	return &camera->error;
}

bool camera_has_answered(const struct camera *camera)
{
	return camera->answered;
}

struct recording *camera_recording(const struct camera *camera)
{
	return camera->recording;
}

double camera_nominal_fps(const struct camera *camera)
{
	return camera->nominal_fps;
}

/* ---- recording ---- */

static void update_wanted(struct camera *camera)
{
	bool wanted;

	if (!camera->source || camera->busy || !camera->impl->set_wanted)
		return;
	pthread_mutex_lock(&camera->lock);
	wanted = camera->capturing || camera->preview_interval_ns || camera->frame_request.fn;
	pthread_mutex_unlock(&camera->lock);
	camera->impl->set_wanted(camera->source, wanted);
}

struct told {
	struct camera *camera;
	struct recording *recording;
	enum recording_event event;
};

static void handle_recording_event(void *argument)
{
	struct told *told = argument;
	struct camera *camera = told->camera;

	/* before it is told: what the owner does then may ask whether anything is still being recorded */
	if (told->event == RECORDING_FINISHED)
		camera->recording = NULL;
	camera->owner.on_recording(camera->owner.user, camera, told->recording, told->event);
	if (told->event == RECORDING_FINISHED)
		recording_destroy(told->recording);
	free(told);
}

/* By any of the camera's threads, with the camera's lock held or not. */
static void on_recording_event(void *user, struct recording *recording, enum recording_event event)
{
	struct camera *camera = user;
	struct told *told = xcalloc(1, sizeof(*told));

	*told = (struct told){ .camera = camera, .recording = recording, .event = event };
	mailbox_post(camera->mailbox, handle_recording_event, told);
}

/* The encoder is open: frames may come. Before a FINISHED of the same recording, for that comes behind it through the queues. */
static void handle_encoder_ready(void *argument)
{
	struct told *told = argument;
	struct camera *camera = told->camera;

	if (!told->recording->stopping) {
		pthread_mutex_lock(&camera->lock);
		camera->capturing = told->recording;
		pthread_mutex_unlock(&camera->lock);
		update_wanted(camera);
	}
	free(told);
}

static void on_encoder_ready(void *user, struct recording *recording)
{
	struct camera *camera = user;
	struct told *told = xcalloc(1, sizeof(*told));

	*told = (struct told){ .camera = camera, .recording = recording };
	mailbox_post(camera->mailbox, handle_encoder_ready, told);
}

struct recording *camera_start_recording(struct camera *camera, const struct recording_request *request)
{
	struct recording_request complete = *request;

	complete.notify = on_recording_event;
	complete.user = camera;
	camera->recording = recording_create(&complete);
	encoding_prepare(camera->encoding, camera->recording, &camera->source->format, on_encoder_ready, camera);
	return camera->recording;
}

void camera_stop_recording(struct camera *camera, const char *cause)
{
	struct recording *recording = camera->recording;

	if (!recording || recording->stopping)
		return;
	recording->stopping = true;
	recording->cause = cause;
	pthread_mutex_lock(&camera->lock);
	camera->capturing = NULL;
	encoding_end(camera->encoding, recording);
	pthread_mutex_unlock(&camera->lock);
	update_wanted(camera);
}

/* ---- looking ---- */

void camera_set_preview(struct camera *camera, int64_t interval_ns)
{
	pthread_mutex_lock(&camera->lock);
	camera->preview_interval_ns = interval_ns;
	camera->preview_due_ns = 0;
	pthread_mutex_unlock(&camera->lock);
	update_wanted(camera);
}

void camera_preview_done(struct camera *camera)
{
	pthread_mutex_lock(&camera->lock);
	camera->preview_out = false;
	pthread_mutex_unlock(&camera->lock);
}

bool camera_has_preview(const struct camera *camera)
{
	return camera->preview_interval_ns;	/* written by this thread only */
}

bool camera_request_frame(struct camera *camera, camera_frame_fn fn, void *user)
{
	bool free_slot;

	pthread_mutex_lock(&camera->lock);
	free_slot = !camera->frame_request.fn;
	if (free_slot)
		camera->frame_request = (struct frame_request){ .fn = fn, .user = user };
	pthread_mutex_unlock(&camera->lock);
	update_wanted(camera);
	return free_slot;
}

void camera_cancel_frame(struct camera *camera)
{
	struct frame_request request;

	pthread_mutex_lock(&camera->lock);
	request = camera->frame_request;
	camera->frame_request = (struct frame_request){ 0 };
	pthread_mutex_unlock(&camera->lock);
	update_wanted(camera);
	if (request.fn)
		request.fn(request.user, camera, NULL);
}

static void watch_silence(struct camera *camera, int64_t now_ns)
{
	int64_t silent_ns = timing_silence_ns(&camera->timing, camera->source->period_ns, now_ns);
	struct error err;

	if (!camera->source->fixed_rate || !silent_ns)
		return;
	error_set(&err, ERR_CAMERA_LOST, "%s gives no frames since %.1f s", camera->name, silent_ns / 1e9);
	lose(camera, &err);
}

void camera_tick(struct camera *camera, int64_t now_ns)
{
	if (camera->recording && recording_is_overdue(camera->recording, now_ns))
		camera_stop_recording(camera, "duration");
	if (camera->busy || !camera->wants_source)
		return;
	if (camera->source && camera->state == CAMERA_RUNNING)
		watch_silence(camera, now_ns);
	else if (!camera->source && retry_is_due(&camera->retry, now_ns))
		begin(camera, open_work, after_open);
}

void camera_fill_status(const struct camera *camera, struct camera_status *status)
{
	bool alive = camera->state == CAMERA_RUNNING && !timing_silence_ns(&camera->timing, 0, clock_now_ns());

	*status = (struct camera_status){
		.cam_num = camera->id, .camera_id = camera->id, .id = (char *)camera->name, .kind = (char *)camera->impl->kind,
		.model = (char *)camera->model, .state = (char *)camera_state_names[camera->state],
		.error = camera->error.code ? (char *)camera->error.text : NULL,
		.capture_fps = alive ? atomic_load(&camera->timing.capture_mfps) / 1000.0 : 0,
		.collation_fps = alive ? atomic_load(&camera->timing.collation_mfps) / 1000.0 : 0,
		.target_fps = camera_nominal_fps(camera),
		.camera_frames = atomic_load(&camera->timing.produced), .camera_lost = atomic_load(&camera->timing.lost),
		.preview = camera_has_preview(camera),
	};
	if (camera->source && !camera->busy)
		status->size = (struct size){ camera->source->format.width, camera->source->format.height };
	status->captured_frames = status->camera_frames;
	status->collated_frames = status->camera_frames - status->camera_lost;
	if (camera->recording)
		recording_fill_status(camera->recording, status);
}

void camera_fill_info(const struct camera *camera, struct camera_info *info)
{
	*info = (struct camera_info){
		.camera_id = camera->id, .id = (char *)camera->name, .kind = (char *)camera->impl->kind,
		.model = (char *)camera->model, .state = (char *)camera_state_names[camera->state],
	};
	_Static_assert(sizeof(struct source_mode) == sizeof(struct camera_mode), "a mode is a mode");
	if (camera->source && !camera->busy)
		info->modes = (struct list){ camera->source->n_modes, camera->source->modes };
}
