#include "camd/camera_private.h"

#include "common/util.h"

#include <stdlib.h>

void camera_update_wanted(struct camera *camera)
{
	bool wanted;

	pthread_mutex_lock(&camera->lock);
	wanted = camera->capturing || camera->preview_interval_ns || camera->frame_request.fn;
	pthread_mutex_unlock(&camera->lock);
	keeper_set_wanted(camera->keeper, wanted);
}

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

static void deliver_frame(void *argument)
{
	struct delivery *delivery = argument;

	camera_update_wanted(delivery->camera);
	delivery->request.fn(delivery->request.user, delivery->camera, delivery->frame);
	free(delivery);
}

static void post_frame(struct camera *camera, struct frame *frame, mailbox_fn fn, struct frame_request request)
{
	struct delivery *delivery = xcalloc(1, sizeof(*delivery));

	*delivery = (struct delivery){ .camera = camera, .frame = frame_ref(frame), .request = request };
	mailbox_post(camera->mailbox, fn, delivery);
}

/*
 * Until the first frame after the instant is there, the last one before it is kept, and no other: a source has few buffers. What was
 * kept so far is returned.
 */
static struct frame *serve_request(struct camera *camera, struct frame *frame)
{
	struct frame_request request = camera->frame_request;
	int64_t late_ns = frame->sensor_ns - request.at_ns;
	struct frame *nearest = request.before && request.at_ns - request.before->sensor_ns <= late_ns ? request.before : frame;

	if (late_ns < 0) {
		camera->frame_request.before = frame_ref(frame);
	} else {
		camera->frame_request = (struct frame_request){ 0 };
		post_frame(camera, nearest, deliver_frame, request);
	}
	return request.before;
}

struct frame *camera_look(struct camera *camera, struct frame *frame)
{
	struct frame *spent = camera->frame_request.fn ? serve_request(camera, frame) : NULL;

	/* half a frame early is in time, so that a preview at the camera's own rate gets every frame */
	if (camera->preview_interval_ns && !camera->preview_out &&
	    frame->sensor_ns >= camera->preview_due_ns - camera->timing.source_period_ns / 2) {
		camera->preview_out = true;
		camera->preview_due_ns = MAX(camera->preview_due_ns, frame->sensor_ns - camera->preview_interval_ns) +
					 camera->preview_interval_ns;
		post_frame(camera, frame, deliver_preview, (struct frame_request){ 0 });
	}
	return spent;
}

void camera_set_preview(struct camera *camera, int64_t interval_ns)
{
	pthread_mutex_lock(&camera->lock);
	camera->preview_interval_ns = interval_ns;
	camera->preview_due_ns = 0;
	pthread_mutex_unlock(&camera->lock);
	camera_update_wanted(camera);
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

bool camera_request_frame(struct camera *camera, int64_t at_ns, camera_frame_fn fn, void *user)
{
	bool free_slot;

	pthread_mutex_lock(&camera->lock);
	free_slot = !camera->frame_request.fn;
	if (free_slot)
		camera->frame_request = (struct frame_request){ .fn = fn, .user = user, .at_ns = at_ns };
	pthread_mutex_unlock(&camera->lock);
	camera_update_wanted(camera);
	return free_slot;
}

static struct frame_request take_request(struct camera *camera)
{
	struct frame_request request;

	pthread_mutex_lock(&camera->lock);
	request = camera->frame_request;
	camera->frame_request = (struct frame_request){ 0 };
	pthread_mutex_unlock(&camera->lock);
	camera_update_wanted(camera);
	return request;
}

void camera_cancel_frame(struct camera *camera)
{
	struct frame_request request = take_request(camera);

	frame_unref(request.before);
	if (request.fn)
		request.fn(request.user, camera, NULL);
}

void camera_hurry_frame(struct camera *camera)
{
	struct frame_request request = take_request(camera);

	if (request.fn)
		request.fn(request.user, camera, request.before);
}
