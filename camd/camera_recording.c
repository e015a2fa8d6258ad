#include "camd/camera_private.h"

#include "common/clock.h"
#include "common/util.h"

#include <stdlib.h>

#define RING_CHECK_NS NS_PER_S
#define RING_RETRY_NS (5 * NS_PER_S)

/* ---- who takes the frames ---- */

/* With the lock: what captures ends behind its last frame, next (NULL: nothing) begins with the one after it. */
static void hand_over(struct camera *camera, struct recording *next)
{
	if (camera->capturing) {
		camera->capturing->follower = next;
		camera->capturing->ended = true;
		encoding_end(camera->encoding, camera->capturing);
	}
	camera->capturing = next;
	if (next)
		encoding_prepare(camera->encoding, next);
}

/* The recording of which the frame is part now; NULL: none. */
static struct recording *capture(struct camera *camera, struct frame *frame)
{
	struct recording *next = camera->next;

	if (next && recording_capture(next, frame)) {
		camera->next = NULL;
		hand_over(camera, next);
		return next;
	}
	if (!camera->capturing)
		return NULL;
	if (recording_capture(camera->capturing, frame))
		return camera->capturing;
	if (!camera->capturing->complete || !camera->spare)
		return NULL;
	hand_over(camera, camera->spare);
	camera->spare = NULL;
	return recording_capture(camera->capturing, frame) ? camera->capturing : NULL;
}

struct frame *camera_take_frame(struct camera *camera, struct frame *frame, bool drawn)
{
	struct recording *recording = capture(camera, frame);

	if (recording)
		frame->lost = recording_lost_frames(recording);
	if (drawn)
		drawing_end(&camera->drawing, frame);
	if (recording && !encoding_offer(camera->encoding, recording, frame))
		recording_refused(recording);
	return camera_look(camera, frame);
}

/* ---- what becomes of recordings ---- */

struct told {
	struct camera *camera;
	struct recording *recording;
	enum recording_event event;
};

/* Of one that only fills the ring: nobody else need know. */
static void note_ring_event(struct camera *camera, struct recording *recording, enum recording_event event)
{
	if (event == RECORDING_FINISHED) {
		recording_destroy(recording);
		return;
	}
	if (event != RECORDING_FAILED)
		return;
	camera->ring_retry_ns = clock_now_ns() + RING_RETRY_NS;
	pthread_mutex_lock(&camera->lock);
	if (camera->capturing == recording)
		hand_over(camera, NULL);
	pthread_mutex_unlock(&camera->lock);
}

