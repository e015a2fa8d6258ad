#include "camd/clip_stills.h"

#include "camd/avpicture.h"
#include "camd/folder.h"
#include "camd/jobs.h"
#include "camd/still/still.h"
#include "camd/videofile.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libswscale/swscale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_BYTES 1024

struct clip_stills {
	struct clip_stills_request its;
	char *video, *table, *what;
	char *directory, *list_path;
	const struct still_impl *impl;
	FILE *rows, *list;
	struct SwsContext *scaler;
};

/* What the clip's table says of one frame. */
struct row {
	uint64_t number, camera_frame;
	int64_t sensor_ns;
	char wall[32];
};

static void free_stills(void *user)
{
	struct clip_stills *work = user;

	if (work->rows)
		fclose(work->rows);
	if (work->list)
		fclose(work->list);
	sws_freeContext(work->scaler);
	free(work->video);
	free(work->table);
	free(work->what);
	free(work->directory);
	free(work->list_path);
	free(work);
}

/* False: there is none, or it is none of camd's. */
static bool read_row(struct clip_stills *work, struct row *row)
{
	char line[LINE_BYTES];

	return fgets(line, sizeof(line), work->rows) &&
	       sscanf(line, "%" SCNu64 ",%31[0-9.],%" SCNd64 ",%*u,%*u,%" SCNu64 ",", &row->number, row->wall, &row->sensor_ns,
		      &row->camera_frame) == 4;
}

static bool open_files(struct clip_stills *work, struct error *err)
{
	char header[LINE_BYTES];
	int fd;

	work->rows = fopen(work->table, "re");
	if (!work->rows || !fgets(header, sizeof(header), work->rows))
		return error_set_errno(err, errno, "%s: cannot read the timing table", work->table);
	if (mkdir(work->directory, 0777))
		return error_set_errno(err, errno, "%s: cannot make the directory", work->directory);
	fd = open(work->list_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	work->list = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!work->list)
		return error_set_errno(err, errno, "%s: cannot make the table", work->list_path);
	fputs("file,frame_number,camera_frame,sensor_timestamp_ns,write_time_unix\n", work->list);
	return true;
}

static bool write_file(const char *path, const uint8_t *data, size_t bytes, struct error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	bool good = fd >= 0 && write_whole(fd, data, bytes);

	if (!good)
		error_set_errno(err, errno, "%s: cannot write", path);
	if (!good && fd >= 0)
		unlink(path);		/* what is there already is not ours to remove */
	if (fd >= 0)
		close(fd);
	return good;
}

static bool write_picture(struct clip_stills *work, const AVFrame *picture, const struct row *row, struct error *err)
{
	struct frame frame = { .camera_frame = row->camera_frame, .number = row->number, .sensor_ns = row->sensor_ns };
	AVFrame *converted = NULL;
	uint8_t *data = NULL;
	size_t bytes;
	char *name, *path;
	bool good;

	if (!avpicture_format(picture, &frame.format))
		return error_set(err, ERR_IO, "%s: a picture is too small", work->video);
	if (!avpicture_fits(picture, &frame.format) && !(converted = avpicture_convert(&work->scaler, picture, &frame.format, err)))
		return false;
	avpicture_planes(&frame, converted ? converted : picture);
	name = xasprintf("frame_%08" PRIu64 "%s", row->camera_frame, work->impl->suffix);
	path = xasprintf("%s/%s", work->directory, name);
	good = work->impl->write(&frame, work->its.quality, &data, &bytes, err) && write_file(path, data, bytes, err);
	if (good)
		fprintf(work->list, "%s,%" PRIu64 ",%" PRIu64 ",%" PRId64 ",%s\n", name, row->number, row->camera_frame, row->sensor_ns, row->wall);
	av_frame_free(&converted);
	free(data);
	free(name);
	free(path);
	return good;
}

static bool is_cancelled(void *user)
{
	return job_is_cancelled(user);
}

/* The k-th picture is that of the k-th row. */
static bool write_pictures(struct clip_stills *work, struct job *job, struct videofile *file, struct error *err)
{
	enum videofile_result result = VIDEOFILE_PICTURE;
	struct row row;

	for (int64_t k = 0; read_row(work, &row); k++) {
		AVFrame *picture = NULL;
		int64_t time_ns;
		bool good;

		if (job_is_cancelled(job))
			return error_set(err, ERR_CANCELLED, "Cancelled");
		result = videofile_next(file, &picture, &time_ns, err);
		if (result != VIDEOFILE_PICTURE)
			break;
		good = k % work->its.every || write_picture(work, picture, &row, err);
		av_frame_free(&picture);
		if (!good)
			return false;
		job_set_progress(job, (double)(k + 1) / (double)MAX(work->its.frames, 1));
	}
	return result == VIDEOFILE_END ? error_set(err, ERR_IO, "%s has fewer frames than its table has rows", work->video) :
	       result != VIDEOFILE_FAILED;
}

static bool run(void *user, struct job *job, struct error *err)
{
	struct clip_stills *work = user;
	struct videofile *file;
	bool good;

	if (!open_files(work, err))
		return false;
	file = videofile_open(work->video, is_cancelled, job, err);
	good = file && write_pictures(work, job, file, err);
	videofile_close(file);
	/* what there is, is listed */
	if (fflush(work->list) || fsync(fileno(work->list)) || !folder_sync(work->directory))
		good = good ? error_set_errno(err, errno, "%s", work->list_path) : false;
	if (good)
		job_add_file(job, work->list_path);
	return good;
}

bool clip_stills_start(struct session *session, const struct clip_stills_request *request, int64_t *job, struct error *err)
{
	struct clip_stills *user = xcalloc(1, sizeof(*user));
	struct job_request wanted = { .run = run, .free = free_stills, .user = user };
	const char *suffix = strrchr(request->video, '.');

	user->its = *request;
	user->video = xstrdup(request->video);
	user->table = xstrdup(request->table);
	user->directory = xasprintf("%.*s_stills", (int)(suffix - request->video), request->video);
	user->list_path = xasprintf("%s/stills.csv", user->directory);
	user->impl = stills[request->format];
	wanted.what = user->what = xasprintf("stills of %s", request->video);
	if (jobs_add(session_jobs(session), &wanted, job, err))
		return true;
	free_stills(user);
	return false;
}
