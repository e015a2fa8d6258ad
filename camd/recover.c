#include "camd/recover.h"

#include "camd/folder.h"
#include "camd/h264.h"
#include "camd/movie.h"
#include "camd/untold.h"
#include "common/salvage.h"
#include "common/util.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_TRIES 3
#define LOCK_WAIT_US 10000

/* One video on its way. */
struct job {
	int directory;
	const char *name;	/* in directory */
	const char *path;	/* for messages, and to sync the directory */
	int fd;
	uint64_t bytes;
	struct movie movie;
	struct salvage salvage;
	struct framelog_repair *table;
	struct recover_report *report;
	bool told_later;	/* by somebody who forgets what was noted */
};

static bool ends_with(const char *text, const char *end)
{
	size_t bytes = strlen(text), end_bytes = strlen(end);

	return bytes >= end_bytes && !strcmp(text + bytes - end_bytes, end);
}

/* A file that has become shorter is as one that can't be read. */
static bool read_whole(int fd, void *data, size_t bytes, uint64_t at)
{
	if (read_at(fd, data, bytes, at) == bytes)
		return true;
	if (errno == ENODATA)
		errno = EIO;
	return false;
}

/* Opens a regular file, never through a link; sets fd and bytes. */
static bool open_video(struct job *job, int flags, struct error *err)
{
	struct stat status;

	job->fd = openat(job->directory, job->name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (job->fd < 0 || fstat(job->fd, &status) < 0)
		return error_set_errno(err, errno, "%s: cannot open the video", job->path);
	if (!S_ISREG(status.st_mode))
		return error_set(err, ERR_UNSUPPORTED, "%s: not a regular file", job->path);
	job->bytes = (uint64_t)status.st_size;
	return true;
}

static void close_video(struct job *job)
{
	if (job->fd >= 0)
		close(job->fd);
	job->fd = -1;
}

/*
 * The number of the row before a file's first whole frame, of which so many before it were damaged. Of a recording's first file there is
 * none; else it is in the file before, and what else was lost between them can't be told any more.
 */
static uint64_t number_before(const struct framelog_row *row, uint64_t damaged)
{
	uint64_t lost = row->lost_sensor + row->lost_starved + row->lost_encoder + row->lost_storage;
	bool first_file = row->number - 1 <= lost + damaged;

	return first_file || row->before < damaged ? 0 : row->before - damaged;
}

static void on_fragment(void *user, const struct fragment *fragment, const struct salvage *so_far)
{
	struct job *job = user;
	struct framelog_row row = fragment->row;
	struct movie_sample sample = {
		.offset = so_far->end - fragment->payload_bytes,
		.time_ns = (uint64_t)fragment->media_ns,
		.bytes = fragment->payload_bytes,
		.key = fragment->key,
	};

	job->movie.file_id = fragment->file_id;
	movie_add(&job->movie, &sample);
	if (so_far->n == 1 && so_far->damaged_frames)
		row.before = number_before(&row, so_far->damaged_frames);
	/* the storage lost what was damaged */
	row.lost_storage += so_far->damaged_frames;
	if (job->table)
		framelog_repair_add(job->table, &row);
}

/* The NAL units of a payload, as far as they are wanted here. */
static size_t split_payload(const uint8_t *data, size_t bytes, struct nal *nals, size_t max)
{
	size_t n = 0;

	while (bytes > 4 && n < max) {
		size_t length = mp4box_get32(data);

		if (!length || length > bytes - 4)
			break;
		nals[n++] = (struct nal){ .data = data + 4, .bytes = length, .type = data[4] & 31 };
		data += 4 + length;
		bytes -= 4 + length;
	}
	return n;
}

static bool read_parameter_sets(struct job *job, const struct movie_sample *sample, struct movie *made)
{
	const struct fragment *first = &job->salvage.first;
	struct movie_facts facts = {
		.width = first->width,
		.height = first->height,
		.colour = first->colour,
		.frame_ns = first->frame_ns,
		.first_wall_ns = first->row.wall_ns,
		.first_sensor_ns = first->row.sensor_ns,
	};
	uint8_t *payload = xcalloc(sample->bytes, 1);
	bool found = false;

	if (read_whole(job->fd, payload, sample->bytes, sample->offset)) {
		struct nal nals[64];
		size_t n = split_payload(payload, sample->bytes, nals, ARRAY_LEN(nals));

		found = movie_init(made, &facts, nals, n, NULL);
		if (!found)
			movie_finish(made);
	}
	free(payload);
	return found;
}

/* Makes the head anew from the parameter sets before a key frame and what the first record says. */
static bool describe_anew(struct job *job, struct error *err)
{
	struct movie made;

	for (size_t i = 0; i < job->movie.n; i++) {
		if (!job->movie.samples[i].key || !read_parameter_sets(job, &job->movie.samples[i], &made))
			continue;
		made.file_id = job->movie.file_id;
		made.samples = job->movie.samples;
		made.n = job->movie.n;
		made.capacity = job->movie.capacity;
		job->movie = made;
		return true;
	}
	return error_set(err, ERR_UNSUPPORTED, "%s: the file's head is damaged, and no key frame is left to rebuild it from; "
			 "the file is left as it is", job->path);
}

static bool write_head(struct job *job, struct appender *file, struct error *err)
{
	uint8_t head[MOVIE_HEAD_BYTES];

	return movie_write_head(&job->movie, head, err) && appender_patch(file, 0, head, sizeof(head), err) &&
	       appender_sync(file, err);
}

/* Cuts the tail, unless the disk could not read it all: it may another time. Makes the file whole. */
static bool finish_video(struct job *job, struct error *err)
{
	uint64_t bytes = job->bytes;
	struct appender file;
	bool ok;

	close_video(job);
	if (!open_video(job, O_RDWR, err))
		return false;
	if (job->bytes != bytes)
		return error_set(err, ERR_BUSY, "%s: somebody else writes to the file; it is left as it is", job->path);
	appender_adopt(&file, job->fd, job->path, job->bytes);
	job->fd = -1;
	ok = (!job->report->head_rebuilt || write_head(job, &file, err)) &&
	     (!job->report->bytes_cut || appender_cut(&file, job->salvage.end, err)) && movie_close(&job->movie, &file, err);
	/* what was reserved for more frames */
	if (ok)
		appender_cut(&file, file.bytes, NULL);
	appender_close(&file);
	return ok;
}

static void finish_table(struct job *job)
{
	struct recover_report *report = job->report;

	if (job->table && !framelog_repair_close(job->table, &report->table, &report->table_error) &&
	    report->table_error.code == ERR_NONE)
		report->table_error.code = ERR_IO;
}

static void fill_report(struct job *job)
{
	struct recover_report *report = job->report;
	const struct movie *movie = &job->movie;

	report->frames = movie->n;
	report->duration_ns = movie->n ?
		(int64_t)(movie->samples[movie->n - 1].time_ns - movie->samples[0].time_ns) + movie->frame_ns : 0;
	report->damaged_frames = job->salvage.damaged_frames;
	report->doubtful_frames = job->salvage.doubtful_frames;
	report->bytes_cut = job->salvage.unreadable ? 0 : job->bytes - job->salvage.end;
}

static bool complete(struct job *job, enum movie_state state, struct error *err)
{
	if (state == MOVIE_DAMAGED && !describe_anew(job, err))
		return false;
	job->report->head_rebuilt = state == MOVIE_DAMAGED;
	fill_report(job);
	/* the table first: a video that is finished is not looked at again */
	finish_table(job);
	if (job->report->table_error.code == ERR_STORAGE_FULL)
		return error_set(err, ERR_STORAGE_FULL, "%s", job->report->table_error.text);
	if (job->told_later)
		untold_add(job->directory, job->name, job->path, job->report);
	return finish_video(job, err);
}

/* An unfinished video: state says whether its head is whole. */
static bool recover_video(struct job *job, enum movie_state state, struct error *err)
{
	struct recover_report *report = job->report;
	char *table = framelog_path_of(job->name), *table_path = framelog_path_of(job->path);
	bool ok;

	job->table = framelog_repair_open(job->directory, table, table_path, &report->table_error);
	ok = salvage_scan(job->fd, job->path, job->bytes, job->movie.file_id, &job->salvage, on_fragment, job, err);
	if (ok && state == MOVIE_DAMAGED && !job->movie.n) {
		report->state = RECOVER_EMPTY;
	} else if (ok) {
		ok = complete(job, state, err);
		report->state = ok ? RECOVER_DONE : RECOVER_FAILED;
	}
	framelog_repair_destroy(job->table);
	free(table);
	free(table_path);
	return ok;
}

static bool trim_table(struct job *job)
{
	char *table = framelog_path_of(job->name), *table_path = framelog_path_of(job->path);
	bool ok = framelog_repair_trim(job->directory, table, table_path, &job->report->table, &job->report->table_error);

	free(table);
	free(table_path);
	return ok;
}

/* Of a finished video: whether its index is there. It is looked for, not into. */
static bool has_index(const struct job *job, const uint8_t *head)
{
	uint64_t at = movie_head_index_at(head);
	uint8_t box[8];

	return at < job->bytes && job->bytes - at >= sizeof(box) && read_whole(job->fd, box, sizeof(box), at) &&
	       !memcmp(box + 4, "moov", 4) && mp4box_get32(box) <= job->bytes - at;
}

/*
 * A power cut has left the slot that says "finished" and not the index that was synced before (seen on f2fs): it is unfinished. What
 * the slot said before is known but for the file's id.
 */
static enum movie_state reopen(struct job *job, uint8_t *head)
{
	uint8_t record[FRAGMENT_HEAD_BYTES_MAX];
	uint64_t left = job->bytes - MOVIE_HEAD_BYTES;
	size_t bytes = (size_t)MIN(left, (uint64_t)sizeof(record));
	struct fragment first = { 0 };

	if (read_whole(job->fd, record, bytes, MOVIE_HEAD_BYTES))
		fragment_read(&first, record, bytes, MOVIE_HEAD_BYTES);
	movie_head_reopen(head, first.file_id);
	return movie_read_head(&job->movie, head, MOVIE_HEAD_BYTES);
}

static bool look_at(struct job *job, struct error *err)
{
	uint8_t head[MOVIE_HEAD_BYTES];
	size_t bytes = (size_t)MIN(job->bytes, (uint64_t)sizeof(head));
	enum movie_state state;

	if (!job->bytes) {
		job->report->state = RECOVER_EMPTY;
		return true;
	}
	if (!read_whole(job->fd, head, bytes, 0))
		return error_set_errno(err, errno, "%s: cannot read the video", job->path);
	state = movie_read_head(&job->movie, head, bytes);
	if (state == MOVIE_FINISHED && !has_index(job, head))
		state = reopen(job, head);
	if (state == MOVIE_UNFINISHED || state == MOVIE_DAMAGED)
		return recover_video(job, state, err);
	job->report->state = state == MOVIE_FINISHED ? RECOVER_FINISHED : RECOVER_FOREIGN;
	return true;
}

static bool recover_at(int directory, const char *name, const char *path, bool told_later, struct recover_report *report, struct error *err)
{
	struct job job = { .directory = directory, .name = name, .path = path, .fd = -1, .report = report, .told_later = told_later };
	bool ok;

	*report = (struct recover_report){ .state = RECOVER_FAILED };
	if (ends_with(name, ".h264")) {
		report->state = RECOVER_RAW;
		trim_table(&job);
		report->frames = report->table.rows;
		return true;
	}
	ok = open_video(&job, O_RDONLY, err) && look_at(&job, err);
	close_video(&job);
	movie_finish(&job.movie);
	return ok;
}

bool recover_file(const char *path, struct recover_report *report, struct error *err)
{
	const char *name = strrchr(path, '/');
	char *directory = name ? strndup(path, (size_t)(name - path) + 1) : xstrdup(".");
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = false;

	*report = (struct recover_report){ .state = RECOVER_FAILED };
	if (fd < 0)
		error_set_errno(err, errno, "%s: cannot open the directory", directory);
	else
		ok = recover_at(fd, name ? name + 1 : path, path, false, report, err);
	if (fd >= 0)
		close(fd);
	free(directory);
	return ok;
}

/* A file camN_…mp4 or camN_…h264, or clip_camN_…mp4. */
static int is_video(const struct dirent *entry)
{
	const char *at = entry->d_name;

	if (entry->d_type != DT_REG && entry->d_type != DT_UNKNOWN)
		return 0;
	if (!strncmp(at, "clip_", 5))
		at += 5;
	if (strncmp(at, "cam", 3) || !isdigit((unsigned char)at[3]))
		return 0;
	for (at += 3; isdigit((unsigned char)*at); at++)
		;
	return *at == '_' && (ends_with(at, ".mp4") || ends_with(at, ".h264"));
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN);
}

