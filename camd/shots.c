#include "camd/shots.h"

#include "camd/instant.h"
#include "camd/saving.h"
#include "camd/start.h"
#include "camd/worker.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"
#include "protocol/errors.h"

#include <stdlib.h>

enum part_state { PART_WAITING, PART_DONE, PART_FAILED };

struct snapshot;

/* One camera's picture, or pictures. */
struct part {
	struct snapshot *snapshot;
	struct worker work;
	int camera_id;
	enum part_state state;
	int stack_frames;		/* so many there were in its stack when it was looked after */
	struct saving saving;		/* from its frame or stack on a worker's, until it is done */
};

struct snapshot {
	struct shots *shots;
	session_done_fn done;
	void *user;
	char *directory;
	int64_t wall_ns;
	struct part *parts;
	size_t n;
	bool begun;
	uv_timer_t timer;
};

struct shots {
	struct session *session;
	size_t under_way;
};

struct shots *shots_create(struct session *session)
{
	struct shots *shots = xcalloc(1, sizeof(*shots));

	shots->session = session;
	return shots;
}

void shots_destroy(struct shots *shots)
{
	free(shots);
}

bool shots_are_idle(const struct shots *shots)
{
	return !shots->under_way;
}

static void free_snapshot(uv_handle_t *timer)
{
	struct snapshot *snapshot = timer->data;

	for (size_t i = 0; i < snapshot->n; i++)
		saving_finish(&snapshot->parts[i].saving);
	free(snapshot->parts);
	free(snapshot->directory);
	free(snapshot);
}

static size_t count_shots(const struct snapshot *snapshot)
{
	size_t n = 0;

	for (size_t i = 0; i < snapshot->n; i++)
		n += (size_t)snapshot->parts[i].saving.n;
	return n;
}

static void add_shots(struct snapshot_taken *reply, const struct saving *saving)
{
	char **files = reply->files.items;
	struct shot *shots = reply->shots.items;

	for (int i = 0; i < saving->n; i++) {
		struct shot *shot = &shots[reply->shots.n++];

		*shot = saving->shots[i];
		shot->skew_us = instant_skew_us(shot->sensor_timestamp_ns, shots[0].sensor_timestamp_ns);
		files[reply->files.n++] = shot->file;
	}
}

static void answer(struct snapshot *snapshot)
{
	size_t n = count_shots(snapshot);
	struct failed_camera failed[SESSION_MAX_CAMERAS];
	struct snapshot_taken reply = { .files.items = xcalloc(n + 1, sizeof(char *)), .shots.items = xcalloc(n + 1, sizeof(struct shot)) };
	const struct error *first_error = NULL;

	for (size_t i = 0; i < snapshot->n; i++) {
		struct part *part = &snapshot->parts[i];
		struct error *err = &part->saving.error;

		add_shots(&reply, &part->saving);
		if (part->state == PART_DONE)
			continue;
		first_error = first_error ? first_error : err;
		failed[reply.failed.n++] = (struct failed_camera){
			.camera_id = part->camera_id, .code = (char *)error_code_name(err->code), .message = err->text,
		};
	}
	if (reply.failed.n)
		reply.failed.items = failed;
	snapshot->done(snapshot->user, n ? &reply : NULL, n ? NULL : first_error);
	free(reply.files.items);
	free(reply.shots.items);
}

static void answer_if_all_have(struct snapshot *snapshot)
{
	struct shots *shots = snapshot->shots;

	if (!snapshot->begun)
		return;
	for (size_t i = 0; i < snapshot->n; i++)
		if (snapshot->parts[i].state == PART_WAITING)
			return;
	snapshot->begun = false;
	answer(snapshot);
	uv_close((uv_handle_t *)&snapshot->timer, free_snapshot);
	shots->under_way--;
	session_check_down(shots->session);
}

static void save_work(struct worker *work)
{
	struct part *part = work->data;

	saving_run(&part->saving);
}

static void after_save(struct worker *work)
{
	struct part *part = work->data;

	part->state = part->saving.n ? PART_DONE : PART_FAILED;
	saving_let_go(&part->saving);	/* now, for others may take their time yet */
	if (part->state == PART_DONE) {
		session_mark_used(part->snapshot->shots->session);
		log_info("camera %d: snapshot %s%s", part->camera_id, part->saving.files[0], part->saving.n > 1 ? " and those after it" : "");
	}
	answer_if_all_have(part->snapshot);
}

static void save(struct part *part, struct camera *camera)
{
	part->saving.overlay = camera_overlay(camera);
	part->work.data = part;
	worker_start(session_loop(part->snapshot->shots->session), &part->work, save_work, after_save);
}

static void fail(struct part *part, const struct error *err)
{
	part->saving.error = *err;
	part->state = PART_FAILED;
	answer_if_all_have(part->snapshot);
}

static void on_frame(void *user, struct camera *camera, struct frame *frame)
{
	struct part *part = user;
	struct error err;

	part->saving.frame = frame;
	if (frame) {
		save(part, camera);
		return;
	}
	error_set(&err, ERR_TIMEOUT, "camera %d gave no frame in time", part->camera_id);
	fail(part, &err);
}

