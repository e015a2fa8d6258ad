#include "camd/gather.h"

#include "camd/reel.h"
#include "camd/stsd.h"
#include "common/util.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#define GAP_NS NS_PER_S
#define OUT_OF_STEP 3
#define SAME_CLOCK_NS (NS_PER_S / 2)
#define CANCEL_FRAMES 1024
#define READ_AHEAD_BYTES ((uint64_t)8 << 20)
#define DESCRIPTORS_MAX 65536

/* What was taken so far. */
struct taking {
	const struct gather_request *request;
	struct gathered *to;
	size_t capacity, runs_capacity;	/* of files and runs */
	struct fragment last;		/* the last frame taken; sequence 0: none */
	uint64_t last_time_ns;
	int64_t step_ns;		/* from the frame before it to the last one, unless that was a gap */
	bool too_many;			/* files to have open at once */
};

/* ---- the files ---- */

/* "camN_….mp4", for an end of .mp4, or with a word before it: the camera's number; -1: something else. */
static int64_t camera_of(const char *name, const char *suffix)
{
	const char *at = strstr(name, "cam"), *dot = strrchr(name, '.');
	char *end;
	long number;

	if (*name == '.' || !at || (at > name && at[-1] != '_') || !isdigit((unsigned char)at[3]) || !dot || strcmp(dot, suffix))
		return -1;
	number = strtol(at + 3, &end, 10);
	return *end == '_' && number < GATHER_CAMERAS_MAX ? number : -1;
}

static int is_session(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN) && strcmp(entry->d_name, "exports") != 0;
}

static bool is_a_cameras(const struct dirent *entry, const char *suffix)
{
	return (entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN) && camera_of(entry->d_name, suffix) >= 0;
}

static int is_video(const struct dirent *entry)
{
	return is_a_cameras(entry, ".mp4");
}

static int is_raw(const struct dirent *entry)
{
	return is_a_cameras(entry, ".h264");
}

typedef int (*filter_fn)(const struct dirent *entry);
typedef void (*on_name_fn)(void *user, int directory, const char *session, const char *name);

static void walk_session(int root, const char *session, filter_fn filter, on_name_fn on_name, void *user)
{
	int directory = openat(root, session, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dirent **videos = NULL;
	int n = directory >= 0 ? scandirat(directory, ".", &videos, filter, alphasort) : 0;

	for (int i = 0; i < n; i++) {
		on_name(user, directory, session, videos[i]->d_name);
		free(videos[i]);
	}
	free(videos);
	if (directory >= 0)
		close(directory);
}

static void walk(int root, filter_fn filter, on_name_fn on_name, void *user)
{
	struct dirent **sessions = NULL;
	int n = scandirat(root, ".", &sessions, is_session, alphasort);

	for (int i = 0; i < n; i++) {
		walk_session(root, sessions[i]->d_name, filter, on_name, user);
		free(sessions[i]);
	}
	free(sessions);
}

static void note_camera(void *user, int directory, const char *session, const char *name)
{
	(void)directory;
	(void)session;
	((bool *)user)[camera_of(name, ".mp4")] = true;
}

void gather_cameras(int root, bool found[GATHER_CAMERAS_MAX])
{
	memset(found, 0, GATHER_CAMERAS_MAX * sizeof(*found));
	walk(root, is_video, note_camera, found);
}

struct raw_count {
	const bool *wanted;
	size_t n;
};

/* What was made an MP4 of is not missing. */
static void count_raw(void *user, int directory, const char *session, const char *name)
{
	struct raw_count *count = user;
	char *made = xasprintf("%.*s.mp4", (int)(strlen(name) - strlen(".h264")), name);

	(void)session;
	if ((!count->wanted || count->wanted[camera_of(name, ".h264")]) && faccessat(directory, made, F_OK, AT_SYMLINK_NOFOLLOW))
		count->n++;
	free(made);
}

size_t gather_count_raw(int root, const bool *wanted)
{
	struct raw_count count = { .wanted = wanted };

	walk(root, is_raw, count_raw, &count);
	return count.n;
}

/*
 * Whether the others in this process, recordings above all, find as many descriptors as they may need. Where more may be had, the limit
 * is raised.
 */
static bool leaves_descriptors(int fd)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return true;
	if ((rlim_t)fd >= limit.rlim_cur / 4 * 3) {
		limit.rlim_cur = MIN(limit.rlim_max, (rlim_t)DESCRIPTORS_MAX);
		setrlimit(RLIMIT_NOFILE, &limit);
		getrlimit(RLIMIT_NOFILE, &limit);
	}
	return (rlim_t)fd < limit.rlim_cur / 4 * 3;
}

