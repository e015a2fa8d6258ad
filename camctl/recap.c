#include "camctl/recap.h"

#include "camctl/mp4sizes.h"
#include "common/util.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SUFFIX "_frame_timing.csv"
#define SAME_LOSS_NS NS_PER_S

const char *const recap_causes[] = { "sensor", "starved", "encoder", "storage", "unknown" };

/* ---- what there is ---- */

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

static bool is_file(const char *path, int64_t *bytes)
{
	struct stat status;

	if (stat(path, &status) || !S_ISREG(status.st_mode))
		return false;
	*bytes = status.st_size;
	return true;
}

/* The camera of "…/cam3_1456x1088_…"; 0 if the name doesn't say it. */
static int64_t camera_of(const char *path)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	int64_t id = 0;

	return sscanf(name, "cam%4" SCNd64 "_", &id) == 1 ? id : 0;
}

static struct recap_camera *camera(struct recap *recap, int64_t id)
{
	size_t at = 0;

	while (at < recap->n_cameras && recap->cameras[at]->id < id)
		at++;
	if (at == recap->n_cameras || recap->cameras[at]->id != id) {
		recap->cameras = xrealloc(recap->cameras, recap->n_cameras + 1, sizeof(struct recap_camera *));
		memmove(recap->cameras + at + 1, recap->cameras + at, (recap->n_cameras++ - at) * sizeof(struct recap_camera *));
		recap->cameras[at] = xcalloc(1, sizeof(struct recap_camera));
		recap->cameras[at]->id = id;
	}
	return recap->cameras[at];
}

static void add_table(struct recap *recap, const char *csv)
{
	static const char *const videos[] = { "mp4", "h264" };
	struct recap_camera *its = camera(recap, camera_of(csv));
	struct recap_recording recording = { .csv = xstrdup(csv) };

	for (size_t i = 0; i < ARRAY_LEN(videos) && !recording.video; i++) {
		recording.video = xasprintf("%.*s.%s", (int)(strlen(csv) - strlen(SUFFIX)), csv, videos[i]);
		if (is_file(recording.video, &recording.video_bytes))
			break;
		free(recording.video);
		recording.video = NULL;
	}
	its->recordings = xrealloc(its->recordings, its->n_recordings + 1, sizeof(recording));
	its->recordings[its->n_recordings++] = recording;
}

/* "…/cam0_….mp4" to its table; allocated. */
static char *table_of(const char *video)
{
	const char *dot = strrchr(video, '.');

	return xasprintf("%.*s" SUFFIX, (int)(dot ? (size_t)(dot - video) : strlen(video)), video);
}

static void count_without_table(struct recap *recap, const char *path)
{
	char *table = table_of(path);
	int64_t bytes;

	recap->without_table += !is_file(table, &bytes);
	free(table);
}

static bool look(struct recap *recap, const char *path, struct error *err)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;

	if (!directory)
		return error_set_errno(err, errno, "%s", path);
	while ((entry = readdir(directory))) {
		char *file = xasprintf("%s/%s", path, entry->d_name);

		if (ends_with(file, SUFFIX))
			add_table(recap, file);
		else if (ends_with(file, ".mp4") || ends_with(file, ".h264"))
			count_without_table(recap, file);
		free(file);
	}
	closedir(directory);
	if (recap->n_cameras)
		return true;
	return error_set(err, ERR_NOT_FOUND, "%s: no timing tables (*" SUFFIX ") are there%s", path, recap->without_table ?
			 "; enable_csv_timing_log was off" : "; a session's directory is wanted, such as recordings/session_*");
}

static bool find(struct recap *recap, const char *path, struct error *err)
{
	struct stat status;
	char *table;

	if (stat(path, &status))
		return error_set_errno(err, errno, "%s", path);
	if (S_ISDIR(status.st_mode))
		return look(recap, path, err);
	table = ends_with(path, SUFFIX) ? xstrdup(path) : table_of(path);
	add_table(recap, table);
	free(table);
	return true;
}

/* ---- first pass: how it all went ---- */