static void on_stack(void *user, struct camera *camera, struct stack *stack)
{
	struct part *part = user;
	struct error err;

	part->saving.stack = stack;
	if (stack) {
		save(part, camera);
		return;
	}
	error_set(&err, ERR_TIMEOUT, "camera %d gave no frame in time for its stack", part->camera_id);
	fail(part, &err);
}

/* A stack has time for each of its frames. */
static bool has_grown(struct part *part, struct camera *camera)
{
	int before = part->stack_frames;

	part->stack_frames = camera_stack_frames(camera, part);
	return part->stack_frames > before;
}

static void on_timeout(uv_timer_t *timer)
{
	struct snapshot *snapshot = timer->data;

	for (size_t i = 0; i < snapshot->n; i++) {
		struct part *part = &snapshot->parts[i];

		struct camera *camera = session_camera(snapshot->shots->session, part->camera_id);

		if (part->state == PART_WAITING && !part->work.data && camera && !has_grown(part, camera))
			camera_hurry_frame(camera, part);
	}
}

/* What it has is there already. */
static void take_ring(struct part *part, struct camera *camera, int most)
{
	struct error err;

	if (!camera_has_frame_ring(camera)) {
		error_set(&err, ERR_UNSUPPORTED, "camera %d keeps no frames: set frame_ring", part->camera_id);
		fail(part, &err);
		return;
	}
	part->saving.nights = *camera_nights(camera);
	part->saving.ring = xcalloc((size_t)most, sizeof(struct frame *));
	part->saving.n_ring = camera_take_frame_ring(camera, part->saving.ring, most);
	if (part->saving.n_ring) {
		save(part, camera);
		return;
	}
	error_set(&err, ERR_NOT_FOUND, "camera %d has no frame in its ring yet", part->camera_id);
	fail(part, &err);
}

static void begin_part(struct part *part, struct snapshot *snapshot, struct camera *camera, const struct take_snapshot_args *args, int64_t instant_ns)
{
	bool numbers = args->format == STILL_NPY || args->format == STILL_NPY_BGR;
	int stack = args->stack == FIELD_UNSET ? 0 : (int)args->stack;

	part->snapshot = snapshot;
	part->camera_id = camera_id(camera);
	part->saving = (struct saving){
		.directory = snapshot->directory, .wall_ns = snapshot->wall_ns, .camera_id = part->camera_id, .format = args->format,
		.quality = (int)session_config(snapshot->shots->session)->jpeg_quality, .stack_frames = stack, .sum = args->stacking == STACKING_SUM,
	};
	snprintf(part->saving.id, sizeof(part->saving.id), "%s", camera_name(camera));
	snprintf(part->saving.model, sizeof(part->saving.model), "%s", camera_model(camera));
	if (args->ring != FIELD_UNSET) {
		take_ring(part, camera, (int)args->ring);
	} else if (camera_state(camera) != CAMERA_RUNNING) {
		part->saving.error = *camera_error(camera);
		if (!part->saving.error.code)
			error_set(&part->saving.error, ERR_TIMEOUT, "camera %d is not open yet", part->camera_id);
		part->state = PART_FAILED;
	} else if (stack || numbers) {
		/* who wants numbers wants none of a text's */
		camera_request_stack(camera, MAX(stack, 1), instant_ns, on_stack, part);
	} else {
		camera_request_frame(camera, instant_ns, on_frame, part);
	}
}

static bool check_args(const struct take_snapshot_args *args, struct error *err)
{
	if (args->stacking == STACKING_SUM && args->stack == FIELD_UNSET)
		return error_set_argument(err, "stacking", "stacking: a sum needs stack, of how many frames");
	if (args->ring != FIELD_UNSET && args->stack != FIELD_UNSET)
		return error_set_argument(err, "ring", "ring: its frames are not stacked; leave out stack");
	return true;
}

void shots_take(struct shots *shots, const struct take_snapshot_args *args, session_done_fn done, void *user)
{
	struct snapshot *snapshot;
	struct camera **cameras;
	const char *directory;
	struct error err;
	int64_t timeout_ns = session_config(shots->session)->start_timeout_ns, instant_ns;
	size_t n;

	if (!check_args(args, &err) || !session_select(shots->session, &args->camera_id, &cameras, &n, &err)) {
		done(user, NULL, &err);
		return;
	}
	directory = args->ring != FIELD_UNSET || starts_check_running(cameras, n, &err) ? session_directory(shots->session, &err) : NULL;
	if (!directory) {
		free(cameras);
		done(user, NULL, &err);
		return;
	}
	snapshot = xcalloc(1, sizeof(*snapshot));
	*snapshot = (struct snapshot){
		.shots = shots, .done = done, .user = user, .directory = xstrdup(directory), .wall_ns = clock_wall_ns(),
		.parts = xcalloc(n, sizeof(struct part)), .n = n,
	};
	shots->under_way++;
	uv_timer_init(session_loop(shots->session), &snapshot->timer);
	snapshot->timer.data = snapshot;
	uv_timer_start(&snapshot->timer, on_timeout, timeout_ns / NS_PER_MS, timeout_ns / NS_PER_MS);
	instant_ns = instant_choose(cameras, n, timeout_ns / 2);
	for (size_t i = 0; i < n; i++)
		begin_part(&snapshot->parts[i], snapshot, cameras[i], args, instant_ns);
	free(cameras);
	snapshot->begun = true;
	answer_if_all_have(snapshot);
}