/* The reel's descriptor becomes that of the file. One that somebody is deleting right now can't be locked, but can be read all the same. */
static void add_file(struct taking *taking, struct reel *reel)
{
	struct gathered *to = taking->to;

	if (to->n_files == taking->capacity) {
		taking->capacity = taking->capacity ? 2 * taking->capacity : 64;
		to->files = xrealloc(to->files, taking->capacity, sizeof(*to->files));
	}
	flock(reel->fd, LOCK_SH | LOCK_NB);
	to->files[to->n_files++] = (struct gathered_file){
		.path = xstrdup(reel->path), .fd = reel->fd, .first_ns = reel->first_ns, .last_ns = reel->last_ns,
	};
	reel->fd = -1;
	taking->too_many = !leaves_descriptors(to->files[to->n_files - 1].fd);
}

static void look_at(void *user, int directory, const char *session, const char *name)
{
	struct taking *taking = user;
	const struct gather_request *request = taking->request;
	struct reel reel;
	struct error err;
	char *path;

	if (camera_of(name, ".mp4") != request->camera_id || taking->too_many || request->is_cancelled(request->user))
		return;
	path = xasprintf("%s/%s/%s", request->root_path, session, name);
	if (!reel_open(&reel, directory, path, &err))
		taking->to->left_out++;
	else if (reel.last_ns >= request->from_ns && reel.first_ns < request->to_ns)
		add_file(taking, &reel);
	reel_finish(&reel);
	free(path);
}

static int compare_files(const void *a, const void *b)
{
	const struct gathered_file *one = a, *other = b;

	if (one->first_ns != other->first_ns)
		return one->first_ns < other->first_ns ? -1 : 1;
	return strcmp(one->path, other->path);
}

/* ---- the frames ---- */

/* Whether a frame's times and those of the last one taken are of one run of the machine, its clock not set in between. */
static bool same_clock(const struct taking *taking, const struct fragment *frame)
{
	const struct framelog_row *a = &taking->last.row, *b = &frame->row;

	return llabs((b->wall_ns - b->sensor_ns) - (a->wall_ns - a->sensor_ns)) < SAME_CLOCK_NS;
}

/* From the last frame taken to this one. */
static int64_t step_ns(const struct taking *taking, const struct fragment *frame, bool same_file)
{
	const struct framelog_row *a = &taking->last.row, *b = &frame->row;

	return same_file || same_clock(taking, frame) ? b->sensor_ns - a->sensor_ns : b->wall_ns - a->wall_ns;
}

/* Long, and out of step with the frames so far, unless the frame was exposed for so long. */
static bool is_gap(const struct taking *taking, const struct fragment *frame, int64_t step)
{
	const struct exposure *exposure = &frame->row.exposure;
	bool exposed = exposure->known & EXPOSURE_TIME && exposure->time_us * NS_PER_US >= step / 2;

	return step >= GAP_NS && step / OUT_OF_STEP > MAX(taking->step_ns, (int64_t)taking->last.frame_ns) && !exposed;
}

static bool check_size(const struct taking *taking, const struct reel *reel, const struct fragment *frame, struct error *err)
{
	const struct movie *movie = &taking->to->movie;

	if (!movie->n || (frame->width == movie->width && frame->height == movie->height))
		return true;
	return error_set(err, ERR_UNSUPPORTED, "%s: pictures of %dx%d follow such of %dx%d, which no file can hold both; export what lies "
			 "before and behind that moment apart", reel->path, frame->width, frame->height, movie->width, movie->height);
}

/* Within a file they rise; all in all there are no more than can be counted. */
static bool check_time(const struct taking *taking, const struct reel *reel, const struct fragment *frame, bool same_file, size_t k,
		       struct error *err)
{
	if (same_file && frame->row.sensor_ns <= taking->last.row.sensor_ns)
		return error_set(err, ERR_IO, "%s: frame %zu is damaged: it is no later than the one before it", reel->path, k + 1);
	if (taking->last_time_ns > INT64_MAX / 2)
		return error_set(err, ERR_UNSUPPORTED, "%s: frame %zu is more than 146 years behind the first one of all; export what lies before it apart",
				 reel->path, k + 1);
	return true;
}

