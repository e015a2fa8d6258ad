#include "camd/camera_private.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Longer than it takes a source that watches itself to notice, and to start the camera again a few times. */
#define HANG_NS (30 * NS_PER_S)
#define HANG_PERIODS 60

const char *const camera_state_names[] = { "opening", "running", "lost", "failed", "off" };

/* ---- the source's thread ---- */

/* False: the frame is left out. *wanted: somebody waits for it. */
static bool note(struct camera *camera, struct frame *frame, bool *wanted)
{
	bool kept;

	pthread_mutex_lock(&camera->lock);
	kept = timing_note(&camera->timing, frame);
	*wanted = camera->capturing || camera->next || camera->preview_interval_ns || camera->frame_requests;
	pthread_mutex_unlock(&camera->lock);
	frame->capture_mfps = atomic_load(&camera->timing.capture_mfps);
	frame->kept_mfps = atomic_load(&camera->timing.collation_mfps);
	return kept;
}

static void on_frame(void *user, struct frame *frame)
{
	struct camera *camera = user;
	struct frame *spent = NULL;
	bool wanted, drawn, bare;

	if (note(camera, frame, &wanted)) {
		/* without the lock, for it may ask a driver for the memory; a number that counts would be a sign of life to it */
		fading_look(&camera->fading, frame);
		bare = bare_begin(&camera->bare, frame);
		analysis_see(camera->analysis, frame);
		drawn = wanted && drawing_begin(&camera->drawing, &frame);
		pthread_mutex_lock(&camera->lock);
		/* who came since gets the next one: nobody has this one undrawn */
		if (wanted)
			spent = camera_take_frame(camera, frame, drawn);
		pthread_mutex_unlock(&camera->lock);
		if (bare)
			bare_end(&camera->bare, frame);
	}
	frame_unref(spent);
	frame_unref(frame);
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
	return keeper_has_answered(camera->keeper);
}

int64_t camera_next_frame_ns(struct camera *camera, int64_t not_before_ns)
{
	const struct source *source = keeper_source(camera->keeper);
	int64_t next_ns;

	if (camera->state != CAMERA_RUNNING || !source || !source->fixed_rate)
		return 0;
	pthread_mutex_lock(&camera->lock);
	next_ns = timing_next_ns(&camera->timing, not_before_ns);
	pthread_mutex_unlock(&camera->lock);
	return next_ns;
}

struct overlay *camera_overlay(const struct camera *camera)
{
	return camera->drawing.overlay;
}

double camera_nominal_fps(const struct camera *camera)
{
	return camera->nominal_fps;
}

/* ---- its encoder ---- */

struct trouble {
	struct camera *camera;
	struct error error;
	char before[ENCODER_NAME_BYTES], now[ENCODER_NAME_BYTES];
};

static void handle_encoder_trouble(void *argument)
{
	struct trouble *trouble = argument;

	trouble->camera->owner.on_trouble(trouble->camera->owner.user, trouble->camera, &trouble->error);
	free(trouble);
}

static void on_encoder_trouble(void *user, const struct error *err)
{
	struct trouble *trouble = xcalloc(1, sizeof(*trouble));

	trouble->camera = user;
	trouble->error = *err;
	mailbox_post(trouble->camera->mailbox, handle_encoder_trouble, trouble);
}

static void handle_encoder_changed(void *argument)
{
	struct trouble *changed = argument;
	struct camera *camera = changed->camera;

	camera->owner.on_encoder(camera->owner.user, camera, changed->before, changed->now);
	free(changed);
}

static void on_encoder_changed(void *user, const char *before, const char *now)
{
	struct trouble *changed = xcalloc(1, sizeof(*changed));

	changed->camera = user;
	snprintf(changed->before, sizeof(changed->before), "%s", before);
	snprintf(changed->now, sizeof(changed->now), "%s", now);
	mailbox_post(changed->camera->mailbox, handle_encoder_changed, changed);
}

/* ---- the source comes and goes ---- */

