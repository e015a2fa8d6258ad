#include "camd/remux.h"

#include "camd/child.h"
#include "camd/confine.h"
#include "camd/disk.h"
#include "camd/folder.h"
#include "camd/framelog.h"
#include "camd/home.h"
#include "camd/jobs.h"
#include "camd/mp4times.h"
#include "camd/restamp.h"
#include "camd/timetable.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SUFFIX ".h264"
#define MAX_TWINS 10000
#define LOCK_POLL_MS 100
#define LOCK_WAIT_MS 60000
/* A cut of power leaves of video and table what each of them had on the disk; that differs by less than this. */
#define TAIL_NS NS_PER_S

struct remux {
	struct session *session;
	char *what;		/* for the log */
	struct confined at;
	int stem_bytes;		/* of at.name without its suffix */
	int video_fd;
	bool own;		/* it lies in this camd's own session folder */
	char *table;		/* name of the timing table */
	struct timetable times;
	size_t n;		/* frames of the MP4: of the times, those that are used */
	int units_per_s;

	char *part;		/* name of the unfinished MP4; NULL: it isn't there */
	int part_fd;
	char notes[400];	/* what should be known of a success */
};

static void remux_free(void *user)
{
	struct remux *remux = user;

	if (remux->video_fd >= 0)
		close(remux->video_fd);
	confine_finish(&remux->at);
	timetable_finish(&remux->times);
	free(remux->table);
	free(remux->what);
	free(remux);
}

static void note(struct remux *remux, const char *text)
{
	size_t used = strlen(remux->notes);

	snprintf(remux->notes + used, sizeof(remux->notes) - used, "%s%s", used ? "; " : "", text);
}

/* ---- whether somebody still writes it ---- */