static void add_loss(struct recap_camera *camera, const struct csv_row *row, const int64_t lost[N_CSV_CAUSES + 1], int64_t *last_ns)
{
	bool same = camera->n_losses && row->sensor_ns - *last_ns < SAME_LOSS_NS;
	struct recap_loss *loss;

	*last_ns = row->sensor_ns;
	camera->n_losses += !same;
	if (camera->n_losses > RECAP_LOSSES)
		return;
	loss = &camera->losses[camera->n_losses - 1];
	if (!same)
		*loss = (struct recap_loss){ .at_ns = row->sensor_ns, .number = row->number };
	for (int cause = 0; cause <= N_CSV_CAUSES; cause++)
		loss->lost[cause] += lost[cause];
}

/* What was lost before a row: by the totals, and by its number where they don't say enough. */
static bool lost_before(const struct csv_row *row, const struct csv_row *before, int64_t lost[N_CSV_CAUSES + 1])
{
	int64_t rest = row->dropped;

	for (int cause = 0; cause < N_CSV_CAUSES; cause++) {
		lost[cause] = MAX(row->lost[cause] - before->lost[cause], 0);
		lost[cause] = MIN(lost[cause], MAX(rest, 0));
		rest -= lost[cause];
	}
	lost[N_CSV_CAUSES] = MIN(MAX(rest, 0), INT64_C(1) << 40);
	return row->dropped > 0;
}

static void take_row(struct recap_camera *camera, struct recap_recording *recording, const struct csv_row *row,
		     const struct csv_row *before, int64_t *last_loss_ns)
{
	int64_t lost[N_CSV_CAUSES + 1];

	if (!recording->rows++)
		recording->first_ns = row->sensor_ns;
	else if (row->sensor_ns <= before->sensor_ns || row->number <= before->number)
		camera->disordered++;
	else if (row->number == before->number + 1)
		spread_add(&camera->intervals, (double)(row->sensor_ns - before->sensor_ns));
	recording->last_ns = MAX(recording->last_ns, row->sensor_ns);
	if (!lost_before(row, before, lost))
		return;
	add_loss(camera, row, lost, last_loss_ns);
	for (int cause = 0; cause <= N_CSV_CAUSES; cause++)
		camera->lost[cause] += lost[cause];
}

static void note_wall(struct recap *recap, const struct csv_row *row)
{
	if (row->wall_us && (!recap->first_wall_us || row->wall_us < recap->first_wall_us))
		recap->first_wall_us = row->wall_us;
}

static void read_recording(struct recap *recap, struct recap_camera *camera, struct recap_recording *recording)
{
	struct csv_row row, before = { 0 };
	int64_t last_loss_ns = 0;
	struct error err;
	struct csv csv;

	if (!csv_open(&csv, recording->csv, &err)) {
		fields_add_text(&recap->problems, err.text);
		return;
	}
	recording->last_ns = INT64_MIN;
	for (; csv_next(&csv, &row); before = row) {
		if (!recording->rows)
			note_wall(recap, &row);
		take_row(camera, recording, &row, &before, &last_loss_ns);
	}
	camera->bad += csv.bad;
	csv_close(&csv);
}

static int by_time(const void *left, const void *right)
{
	const struct recap_recording *a = left, *b = right;

	return a->first_ns < b->first_ns ? -1 : a->first_ns > b->first_ns;
}

static bool is_mp4(const struct recap_recording *recording)
{
	return recording->video && ends_with(recording->video, ".mp4");
}

static void read_camera(struct recap *recap, struct recap_camera *camera)
{
	for (size_t i = 0; i < camera->n_recordings; i++) {
		struct recap_recording *recording = &camera->recordings[i];

		read_recording(recap, camera, recording);
		if (!recording->rows)
			continue;
		camera->rows += recording->rows;
		camera->coded_bytes += is_mp4(recording) ? 0 : recording->video_bytes;
		camera->seconds += (double)(recording->last_ns - recording->first_ns) / 1e9;
		recap->first_ns = MIN(recap->first_ns, recording->first_ns);
		recap->last_ns = MAX(recap->last_ns, recording->last_ns);
	}
	qsort(camera->recordings, camera->n_recordings, sizeof(*camera->recordings), by_time);
}

/* ---- second pass: when ---- */

static struct recap_slot *slot_at(const struct recap *recap, struct recap_camera *camera, int64_t ns)
{
	double part = (double)(ns - recap->first_ns) / MAX((double)(recap->last_ns - recap->first_ns), 1);

	return &camera->slots[(size_t)(MIN(MAX(part, 0), 1) * (RECAP_SLOTS - 1e-6))];
}

/* Bits of whole seconds of a recording. */
struct second {
	int64_t number, bytes;
};