/* The rate that it is to have, by which files are named and key frames spaced. */
static double fps_of(const struct camera *camera, const struct source *source)
{
	return camera->timing.wanted_period_ns ? camera->thin_to_fps : source->fps > 0 ? source->fps : 30;
}

static void set_state(struct camera *camera, enum camera_state state, const struct error *err)
{
	camera->state = state;
	camera->error = err ? *err : (struct error){ 0 };
	camera->owner.on_state(camera->owner.user, camera);
}

/* A worker. */
static void on_open(void *user, const struct source *source)
{
	struct camera *camera = user;
	struct encoding_settings settings;

	pthread_mutex_lock(&camera->lock);
	settings = camera->encoding_settings;
	timing_start(&camera->timing, source->period_ns, camera->thin_to_fps);
	settings.fps = fps_of(camera, source);
	pthread_mutex_unlock(&camera->lock);
	overlay_prepare(camera->drawing.overlay, &source->format);
	encoding_open(camera->encoding, &source->format, &source->layout, &settings);
}

/* A worker. */
static void on_stopped(void *user)
{
	struct camera *camera = user;

	encoding_close(camera->encoding);
}

static void on_running(void *user, const struct source *source)
{
	struct camera *camera = user;

	snprintf(camera->source_id, sizeof(camera->source_id), "%s", source->id);
	snprintf(camera->name, sizeof(camera->name), "%s", source->id);
	snprintf(camera->model, sizeof(camera->model), "%s", source->model);
	log_info("camera %d: %s (%s): %dx%d %s at %.5g frames/s; %s", camera->id, camera->name, camera->model, source->format.width,
		 source->format.height, pixel_format_names[source->format.pixels], source->fps, source->clock);
	camera->nominal_fps = fps_of(camera, source);
	camera_list_controls(camera, source);
	camera_make_frame_ring(camera, &source->format);
	camera_update_wanted(camera);
	camera_fill_ring(camera);
	set_state(camera, CAMERA_RUNNING, NULL);
	camera_apply_night(camera);
}

static void on_failed(void *user, const struct error *err)
{
	struct camera *camera = user;

	/* it is known already: another attempt that fails is no further loss */
	if (camera->state == CAMERA_LOST || camera->state == CAMERA_FAILED)
		camera->error = *err;
	else
		set_state(camera, CAMERA_FAILED, err);
}

static void on_lost(void *user, const struct error *err)
{
	struct camera *camera = user;

	log_warning("camera %d: lost: %s", camera->id, err->text);
	fading_reset(&camera->fading);
	set_state(camera, CAMERA_LOST, err);
}

static void on_complaint(void *user, const char *text)
{
	struct camera *camera = user;
	struct error err;

	error_set(&err, ERR_UNSUPPORTED, "camera %d: %s", camera->id, text);
	camera->owner.on_trouble(camera->owner.user, camera, &err);
}

static struct keeper *create_keeper(struct camera *camera, const struct camera_request *request, struct error *err)
{
	struct keeper_request complete = {
		.spec = request->spec, .wanted = request->wanted, .picture = request->picture, .loop = request->loop, .mailbox = request->mailbox,
		.owner = {
			.user = camera, .on_open = on_open, .on_stopped = on_stopped, .on_frame = on_frame,
			.on_running = on_running, .on_failed = on_failed, .on_lost = on_lost, .on_complaint = on_complaint,
			.on_rate = camera_on_rate,
		},
	};

	return keeper_create(&complete, err);
}

static void free_camera(struct camera *camera)
{
	analysis_destroy(camera->analysis);
	encoding_destroy(camera->encoding);
	writing_destroy(camera->writing);
	recording_destroy(camera->spare);
	recording_destroy(camera->recording);
	drawing_finish(&camera->drawing);
	bare_finish(&camera->bare);
	pthread_mutex_destroy(&camera->lock);
	free(camera->controls);
	free(camera->spec);
	free(camera);
}