static void add_run(struct taking *taking, size_t file, uint64_t start, uint64_t end)
{
	struct gathered *to = taking->to;
	struct gathered_run *run = to->n_runs ? &to->runs[to->n_runs - 1] : NULL;

	if (run && run->file == file && run->end == start) {
		run->end = end;
		run->n_samples++;
		return;
	}
	if (to->n_runs == taking->runs_capacity) {
		taking->runs_capacity = taking->runs_capacity ? 2 * taking->runs_capacity : 64;
		to->runs = xrealloc(to->runs, taking->runs_capacity, sizeof(*to->runs));
	}
	to->runs[to->n_runs++] = (struct gathered_run){
		.file = file, .start = start, .end = end, .first_sample = to->movie.n - 1, .n_samples = 1,
	};
}

/* Where frames are taken from. */
struct place {
	size_t file;		/* its index */
	uint32_t entry;
	bool same_file;		/* as the last frame taken */
	uint64_t before;	/* number of the frame before in it; 0: there is none */
};

/* Says what is to be known of a frame that is shown. */
static void show(struct taking *taking, const struct place *place, const struct fragment *frame, bool first, int64_t step)
{
	const struct gather_request *request = taking->request;
	struct gathered *to = taking->to;

	if (first) {
		to->from_ns = frame->row.wall_ns;
		to->first_sensor_ns = frame->row.sensor_ns;
		if (request->from_ns != INT64_MIN && request->from_ns <= to->from_ns - GAP_NS)
			request->on_gap(request->user, request->from_ns, to->from_ns);
	} else if (is_gap(taking, frame, step)) {
		request->on_gap(request->user, taking->last.row.wall_ns + taking->last.frame_ns, frame->row.wall_ns);
	}
	to->to_ns = frame->row.wall_ns + frame->frame_ns;
	request->on_row(request->user, &frame->row, place->before);
}

static void take_frame(struct taking *taking, const struct place *place, const struct fragment *frame, uint64_t start, uint64_t payload,
		       bool shown)
{
	struct movie *movie = &taking->to->movie;
	int64_t step = movie->n ? step_ns(taking, frame, place->same_file) : 0;
	struct movie_sample sample = { .offset = payload, .bytes = frame->payload_bytes, .key = frame->key, .entry = place->entry };

	if (movie->n && step <= 0)
		step = frame->frame_ns;
	sample.time_ns = taking->last_time_ns + (uint64_t)step;
	if (!movie->n) {
		movie->width = frame->width;
		movie->height = frame->height;
	}
	movie->frame_ns = frame->frame_ns;
	movie_add(movie, &sample);
	add_run(taking, place->file, start, payload + frame->payload_bytes);
	if (shown)
		show(taking, place, frame, movie->n - 1 == movie->first_shown, step);
	else
		movie->first_shown = movie->n;
	taking->last_time_ns = sample.time_ns;
	if (!is_gap(taking, frame, step))
		taking->step_ns = step;
	taking->last = *frame;
}

/* The number of the row before frame k in its recording, which may be in another file. */
static bool find_before(const struct reel *reel, size_t k, uint64_t *before, struct error *err)
{
	struct fragment frame;
	uint64_t start;

	if (!reel_frame(reel, k ? k - 1 : 0, &frame, &start, err))
		return false;
	*before = k ? frame.row.number : frame.row.before;
	return true;
}

/*
 * The heads of frames lie so far apart that the kernel would fetch each alone from the disk; all of it is going to be needed. *read: how far
 * it was asked for already.
 */
static void read_ahead(const struct reel *reel, uint64_t at, uint64_t *read)
{
	if (at + READ_AHEAD_BYTES / 2 <= *read || at >= reel->bytes)
		return;
	*read = MAX(*read, at);
	posix_fadvise(reel->fd, (off_t)*read, READ_AHEAD_BYTES, POSIX_FADV_WILLNEED);
	*read += READ_AHEAD_BYTES;
}

/* Frames from k up to end, of which those from shown on are shown. */
static bool take_frames(struct taking *taking, const struct reel *reel, size_t file, size_t k, size_t shown, size_t end, struct error *err)
{
	const struct gather_request *request = taking->request;
	struct place place = { .file = file, .entry = stsd_find(&taking->to->movie.stsd, &reel->stsd) };
	uint64_t read = 0;

	if (!find_before(reel, k, &place.before, err))
		return false;
	for (; k < end; k++) {
		struct fragment frame;
		uint64_t start;

		read_ahead(reel, reel->places[k].offset, &read);
		if (k % CANCEL_FRAMES == 0 && request->is_cancelled(request->user))
			return error_set(err, ERR_CANCELLED, "Cancelled");
		if (!reel_frame(reel, k, &frame, &start, err) || !check_size(taking, reel, &frame, err) ||
		    !check_time(taking, reel, &frame, place.same_file, k, err))
			return false;
		take_frame(taking, &place, &frame, start, reel->places[k].offset, k >= shown);
		place.same_file = true;
		place.before = frame.row.number;
	}
	return true;
}

