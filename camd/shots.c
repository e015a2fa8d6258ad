#include "camd/shots.h"

#include "camd/convert.h"
#include "camd/start.h"
#include "camd/exif.h"
#include "camd/folder.h"
#include "camd/instant.h"
#include "camd/still/still.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"
#include "protocol/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum part_state { PART_WAITING, PART_DONE, PART_FAILED };

struct snapshot;

/* One camera's picture. */
struct part {
	struct snapshot *snapshot;
	uv_work_t work;
	int camera_id;
	char id[272], model[128];	/* of the camera, for the worker */
	enum part_state state;
	struct frame *frame;
	struct overlay *overlay;
	bool written;			/* the worker's word, until it is done */
	char *path;
	struct error error;
	struct shot shot;
};

struct snapshot {
	struct shots *shots;
	session_done_fn done;
	void *user;
	char *directory;
	int64_t wall_ns;
	int quality, format;		/* index in stills */
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
		free(snapshot->parts[i].path);
	free(snapshot->parts);
	free(snapshot->directory);
	free(snapshot);
}

static void answer(struct snapshot *snapshot)
{
	struct shot shots[SESSION_MAX_CAMERAS];
	struct failed_camera failed[SESSION_MAX_CAMERAS];
	char *files[SESSION_MAX_CAMERAS];
	struct snapshot_taken reply = { .files.items = files, .shots.items = shots };
	const struct error *first_error = NULL;

	for (size_t i = 0; i < snapshot->n; i++) {
		struct part *part = &snapshot->parts[i];

		if (part->state == PART_DONE) {
			files[reply.files.n++] = part->path;
			shots[reply.shots.n] = part->shot;
			shots[reply.shots.n++].skew_us = instant_skew_us(part->shot.sensor_timestamp_ns, shots[0].sensor_timestamp_ns);
			continue;
		}
		first_error = first_error ? first_error : &part->error;
		failed[reply.failed.n++] = (struct failed_camera){
			.camera_id = part->camera_id, .code = (char *)error_code_name(part->error.code), .message = part->error.text,
		};
	}
	if (reply.failed.n)
		reply.failed.items = failed;
	snapshot->done(snapshot->user, reply.shots.n ? &reply : NULL, reply.shots.n ? NULL : first_error);
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

/* ---- in a worker ---- */

/* Makes the file under a name that there isn't yet. */
static int create_file(struct part *part, struct error *err)
{
	char stamp[CLOCK_STAMP_BYTES], twin[16] = "";

	clock_stamp(part->snapshot->wall_ns, stamp);
	for (int n = 2;; n++) {
		int fd;

		free(part->path);
		part->path = xasprintf("%s/snapshot_cam%d_%s%s%s", part->snapshot->directory, part->camera_id, stamp, twin,
				       stills[part->snapshot->format]->suffix);
		fd = open(part->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (fd < 0 && errno != EEXIST)
			error_set_errno(err, errno, "snapshot %s", part->path);
		if (fd >= 0 || errno != EEXIST)
			return fd;
		snprintf(twin, sizeof(twin), "_%d", n);
	}
}

static bool write_file(struct part *part, const uint8_t *data, size_t bytes, struct error *err)
{
	int fd = create_file(part, err);
	ssize_t n = 0;

	if (fd < 0)
		return false;
	for (size_t at = 0; at < bytes && n >= 0; at += MAX(n, 0)) {
		n = write(fd, data + at, bytes - at);
		n = n < 0 && errno == EINTR ? 0 : n;
	}
	if (n >= 0 && !fsync(fd) && folder_sync(part->snapshot->directory)) {
		close(fd);
		return true;
	}
	error_set_errno(err, errno, "snapshot %s", part->path);
	close(fd);
	unlink(part->path);
	return false;
}

/* The picture with the overlay: if that could not be drawn into the camera's own, it is decoded for it. A new reference. */
static struct frame *with_overlay(const struct part *part)
{
	struct converter *converter;
	struct frame *converted;
	struct error damaged;

	if (!overlay_is_on(part->overlay) || paint_can(part->frame->format.pixels))
		return frame_ref(part->frame);
	converter = converter_create(1);
	converted = converter_run(converter, part->frame, &damaged);
	converter_destroy(converter);
	if (!converted)
		return frame_ref(part->frame);		/* as well as the camera gave it */
	overlay_draw_converted(part->overlay, part->frame, converted);
	return converted;
}

static void write_work(uv_work_t *work)
{
	struct part *part = work->data;
	struct exif_facts facts = { .camera_id = part->camera_id, .id = part->id, .model = part->model };
	struct frame *picture;
	uint8_t *data;
	size_t bytes;
	bool made;

	frame_begin_read(part->frame);
	picture = with_overlay(part);
	made = stills[part->snapshot->format]->write(picture, part->snapshot->quality, &data, &bytes, &part->error);
	frame_unref(picture);
	frame_end_read(part->frame);
	if (!made)
		return;
	exif_add(part->frame, &facts, &data, &bytes);
	part->written = write_file(part, data, bytes, &part->error);
	free(data);
}

/* ---- in the main thread ---- */

static void after_write(uv_work_t *work, int status)
{
	struct part *part = work->data;

	(void)status;
	part->state = part->written ? PART_DONE : PART_FAILED;
	part->shot = (struct shot){
		.camera_id = part->camera_id, .file = part->path, .format = (char *)still_format_names[part->snapshot->format],
		.sensor_timestamp_ns = part->frame->sensor_ns,
		.frame_number = part->frame->number,
	};
	frame_unref(part->frame);
	part->frame = NULL;
	if (part->state == PART_DONE) {
		session_mark_used(part->snapshot->shots->session);
		log_info("camera %d: snapshot %s", part->camera_id, part->path);
	}
	answer_if_all_have(part->snapshot);
}

static void on_frame(void *user, struct camera *camera, struct frame *frame)
{
	struct part *part = user;

	if (!frame) {
		error_set(&part->error, ERR_TIMEOUT, "camera %d gave no frame in time", camera_id(camera));
		part->state = PART_FAILED;
		answer_if_all_have(part->snapshot);
		return;
	}
	part->frame = frame;
	part->overlay = camera_overlay(camera);
	part->work.data = part;
	uv_queue_work(session_loop(part->snapshot->shots->session), &part->work, write_work, after_write);
}

static void on_timeout(uv_timer_t *timer)
{
	struct snapshot *snapshot = timer->data;

	for (size_t i = 0; i < snapshot->n; i++) {
		struct part *part = &snapshot->parts[i];

		struct camera *camera = session_camera(snapshot->shots->session, part->camera_id);

		if (part->state == PART_WAITING && !part->frame && camera)
			camera_hurry_frame(camera, part);
	}
}

static void begin_part(struct part *part, struct snapshot *snapshot, struct camera *camera, int64_t instant_ns)
{
	part->snapshot = snapshot;
	part->camera_id = camera_id(camera);
	snprintf(part->id, sizeof(part->id), "%s", camera_name(camera));
	snprintf(part->model, sizeof(part->model), "%s", camera_model(camera));
	if (camera_state(camera) != CAMERA_RUNNING) {
		part->error = *camera_error(camera);
		if (!part->error.code)
			error_set(&part->error, ERR_TIMEOUT, "camera %d is not open yet", part->camera_id);
		part->state = PART_FAILED;
	} else {
		camera_request_frame(camera, instant_ns, on_frame, part);
	}
}

void shots_take(struct shots *shots, const struct take_snapshot_args *args, session_done_fn done, void *user)
{
	struct snapshot *snapshot;
	struct camera **cameras;
	const char *directory;
	struct error err;
	int64_t timeout_ns = session_config(shots->session)->start_timeout_ns, instant_ns;
	size_t n;

	if (!session_select(shots->session, &args->camera_id, &cameras, &n, &err)) {
		done(user, NULL, &err);
		return;
	}
	directory = starts_check_running(cameras, n, &err) ? session_directory(shots->session, &err) : NULL;
	if (!directory) {
		free(cameras);
		done(user, NULL, &err);
		return;
	}
	snapshot = xcalloc(1, sizeof(*snapshot));
	*snapshot = (struct snapshot){
		.shots = shots, .done = done, .user = user, .directory = xstrdup(directory), .wall_ns = clock_wall_ns(),
		.quality = session_config(shots->session)->jpeg_quality, .format = args->format,
		.parts = xcalloc(n, sizeof(struct part)), .n = n,
	};
	shots->under_way++;
	uv_timer_init(session_loop(shots->session), &snapshot->timer);
	snapshot->timer.data = snapshot;
	uv_timer_start(&snapshot->timer, on_timeout, timeout_ns / NS_PER_MS, 0);
	instant_ns = instant_choose(cameras, n, timeout_ns / 2);
	for (size_t i = 0; i < n; i++)
		begin_part(&snapshot->parts[i], snapshot, cameras[i], instant_ns);
	free(cameras);
	snapshot->begun = true;
	answer_if_all_have(snapshot);
}
