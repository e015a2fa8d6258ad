#include "camd/export.h"

#include "camd/exports.h"
#include "camd/folder.h"
#include "camd/gather.h"
#include "camd/jobs.h"
#include "camd/leadin.h"
#include "common/clock.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define BLOCK 4096
#define MDAT_HEAD_BYTES 16
#define COPY_BYTES ((size_t)16 << 20)	/* between two looks whether it is cancelled */
#define UNDER_WAY_PIECES 4		/* of that size: not on the disk yet */
#define RECOVERY_POLL_MS 20
#define COPY_PART 0.98		/* of the progress: up to the end of copying */
#define LEADIN_PART 0.2		/* of the progress */
#define FREE_BYTES_LEFT ((uint64_t)64 << 20)	/* what recordings may need meanwhile */

struct export {
	struct session *session;
	char *what;		/* for the log */
	char *output_dir;
	int64_t from_ns, to_ns;
	bool all_cameras;
	bool wanted[GATHER_CAMERAS_MAX];
	bool precise;
	char *label;		/* NULL: none */
	int64_t keep;

	/* the job's thread's */
	struct job *job;
	int root;
	char *root_path;
	struct exports exports;
	size_t n, done;		/* cameras */

	/* of the camera that is under way */
	int64_t camera_id;
	struct gathered gathered;
	struct export_part leadin, video, table;
	FILE *rows;
};

static void export_free(void *user)
{
	struct export *export = user;

	free(export->what);
	free(export->output_dir);
	free(export->label);
	free(export);
}

static bool fail_cancelled(struct error *err)
{
	return error_set(err, ERR_CANCELLED, "Cancelled");
}

/* How much of this camera's export is made, 0 to 1. */
static void set_progress(const struct export *export, double part)
{
	job_set_progress(export->job, ((double)export->done + part) / (double)export->n);
}

/* ---- which frames ---- */

static bool is_cancelled(void *user)
{
	return job_is_cancelled(((struct export *)user)->job);
}

static void on_row(void *user, const struct framelog_row *row, uint64_t before)
{
	struct export *export = user;
	char text[FRAMELOG_ROW_BYTES];
	size_t bytes = framelog_format_row(text, row, (struct framelog_place){ before, 0 });

	fwrite(text, 1, bytes, export->rows);
}

static void on_gap(void *user, int64_t from_ns, int64_t to_ns)
{
	struct export *export = user;

	job_add_gap(export->job, export->camera_id, from_ns, to_ns);
}

static void describe(struct export *export)
{
	char title[80], from[CLOCK_ISO_BYTES];
	struct movie_facts facts = {
		.first_wall_ns = export->gathered.from_ns, .first_sensor_ns = export->gathered.first_sensor_ns, .title = title,
	};

	snprintf(title, sizeof(title), "camera %" PRId64 ", %s", export->camera_id, clock_iso(export->gathered.from_ns, from));
	movie_describe(&export->gathered.movie, &facts);
}

static bool choose_frames(struct export *export, struct error *err)
{
	struct gather_request request = {
		.root = export->root, .root_path = export->root_path, .camera_id = export->camera_id,
		.from_ns = export->from_ns, .to_ns = export->to_ns,
		.is_cancelled = is_cancelled, .on_row = on_row, .on_gap = on_gap, .user = export,
	};
	int fd = fcntl(export->table.fd, F_DUPFD_CLOEXEC, 0);
	bool ok, written;

	export->rows = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!export->rows) {
		if (fd >= 0)
			close(fd);
		return exports_fail(&export->exports, errno, err);
	}
	fputs(FRAMELOG_HEADER, export->rows);
	ok = gather(&export->gathered, &request, err);
	written = !ferror(export->rows);
	if ((fclose(export->rows) || !written) && ok)
		return exports_fail(&export->exports, errno, err);
	if (ok)
		describe(export);
	return ok;
}

/* ---- the file ---- */

/* Where each run goes: each block of a file onto a whole block, so that file systems that can share them do. */
static uint64_t lay_out(struct export *export, uint64_t at)
{
	struct gathered *gathered = &export->gathered;

	for (size_t i = 0; i < gathered->n_runs; i++) {
		struct gathered_run *run = &gathered->runs[i];

		at += (run->start % BLOCK + BLOCK - at % BLOCK) % BLOCK;
		run->goes_to = at;
		for (size_t k = run->first_sample; k < run->first_sample + run->n_samples; k++)
			gathered->movie.samples[k].offset += at - run->start;
		at += run->end - run->start;
	}
	return at;
}

