#include "camd/previews.h"

#include "camd/control.h"
#include "camd/smaller.h"
#include "camd/still/still.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"

#include <libavutil/base64.h>
#include <math.h>
#include <stdlib.h>

#define MAX_QUALITY 80

/* A picture that nobody has read is replaced by a newer one no more often than this. */
#define UNREAD_NS NS_PER_S

/* What makes the pictures; where a wish has no value of its own, the settings' hold. */
struct look {
	struct size size;
	double fps;
	int64_t quality;
};

struct wish {
	const struct client *client;	/* only ever compared */
	int camera_id;
	struct look look;
};

struct previews {
	struct session *session;
	size_t under_way;
	struct wish *wishes;		/* one a client and camera at most */
	size_t n_wishes;
	struct converter *converters[SESSION_MAX_CAMERAS];	/* by camera_id; NULL: none yet */
};

struct job {
	uv_work_t work;
	struct previews *previews;
	int camera_id;
	struct look look;
	struct frame *frame;
	struct converter *converter;	/* lent: a camera has one job at a time */
	struct overlay *overlay;
	char *base64;
	struct size shown;
	struct error error;
};

struct previews *previews_create(struct session *session)
{
	struct previews *previews = xcalloc(1, sizeof(*previews));

	previews->session = session;
	return previews;
}

void previews_destroy(struct previews *previews)
{
	if (!previews)
		return;
	for (int i = 0; i < SESSION_MAX_CAMERAS; i++)
		converter_destroy(previews->converters[i]);
	free(previews->wishes);
	free(previews);
}

bool previews_are_idle(const struct previews *previews)
{
	return !previews->under_way;
}

/* ---- who wants what ---- */

static struct look complete(const struct previews *previews, const struct look *look)
{
	const struct config *config = session_config(previews->session);

	return (struct look){
		.size = look->size.width ? look->size : config->preview_size,
		.fps = isnan(look->fps) ? config->preview_fps : look->fps,
		.quality = look->quality == FIELD_UNSET ? MIN(config->jpeg_quality, MAX_QUALITY) : look->quality,
	};
}

/* What suits everybody who wants this camera; fps 0: nobody does. */
static struct look look_for(const struct previews *previews, int camera_id)
{
	struct look all = { 0 };

	for (size_t i = 0; i < previews->n_wishes; i++) {
		struct look one = complete(previews, &previews->wishes[i].look);

		if (previews->wishes[i].camera_id != camera_id)
			continue;
		all.size = (struct size){ MAX(all.size.width, one.size.width), MAX(all.size.height, one.size.height) };
		all.fps = MAX(all.fps, one.fps);
		all.quality = MAX(all.quality, one.quality);
	}
	return all;
}

static void apply(struct previews *previews, struct camera *camera)
{
	double fps = look_for(previews, camera_id(camera)).fps;

	camera_set_preview(camera, fps > 0 ? (int64_t)(1e9 / fps) : 0);
}

bool previews_wants(const struct previews *previews, const struct client *client, int camera_id)
{
	for (size_t i = 0; i < previews->n_wishes; i++)
		if (previews->wishes[i].client == client && previews->wishes[i].camera_id == camera_id)
			return true;
	return false;
}

static void drop_wish(struct previews *previews, const struct client *client, int camera_id)
{
	for (size_t i = 0; i < previews->n_wishes; i++)
		if (previews->wishes[i].client == client && previews->wishes[i].camera_id == camera_id)
			previews->wishes[i--] = previews->wishes[--previews->n_wishes];
}

static void add_wish(struct previews *previews, const struct client *client, int camera_id, const struct toggle_preview_args *args)
{
	previews->wishes = xrealloc(previews->wishes, previews->n_wishes + 1, sizeof(*previews->wishes));
	previews->wishes[previews->n_wishes++] = (struct wish){ client, camera_id, { args->size, args->fps, args->quality } };
}

