#include "camd/session_private.h"

#include "camd/adjust.h"
#include "camd/camera_config.h"
#include "camd/control.h"
#include "camd/disk.h"
#include "camd/discovery.h"
#include "camd/encoders.h"
#include "camd/home.h"
#include "camd/jobs.h"
#include "camd/noticed.h"
#include "camd/opening.h"
#include "camd/overlays.h"
#include "camd/previews.h"
#include "camd/triggers.h"
#include "camd/recovery.h"
#include "camd/resume.h"
#include "camd/shots.h"
#include "camd/start.h"
#include "camd/storage.h"
#include "camd/syncs.h"
#include "camd/taps.h"
#include "camd/tell.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"
#include "protocol/describe.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 250
#define START_AGAIN_NS (10 * NS_PER_S)
#define LEAVE_NS (5 * NS_PER_S)		/* for drivers at the end */

/* ---- cameras ---- */

static size_t count_running(const struct session *session)
{
	size_t n = 0;

	for (size_t i = 0; i < session->n_cameras; i++)
		n += camera_state(session->cameras[i]) == CAMERA_RUNNING;
	return n;
}

static bool all_have_answered(const struct session *session)
{
	for (size_t i = 0; i < session->n_cameras; i++)
		if (!camera_has_answered(session->cameras[i]))
			return false;
	return true;
}

static void auto_start_done(void *user, const void *reply, const struct error *err)
{
	struct session *session = user;

	(void)reply;
	if (!err)
		return;
	log_error("recording could not be started: %s", err->text);
	tell_warning(session->control, err);
}

static void become_ready(struct session *session)
{
	struct initialized data = {
		.cameras = count_running(session), .session = (char *)session_label(session), .protocol = PROTOCOL_VERSION,
		.version = (char *)CAMD_VERSION, .encoders = *encoders_names(session->encoders), .config = session->its.config->config,
	};
	struct list all = { 0 };

	session->ready = true;
	session->starting_all = session->its.config->auto_start_recording || session->its.config->mode == MODE_HEADLESS;
	log_info("%" PRId64 " cameras run", data.cameras);
	control_notice(session->control, MSG_INITIALIZED, &data);
	if (!data.cameras) {
		struct error err;

		error_set(&err, ERR_NO_CAMERAS, "No cameras found");
		tell_warning(session->control, &err);
	}
	if (session->starting_all && data.cameras)
		session_start_recording(session, &all, FIELD_UNSET, auto_start_done, session);
	control_advance(session->control);
}

/* All named cameras answer soon, with frames or with an error; what is only looked for may take the whole time. */
static void check_ready(struct session *session)
{
	bool waited = clock_now_ns() - session->began_ns >= session->its.config->discovery_timeout_ns;

	if (session->ready || session->finishing)
		return;
	if (waited || (encoders_are_known(session->encoders) && count_running(session) && all_have_answered(session) && !session->looking))
		become_ready(session);
}

bool session_is_ready(const struct session *session)
{
	return session->ready;
}

/* Several cameras may be called the same by their source: they are told apart by their order, whichever opened first. */
static void make_names_distinct(struct session *session, const char *source_id)
{
	int twin = 0;

	for (size_t i = 0; i < session->n_cameras; i++)
		if (!strcmp(camera_source_id(session->cameras[i]), source_id))
			camera_set_twin(session->cameras[i], ++twin);
}

/* A camera that comes when the others record already. */
static void start_late(struct session *session, struct camera *camera)
{
	int64_t id = camera_id(camera);
	struct list one = { 1, &id };

	if (session->ready && session->starting_all && !session->finishing && !camera_recording(camera) && !resume_waits(session->resume, camera_id(camera)))
		session_start_recording(session, &one, FIELD_UNSET, auto_start_done, session);
}

/* Who records without a master has nobody to try again: a directory that can be written to again, a disk with room again. */
static void start_again(struct session *session, int64_t now_ns)
{
	if (!session->starting_all || session->finishing || now_ns < session->start_again_ns)
		return;
	session->start_again_ns = now_ns + START_AGAIN_NS;
	for (size_t i = 0; i < session->n_cameras; i++)
		if (camera_state(session->cameras[i]) == CAMERA_RUNNING)
			start_late(session, session->cameras[i]);
}

