#include "camd/camera_private.h"

#include "common/util.h"

#include <stdlib.h>
#include <unistd.h>

#define RING_SHARE 4		/* a ring may have a quarter of the machine's memory */

void camera_update_wanted(struct camera *camera)
{
	bool wanted;

	pthread_mutex_lock(&camera->lock);
	wanted = camera->capturing || camera->next || camera->preview_interval_ns || camera->frame_requests;
	pthread_mutex_unlock(&camera->lock);
	keeper_set_wanted(camera->keeper, wanted || bare_is_wanted(&camera->bare) || analysis_is_wanted(camera->analysis));
}

struct delivery {
	struct camera *camera;
	struct frame *frame;
	struct frame_request *request;	/* NULL: for the preview */
};

static void deliver_preview(void *argument)
{
	struct delivery *delivery = argument;

	delivery->camera->owner.on_preview(delivery->camera->owner.user, delivery->camera, delivery->frame);
	free(delivery);
}

/* frame: NULL if it was cancelled. */
static void end_request(struct camera *camera, struct frame_request *request, struct frame *frame)
{
	request->fn(request->user, camera, frame);
	free(request);
}

static void deliver_frame(void *argument)
{
	struct delivery *delivery = argument;

	camera_update_wanted(delivery->camera);
	end_request(delivery->camera, delivery->request, delivery->frame);
	free(delivery);
}

static void post_frame(struct camera *camera, struct frame *frame, mailbox_fn fn, struct frame_request *request)
{
	struct delivery *delivery = xcalloc(1, sizeof(*delivery));

	*delivery = (struct delivery){ .camera = camera, .frame = frame_ref(frame), .request = request };
	mailbox_post(camera->mailbox, fn, delivery);
}

/* With the first frame that is not before its instant a request has the nearest: that one, or the one before. */
static void serve_requests(struct camera *camera, struct frame *frame)
{
	struct frame_request **at = &camera->frame_requests, *request;

	while ((request = *at)) {
		int64_t late_ns = frame->sensor_ns - request->at_ns;
		bool before = camera->kept && request->at_ns - camera->kept->sensor_ns <= late_ns;

		if (late_ns < 0) {
			at = &request->next;
			continue;
		}
		*at = request->next;
		post_frame(camera, before ? camera->kept : frame, deliver_frame, request);
	}
}

/* What is kept from now on; what was is returned. */
static struct frame *keep(struct camera *camera, struct frame *frame)
{
	struct frame *kept = camera->kept;

	camera->kept = camera->frame_requests && frame ? frame_ref(frame) : NULL;
	return kept;
}

struct frame *camera_look(struct camera *camera, struct frame *frame)
{
	struct frame *spent;

