#include "camd/clip_stills.h"

#include "camd/avpicture.h"
#include "camd/jobs.h"
#include "camd/videofile.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <libswscale/swscale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 1024

struct clip_stills {
	struct clip_stills_request its;
	struct still_series_request wanted;
	char *video, *table, *what;
	FILE *rows;
	struct SwsContext *scaler;
	struct still_series *series;
};

static void let_go(struct clip_stills *work)
{
	for (int i = 0; i < work->its.n_ring; i++)
		frame_unref(work->its.ring[i]);
	if (work->its.ring)
		*work->its.held -= work->its.n_ring;
	free(work->its.ring);
}

static void free_work(struct clip_stills *work)
{
	if (work->rows)
		fclose(work->rows);
	sws_freeContext(work->scaler);
	still_series_destroy(work->series);
	free(work->video);
	free(work->table);
	free(work->what);
	free(work);
}

static void free_stills(void *user)
{
	let_go(user);
	free_work(user);
}

/* ---- from the clip ---- */

/* What its table says of one frame. False: there is none, or it is none of camd's. */
static bool read_row(struct clip_stills *work, struct frame *facts)
{
	char line[LINE_BYTES];
	int64_t wall_s;
	unsigned wall_us;

	if (!fgets(line, sizeof(line), work->rows) ||
	    sscanf(line, "%" SCNu64 ",%" SCNd64 ".%6u,%" SCNd64 ",%*u,%*u,%" SCNu64 ",", &facts->number, &wall_s, &wall_us, &facts->sensor_ns,
		   &facts->camera_frame) != 5)
		return false;
	facts->wall_ns = (wall_s * 1000000 + wall_us) * 1000;
	return true;
}

static bool open_rows(struct clip_stills *work, struct error *err)
{
	char header[LINE_BYTES];

	work->rows = fopen(work->table, "re");
	return (work->rows && fgets(header, sizeof(header), work->rows)) || error_set_errno(err, errno, "%s: cannot read the timing table", work->table);
}

static bool add_picture(struct clip_stills *work, const AVFrame *picture, struct frame *frame, struct error *err)
{
	AVFrame *converted = NULL;
	bool good;

	if (!avpicture_format(picture, &frame->format))
		return error_set(err, ERR_IO, "%s: a picture is too small", work->video);
	if (!avpicture_fits(picture, &frame->format) && !(converted = avpicture_convert(&work->scaler, picture, &frame->format, err)))
		return false;
	avpicture_planes(frame, converted ? converted : picture);
	good = still_series_add(work->series, frame, err);
	av_frame_free(&converted);
	return good;
}

static bool is_cancelled(void *user)
{
	return job_is_cancelled(user);
}

/* The k-th picture is that of the k-th row. */
static bool add_pictures(struct clip_stills *work, struct job *job, struct videofile *file, struct error *err)
{
	enum videofile_result result = VIDEOFILE_PICTURE;
	struct frame frame = { 0 };

	for (int64_t k = 0; read_row(work, &frame); k++) {
		AVFrame *picture = NULL;
		int64_t time_ns;
		bool good;

		if (job_is_cancelled(job))
			return error_set(err, ERR_CANCELLED, "Cancelled");
		result = videofile_next(file, &picture, &time_ns, err);
		if (result != VIDEOFILE_PICTURE)
			break;
		good = add_picture(work, picture, &frame, err);
		av_frame_free(&picture);
		if (!good)
			return false;
		job_set_progress(job, (double)(k + 1) / (double)MAX(work->its.frames, 1));
	}
	return result == VIDEOFILE_END ? error_set(err, ERR_IO, "%s has fewer frames than its table has rows", work->video) :
	       result != VIDEOFILE_FAILED;
}

static bool take_from_clip(struct clip_stills *work, struct job *job, struct error *err)
{
	struct videofile *file = open_rows(work, err) ? videofile_open(work->video, is_cancelled, job, err) : NULL;
	bool good = file && add_pictures(work, job, file, err);

	videofile_close(file);
	return good;
}

/* ---- from the ring ---- */

/* Whoever set frame_ring may want to know that it is too small. */
static void tell_missing(const struct clip_stills *work, struct job *job)
{
	const struct clip_stills_request *its = &work->its;
	const struct frame *last = its->ring[its->n_ring - 1];
	uint64_t missing = 0;

	for (int i = 1; i < its->n_ring; i++) {
		const struct frame *frame = its->ring[i];

		missing += frame->camera_frame - its->ring[i - 1]->camera_frame - 1 - frame->gap.sensor - frame->gap.starved;
	}
	if (missing || last->sensor_ns < its->to_ns)
		job_set_message(job, "not all frames of the clip were kept: %" PRIu64 " are missing between, and %.3f s at the end; frame_ring may be too small",
				missing, (double)MAX(its->to_ns - last->sensor_ns, 0) / 1e9);
}

static bool take_from_ring(struct clip_stills *work, struct job *job, struct error *err)
{
	for (int i = 0; i < work->its.n_ring; i++) {
		if (job_is_cancelled(job))
			return error_set(err, ERR_CANCELLED, "Cancelled");
		if (!still_series_add(work->series, work->its.ring[i], err))
			return false;
		job_set_progress(job, (double)(i + 1) / work->its.n_ring);
	}
	tell_missing(work, job);
	return true;
}

/* ---- the job ---- */

static bool run(void *user, struct job *job, struct error *err)
{
	struct clip_stills *work = user;
	struct error ignored;
	bool good;

	work->wanted.clip = work->video;
	work->series = still_series_create(&work->wanted, err);
	if (!work->series)
		return false;
	good = work->its.ring ? take_from_ring(work, job, err) : take_from_clip(work, job, err);
	good = still_series_finish(work->series, good ? err : &ignored) && good;
	if (good)
		job_add_file(job, still_series_table(work->series));
	return good;
}

bool clip_stills_start(struct session *session, const struct clip_stills_request *request, const struct still_series_request *series, int64_t *job,
		       struct error *err)
{
	struct clip_stills *work = xcalloc(1, sizeof(*work));
	struct job_request wanted = { .run = run, .free = free_stills, .user = work };

	work->its = *request;
	work->wanted = *series;
	work->video = xstrdup(request->video);
	work->table = request->table ? xstrdup(request->table) : NULL;
	wanted.what = work->what = xasprintf("stills of %s", request->video);
	if (jobs_add(session_jobs(session), &wanted, job, err))
		return true;
	free_work(work);
	return false;
}
