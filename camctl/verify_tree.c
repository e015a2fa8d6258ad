#include "camctl/verify.h"

#include "common/util.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TABLE "_frame_timing.csv"
#define DEPTH_MAX 32

#define AT(member) .at = offsetof(struct verify_summary, member)
const struct field verify_summary_fields[] = {
	{ .name = "recordings", .type = FIELD_INT, AT(recordings) }, { .name = "sound", .type = FIELD_INT, AT(sound) },
	{ .name = "missing", .type = FIELD_INT, AT(missing) }, { .name = "unknown", .type = FIELD_INT, AT(unknown) },
	{ .name = "verdict", .type = FIELD_ENUM, AT(status), .choices = verify_verdicts }, { 0 },
};
#undef AT

struct walk {
	bool decode;
	struct verify_summary *summary;
	verify_fn on_file;
	void *user;
	int depth;
};

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n > m && !strcmp(text + n - m, end);
}

static void report(struct walk *walk, const struct verify_file *file)
{
	struct verify_summary *summary = walk->summary;

	summary->recordings++;
	summary->sound += file->verdict == VERIFY_SOUND;
	summary->missing += file->verdict == VERIFY_MISSING;
	summary->unknown += file->verdict == VERIFY_UNKNOWN;
	summary->status = summary->missing ? VERIFY_MISSING : summary->unknown ? VERIFY_UNKNOWN : VERIFY_SOUND;
	walk->on_file(walk->user, file);
}

/* ---- files that belong together ---- */

static int by_camera_and_time(const void *left, const void *right)
{
	const struct verify_file *a = left, *b = right;

	if (a->camera != b->camera)
		return a->camera < b->camera ? -1 : 1;
	return a->first_sensor_ns < b->first_sensor_ns ? -1 : a->first_sensor_ns > b->first_sensor_ns;
}

/* A recording that was cut goes on in the next file: where it does with a later number than it should, a file is not there. */
static void check_next(struct verify_file *file, const struct verify_file *last)
{
	if (file->before == FIELD_UNSET || !file->before)
		return;
	if (last && last->last_number == file->before)
		return;
	if (last && last->last_number < file->before && last->last_number > 0)
		verify_add_problem(file, VERIFY_FILES, file->before - last->last_number, "the frames %" PRId64 " to %" PRId64 " of the recording "
				   "that goes on here are in no file", last->last_number + 1, file->before);
	else
		verify_add_note(file, "it goes on with a recording whose first frames, up to number %" PRId64 ", are in no file here", file->before);
}

static void check_files(struct verify_file *files, size_t n)
{
	const struct verify_file *last = NULL;

	qsort(files, n, sizeof(*files), by_camera_and_time);
	for (size_t i = 0; i < n; i++) {
		if (files[i].camera == FIELD_UNSET || !(files[i].rows > 0))
			continue;
		/* a raw video and the MP4 made of it share their table */
		if (last && last->camera == files[i].camera && last->first_sensor_ns == files[i].first_sensor_ns)
			continue;
		check_next(&files[i], last && last->camera == files[i].camera ? last : NULL);
		last = &files[i];
	}
}

static int by_name(const void *left, const void *right)
{
	const struct verify_file *a = left, *b = right;

	return strcmp(a->file ? a->file : a->table, b->file ? b->file : b->table);
}

/* ---- directories ---- */

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Links are not followed. */
static bool is_kind(const char *path, mode_t kind)
{
	struct stat status;

	return !lstat(path, &status) && (status.st_mode & S_IFMT) == kind;
}

/* Whether a name is that of a video, or of a table without one. */
static bool is_recording(const char *path)
{
	static const char *const suffixes[] = { ".mp4", ".h264" };
	bool alone = ends_with(path, TABLE);

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		char *video = alone ? xasprintf("%.*s%s", (int)(strlen(path) - strlen(TABLE)), path, suffixes[i]) : NULL;

		if (ends_with(path, suffixes[i]))
			return true;
		alone = alone && !is_kind(video, S_IFREG);
		free(video);
	}
	return alone;
}

static void look_into(struct walk *walk, const char *path);

/* Files of the directory at once, for they are held against each other; then those below it. */
static void look_at_all(struct walk *walk, const char *path, struct dirent **entries, int n)
{
	struct verify_file *files = xcalloc((size_t)n, sizeof(*files));
	size_t found = 0;

	for (int i = 0; i < n; i++) {
		char *name = xasprintf("%s/%s", path, entries[i]->d_name);

		if (is_kind(name, S_IFREG) && is_recording(name))
			verify_file(&files[found++], name, walk->decode);
		free(name);
	}
	check_files(files, found);
	qsort(files, found, sizeof(*files), by_name);
	for (size_t i = 0; i < found; i++) {
		report(walk, &files[i]);
		verify_file_clear(&files[i]);
	}
	free(files);
	for (int i = 0; i < n && walk->depth < DEPTH_MAX; i++) {
		char *name = xasprintf("%s/%s", path, entries[i]->d_name);

		if (is_kind(name, S_IFDIR))
			look_into(walk, name);
		free(name);
	}
}

static void report_unreadable(struct walk *walk, const char *path, int number)
{
	struct verify_file file;

	verify_file_init(&file);
	file.file = xstrdup(path);
	verify_add_problem(&file, VERIFY_UNREADABLE, FIELD_UNSET, "%s", strerror(number));
	report(walk, &file);
	verify_file_clear(&file);
}

static void look_into(struct walk *walk, const char *path)
{
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, is_visible, alphasort);

	if (n < 0) {
		report_unreadable(walk, path, errno);
		return;
	}
	walk->depth++;
	if (n)
		look_at_all(walk, path, entries, n);
	walk->depth--;
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
}

/* A table is named for its video, if there is one. */
static char *video_of(const char *path)
{
	int stem = (int)(strlen(path) - strlen(TABLE));
	char *video;

	if (!ends_with(path, TABLE) || is_recording(path))
		return xstrdup(path);
	video = xasprintf("%.*s.mp4", stem, path);
	if (is_kind(video, S_IFREG))
		return video;
	free(video);
	return xasprintf("%.*s.h264", stem, path);
}

void verify_path(const char *path, bool decode, struct verify_summary *summary, verify_fn on_file, void *user)
{
	struct walk walk = { .decode = decode, .summary = summary, .on_file = on_file, .user = user };
	struct verify_file file;
	struct stat status;
	char *video;

	if (stat(path, &status)) {
		report_unreadable(&walk, path, errno);
	} else if (S_ISDIR(status.st_mode)) {
		look_into(&walk, path);
	} else {
		video = video_of(path);
		verify_file(&file, video, decode);
		report(&walk, &file);
		verify_file_clear(&file);
		free(video);
	}
}
