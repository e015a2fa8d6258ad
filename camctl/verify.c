#include "camctl/verify.h"

#include "camctl/verify_video.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX "_frame_timing.csv"

const char *const verify_verdicts[] = { "sound", "missing", "unknown", NULL };

static const char *const codes[] = {
	[VERIFY_UNFINISHED] = "unfinished", [VERIFY_NO_INDEX] = "no_index", [VERIFY_HEAD] = "damaged_head",
	[VERIFY_DAMAGED] = "damaged_frames", [VERIFY_UNINDEXED] = "unindexed_frames", [VERIFY_NO_TABLE] = "no_table",
	[VERIFY_NO_VIDEO] = "no_video", [VERIFY_ROWS] = "rows_without_frames", [VERIFY_FRAMES] = "frames_without_rows",
	[VERIFY_NUMBERS] = "wrong_numbers", [VERIFY_TIMES] = "wrong_times", [VERIFY_BAD_ROWS] = "bad_rows", [VERIFY_TORN_ROW] = "torn_row",
	[VERIFY_ORDER] = "disordered_rows", [VERIFY_GAPS] = "unexplained_gaps", [VERIFY_FILES] = "missing_files",
	[VERIFY_DECODING] = "undecodable", [VERIFY_FOREIGN] = "foreign", [VERIFY_EMPTY] = "empty", [VERIFY_UNREADABLE] = "unreadable", NULL,
};

#define AT(member) .at = offsetof(struct verify_problem, member)
static const struct field problem_fields[] = {
	{ .name = "code", .type = FIELD_ENUM, AT(code), .choices = codes, .help = "What is wrong." },
	{ .name = "count", .type = FIELD_INT, AT(count), .flags = FIELD_OPTIONAL, .help = "With how many frames, rows or lines." },
	{ .name = "message", .type = FIELD_TEXT, AT(message), .help = "In words." },
	{ 0 },
};
#undef AT

#define AT(member) .at = offsetof(struct verify_lost, member)
static const struct field lost_fields[] = {
	{ .name = "sensor", .type = FIELD_INT, AT(sensor) }, { .name = "starved", .type = FIELD_INT, AT(starved) },
	{ .name = "encoder", .type = FIELD_INT, AT(encoder) }, { .name = "storage", .type = FIELD_INT, AT(storage) }, { 0 },
};
#undef AT

#define AT(member) .at = offsetof(struct verify_file, member)
#define FACT(member) { .name = #member, .type = FIELD_INT, AT(member), .flags = FIELD_OPTIONAL }
const struct field verify_file_fields[] = {
	{ .name = "file", .type = FIELD_PATH, AT(file), .flags = FIELD_OPTIONAL },
	{ .name = "table", .type = FIELD_PATH, AT(table), .flags = FIELD_OPTIONAL },
	{ .name = "verdict", .type = FIELD_ENUM, AT(verdict), .choices = verify_verdicts },
	{ .name = "state", .type = FIELD_TEXT, AT(state), .flags = FIELD_OPTIONAL },
	FACT(bytes), FACT(frames), FACT(duration_ns), FACT(whole_frames), FACT(decoded_frames), FACT(rows), FACT(first_number),
	FACT(last_number), FACT(first_sensor_ns), FACT(last_sensor_ns), FACT(gaps),
	{ .name = "lost", .type = FIELD_OBJECT, AT(lost), .fields = lost_fields },
	FACT(time_error_ns),
	{ .name = "problems", .type = FIELD_LIST, AT(problems), .of = FIELD_OBJECT, .fields = problem_fields,
	  .item_bytes = sizeof(struct verify_problem) },
	{ .name = "notes", .type = FIELD_LIST, AT(notes), .of = FIELD_TEXT },
	{ 0 },
};
#undef FACT
#undef AT

/* Of some problems all that can be said is that nothing can be said. */
static bool is_unknown(enum verify_code code)
{
	return code == VERIFY_FOREIGN || code == VERIFY_UNREADABLE;
}

void verify_add_problem(struct verify_file *file, enum verify_code code, int64_t count, const char *format, ...)
{
	struct verify_problem *problems = xrealloc(file->problems.items, file->problems.n + 1, sizeof(*problems));
	char text[600];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	problems[file->problems.n++] = (struct verify_problem){ .code = code, .count = count, .message = xstrdup(text) };
	file->problems.items = problems;
	if (!is_unknown(code))
		file->verdict = VERIFY_MISSING;
	else if (file->verdict == VERIFY_SOUND)
		file->verdict = VERIFY_UNKNOWN;
}

void verify_add_note(struct verify_file *file, const char *format, ...)
{
	char text[600];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fields_add_text(&file->notes, text);
}

/* ---- which files ---- */

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