static void on_state(void *user, struct camera *camera)
{
	struct session *session = user;

	if (session->closing)
		return;
	if (camera_state(camera) == CAMERA_RUNNING)
		make_names_distinct(session, camera_source_id(camera));
	tell_camera(session->control, camera);
	opening_look(session->opening);	/* who waits for all begins before this one does it alone */
	if (camera_state(camera) == CAMERA_RUNNING)
		start_late(session, camera);
	check_ready(session);
}

static void on_recording(void *user, struct camera *camera, struct recording *recording, enum recording_event event)
{
	struct session *session = user;

	if (event == RECORDING_FINISHED)
		starts_tell_losses(session->starts, camera, recording);
	resume_on_recording(session->resume, camera, recording, event);
	starts_on_recording(session->starts, camera, recording, event);
	syncs_on_recording(session->syncs, recording, event);
}

static void on_trouble(void *user, struct camera *camera, const struct error *err)
{
	struct session *session = user;

	(void)camera;
	tell_trouble(session->control, err);
}

static void on_encoder(void *user, struct camera *camera, const char *before, const char *now)
{
	struct session *session = user;

	tell_encoder_changed(session->control, camera, before, now);
}

static void on_fading(void *user, struct camera *camera, const struct fading_news *news)
{
	struct session *session = user;

	tell_fading(session->control, camera, news);
}

static void on_clip_begun(void *user, const char *path)
{
	storage_file_begun(((struct session *)user)->storage, path);
}

static void on_clip(void *user, const struct clip_done *done)
{
	struct session *session = user;

	triggers_on_clip(session->triggers, done);
	session_check_down(session);
}

static void on_mark(void *user, struct camera *camera, const struct mark_done *done)
{
	triggers_on_mark(((struct session *)user)->triggers, camera, done);
}

static void on_finding(void *user, struct camera *camera, enum analyzer_kind kind, const struct analyzer_news *finding)
{
	noticed_tell(((struct session *)user)->noticed, camera, kind, finding);
}

static void on_preview(void *user, struct camera *camera, struct frame *frame)
{
	struct session *session = user;

	previews_show(session->previews, camera, frame);
}

static void add_camera(struct session *session, const char *spec)
{
	struct camera_request request = {
		.id = session->n_cameras, .spec = spec, .loop = session->its.loop, .mailbox = session->its.mailbox,
		.syncer = session->syncer, .overlay = overlays_add(adjust_overlays(session->adjust), (int)session->n_cameras),
		.owner = {
			.user = session, .on_state = on_state, .on_recording = on_recording, .on_preview = on_preview,
			.on_trouble = on_trouble, .on_encoder = on_encoder, .on_fading = on_fading,
			.on_clip_begun = on_clip_begun, .on_clip = on_clip, .on_mark = on_mark, .on_finding = on_finding,
		},
	};
	struct camera *camera;
	struct error err;

	camera_config_ask(session->its.options, &request);
	if (session->n_cameras == SESSION_MAX_CAMERAS)
		error_set(&err, ERR_UNSUPPORTED, "camera %s: more than %d cameras", spec, SESSION_MAX_CAMERAS);
	camera = session->n_cameras < SESSION_MAX_CAMERAS ? camera_create(&request, &err) : NULL;
	if (camera) {
		session->cameras[session->n_cameras++] = camera;
		return;
	}
	log_error("%s", err.text);
	tell_warning(session->control, &err);
}

/* ---- looking for cameras ---- */

static bool is_known(const struct session *session, const char *spec)
{
	for (size_t i = 0; i < session->n_cameras; i++)
		if (!strcmp(camera_spec(session->cameras[i]), spec))
			return true;
	return false;
}

static void on_found(void *user, const struct list *specs)
{
	struct session *session = user;

	session->looking = false;
	session->look_again_ns = clock_now_ns() + session->its.config->discovery_retry_ns;
	for (size_t i = 0; !session->finishing && i < specs->n; i++) {
		const char *spec = ((char **)specs->items)[i];

		if (!is_known(session, spec))
			add_camera(session, spec);
	}
	check_ready(session);
	session_check_down(session);
}

static void look_for_cameras(struct session *session)
{
	session->looking = true;
	discovery_look(session->its.loop, on_found, session);
}

/* ---- its course ---- */

static bool drivers_are_idle(const struct session *session)
{
	return !session->n_cameras && !session->looking && encoders_are_known(session->encoders);
}