static void end_camera(void *argument)
{
	struct camera *camera = argument;
	void (*on_closed)(void *user) = camera->on_closed;
	void *closed_user = camera->closed_user;

	free_camera(camera);
	if (on_closed)
		on_closed(closed_user);
}

/* The threads of the encoder, the output and the analysis may still have something to say: their letters come before the last one. */
static void on_keeper_closed(void *user)
{
	struct camera *camera = user;

	encoding_destroy(camera->encoding);
	camera->encoding = NULL;
	writing_destroy(camera->writing);
	camera->writing = NULL;
	analysis_destroy(camera->analysis);
	camera->analysis = NULL;
	mailbox_post(camera->mailbox, end_camera, camera);
}

struct camera *camera_create(const struct camera_request *request, struct error *err)
{
	struct camera *camera = xcalloc(1, sizeof(*camera));
	struct encoding_owner encoding_owner = {
		.user = camera, .on_ready = camera_on_encoder_ready, .on_trouble = on_encoder_trouble, .on_changed = on_encoder_changed,
	};
	struct writing_owner writing_owner = { .user = camera, .on_clip_begun = camera_on_clip_begun, .on_clip = camera_on_clip, .on_mark = camera_on_mark };

	*camera = (struct camera){
		.id = request->id, .frame_ring = request->frame_ring, .spec = xstrdup(request->spec), .thin_to_fps = request->thin_to_fps,
		.nominal_fps = request->wanted.fps > 0 ? request->wanted.fps : 30, .encoding_settings = request->encoding,
		.mailbox = request->mailbox, .owner = request->owner, .drawing.overlay = request->overlay,
		.night_settings = request->night,
	};
	snprintf(camera->name, sizeof(camera->name), "%s", request->spec);
	pthread_mutex_init(&camera->lock, NULL);
	bare_init(&camera->bare, camera_stack_is_full, camera);
	camera->analysis = analysis_create(request->mailbox, camera_on_finding, camera);
	camera_look_for_night(camera);
	analysis_configure(camera->analysis, &request->analysis);
	camera->writing = writing_create(camera->id, request->syncer, &writing_owner);
	camera->encoding = encoding_create(camera->id, camera->writing, request->overlay, &encoding_owner, err);
	camera->keeper = camera->encoding ? create_keeper(camera, request, err) : NULL;
	if (!camera->keeper) {
		free_camera(camera);
		return NULL;
	}
	camera_set_prebuffer(camera, request->prebuffer_ns, request->prebuffer_bytes);
	keeper_begin(camera->keeper);
	return camera;
}

void camera_close(struct camera *camera, void (*on_closed)(void *user), void *user)
{
	camera->on_closed = on_closed;
	camera->closed_user = user;
	camera_cancel_frames(camera);
	/* not only once the driver has come back */
	writing_end_clips(camera->writing);
	camera_set_prebuffer(camera, 0, 0);
	keeper_close(camera->keeper, on_keeper_closed);
}

/* Of its rate now, which a night may have changed. */
static int64_t period_ns(struct camera *camera)
{
	int64_t found_ns;

	pthread_mutex_lock(&camera->lock);
	found_ns = camera->timing.source_period_ns;
	pthread_mutex_unlock(&camera->lock);
	return found_ns;
}

/* One that watches itself is not believed for ever: it may hang in its driver. */
static void watch_silence(struct camera *camera, const struct source *source, int64_t now_ns)
{
	int64_t silent_ns = timing_silence_ns(&camera->timing, source->period_ns, now_ns);
	struct error err;

	if (source->watches_itself ? silent_ns < MAX(HANG_NS, HANG_PERIODS * period_ns(camera)) : !source->fixed_rate || !silent_ns)
		return;
	error_set(&err, ERR_CAMERA_LOST, "%s gives no frames since %.1f s", camera->name, silent_ns / 1e9);
	keeper_lose(camera->keeper, &err);
}

void camera_watch_encoder(struct camera *camera, int64_t now_ns)
{
	encoding_watch(camera->encoding, now_ns);
}