struct walk {
	recover_fn on_file;
	void *user;
	size_t finished;
	bool stopped;
	struct untold untold;	/* of the session's earlier recoveries */
	bool tells;		/* of something in this session */
};

static void recover_one(struct walk *walk, int directory, const char *name, const char *path)
{
	struct recover_report report;
	struct error err;
	bool ok = recover_at(directory, name, path, true, &report, &err);

	walk->finished += report.state == RECOVER_DONE;
	if (report.state == RECOVER_FINISHED)
		untold_find(&walk->untold, name, &report);
	walk->tells = walk->tells || report.state == RECOVER_DONE;
	if (!ok || report.state == RECOVER_DONE || report.table.changed || report.table_error.code != ERR_NONE)
		walk->stopped = !walk->on_file(walk->user, path, &report, ok ? NULL : &err);
}

/* What a remux of a camd that was killed has left. */
static void sweep_remux(int directory, const char *raw)
{
	char *part = xasprintf(".%.*s.mp4.part", (int)(strlen(raw) - strlen(".h264")), raw);

	folder_sweep(directory, part);
	free(part);
}

/* A camd that runs keeps it locked; one that only looks whether it is lets go at once. */
static bool lock(int directory)
{
	for (int tries = 0; tries < LOCK_TRIES; tries++) {
		if (!flock(directory, LOCK_EX | LOCK_NB))
			return true;
		usleep(LOCK_WAIT_US);
	}
	return false;
}