static void end_second(struct recap_camera *camera, const struct second *second)
{
	double bps = (double)second->bytes * 8;

	camera->lowest_bps = camera->highest_bps > 0 ? MIN(camera->lowest_bps, bps) : bps;
	camera->highest_bps = MAX(camera->highest_bps, bps);
}

static void note_size(struct recap_camera *camera, struct second *second, struct recap_slot *slot, int64_t since_ns, int64_t bytes)
{
	int64_t number = since_ns / NS_PER_S;

	camera->has_sizes = true;
	slot->bytes += bytes;
	camera->coded_bytes += bytes;
	if (number != second->number) {
		end_second(camera, second);
		*second = (struct second){ .number = number };
	}
	second->bytes += bytes;
}

static void note_interval(struct recap_slot *slot, double ns)
{
	slot->interval_min = slot->intervals ? MIN(slot->interval_min, ns) : ns;
	slot->interval_max = slot->intervals ? MAX(slot->interval_max, ns) : ns;
	slot->interval_sum += ns;
	slot->intervals++;
}

static void place_row(struct recap_slot *slot, const struct csv_row *row, const struct csv_row *before)
{
	int64_t lost[N_CSV_CAUSES + 1];

	slot->frames++;
	if (row->number == before->number + 1 && row->sensor_ns > before->sensor_ns && before->number)
		note_interval(slot, (double)(row->sensor_ns - before->sensor_ns));
	if (lost_before(row, before, lost))
		for (int cause = 0; cause <= N_CSV_CAUSES; cause++)
			slot->lost[cause] += lost[cause];
}

static void place_recording(const struct recap *recap, struct recap_camera *camera, const struct recap_recording *recording)
{
	struct mp4sizes sizes = { .fd = -1 };
	struct csv_row row, before = { 0 };
	struct second second = { 0 };
	struct error err;
	struct csv csv;
	int64_t bytes;

	if (!csv_open(&csv, recording->csv, &err))
		return;
	if (is_mp4(recording))
		mp4sizes_open(&sizes, recording->video, &err);
	/* as many as there were: a recording that goes on has more by now */
	for (int64_t n = 0; n < recording->rows && csv_next(&csv, &row); n++, before = row) {
		struct recap_slot *slot = slot_at(recap, camera, row.sensor_ns);

		place_row(slot, &row, &before);
		if (mp4sizes_next(&sizes, &bytes))
			note_size(camera, &second, slot, row.sensor_ns - recording->first_ns, bytes);
	}
	mp4sizes_close(&sizes);
	csv_close(&csv);
}

/* ---- between cameras ---- */

/* The times of a camera's frames, recording after recording, growing. */
struct track {
	const struct recap_camera *camera;
	size_t recording;
	struct csv csv;
	int64_t ns;		/* of the last one read */
};

static bool track_next(struct track *track)
{
	struct csv_row row;
	struct error err;

	for (;;) {
		while (track->csv.file && csv_next(&track->csv, &row))
			if (row.sensor_ns > track->ns) {
				track->ns = row.sensor_ns;
				return true;
			}
		csv_close(&track->csv);
		if (track->recording == track->camera->n_recordings)
			return false;
		if (!csv_open(&track->csv, track->camera->recordings[track->recording++].csv, &err))
			track->csv.file = NULL;
	}
}

/* Least squares: x in seconds, y in ns. Who runs ahead by an interval meets the next partner: the line goes on straight. */
struct line {
	double n, x, y, xx, xy;
	double interval, turns, before;
};

static void add_point(struct line *line, double x, double y)
{
	line->n++;
	line->x += x;
	line->y += y;
	line->xx += x * x;
	line->xy += x * y;
}

static void note_skew(const struct recap *recap, struct recap_camera *camera, struct line *line, int64_t at_ns, double skew)
{
	struct recap_slot *slot = slot_at(recap, camera, at_ns);
	double x = (double)(at_ns - recap->first_ns) / 1e9;

	slot->skew_min = slot->skews ? MIN(slot->skew_min, skew) : skew;
	slot->skew_max = slot->skews ? MAX(slot->skew_max, skew) : skew;
	slot->skew_sum += skew;
	slot->skews++;
	spread_note(&camera->skews, skew);
	if (line->n > 0 && fabs(skew - line->before) > line->interval / 2)
		line->turns += skew < line->before ? 1 : -1;
	line->before = skew;
	add_point(line, x, skew + line->turns * line->interval);
}