static bool is_same_file(int fd, const char *path)
{
	struct stat a, b;

	return !fstat(fd, &a) && !stat(path, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static bool is_recorded_here(const struct remux *remux)
{
	for (size_t i = 0; i < session_n_cameras(remux->session); i++) {
		const struct camera *camera = session_camera(remux->session, (int64_t)i);
		struct recording *recording = camera ? camera_recording(camera) : NULL;

		char *current = recording ? recording_current(recording) : NULL;
		bool same = current && is_same_file(remux->video_fd, current);

		free(current);
		if (same)
			return true;
	}
	return false;
}

static bool is_in_own_session(const struct remux *remux)
{
	const char *own = session_home(remux->session)->folder.path;

	return own && is_same_file(remux->at.directory, own);
}

/* A running camd has its session's folder locked; so has, for a moment, one that looks for what a crash has left. */
static bool is_locked(const struct remux *remux)
{
	if (flock(remux->at.directory, LOCK_SH | LOCK_NB))
		return errno == EWOULDBLOCK;
	flock(remux->at.directory, LOCK_UN);
	return false;
}

static bool fail_busy(const struct remux *remux, struct error *err)
{
	return error_set(err, ERR_BUSY, "%s: the session belongs to another camd that runs; ask that one, or wait for its end",
			 remux->at.path);
}

static bool check_not_recorded(const struct remux *remux, struct error *err)
{
	if (is_recorded_here(remux))
		return error_set(err, ERR_BUSY, "%s is being recorded; stop the recording first", remux->at.path);
	if (!remux->own && is_locked(remux) && !session_is_recovering(remux->session))
		return fail_busy(remux, err);
	return true;
}

/* The job's thread: lets what looks after crashes finish with the folder. */
static bool wait_for_recovery(const struct remux *remux, const struct job *job, struct error *err)
{
	struct pollfd cancel = { .fd = job_cancel_fd(job), .events = POLLIN };

	for (int waited = 0; !remux->own && is_locked(remux); waited += LOCK_POLL_MS) {
		if (waited >= LOCK_WAIT_MS)
			return fail_busy(remux, err);
		if (poll(&cancel, 1, LOCK_POLL_MS) > 0)
			return error_set(err, ERR_CANCELLED, "Cancelled");
	}
	return true;
}

/* ---- the times ---- */

static bool read_times(struct remux *remux, struct error *err)
{
	int fd = confine_open(&remux->at, remux->table, err);
	bool ok;

	if (fd < 0 && err->code == ERR_NOT_FOUND)
		error_set(err, ERR_NOT_FOUND, "%s: there is no timing table %s beside it, and without it no times are known",
			  remux->at.path, remux->table);
	if (fd < 0)
		return false;
	ok = timetable_read(fd, remux->table, &remux->times, err);
	close(fd);
	return ok;
}

/* The finest units in which ffmpeg can write the longest gap. */
static bool choose_units(struct remux *remux, struct error *err)
{
	static const int units[] = { 1000000000, 1000000, 1000 };
	int64_t gap_ns = timetable_longest_gap_ns(&remux->times, remux->times.n);

	/* where times are rounded, a gap may become a unit longer */
	for (size_t i = 0; i < ARRAY_LEN(units) && !remux->units_per_s; i++)
		if (gap_ns / (NS_PER_S / units[i]) + (i > 0) < INT32_MAX)
			remux->units_per_s = units[i];
	if (!remux->units_per_s)
		return error_set(err, ERR_UNSUPPORTED, "%s: a gap of %.0f s is more than an MP4 can hold", remux->table, gap_ns / 1e9);
	if (remux->units_per_s < NS_PER_S) {
		char text[120];

		snprintf(text, sizeof(text), "times are rounded to 1/%d s, for there is a gap of %.3f s", remux->units_per_s,
			 gap_ns / 1e9);
		note(remux, text);
	}
	return true;
}

/* By how many frames video and table may differ: what a power cut leaves, and no more than makes sense. */
static size_t tolerance(const struct timetable *times)
{
	size_t n = 0;

	while (n < times->n && times->sensor_ns[times->n - 1 - n] > times->sensor_ns[times->n - 1] - TAIL_NS)
		n++;
	return MAX(MIN(n, times->n / 4), (size_t)1);
}

static bool fail_to_match(const struct remux *remux, size_t frames, bool more, struct error *err)
{
	return error_set(err, ERR_UNSUPPORTED, "%s has %s%zu frames, its timing table %zu rows; which row belongs to which frame "
			 "is not known", remux->at.path, more ? "at least " : "", frames, remux->times.n);
}

/* ---- the work ---- */

static bool on_nut(void *user, const void *data, size_t bytes, struct error *err)
{
	return child_write(user, data, bytes, err);
}

/* Counts the frames for which there are no rows. */
static bool skip_rest(struct remux *remux, struct restamp *restamp, struct error *err)
{
	size_t most = tolerance(&remux->times), n = 0;
	enum restamp_result result = RESTAMP_FRAME;
	char text[100];

	while (n <= most && (result = restamp_skip(restamp, err)) == RESTAMP_FRAME)
		n++;
	if (result == RESTAMP_FAILED)
		return false;
	if (n > most)
		return fail_to_match(remux, remux->n + n, true, err);
	snprintf(text, sizeof(text), "%zu frames at the end that the timing table has no rows for are left out", n);
	if (n)
		note(remux, text);
	return true;
}

/* The common beginning of video and table; a crash may have left more of the one or of the other. */
static bool copy_frames(struct remux *remux, struct job *job, struct restamp *restamp, struct error *err)
{
	const struct timetable *times = &remux->times;
	enum restamp_result result = RESTAMP_FRAME;
	char text[100];

	for (; remux->n < times->n; remux->n++) {
		if (job_is_cancelled(job))
			return error_set(err, ERR_CANCELLED, "Cancelled");
		result = restamp_copy(restamp, times->sensor_ns[remux->n] - times->sensor_ns[0], err);
		if (result != RESTAMP_FRAME)
			break;
		job_set_progress(job, (double)(remux->n + 1) / (double)times->n);
	}
	if (result == RESTAMP_FAILED)
		return false;
	if (result == RESTAMP_FRAME)
		return skip_rest(remux, restamp, err);
	if (times->n - remux->n > tolerance(times) || !remux->n)
		return fail_to_match(remux, remux->n, false, err);
	snprintf(text, sizeof(text), "%zu rows at the end of the timing table have no frames", times->n - remux->n);
	note(remux, text);
	return true;
}

static bool feed(struct remux *remux, struct job *job, struct child *child, struct error *err)
{
	struct restamp_request request = { .fd = remux->video_fd, .path = remux->at.path, .write = on_nut, .user = child };
	struct restamp *restamp = restamp_create(&request, err);
	bool ok = restamp && copy_frames(remux, job, restamp, err) && restamp_finish(restamp, err);

	restamp_destroy(restamp);
	return ok;
}

static void print_created(const struct remux *remux, char text[64])
{
	time_t seconds = (time_t)(remux->times.first_wall_ns / NS_PER_S);
	struct tm tm;

	if (!remux->times.first_wall_ns || !gmtime_r(&seconds, &tm) || !strftime(text, 64, "creation_time=%Y-%m-%dT%H:%M:%SZ", &tm))
		strcpy(text, "creation_time=");
}

static bool convert(struct remux *remux, struct job *job, struct error *err)
{
	char units[16], created[64];
	const char *const argv[] = {
		"ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-y", "-f", "nut", "-i", "pipe:0", "-c", "copy",
		/* nothing is reordered; of fewer than seven frames ffmpeg does not find that out by itself */
		"-bsf:v", "setts=ts=PTS",
		"-video_track_timescale", units, "-metadata", created, "-movflags", "+faststart", "-f", "mp4",
		"file:" CHILD_OUTPUT, NULL,
	};
	struct child_request request = {
		.argv = argv, .remedy = "apt install ffmpeg", .output_fd = remux->part_fd, .cancel_fd = job_cancel_fd(job),
	};
	struct child *child;
	bool ok;

	snprintf(units, sizeof(units), "%d", remux->units_per_s);
	print_created(remux, created);
	child = child_start(&request, err);
	ok = child && feed(remux, job, child, err) && child_finish(child, err);
	child_destroy(child);
	return ok;
}

/* ---- the file ---- */

/* Whether the name still means the file that was opened: another may have finished it in between. */
static bool is_still_there(const struct remux *remux)
{
	struct stat a, b;

	return !fstat(remux->part_fd, &a) && S_ISREG(a.st_mode) && a.st_nlink == 1 &&
	       !fstatat(remux->at.directory, remux->part, &b, AT_SYMLINK_NOFOLLOW) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* One that is there and that nobody has locked was left by a camd that was killed. */
static bool open_part(struct remux *remux, struct error *err)
{
	char *name = xasprintf(".%.*s.mp4.part", remux->stem_bytes, remux->at.name);

	remux->part = name;
	remux->part_fd = openat(remux->at.directory, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
	if (remux->part_fd < 0) {
		error_set_errno(err, errno, "cannot make %s", name);
	} else if (flock(remux->part_fd, LOCK_EX | LOCK_NB) || !is_still_there(remux)) {
		error_set(err, ERR_BUSY, "%s: another camd makes an MP4 of it", remux->at.path);
	} else if (ftruncate(remux->part_fd, 0)) {
		error_set_errno(err, errno, "cannot write %s", name);
		unlinkat(remux->at.directory, name, 0);
	} else {
		return true;
	}
	if (remux->part_fd >= 0)
		close(remux->part_fd);
	remux->part_fd = -1;
	remux->part = NULL;
	free(name);
	return false;
}

static void close_part(struct remux *remux)
{
	if (remux->part) {
		unlinkat(remux->at.directory, remux->part, 0);
		free(remux->part);
		remux->part = NULL;
	}
	close(remux->part_fd);
}

/* The path by which the file is known from now on, allocated. NULL: errno. */
static char *name_part(const struct remux *remux)
{
	int parent = (int)(remux->at.name - remux->at.path);

	for (int twin = 1; twin < MAX_TWINS; twin++) {
		char number[16] = "", *path;

		if (twin > 1)
			snprintf(number, sizeof(number), "_%d", twin);
		path = xasprintf("%.*s%s.mp4", parent + remux->stem_bytes, remux->at.path, number);
		if (folder_rename(remux->at.directory, remux->part, path + parent))
			return path;
		free(path);
		if (errno != EEXIST)
			break;
	}
	return NULL;
}

/* Gives the complete file its name, and adds that to the job. */
static bool publish(struct remux *remux, struct job *job, struct error *err)
{
	char *path;
	bool ok;

	if (fsync(remux->part_fd))
		return error_set_errno(err, errno, "cannot write %s", remux->part);
	path = name_part(remux);
	if (!path)
		return error_set_errno(err, errno, "cannot rename %s", remux->part);
	free(remux->part);
	remux->part = NULL;
	ok = folder_settle(remux->at.directory, remux->part_fd);
	if (ok) {
		job_add_file(job, path);
	} else {
		error_set_errno(err, errno, "%s: cannot push it to the disk", path);
		unlinkat(remux->at.directory, strrchr(path, '/') + 1, 0);
	}
	free(path);
	return ok;
}

static bool run(void *user, struct job *job, struct error *err)
{
	struct remux *remux = user;
	bool ok;

	if (!wait_for_recovery(remux, job, err) || !read_times(remux, err) || !choose_units(remux, err) || !open_part(remux, err))
		return false;
	ok = convert(remux, job, err) && mp4times_check(remux->part_fd, remux->times.sensor_ns, remux->n, remux->units_per_s, NULL, err) &&
	     publish(remux, job, err);
	close_part(remux);
	if (ok && remux->notes[0])
		job_set_message(job, "%s", remux->notes);
	return ok;
}

/* ---- the beginning ---- */

static bool open_video(struct remux *remux, const char *file, struct error *err)
{
	size_t bytes;

	if (!disk_answers(session_disk(remux->session), err) || !confine_find(session_config(remux->session)->output_dir, file, &remux->at, err))
		return false;
	remux->video_fd = confine_open(&remux->at, remux->at.name, err);
	if (remux->video_fd < 0)
		return false;
	bytes = strlen(remux->at.name);
	if (bytes <= strlen(SUFFIX) || strcmp(remux->at.name + bytes - strlen(SUFFIX), SUFFIX))
		return error_set(err, ERR_UNSUPPORTED, "%s: remux takes raw recordings, NAME" SUFFIX "; an .mp4 of camd's has its times "
				 "already", remux->at.path);
	remux->stem_bytes = (int)(bytes - strlen(SUFFIX));
	remux->table = framelog_path_of(remux->at.name);
	remux->own = is_in_own_session(remux);
	return check_not_recorded(remux, err);
}

bool remux_start(struct session *session, const char *file, int64_t *job, struct error *err)
{
	struct remux *remux = xcalloc(1, sizeof(*remux));
	struct job_request request = { .run = run, .free = remux_free, .user = remux };

	*remux = (struct remux){ .session = session, .at.directory = -1, .video_fd = -1, .part_fd = -1 };
	if (open_video(remux, file, err)) {
		request.what = remux->what = xasprintf("remux of %s", remux->at.path);
		if (jobs_add(session_jobs(session), &request, job, err))
			return true;
	}
	remux_free(remux);
	return false;
}