static bool is_there(const char *path)
{
	struct stat status;

	return !lstat(path, &status) && S_ISREG(status.st_mode);
}

/* The table that lies, or would lie, beside a video. */
static char *table_of(const char *video)
{
	const char *name = strrchr(video, '/'), *dot = strrchr(name ? name : video, '.');

	return xasprintf("%.*s" SUFFIX, (int)(dot ? (size_t)(dot - video) : strlen(video)), video);
}

/* An MP4 that was made of a raw video another time, X_2.mp4 of X.h264, has that one's table. NULL: it is none. */
static char *table_of_raw(const char *video)
{
	const char *dot = strrchr(video, '.'), *line = strrchr(video, '_');
	char *raw, *table = NULL;

	if (!dot || strcmp(dot, ".mp4") || !line || line + 1 >= dot || strspn(line + 1, "0123456789") != (size_t)(dot - line - 1))
		return NULL;
	raw = xasprintf("%.*s.h264", (int)(line - video), video);
	if (is_there(raw))
		table = table_of(raw);
	free(raw);
	return table;
}

/* The table of a video, or the one that is given. NULL: there is none. */
static char *find_table(const char *path)
{
	char *table = ends_with(path, SUFFIX) ? xstrdup(path) : table_of(path);

	if (!is_there(table)) {
		free(table);
		table = table_of_raw(path);
	}
	if (table && !is_there(table)) {
		free(table);
		table = NULL;
	}
	return table;
}

static void take_name(struct verify_file *file, const char *path)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	int64_t camera;

	file->composed = !strncmp(name, "clip_", 5) || !strncmp(name, "export_", 7);
	file->camera = !file->composed && sscanf(name, "cam%6" SCNd64 "_", &camera) == 1 ? camera : FIELD_UNSET;
}

/* A camd that runs has the directory of its session locked. */
static bool is_going_on(const char *path)
{
	const char *name = strrchr(path, '/');
	char *directory = name ? strndup(path, (size_t)(name - path) + 1) : xstrdup(".");
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool locked = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;

	if (fd >= 0)
		close(fd);
	free(directory);
	return locked;
}

/* ---- the table ---- */

static void judge_table(struct verify_file *file, const struct ledger *ledger, bool going_on)
{
	int64_t bad = ledger->csv.bad;

	file->rows = ledger->rows;
	file->gaps = ledger->gaps;
	file->lost = (struct verify_lost){ ledger->lost[CSV_SENSOR], ledger->lost[CSV_STARVED], ledger->lost[CSV_ENCODER], ledger->lost[CSV_STORAGE] };
	if (ledger->rows) {
		file->first_number = ledger->first.number;
		file->last_number = ledger->last.number;
		file->first_sensor_ns = ledger->first.sensor_ns;
		file->last_sensor_ns = ledger->last.sensor_ns;
		file->before = ledger->before;
	}
	if (bad)
		verify_add_problem(file, VERIFY_BAD_ROWS, bad, "%" PRId64 " lines of the table are no rows", bad);
	if (ledger->csv.torn && !going_on)
		verify_add_problem(file, VERIFY_TORN_ROW, 1, "the table ends in the middle of a row");
	if (ledger->disordered)
		verify_add_problem(file, VERIFY_ORDER, ledger->disordered, "%" PRId64 " rows are not later, or not higher, than the row before",
				   ledger->disordered);
	if (ledger->unexplained)
		verify_add_problem(file, VERIFY_GAPS, ledger->unexplained, "%" PRId64 " frames are missing between the numbers, and no column says "
				   "why", ledger->unexplained);
	if (ledger->contradictions)
		verify_add_problem(file, VERIFY_GAPS, ledger->contradictions, "at %" PRId64 " rows the losses are not what the numbers say",
				   ledger->contradictions);
	if (ledger->gaps && !ledger->has_causes)
		verify_add_note(file, "the table has no columns with the causes of losses: it is not of this camd's making");
}

static void judge_rows(struct verify_file *file, const struct verify_pairs *pairs)
{
	int64_t rows = pairs->rows_alone - MIN(pairs->damaged, pairs->rows_alone);
	char which[80] = "";

	if (!pairs->damaged && file->frames != FIELD_UNSET)
		snprintf(which, sizeof(which), " (numbers %" PRId64 " to %" PRId64 ")", pairs->first_row_alone, pairs->last_row_alone);
	if (rows)
		verify_add_problem(file, VERIFY_ROWS, rows, "%" PRId64 " rows of the table have no frame in the video%s", rows, which);
}