enum camera_pulse camera_pulse(struct camera *camera, int64_t now_ns, int64_t patience_ns)
{
	const struct source *source = keeper_source(camera->keeper);

	if (encoding_busy_ns(camera->encoding, now_ns) > patience_ns || writing_busy_ns(camera->writing, now_ns) > patience_ns)
		return CAMERA_STUCK;
	if (camera->state == CAMERA_OFF)
		return CAMERA_IDLE;
	if (camera->state != CAMERA_RUNNING || !source)
		return keeper_busy_ns(camera->keeper, now_ns) > patience_ns ? CAMERA_SILENT : CAMERA_IDLE;
	if (!source->fixed_rate && !source->watches_itself)
		return CAMERA_IDLE;
	return timing_is_silent(&camera->timing, period_ns(camera), now_ns, patience_ns) ? CAMERA_SILENT : CAMERA_BEATS;
}

static void watch_fading(struct camera *camera, const struct source *source, int64_t now_ns, int64_t after_ns)
{
	struct recording *recording = camera->recording;
	struct fading_news news[N_FADING];
	struct fading_facts facts = {
		.now_ns = now_ns, .fps = (double)atomic_load(&camera->timing.collation_mfps) / 1000,
		.wanted_fps = source->fixed_rate && !camera->night.slow ? camera->nominal_fps : 0, .recording = recording,
		.bytes = recording ? (int64_t)atomic_load(&recording->bytes) : 0,
	};
	int n;

	if (!after_ns || now_ns - camera->fading_checked_ns < NS_PER_S)
		return;
	camera->fading_checked_ns = now_ns;
	n = fading_check(&camera->fading, &facts, after_ns, news);
	for (int i = 0; i < n; i++)
		camera->owner.on_fading(camera->owner.user, camera, &news[i]);
}

void camera_tick(struct camera *camera, int64_t now_ns, int64_t degraded_after_ns)
{
	const struct source *source = keeper_source(camera->keeper);

	if (camera->recording && recording_is_overdue(camera->recording, now_ns))
		camera_stop_recording(camera, "duration");
	if (source && camera->state == CAMERA_RUNNING)
		watch_fading(camera, source, now_ns, degraded_after_ns);
	if (source && camera->state == CAMERA_RUNNING)
		watch_silence(camera, source, now_ns);
	camera_watch_ring(camera, now_ns);
	keeper_tick(camera->keeper, now_ns);
}

void camera_set_encoding(struct camera *camera, const struct encoding_settings *settings)
{
	bool other_rate = camera->encoding_settings.bitrate_bps != settings->bitrate_bps;

	pthread_mutex_lock(&camera->lock);
	camera->encoding_settings = *settings;
	pthread_mutex_unlock(&camera->lock);
	if (other_rate)
		encoding_set_bitrate(camera->encoding, settings->bitrate_bps);
}

/* ---- on, off, controls ---- */

void camera_set_enabled(struct camera *camera, bool enabled, camera_done_fn done, void *user)
{
	struct error off;

	if (enabled != (camera->state == CAMERA_OFF)) {
		done(user, NULL);	/* it is so already */
		return;
	}
	error_set(&off, ERR_CAMERA_LOST, "camera %d is switched off; set_camera with enabled true switches it on", camera->id);
	fading_reset(&camera->fading);
	set_state(camera, enabled ? CAMERA_OPENING : CAMERA_OFF, enabled ? NULL : &off);
	keeper_set_enabled(camera->keeper, enabled, done, user);
}

const struct source_control *camera_controls(const struct camera *camera, size_t *n)
{
	const struct source *source = keeper_source(camera->keeper);

	*n = source ? source->n_controls : 0;
	return source ? source->controls : NULL;
}

void camera_set_controls(struct camera *camera, const struct control_setting *settings, size_t n, camera_done_fn done, void *user)
{
	keeper_set_controls(camera->keeper, settings, n, done, user);
}