static bool files_are_idle(const struct session *session)
{
	return !recovery_is_busy(session->recovery) && shots_are_idle(session->shots) && previews_are_idle(session->previews) &&
	       taps_are_idle(session->taps) && triggers_are_idle(session->triggers) && jobs_are_idle(session->jobs) && storage_is_idle(session->storage) && disk_is_idle(session->disk);
}

void session_check_down(struct session *session)
{
	if (!session->closing || !files_are_idle(session) || !(drivers_are_idle(session) || session->left) || !session->on_finished)
		return;
	session->on_finished(session->finished_user);
	session->on_finished = NULL;
}

bool session_left_cameras(const struct session *session)
{
	return session->left;
}

static void on_camera_closed(void *user)
{
	struct session_close *close = user;

	close->done = true;
	close->session->n_cameras--;
	session_check_down(close->session);
}

/* All files are complete: a driver that does not come back keeps nobody from ending. */
static void leave_cameras(struct session *session, int64_t now_ns)
{
	if (!session->closing || session->left || now_ns - session->closing_ns < LEAVE_NS || !files_are_idle(session))
		return;
	session->left = !drivers_are_idle(session);
	for (size_t i = 0; i < session->n_closes; i++)
		if (!session->closes[i].done)
			log_error("camera %zu: its driver does not come back from a call; it is left to itself", i);
	session_check_down(session);
}

static void on_tick(uv_timer_t *timer)
{
	struct session *session = timer->data;
	int64_t now_ns = clock_now_ns();
	bool tell = now_ns - session->losses_told_ns >= NS_PER_S;

	for (size_t i = 0; !session->closing && i < session->n_cameras; i++) {
		camera_watch_encoder(session->cameras[i], now_ns);
		if (session->finishing)
			continue;
		camera_tick(session->cameras[i], now_ns, session->its.config->degraded_after_ns);
		strain_watch(&session->strains[i], session->cameras[i], syncer_meter(session->syncer), session->control,
			     session->its.config->recovery_point_ns, now_ns);
		if (tell)
			starts_tell_losses(session->starts, session->cameras[i], camera_recording(session->cameras[i]));
	}
	if (tell)
		session->losses_told_ns = now_ns;
	start_again(session, now_ns);
	disk_tick(session->disk, now_ns);
	storage_tick(session->storage, now_ns);
	opening_look(session->opening);
	if (!session->finishing) {
		resume_tick(session->resume, now_ns);
		noticed_tick(session->noticed, now_ns);
		recovery_tick(session->recovery);
	}
	if (session->discovering && !session->looking && !session->finishing && now_ns >= session->look_again_ns)
		look_for_cameras(session);
	check_ready(session);
	leave_cameras(session, now_ns);
}

struct session *session_create(const struct session_request *request)
{
	struct session *session = xcalloc(1, sizeof(*session));

	session->its = *request;
	home_init(&session->home, request->config);
	session->starts = starts_create(session);
	session->opening = opening_create(session);
	session->resume = resume_create(session, session->starts);
	session->syncs = syncs_create(session);
	session->shots = shots_create(session);
	session->previews = previews_create(session);
	session->taps = taps_create(session);
	session->jobs = jobs_create(session);
	session->adjust = adjust_create(session);
	session->triggers = triggers_create(session);
	session->noticed = noticed_create(session);
	session->disk = disk_create(session);
	session->storage = storage_create(session);
	return session;
}

void session_set_control(struct session *session, struct control *control)
{
	session->control = control;
}

static void on_encoders_known(void *user)
{
	check_ready(user);
	session_check_down(user);
}

void session_begin(struct session *session)
{
	const struct config *config = session->its.config;
	struct initializing data = { .device = (char *)"cameras" };
	struct error err;

	session->began_ns = clock_now_ns();
	session->syncer = syncer_create(config->recovery_point_ns);
	control_notice(session->control, MSG_INITIALIZING, &data);
	if (!home_open(&session->home, &err)) {
		log_error("%s", err.text);
		tell_warning(session->control, &err);
	}
	disk_begin(session->disk);
	session->encoders = encoders_look(session->its.loop, on_encoders_known, session);
	session->recovery = recovery_begin(session, config->output_dir);
	storage_begin(session->storage);
	for (size_t i = 0; i < config->camera.n; i++)
		add_camera(session, ((char **)config->camera.items)[i]);
	session->discovering = !config->camera.n;
	uv_timer_init(session->its.loop, &session->tick);
	session->tick.data = session;
	session->tick_open = true;
	uv_timer_start(&session->tick, on_tick, TICK_MS, TICK_MS);
	if (session->discovering)
		look_for_cameras(session);
}