static void handle_recording_event(void *argument)
{
	struct told *told = argument;
	struct camera *camera = told->camera;

	if (told->recording->request.to_ring) {
		note_ring_event(camera, told->recording, told->event);
		free(told);
		return;
	}
	if (told->event == RECORDING_SYNC_FAILED)
		writing_sync_failed(camera->writing);
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

/* Comes before a FINISHED of the same recording, for that comes behind it through the queues. */
void camera_on_encoder_ready(void *user, struct recording *recording)
{
	if (!recording->takes_over)
		on_recording_event(user, recording, RECORDING_READY);
}

/* ---- beginning and ending ---- */

struct recording *camera_recording(const struct camera *camera)
{
	return camera->recording;
}

void camera_begin_recording(struct camera *camera, int64_t at_ns)
{
	const struct source *source = keeper_source(camera->keeper);
	bool at_once = !at_ns || (source && !source->fixed_rate);
	struct recording *recording = camera->recording;

	if (recording->stopping)
		return;
	pthread_mutex_lock(&camera->lock);
	/* at an even rate, the first that comes less than half a period before the instant is the nearest */
	recording->from_ns = at_once ? 0 : at_ns - timing_kept_period_ns(&camera->timing) / 2;
	if (recording->takes_over)
		camera->next = recording;
	else
		camera->capturing = recording;
	pthread_mutex_unlock(&camera->lock);
	camera_update_wanted(camera);
}

static struct recording *create_for_ring(struct camera *camera)
{
	struct recording_request request = {
		.camera_id = camera->id, .directory = "", .title = "", .to_ring = true, .duration_ns = FIELD_UNSET,
		.encoding = camera->encoding_settings, .notify = on_recording_event, .user = camera,
	};

	request.encoding.fps = camera->nominal_fps;
	return recording_create(&request);
}

/* The one that is to follow a recording, by the settings of now; none without a ring. */
static void renew_spare(struct camera *camera)
{
	struct recording *old, *spare = camera->prebuffer_ns ? create_for_ring(camera) : NULL;

	pthread_mutex_lock(&camera->lock);
	old = camera->spare;
	camera->spare = spare;
	pthread_mutex_unlock(&camera->lock);
	recording_destroy(old);
}

struct recording *camera_start_recording(struct camera *camera, const struct recording_request *request)
{
	struct recording_request complete = *request;

	complete.notify = on_recording_event;
	complete.user = camera;
	complete.encoding.fps = camera->nominal_fps;
	camera->recording = recording_create(&complete);
	renew_spare(camera);
	/* nobody else sets it as long as there is no recording but the one for the ring */
	camera->recording->takes_over = camera->capturing;
	if (camera->recording->takes_over)
		on_recording_event(camera, camera->recording, RECORDING_READY);
	else
		encoding_prepare(camera->encoding, camera->recording);
	return camera->recording;
}

/* With the lock. */
static void end_recording(struct camera *camera, struct recording *recording)
{
	if (camera->capturing == recording) {
		hand_over(camera, camera->spare);
		camera->spare = NULL;
	} else if (recording->ended) {
		return;		/* the one for the ring has taken over already */
	} else if (recording->takes_over) {
		camera->next = NULL;
		writing_end(camera->writing, recording);	/* not a frame of it is anywhere */
	} else {
		encoding_end(camera->encoding, recording);
	}
}

void camera_stop_recording(struct camera *camera, const char *cause)
{
	struct recording *recording = camera->recording;

	if (!recording || recording->stopping)
		return;
	recording->stopping = true;
	recording->cause = cause;
	pthread_mutex_lock(&camera->lock);
	end_recording(camera, recording);
	pthread_mutex_unlock(&camera->lock);
	camera_update_wanted(camera);
}

/* ---- the ring ---- */

void camera_fill_ring(struct camera *camera)
{
	bool due = camera->prebuffer_ns && !camera->recording;
	struct recording *recording = due ? create_for_ring(camera) : NULL;

	pthread_mutex_lock(&camera->lock);
	if (recording && !camera->capturing) {
		hand_over(camera, recording);
		recording = NULL;
	}
	pthread_mutex_unlock(&camera->lock);
	recording_destroy(recording);
	camera_update_wanted(camera);
}

/* Without a ring nobody needs frames that are not recorded. */
static void empty_ring(struct camera *camera)
{
	pthread_mutex_lock(&camera->lock);
	if (camera->capturing && camera->capturing->request.to_ring && !camera->next)
		hand_over(camera, NULL);
	pthread_mutex_unlock(&camera->lock);
	camera_update_wanted(camera);
}

void camera_set_prebuffer(struct camera *camera, int64_t length_ns, int64_t max_bytes)
{
	camera->prebuffer_ns = length_ns;
	writing_set_ring(camera->writing, length_ns, (uint64_t)max_bytes);
	if (camera->recording)
		renew_spare(camera);
	if (!length_ns)
		empty_ring(camera);
	else if (camera->state == CAMERA_RUNNING)
		camera_fill_ring(camera);
}

bool camera_has_prebuffer(const struct camera *camera)
{
	return camera->prebuffer_ns;
}

int64_t camera_prebuffer_bytes(const struct camera *camera)
{
	return camera->prebuffer_ns ? (int64_t)writing_ring_bytes(camera->writing) : 0;
}

int64_t camera_prebuffer_from_ns(const struct camera *camera)
{
	return writing_ring_from_ns(camera->writing);
}

void camera_watch_ring(struct camera *camera, int64_t now_ns)
{
	if (now_ns - camera->ring_checked_ns < RING_CHECK_NS)
		return;
	camera->ring_checked_ns = now_ns;
	if (camera->triggers_open)
		writing_check(camera->writing, now_ns);
	if (camera->prebuffer_ns && camera->state == CAMERA_RUNNING && now_ns >= camera->ring_retry_ns)
		camera_fill_ring(camera);
}

/* ---- clips and marks ---- */

struct begun_news {
	struct camera *camera;
	char *path;
};

static void handle_clip_begun(void *argument)
{
	struct begun_news *news = argument;

	news->camera->owner.on_clip_begun(news->camera->owner.user, news->path);
	free(news->path);
	free(news);
}

void camera_on_clip_begun(void *user, char *path)
{
	struct begun_news *news = xcalloc(1, sizeof(*news));

	*news = (struct begun_news){ user, path };
	mailbox_post(news->camera->mailbox, handle_clip_begun, news);
}

struct clip_news {
	struct camera *camera;
	struct clip_done *done;
};

static void handle_clip(void *argument)
{
	struct clip_news *news = argument;

	news->camera->triggers_open -= news->done->n_triggers;
	news->camera->owner.on_clip(news->camera->owner.user, news->done);
	clip_done_destroy(news->done);
	free(news);
}

void camera_on_clip(void *user, struct clip_done *done)
{
	struct clip_news *news = xcalloc(1, sizeof(*news));

	*news = (struct clip_news){ user, done };
	mailbox_post(news->camera->mailbox, handle_clip, news);
}

struct mark_news {
	struct camera *camera;
	struct mark_done done;
};

static void handle_mark(void *argument)
{
	struct mark_news *news = argument;

	news->camera->owner.on_mark(news->camera->owner.user, news->camera, &news->done);
	free(news->done.path);
	free(news);
}

void camera_on_mark(void *user, const struct mark_done *done)
{
	struct mark_news *news = xcalloc(1, sizeof(*news));

	*news = (struct mark_news){ user, *done };
	mailbox_post(news->camera->mailbox, handle_mark, news);
}

void camera_trigger(struct camera *camera, struct clip_request *request)
{
	camera->triggers_open++;
	writing_trigger(camera->writing, request);
}

void camera_set_clip_end(struct camera *camera, int64_t trigger_id, int64_t to_ns)
{
	writing_set_clip_end(camera->writing, trigger_id, to_ns);
}

bool camera_mark(struct camera *camera, const char *text, int64_t at_ns)
{
	bool encoded;

	/* with the lock, so that it comes before the end of what captures now */
	pthread_mutex_lock(&camera->lock);
	encoded = camera->capturing;
	if (encoded)
		writing_mark(camera->writing, camera->capturing, text, at_ns);
	pthread_mutex_unlock(&camera->lock);
	return encoded;
}

char *camera_title(const struct camera *camera)
{
	return xasprintf("camera %d: %s (%s)", camera_id(camera), camera_name(camera), camera_model(camera));
}

size_t camera_queued_bytes(const struct camera *camera)
{
	return writing_queued_bytes(camera->writing);
}
