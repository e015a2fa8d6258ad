#include "camd/trigger_stills.h"

#include "camd/camera.h"
#include "camd/camera_config.h"
#include "camd/clip_stills.h"
#include "common/util.h"

#include <stdio.h>
#include <stdlib.h>

/* Frames of one camera, the oldest first. */
struct shelf {
	struct frame **frames;
	int n;
};

struct trigger_stills {
	struct session *session;
	struct still_stock *stock;
	int stills, from;		/* as the trigger said; -1: as the settings have it */
	int64_t every;			/* FIELD_UNSET: likewise */
	struct shelf shelves[SESSION_MAX_CAMERAS];
};

static const struct config *config_of(const struct session *session, int camera_id)
{
	return camera_config(session_options(session), camera_id);
}

static bool are_wanted(const struct session *session, int stills, int camera_id)
{
	return (stills >= 0 ? stills : config_of(session, camera_id)->stills) != STILLS_NONE;
}

static bool is_from_ring(const struct trigger_stills *stills, int camera_id)
{
	return (stills->from >= 0 ? stills->from : config_of(stills->session, camera_id)->stills_from) == STILLS_FROM_RING;
}

struct trigger_stills *trigger_stills_create(struct session *session, struct still_stock *stock, const struct trigger_args *args)
{
	struct trigger_stills *stills;
	bool wanted = false;

	for (int i = 0; i < SESSION_MAX_CAMERAS; i++)
		wanted = wanted || are_wanted(session, args->stills, i);
	if (!wanted)
		return NULL;
	stills = xcalloc(1, sizeof(*stills));
	*stills = (struct trigger_stills){
		.session = session, .stock = stock, .stills = args->stills, .from = args->stills_from, .every = args->stills_every,
	};
	return stills;
}

void trigger_stills_destroy(struct trigger_stills *stills)
{
	for (int i = 0; stills && i < SESSION_MAX_CAMERAS; i++) {
		struct shelf *shelf = &stills->shelves[i];

		stills->stock->held[i] -= shelf->n;
		while (shelf->n)
			frame_unref(shelf->frames[--shelf->n]);
		free(shelf->frames);
	}
	free(stills);
}

static bool check_ring(const struct camera *camera, struct error *err)
{
	return camera_has_frame_ring(camera) ||
	       error_set(err, ERR_UNSUPPORTED, "camera %d keeps no frames, for pictures of a trigger: set frame_ring", camera_id(camera));
}

bool trigger_stills_check(struct session *session, const struct trigger_args *args, struct camera **cameras, size_t n, struct error *err)
{
	for (size_t i = 0; args->stills_from == STILLS_FROM_RING && i < n; i++)
		if (are_wanted(session, args->stills, camera_id(cameras[i])) && !check_ring(cameras[i], err))
			return false;
	return true;
}

/* ---- frames ---- */

/* Of those that are new and of that time: the first, and how many there are behind it. */
static int find_new(const struct shelf *shelf, struct frame **frames, int n, int64_t from_ns, int64_t to_ns, int *first)
{
	int64_t after_ns = shelf->n ? shelf->frames[shelf->n - 1]->sensor_ns : INT64_MIN;
	int end = n;

	*first = 0;
	while (*first < n && (frames[*first]->sensor_ns < from_ns || frames[*first]->sensor_ns <= after_ns))
		(*first)++;
	while (end > *first && frames[end - 1]->sensor_ns > to_ns)
		end--;
	return end - *first;
}

void trigger_stills_take(struct trigger_stills *stills, struct camera *camera, int64_t from_ns, int64_t to_ns)
{
	int id = camera_id(camera), most = (int)config_of(stills->session, id)->frame_ring, n, found, first, room;
	struct shelf *shelf = &stills->shelves[id];
	struct frame **frames;

	if (!are_wanted(stills->session, stills->stills, id) || !is_from_ring(stills, id) || !camera_has_frame_ring(camera))
		return;
	frames = xcalloc((size_t)most, sizeof(struct frame *));
	n = camera_take_frame_ring(camera, frames, most);
	found = find_new(shelf, frames, n, from_ns, to_ns, &first);
	room = MIN(MAX(most - stills->stock->held[id], 0), found);
	/* what is nearest to the moment is dearest: the newest before it, and the oldest after it */
	if (!shelf->n)
		first += found - room;
	shelf->frames = xrealloc(shelf->frames, (size_t)(shelf->n + room + 1), sizeof(struct frame *));
	for (int i = 0; i < n; i++) {
		if (i >= first && i < first + room)
			shelf->frames[shelf->n++] = frames[i];
		else
			frame_unref(frames[i]);
	}
	stills->stock->held[id] += room;
	free(frames);
}

/* ---- the job ---- */

static struct still_series_request series_of(const struct trigger_stills *stills, const struct camera *camera)
{
	const struct config *config = config_of(stills->session, camera_id(camera));
	struct still_series_request series = {
		.format = (stills->stills >= 0 ? stills->stills : config->stills) - STILLS_JPG,
		.every = stills->every != FIELD_UNSET ? stills->every : config->stills_every, .quality = (int)config->jpeg_quality,
		.stacking = config->stack_dark_frames, .stack_count = (int)config->stack_count, .dark = config->dark_threshold,
		.nights = *camera_nights(camera), .camera_id = camera_id(camera),
	};

	snprintf(series.id, sizeof(series.id), "%s", camera_name(camera));
	snprintf(series.model, sizeof(series.model), "%s", camera_model(camera));
	return series;
}

/* What was taken becomes the job's. */
static bool request_frames(struct trigger_stills *stills, const struct camera *camera, struct clip_stills_request *request, struct error *err)
{
	struct shelf *shelf = &stills->shelves[camera_id(camera)];

	if (!check_ring(camera, err))
		return false;
	if (!shelf->n)
		return error_set(err, ERR_NOT_FOUND, "camera %d: its ring has no frame of the trigger's time; a larger frame_ring may", camera_id(camera));
	request->ring = shelf->frames;
	request->n_ring = shelf->n;
	request->held = &stills->stock->held[camera_id(camera)];
	return true;
}

bool trigger_stills_start(struct trigger_stills *stills, const struct trigger_clip *clip, int64_t *job, struct error *err)
{
	struct camera *camera = session_camera(stills->session, clip->camera_id);
	struct clip_stills_request request = { .video = clip->file, .table = clip->csv, .frames = clip->frames, .to_ns = clip->to_sensor_timestamp_ns };
	struct still_series_request series;

	*job = FIELD_UNSET;
	if (!are_wanted(stills->session, stills->stills, (int)clip->camera_id))
		return true;
	if (!camera)
		return error_set(err, ERR_CANCELLED, "no pictures of it: camd ends");
	if (is_from_ring(stills, camera_id(camera))) {
		trigger_stills_take(stills, camera, clip->from_sensor_timestamp_ns, clip->to_sensor_timestamp_ns);
		if (!request_frames(stills, camera, &request, err))
			return false;
	} else if (!clip->csv) {
		return error_set(err, ERR_UNSUPPORTED, "stills need the timing table (enable_csv_timing_log)");
	}
	series = series_of(stills, camera);
	if (!clip_stills_start(stills->session, &request, &series, job, err))
		return false;
	if (request.ring)
		stills->shelves[camera_id(camera)] = (struct shelf){ 0 };
	return true;
}