/* Each frame beside the nearest of the first camera; one that is farther than half an interval has lost its partner. */
static void compare(const struct recap *recap, struct recap_camera *camera)
{
	struct track first = { .camera = recap->cameras[0], .ns = INT64_MIN }, its = { .camera = camera, .ns = INT64_MIN };
	double interval = MIN(recap->cameras[0]->intervals.mean, camera->intervals.mean), limit = 0.6 * interval, below;
	int64_t before = INT64_MIN / 2;
	struct line line = { .interval = interval };
	bool more = track_next(&first);

	while (track_next(&its)) {
		double late, early;

		while (more && first.ns <= its.ns) {
			before = first.ns;
			more = track_next(&first);
		}
		late = (double)its.ns - (double)before;
		early = more ? (double)first.ns - (double)its.ns : late + 1;
		if (MIN(late, early) < limit)
			note_skew(recap, camera, &line, its.ns, late <= early ? late : -early);
	}
	csv_close(&first.csv);
	csv_close(&its.csv);
	below = line.n * line.xx - line.x * line.x;
	camera->skew_drift = below > 0 ? (line.n * line.xy - line.x * line.y) / below : 0;
}

/* ---- all of it ---- */

static char *label_of(const char *path)
{
	char *whole = realpath(path, NULL), *label;

	label = xstrdup(whole && whole[1] ? strrchr(whole, '/') + 1 : path);
	free(whole);
	return label;
}

bool recap_read(struct recap *recap, const char *path, struct error *err)
{
	int64_t rows = 0;

	*recap = (struct recap){ .label = label_of(path), .first_ns = INT64_MAX, .last_ns = INT64_MIN };
	if (!find(recap, path, err))
		return false;
	for (size_t i = 0; i < recap->n_cameras; i++) {
		read_camera(recap, recap->cameras[i]);
		rows += recap->cameras[i]->rows;
	}
	if (!rows && recap->problems.n)
		return error_set(err, ERR_IO, "%s", ((char **)recap->problems.items)[0]);
	if (!rows)
		return error_set(err, ERR_NOT_FOUND, "%s: its timing tables are empty: nothing was recorded", path);
	for (size_t i = 0; i < recap->n_cameras; i++) {
		for (size_t j = 0; j < recap->cameras[i]->n_recordings; j++)
			place_recording(recap, recap->cameras[i], &recap->cameras[i]->recordings[j]);
		if (i)
			compare(recap, recap->cameras[i]);
	}
	return true;
}

void recap_clear(struct recap *recap)
{
	for (size_t i = 0; i < recap->n_cameras; i++) {
		struct recap_camera *camera = recap->cameras[i];

		for (size_t j = 0; j < camera->n_recordings; j++) {
			free(camera->recordings[j].csv);
			free(camera->recordings[j].video);
		}
		spread_clear(&camera->intervals);
		spread_clear(&camera->skews);
		free(camera->recordings);
		free(camera);
	}
	free(recap->cameras);
	free(recap->label);
	fields_free_texts(&recap->problems);
	*recap = (struct recap){ 0 };
}

int64_t recap_lost(const int64_t lost[N_CSV_CAUSES + 1])
{
	int64_t n = 0;

	for (int cause = 0; cause <= N_CSV_CAUSES; cause++)
		n += lost[cause];
	return n;
}

const char *recap_lost_text(const int64_t lost[N_CSV_CAUSES + 1], char text[RECAP_LOST_BYTES])
{
	size_t used = 0;

	for (int cause = 0; cause <= N_CSV_CAUSES; cause++)
		if (lost[cause])
			used += (size_t)snprintf(text + used, RECAP_LOST_BYTES - used, "%s%s %" PRId64, used ? ", " : "",
						 recap_causes[cause], lost[cause]);
	if (!used)
		snprintf(text, RECAP_LOST_BYTES, "none");
	return text;
}

double recap_slot_seconds(const struct recap *recap)
{
	return MAX((double)(recap->last_ns - recap->first_ns) / 1e9, 1e-9) / RECAP_SLOTS;
}

double recap_drift(const struct recap_camera *camera)
{
	return round(camera->skew_drift * 60 / 1e3 * 10) / 10 + 0.0;	/* no minus before a zero */
}