	serve_requests(camera, frame);
	spent = keep(camera, frame);
	/* half a frame early is in time, so that a preview at the camera's own rate gets every frame */
	if (camera->preview_interval_ns && !camera->preview_out &&
	    frame->sensor_ns >= camera->preview_due_ns - camera->timing.source_period_ns / 2) {
		camera->preview_out = true;
		camera->preview_due_ns = MAX(camera->preview_due_ns, frame->sensor_ns - camera->preview_interval_ns) +
					 camera->preview_interval_ns;
		post_frame(camera, frame, deliver_preview, NULL);
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

void camera_request_frame(struct camera *camera, int64_t at_ns, camera_frame_fn fn, void *user)
{
	struct frame_request *request = xcalloc(1, sizeof(*request));

	pthread_mutex_lock(&camera->lock);
	*request = (struct frame_request){ .fn = fn, .user = user, .at_ns = at_ns, .next = camera->frame_requests };
	camera->frame_requests = request;
	pthread_mutex_unlock(&camera->lock);
	camera_update_wanted(camera);
}

struct full_stack {
	struct camera *camera;
	struct stack *stack;
};

static void deliver_stack(void *argument)
{
	struct full_stack *full = argument;

	camera_update_wanted(full->camera);
	full->stack->fn(full->stack->user, full->camera, full->stack);
	free(full);
}

void camera_stack_is_full(void *user, struct stack *stack)
{
	struct camera *camera = user;
	struct full_stack *full = xcalloc(1, sizeof(*full));

	*full = (struct full_stack){ camera, stack };
	mailbox_post(camera->mailbox, deliver_stack, full);
}

void camera_request_stack(struct camera *camera, int frames, int64_t at_ns, stack_fn fn, void *user)
{
	int64_t early_ns;

	pthread_mutex_lock(&camera->lock);
	/* as a recording begins: at an even rate, the first that comes less than half a period before the instant is the nearest */
	early_ns = timing_kept_period_ns(&camera->timing) / 2;
	pthread_mutex_unlock(&camera->lock);
	bare_add_stack(&camera->bare, stack_create(frames, at_ns ? at_ns - early_ns : 0, fn, user));
	camera_update_wanted(camera);
}

/* A JPEG has no size that is known before; it hardly ever has more than a byte a pixel. */
static size_t expected_bytes(const struct frame_format *format)
{
	struct frame frame = { .format = *format, .n_planes = frame_n_planes(format->pixels) };

	return format->pixels == PIXEL_MJPEG ? (size_t)format->width * format->height : frame_bytes(&frame);
}

void camera_make_frame_ring(struct camera *camera, const struct frame_format *format)
{
	size_t each = expected_bytes(format), bytes = each * camera->frame_ring;
	size_t limit = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE) / RING_SHARE;
	struct error err;

	if (bytes == camera->ring_bytes)
		return;
	camera->ring_bytes = bytes;
	bare_set_ring(&camera->bare, bytes > limit ? 0 : camera->frame_ring, bytes);
	if (bytes <= limit)
		return;
	error_set(&err, ERR_UNSUPPORTED, "camera %d: frame_ring = %d is too much, no frames are kept: %zu bytes each make %.1f GB, of which memory "
		  "allows %.1f; set it to %zu or less", camera->id, camera->frame_ring, each, bytes / 1e9, limit / 1e9, limit / each);
	camera->owner.on_trouble(camera->owner.user, camera, &err);
}

bool camera_has_frame_ring(const struct camera *camera)
{
	return bare_has_ring(&camera->bare);
}

int camera_take_frame_ring(struct camera *camera, struct frame **frames, int most)
{
	return bare_take_ring(&camera->bare, frames, most);
}

int camera_stack_frames(struct camera *camera, const void *user)
{
	return bare_stack_frames(&camera->bare, user);
}

/* False: there is none of that user's (NULL: none of anybody's). */
static bool cancel_stack(struct camera *camera, const void *user)
{
	struct stack *stack = bare_take_stack(&camera->bare, user);

	if (!stack)
		return false;
	camera_update_wanted(camera);
	stack->fn(stack->user, camera, NULL);
	stack_destroy(stack);
	return true;
}

void camera_hurry_frame(struct camera *camera, const void *user)
{
	struct frame_request **at = &camera->frame_requests, *request;
	struct frame *frame = NULL, *spent = NULL;

	if (cancel_stack(camera, user))
		return;
	pthread_mutex_lock(&camera->lock);
	while (*at && (*at)->user != user)
		at = &(*at)->next;
	request = *at;
	if (request) {
		*at = request->next;
		frame = camera->kept ? frame_ref(camera->kept) : NULL;
		spent = keep(camera, camera->kept);
	}
	pthread_mutex_unlock(&camera->lock);
	frame_unref(spent);
	camera_update_wanted(camera);
	if (request)
		end_request(camera, request, frame);
}

void camera_cancel_frames(struct camera *camera)
{
	struct frame_request *requests, *next;
	struct frame *spent;

	pthread_mutex_lock(&camera->lock);
	requests = camera->frame_requests;
	camera->frame_requests = NULL;
	spent = keep(camera, NULL);
	pthread_mutex_unlock(&camera->lock);
	frame_unref(spent);
	camera_update_wanted(camera);
	for (; requests; requests = next) {
		next = requests->next;
		end_request(camera, requests, NULL);
	}
	while (cancel_stack(camera, NULL))
		;
}