static bool check_room(const struct export *export, uint64_t bytes, struct error *err)
{
	struct statvfs fs;
	uint64_t have;

	if (fstatvfs(export->exports.directory, &fs))
		return true;
	have = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (have >= bytes + FREE_BYTES_LEFT)
		return true;
	return error_set(err, ERR_STORAGE_FULL, "%s: the export takes %.1f MB, and %.1f MB are free, of which recordings keep %d: free some space, or "
			 "export less at once", export->exports.path,
			 (double)bytes / 1e6, (double)have / 1e6, (int)(FREE_BYTES_LEFT >> 20));
}

/* Writes what stands before the data; end is set to the length of the whole file. */
static bool write_front(struct export *export, struct error *err)
{
	struct mp4box front = { 0 };
	struct movie *movie = &export->gathered.movie;
	uint64_t end, mdat;
	bool ok;

	/* how long it is doesn't depend on where the samples will be */
	movie_write_front(movie, &front);
	mdat = front.bytes;
	end = lay_out(export, mdat + MDAT_HEAD_BYTES);
	movie_write_front(movie, &front);
	mp4box_u32(&front, 1);
	mp4box_bytes(&front, "mdat", 4);
	mp4box_u64(&front, end - mdat);
	ok = check_room(export, end, err);
	if (ok && !write_whole(export->video.fd, front.data, front.bytes))
		ok = exports_fail(&export->exports, errno, err);
	mp4box_finish(&front);
	return ok;
}

/* Some bytes from file to file, inside the kernel. -1: errno. */
static ssize_t copy_some(int from, off_t *from_at, int to, off_t *to_at, size_t bytes)
{
	ssize_t n = copy_file_range(from, from_at, to, to_at, bytes, 0);

	if (n >= 0 || (errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP))
		return n;
	if (lseek(to, *to_at, SEEK_SET) < 0)
		return -1;
	n = sendfile(to, from, from_at, bytes);
	*to_at += n > 0 ? n : 0;
	return n;
}

/*
 * What was copied goes to the disk at once, and no more than some pieces of it are on their way: else it would wait in memory, gigabytes
 * of it, and recordings that sync their own would wait for all of that. A disk that knows no such thing is left to itself.
 */
static bool push(const struct export *export, off_t from, off_t to, struct error *err)
{
	unsigned wait = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
	off_t behind = from - UNDER_WAY_PIECES * (off_t)COPY_BYTES;

	sync_file_range(export->video.fd, from, to - from, SYNC_FILE_RANGE_WRITE);
	if (behind < 0 || !sync_file_range(export->video.fd, behind, to - from, wait))
		return true;
	/* it is told once: the sync at the end would know nothing of it */
	return errno != EIO && errno != ENOSPC && errno != EDQUOT ? true : exports_fail(&export->exports, errno, err);
}

/* How much is copied at once. File systems that can share blocks do so from a whole one on. */
static size_t piece_bytes(off_t from_at, uint64_t left)
{
	size_t in_block = (size_t)(from_at % BLOCK);

	return (size_t)MIN(left, (uint64_t)(in_block ? BLOCK - in_block : COPY_BYTES));
}

/* Of the two files, some can only be the fault of the new one. */
static void fail_to_copy(const struct export *export, const char *path, int number, struct error *err)
{
	if (number == ENOSPC || number == EDQUOT || number == EFBIG || number == EROFS)
		exports_fail(&export->exports, number, err);
	else
		error_set_errno(err, number, "cannot copy %s", path);
}

static bool copy_run(struct export *export, const struct gathered_run *run, uint64_t *copied, uint64_t total, struct error *err)
{
	const struct gathered *gathered = &export->gathered;
	const char *path = gathered->files[run->file].path;
	int from = gathered->files[run->file].fd;
	off_t from_at = (off_t)run->start, to_at = (off_t)run->goes_to;
	uint64_t left = run->end - run->start;
	double begins = export->leadin.name ? LEADIN_PART : 0;
	ssize_t n = 1;

	while (left && !job_is_cancelled(export->job)) {
		n = copy_some(from, &from_at, export->video.fd, &to_at, piece_bytes(from_at, left));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (!push(export, to_at - n, to_at, err))
			return false;
		left -= (uint64_t)n;
		*copied += (uint64_t)n;
		set_progress(export, begins + (COPY_PART - begins) * (double)*copied / (double)total);
	}
	if (n < 0)
		fail_to_copy(export, path, errno, err);
	else if (n == 0)
		error_set(err, ERR_IO, "%s: the file has become shorter", path);
	else if (left)
		fail_cancelled(err);
	return !left;
}