bool previews_toggle(struct previews *previews, const struct client *client, const struct toggle_preview_args *args, struct error *err)
{
	struct camera **cameras;
	size_t n;

	if (!session_select(previews->session, &args->camera_id, &cameras, &n, err))
		return false;
	for (size_t i = 0; i < n; i++) {
		drop_wish(previews, client, camera_id(cameras[i]));
		if (args->enabled)
			add_wish(previews, client, camera_id(cameras[i]), args);
		else
			control_forget_preview(client, camera_id(cameras[i]));
		apply(previews, cameras[i]);
	}
	free(cameras);
	return true;
}

void previews_forget_client(struct previews *previews, const struct client *client)
{
	for (int id = 0; id < SESSION_MAX_CAMERAS; id++) {
		struct camera *camera = session_camera(previews->session, id);

		if (!previews_wants(previews, client, id))
			continue;
		drop_wish(previews, client, id);
		if (camera)
			apply(previews, camera);
	}
}

void previews_config_changed(struct previews *previews)
{
	for (size_t i = 0; i < session_n_cameras(previews->session); i++) {
		struct camera *camera = session_camera(previews->session, i);

		if (camera && camera_has_preview(camera))
			apply(previews, camera);
	}
}

/* ---- in a worker ---- */

static bool make_base64(struct job *job, const struct frame *picture)
{
	uint8_t *jpeg;
	size_t bytes, room;

	if (!still_jpeg.write(picture, (int)job->look.quality, &jpeg, &bytes, &job->error))
		return false;
	room = AV_BASE64_SIZE(bytes);
	job->base64 = xcalloc(room, 1);
	av_base64_encode(job->base64, room, jpeg, bytes);
	free(jpeg);
	job->shown = (struct size){ picture->format.width, picture->format.height };
	return true;
}

static void work(uv_work_t *work)
{
	struct job *job = work->data;
	struct frame *scaled = smaller_make(job->converter, job->frame, job->look.size, &job->error);

	if (scaled) {
		overlay_draw_preview(job->overlay, scaled, job->frame);
		make_base64(job, scaled);
	}
	frame_unref(scaled);
}

/* ---- in the main thread ---- */

static void send_picture(struct job *job)
{
	struct preview_frame data = {
		.camera_id = job->camera_id, .frame = job->base64, .timestamp = job->frame->wall_ns / 1e9,
		.frame_number = job->frame->number, .sensor_timestamp_ns = job->frame->sensor_ns, .size = job->shown,
	};

	control_preview(session_control(job->previews->session), &data);
}

static void finish(struct job *job)
{
	struct session *session = job->previews->session;
	struct camera *camera = session_camera(session, job->camera_id);

	frame_unref(job->frame);
	if (camera)
		camera_preview_done(camera);
	free(job->base64);
	free(job);
}

static void after(uv_work_t *work, int status)
{
	struct job *job = work->data;
	struct previews *previews = job->previews;
	struct camera *camera = session_camera(previews->session, job->camera_id);

	(void)status;
	if (job->base64 && camera && camera_has_preview(camera))
		send_picture(job);
	else if (job->error.code)
		log_warning("camera %d: preview: %s", job->camera_id, job->error.text);
	finish(job);
	previews->under_way--;
	session_check_down(previews->session);
}

void previews_show(struct previews *previews, struct camera *camera, struct frame *frame)
{
	int64_t since_ns = control_preview_since(session_control(previews->session), camera_id(camera));
	struct converter **converter = &previews->converters[camera_id(camera)];
	struct job *job = xcalloc(1, sizeof(*job));

	if (!*converter)
		*converter = converter_create(1);
	*job = (struct job){
		.previews = previews, .camera_id = camera_id(camera), .look = look_for(previews, camera_id(camera)), .frame = frame,
		.converter = *converter, .overlay = camera_overlay(camera),
	};
	job->work.data = job;
	if (!camera_has_preview(camera) || (since_ns && clock_now_ns() - since_ns < UNREAD_NS)) {
		finish(job);
		return;
	}
	previews->under_way++;
	uv_queue_work(session_loop(previews->session), &job->work, work, after);
}