static void judge_frames(struct verify_file *file, const struct verify_pairs *pairs)
{
	int64_t frames = pairs->frames_alone - (pairs->going_on ? pairs->last_frame_alone : 0);

	if (frames)
		verify_add_problem(file, VERIFY_FRAMES, frames, "%" PRId64 " frames have no row in the table%s", frames,
				   frames == pairs->last_frame_alone ? ": they are the last ones" : "");
	if (pairs->wrong_numbers)
		verify_add_problem(file, VERIFY_NUMBERS, pairs->wrong_numbers, "%" PRId64 " frames have another number than their rows",
				   pairs->wrong_numbers);
	if (pairs->wrong_times)
		verify_add_problem(file, VERIFY_TIMES, pairs->wrong_times, "%" PRId64 " frames are not at their times, the farthest off by %" PRId64
				   " ns", pairs->wrong_times, file->time_error_ns);
}

/* ---- all of it ---- */

static bool is_raw(const struct verify_file *file)
{
	return ends_with(file->file, ".h264");
}

static bool look_at_video(struct verify_file *file, struct verify_pairs *pairs, struct error *err)
{
	int fd = open(file->file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat status;
	bool ok = false;

	if (fd < 0 || fstat(fd, &status)) {
		error_set_errno(err, errno, "%s", file->file);
	} else if (!S_ISREG(status.st_mode)) {
		error_set(err, ERR_UNSUPPORTED, "%s: not a file", file->file);
	} else {
		file->bytes = status.st_size;
		if (!status.st_size && !pairs->going_on)
			verify_add_problem(file, VERIFY_EMPTY, FIELD_UNSET, "the video is empty");
		ok = !status.st_size || (is_raw(file) ? verify_raw(file, pairs, fd, err) : verify_mp4(file, pairs, fd, err));
	}
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool open_table(struct verify_file *file, struct ledger *ledger, bool going_on)
{
	struct error err;

	if (!file->table)
		return false;
	if (ledger_open(ledger, file->table, file->composed, &err))
		return true;
	/* one that was only just made has nothing in it yet */
	if (!going_on)
		verify_add_problem(file, VERIFY_NO_TABLE, FIELD_UNSET, "%s", err.text);
	return false;
}

static void note_missing(struct verify_file *file)
{
	bool foreign = file->state && !strcmp(file->state, "foreign");

	if (file->file && !file->table && !foreign && file->bytes > 0)
		verify_add_problem(file, VERIFY_NO_TABLE, FIELD_UNSET, "there is no timing table beside it: what was lost is not known");
	if (!file->file)
		verify_add_problem(file, VERIFY_NO_VIDEO, FIELD_UNSET, "there is no video to this table");
}

static void look(struct verify_file *file, bool decode)
{
	bool going_on = is_going_on(file->file ? file->file : file->table), known = true;
	struct ledger ledger = { 0 };
	struct verify_pairs pairs = { .going_on = going_on };
	struct error err;

	if (open_table(file, &ledger, going_on))
		pairs.ledger = &ledger;
	if (file->file)
		known = look_at_video(file, &pairs, &err);
	if (!known)
		verify_add_problem(file, VERIFY_UNREADABLE, FIELD_UNSET, "%s", err.text);
	if (pairs.ledger) {
		verify_leave_rows(&pairs);
		judge_table(file, &ledger, going_on);
		if (file->file && known)
			judge_rows(file, &pairs);
	}
	judge_frames(file, &pairs);
	note_missing(file);
	ledger_close(&ledger);
	if (decode && known && file->frames > 0)
		verify_decode(file);
}

void verify_file_init(struct verify_file *file)
{
	*file = (struct verify_file){
		.bytes = FIELD_UNSET, .frames = FIELD_UNSET, .duration_ns = FIELD_UNSET, .whole_frames = FIELD_UNSET,
		.decoded_frames = FIELD_UNSET, .rows = FIELD_UNSET, .first_number = FIELD_UNSET, .last_number = FIELD_UNSET,
		.first_sensor_ns = FIELD_UNSET, .last_sensor_ns = FIELD_UNSET, .gaps = FIELD_UNSET, .time_error_ns = FIELD_UNSET,
		.before = FIELD_UNSET, .camera = FIELD_UNSET,
	};
}

void verify_file(struct verify_file *file, const char *path, bool decode)
{
	verify_file_init(file);
	take_name(file, path);
	file->file = ends_with(path, SUFFIX) ? NULL : xstrdup(path);
	file->table = find_table(path);
	look(file, decode);
}

void verify_file_clear(struct verify_file *file)
{
	struct verify_problem *problems = file->problems.items;

	for (size_t i = 0; i < file->problems.n; i++)
		free(problems[i].message);
	free(problems);
	fields_free_texts(&file->notes);
	free(file->file);
	free(file->table);
	*file = (struct verify_file){ 0 };
}