/* Steps back to the key frame that frame k is decoded from. */
static bool find_key(const struct reel *reel, size_t *k, struct error *err)
{
	struct fragment frame;
	uint64_t start;

	for (;; --*k) {
		if (!reel_frame(reel, *k, &frame, &start, err))
			return false;
		if (frame.key || !*k)
			return true;
	}
}

/* Whether what begins with a frame was in the files before already. */
static bool is_taken(const struct taking *taking, const struct fragment *frame)
{
	return step_ns(taking, frame, false) <= 0;
}

static bool is_last(const struct taking *taking, const struct fragment *frame)
{
	return frame->row.sensor_ns == taking->last.row.sensor_ns && frame->payload_bytes == taking->last.payload_bytes && same_clock(taking, frame);
}

/*
 * Where to go on in a file, from frame *k on: behind what other files had already. In the same stream of one encoder that is the
 * next frame, else the next key frame.
 */
static bool find_next(const struct taking *taking, const struct reel *reel, size_t *k, size_t end, struct error *err)
{
	struct fragment frame;
	uint64_t start;
	bool joined = *k == 0;

	for (; *k < end; ++*k) {
		if (!reel_frame(reel, *k, &frame, &start, err))
			return false;
		if (!is_taken(taking, &frame) && (joined || frame.key))
			return true;
		joined = is_last(taking, &frame);
	}
	return true;
}

static bool take_range(struct taking *taking, const struct reel *reel, size_t file, struct error *err)
{
	size_t first, shown, end;

	if (!reel_find(reel, taking->request->from_ns, &shown, err) || !reel_find(reel, taking->request->to_ns, &end, err))
		return false;
	if (shown >= end)
		return true;
	first = shown;
	if (!taking->to->movie.n)
		return find_key(reel, &first, err) && take_frames(taking, reel, file, first, shown, end, err);
	return find_next(taking, reel, &first, end, err) && (first >= end || take_frames(taking, reel, file, first, first, end, err));
}

static bool take_file(struct taking *taking, size_t file, struct error *err)
{
	const struct gathered_file *its = &taking->to->files[file];
	struct reel reel;
	bool ok;

	if (taking->request->is_cancelled(taking->request->user))
		return error_set(err, ERR_CANCELLED, "Cancelled");
	ok = reel_adopt(&reel, its->fd, its->path, err) && reel_index(&reel, err) && take_range(taking, &reel, file, err);
	reel_finish(&reel);
	return ok;
}

static bool fail_empty(const struct gathered *gathered, const struct gather_request *request, struct error *err)
{
	return error_set(err, ERR_NOT_FOUND, "camera %" PRId64 ": there is no footage of that time in %s%s", request->camera_id,
			 request->root_path, gathered->left_out ? "; some of its files are no recordings of camd's" : "");
}

bool gather(struct gathered *gathered, const struct gather_request *request, struct error *err)
{
	struct taking taking = { .request = request, .to = gathered };

	*gathered = (struct gathered){ 0 };
	walk(request->root, is_video, look_at, &taking);
	if (taking.too_many)
		return error_set(err, ERR_UNSUPPORTED, "the footage of that time lies in more than %zu files, which this process may not have open at "
				 "once: raise its limit (ulimit -n, LimitNOFILE=), or export it in parts", gathered->n_files);
	if (request->is_cancelled(request->user))
		return error_set(err, ERR_CANCELLED, "Cancelled");
	if (gathered->n_files)
		qsort(gathered->files, gathered->n_files, sizeof(*gathered->files), compare_files);
	for (size_t i = 0; i < gathered->n_files; i++)
		if (!take_file(&taking, i, err))
			return false;
	if (gathered->movie.n == gathered->movie.first_shown)
		return fail_empty(gathered, request, err);
	if (request->to_ns != INT64_MAX && gathered->to_ns <= request->to_ns - GAP_NS)
		request->on_gap(request->user, gathered->to_ns, request->to_ns);
	return true;
}

void gathered_finish(struct gathered *gathered)
{
	for (size_t i = 0; i < gathered->n_files; i++) {
		close(gathered->files[i].fd);
		free(gathered->files[i].path);
	}
	free(gathered->files);
	free(gathered->runs);
	movie_finish(&gathered->movie);
	*gathered = (struct gathered){ 0 };
}