static void close_cameras(void *user, const void *reply, const struct error *err)
{
	struct session *session = user;

	(void)reply;
	(void)err;
	session->closing = true;
	session->closing_ns = clock_now_ns();
	recovery_stop(session->recovery);
	disk_stop(session->disk);
	storage_stop(session->storage);
	session->n_closes = session->n_cameras;
	for (size_t i = 0; i < session->n_closes; i++) {
		session->closes[i].session = session;
		camera_close(session->cameras[i], on_camera_closed, &session->closes[i]);
	}
	session_check_down(session);
}

void session_finish(struct session *session, void (*on_finished)(void *user), void *user)
{
	if (session->finishing)
		return;
	session->finishing = true;
	session->on_finished = on_finished;
	session->finished_user = user;
	jobs_cancel_all(session->jobs);
	opening_finish(session->opening);
	starts_finish(session->starts, close_cameras, session);
}

void session_destroy(struct session *session)
{
	if (!session)
		return;
	if (session->tick_open)
		uv_close((uv_handle_t *)&session->tick, NULL);
	jobs_destroy(session->jobs);
	adjust_destroy(session->adjust);
	triggers_destroy(session->triggers);
	noticed_destroy(session->noticed);
	encoders_destroy(session->encoders);
	uv_run(session->its.loop, UV_RUN_NOWAIT);
	syncer_destroy(session->syncer);
	resume_destroy(session->resume);
	starts_destroy(session->starts);
	opening_destroy(session->opening);
	syncs_destroy(session->syncs);
	shots_destroy(session->shots);
	previews_destroy(session->previews);
	taps_destroy(session->taps);
	recovery_destroy(session->recovery);
	disk_destroy(session->disk);
	storage_destroy(session->storage);
	home_finish(&session->home);
	free(session);
}

/* ---- commands ---- */

void session_start_recording(struct session *session, const struct list *ids, int64_t duration_ns, session_done_fn done, void *user)
{
	opening_start_recording(session->opening, ids, duration_ns, done, user);
}

void session_stop_recording(struct session *session, const struct list *ids, session_done_fn done, void *user)
{
	session->starting_all = false;
	resume_forget(session->resume, ids);
	opening_stop_recording(session->opening, ids);
	starts_stop(session->starts, ids, done, user);
}

void session_sync(struct session *session, session_done_fn done, void *user)
{
	syncs_begin(session->syncs, session->syncer, done, user);
}

void session_take_snapshot(struct session *session, const struct take_snapshot_args *args, session_done_fn done, void *user)
{
	opening_take_snapshot(session->opening, args, done, user);
}

void session_fill_status(struct session *session, struct status_report *report)
{
	struct camera_status *items = xcalloc(session->n_cameras, sizeof(*items));

	*report = (struct status_report){
		.session = (char *)session_label(session), .cameras = { session->n_cameras, items },
		.uptime = round((clock_now_ns() - session->began_ns) / 1e6) / 1e3, 
		.free_bytes = disk_last_look(session->disk)->free_bytes,
	};
	for (size_t i = 0; i < session->n_cameras; i++) {
		camera_fill_status(session->cameras[i], &items[i]);
		items[i].resuming = resume_waits(session->resume, (int)i);
		report->recording = report->recording || items[i].recording;
	}
	storage_fill_status(session->storage, &report->storage);
	meter_fill_status(syncer_meter(session->syncer), &report->storage);
}

void session_config_changed(struct session *session)
{
	previews_config_changed(session->previews);
	storage_config_changed(session->storage);
	overlays_config_changed(adjust_overlays(session->adjust));
	for (size_t i = 0; !session->closing && i < session->n_cameras; i++) {
		struct encoding_settings encoding = camera_config_encoding(session->its.options, (int)i);

		camera_set_encoding(session->cameras[i], &encoding);
		camera_config_prebuffer(session->its.options, session->cameras[i]);
		camera_config_analysis(session->its.options, session->cameras[i]);
	}
}

void session_tell_recovered(struct session *session)
{
	recovery_tell(session->recovery);
}