/* One session's directory, unless a camd has it. */
static void recover_session(struct walk *walk, const char *path)
{
	int directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dirent **videos = NULL;
	int n = directory >= 0 ? scandirat(directory, ".", &videos, is_video, alphasort) : 0;
	bool ours = n > 0 && lock(directory);

	walk->tells = false;
	if (ours)
		untold_read(&walk->untold, directory);
	for (int i = 0; i < n; i++) {
		if (ours && !walk->stopped) {
			char *video = xasprintf("%s/%s", path, videos[i]->d_name);

			recover_one(walk, directory, videos[i]->d_name, video);
			if (ends_with(video, ".h264"))
				sweep_remux(directory, videos[i]->d_name);
			free(video);
		}
		free(videos[i]);
	}
	free(videos);
	if (walk->untold.there && !walk->tells && !walk->stopped)
		untold_forget(path);
	untold_finish(&walk->untold);
	if (directory >= 0)
		close(directory);
}

size_t recover_directory(const char *output_dir, recover_fn on_file, void *user)
{
	struct walk walk = { .on_file = on_file, .user = user };
	struct dirent **sessions = NULL;
	int n = scandir(output_dir, &sessions, is_visible, alphasort);

	for (int i = 0; i < n; i++) {
		char *path = xasprintf("%s/%s", output_dir, sessions[i]->d_name);

		if (!walk.stopped)
			recover_session(&walk, path);
		free(path);
		free(sessions[i]);
	}
	free(sessions);
	return walk.finished;
}