static bool copy_runs(struct export *export, struct error *err)
{
	const struct gathered *gathered = &export->gathered;
	uint64_t total = 0, copied = 0;

	for (size_t i = 0; i < gathered->n_runs; i++)
		total += gathered->runs[i].end - gathered->runs[i].start;
	for (size_t i = 0; i < gathered->n_runs; i++)
		if (!copy_run(export, &gathered->runs[i], &copied, total, err))
			return false;
	return true;
}

/* ---- its exact beginning ---- */

static void on_leadin(void *user, double part)
{
	set_progress(user, LEADIN_PART * part);
}

/* Encodes anew what can't be copied, where only what is shown may be in the file. */
static bool make_leadin(struct export *export, struct error *err)
{
	uint64_t bytes = leadin_bytes(&export->gathered);
	struct leadin_request request = { .cancel_fd = job_cancel_fd(export->job), .on_progress = on_leadin, .user = export };
	char *unique, *path;
	bool ok;

	if (!export->precise || !bytes)
		return true;
	unique = xasprintf("export_%d_%" PRId64 "_precise.mp4", (int)getpid(), job_number(export->job));
	ok = check_room(export, 2 * bytes, err) && exports_begin(&export->exports, &export->leadin, unique, err);
	path = xasprintf("%s/%s", export->exports.path, ok ? export->leadin.name : unique);
	request.path = path;
	request.fd = export->leadin.fd;
	if (ok && !leadin_make(&export->gathered, &request, err)) {
		/* the program's words may mean this */
		ok = false;
		if (err->code == ERR_INTERNAL)
			check_room(export, 0, err);
	}
	free(unique);
	free(path);
	return ok;
}

/* ---- the job ---- */

static bool publish(struct export *export, struct error *err)
{
	const struct movie *movie = &export->gathered.movie;
	char stamp[CLOCK_STAMP_BYTES], *stem, *path;

	clock_stamp(export->gathered.from_ns, stamp);
	stem = xasprintf("export_cam%" PRId64 "_%dx%d_%s%s%s", export->camera_id, movie->width, movie->height, stamp,
			 export->label ? "_" : "", export->label ? export->label : "");
	path = exports_publish(&export->exports, &export->video, &export->table, stem, err);
	free(stem);
	if (!path)
		return false;
	job_add_file(export->job, path);
	job_add_frames(export->job, movie->n - movie->first_shown);
	exports_keep(&export->exports, export->camera_id, export->keep, path);
	free(path);
	return true;
}

static bool begin_parts(struct export *export, struct error *err)
{
	char *unique = xasprintf("export_%d_%" PRId64, (int)getpid(), job_number(export->job));
	char *video = xasprintf("%s.mp4", unique), *table = xasprintf("%s.csv", unique);
	bool ok = exports_begin(&export->exports, &export->video, video, err) && exports_begin(&export->exports, &export->table, table, err);

	free(unique);
	free(video);
	free(table);
	return ok;
}

static bool export_camera(struct export *export, struct error *err)
{
	bool ok = begin_parts(export, err) && choose_frames(export, err) && make_leadin(export, err) && write_front(export, err) &&
		  copy_runs(export, err) && publish(export, err);

	exports_end(&export->exports, &export->leadin);
	exports_end(&export->exports, &export->video);
	exports_end(&export->exports, &export->table);
	gathered_finish(&export->gathered);
	return ok;
}

/* All the cameras that were asked for; where that is all there are, one without footage of that time is no failure. */
static bool export_cameras(struct export *export, struct error *err)
{
	bool any = false;

	for (int id = 0; id < GATHER_CAMERAS_MAX; id++)
		export->n += export->wanted[id];
	for (int id = 0; id < GATHER_CAMERAS_MAX; id++) {
		if (!export->wanted[id])
			continue;
		export->camera_id = id;
		if (export_camera(export, err))
			any = true;
		else if (!export->all_cameras || err->code != ERR_NOT_FOUND)
			return false;
		export->done++;
	}
	if (!export->n)
		return error_set(err, ERR_NOT_FOUND, "There are no recordings in %s", export->root_path);
	return any;
}

/* What is left out is told with what was exported, or with nothing being there: failure is that, else NULL. */
static void tell_of_raw(const struct export *export, struct error *failure)
{
	size_t n = gather_count_raw(export->root, export->all_cameras ? NULL : export->wanted);
	char *told = xasprintf("%zu raw recording%s (.h264), of whatever time, %s left out: remux makes an MP4 of one, which can be exported", n,
			       n == 1 ? "" : "s", n == 1 ? "is" : "are");

	if (n && failure) {
		struct error before = *failure;

		error_set(failure, ERR_NOT_FOUND, "%.300s; %s", before.text, told);
	} else if (n) {
		job_set_message(export->job, "%s", told);
	}
	free(told);
}

/* Lets what looks after crashes finish: an unfinished file is then one that is being recorded. */
static bool wait_for_recovery(const struct export *export, struct error *err)
{
	struct pollfd cancel = { .fd = job_cancel_fd(export->job), .events = POLLIN };

	while (session_is_recovering(export->session))
		if (poll(&cancel, 1, RECOVERY_POLL_MS) > 0)
			return fail_cancelled(err);
	return true;
}

static bool run(void *user, struct job *job, struct error *err)
{
	struct export *export = user;
	bool ok = false;

	export->job = job;
	export->root_path = realpath(export->output_dir, NULL);
	export->root = export->root_path ? open(export->root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (export->root < 0)
		error_set_errno(err, errno, "output directory %s", export->output_dir);
	else if (wait_for_recovery(export, err) && exports_open(&export->exports, export->root_path, err)) {
		if (export->all_cameras)
			gather_cameras(export->root, export->wanted);
		ok = export_cameras(export, err);
		if (ok || err->code == ERR_NOT_FOUND)
			tell_of_raw(export, ok ? NULL : err);
	}
	exports_finish(&export->exports);
	if (export->root >= 0)
		close(export->root);
	free(export->root_path);
	return ok;
}

/* ---- the beginning ---- */

static bool take_cameras(struct export *export, const struct list *ids, struct error *err)
{
	export->all_cameras = !ids->items;
	for (size_t i = 0; i < ids->n; i++) {
		int64_t id = ((const int64_t *)ids->items)[i];

		if (id < 0 || id >= GATHER_CAMERAS_MAX)
			return error_set(err, ERR_UNKNOWN_CAMERA, "Invalid camera_id: %" PRId64, id);
		export->wanted[id] = true;
	}
	return true;
}

static bool take_arguments(struct export *export, const struct export_args *args, struct error *err)
{
	export->from_ns = args->from_ns;	/* unset is the smallest number */
	export->to_ns = args->to_ns == FIELD_UNSET ? INT64_MAX : args->to_ns;
	if (export->from_ns >= export->to_ns)
		return error_set_argument(err, "to", "to: it must be later than from");
	if (args->label && !folder_check_label(args->label, err))
		return false;
	export->precise = args->precise;
	export->label = args->label ? xstrdup(args->label) : NULL;
	return take_cameras(export, &args->camera_id, err);
}

static char *print_what(const struct export *export)
{
	char from[CLOCK_ISO_BYTES] = "the oldest", to[CLOCK_ISO_BYTES] = "the newest";

	if (export->from_ns != INT64_MIN)
		clock_iso(export->from_ns, from);
	if (export->to_ns != INT64_MAX)
		clock_iso(export->to_ns, to);
	return xasprintf("export from %s to %s", from, to);
}

bool export_start(struct session *session, const struct export_args *args, int64_t *job, struct error *err)
{
	const struct config *config = session_config(session);
	struct export *export = xcalloc(1, sizeof(*export));
	struct job_request request = { .run = run, .free = export_free, .user = export };

	*export = (struct export){
		.session = session, .output_dir = xstrdup(config->output_dir), .keep = config->export_keep, .root = -1, .exports.directory = -1,
		.leadin.fd = -1, .video.fd = -1, .table.fd = -1,
	};
	if (take_arguments(export, args, err)) {
		request.what = export->what = print_what(export);
		if (jobs_add(session_jobs(session), &request, job, err))
			return true;
	}
	export_free(export);
	return false;
}
