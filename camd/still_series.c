#include "camd/still_series.h"

#include "camd/config.h"
#include "camd/exif.h"
#include "camd/folder.h"
#include "camd/framelog.h"
#include "camd/picture_file.h"
#include "camd/stack.h"
#include "camd/still/still.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct still_series {
	struct still_series_request its;
	const struct still_impl *impl;
	char *directory, *table_path;
	FILE *table;
	struct grey scratch;
	int64_t frames;			/* so far */
	struct stack *stack;		/* of dark frames, not full yet; NULL: there is none */
	struct shade shade;		/* of its first; score is the sum of all */
};

/* ---- files ---- */

static bool make_directory(struct still_series *series, const char *clip, struct error *err)
{
	int base_bytes = (int)(strrchr(clip, '.') - clip);
	char twin[16] = "";

	for (int n = 2;; n++) {
		free(series->directory);
		series->directory = xasprintf("%.*s_stills%s", base_bytes, clip, twin);
		if (!mkdir(series->directory, 0777))
			return true;
		if (errno != EEXIST)
			return error_set_errno(err, errno, "%s: cannot make the directory", series->directory);
		snprintf(twin, sizeof(twin), "_%d", n);
	}
}

static bool make_table(struct still_series *series, struct error *err)
{
	int fd;

	series->table_path = xasprintf("%s/stills.csv", series->directory);
	fd = open(series->table_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	series->table = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!series->table)
		return error_set_errno(err, errno, "%s: cannot make the table", series->table_path);
	fputs("file,frame_number,camera_frame,sensor_timestamp_ns,write_time_unix," SHADE_COLUMNS ",frames\n", series->table);
	return true;
}

struct still_series *still_series_create(const struct still_series_request *request, struct error *err)
{
	struct still_series *series = xcalloc(1, sizeof(*series));

	series->its = *request;
	series->its.clip = NULL;
	series->impl = stills[request->format];
	if (make_directory(series, request->clip, err) && make_table(series, err))
		return series;
	still_series_destroy(series);
	return NULL;
}

void still_series_destroy(struct still_series *series)
{
	if (!series)
		return;
	if (series->table)
		fclose(series->table);
	stack_destroy(series->stack);
	grey_finish(&series->scratch);
	free(series->directory);
	free(series->table_path);
	free(series);
}

const char *still_series_table(const struct still_series *series)
{
	return series->table_path;
}

static void print_row(struct still_series *series, const char *name, const struct frame *facts, const struct shade *shade, int frames)
{
	int64_t wall_us = framelog_written_us(facts->wall_ns);

	fprintf(series->table, "%s,", name);
	if (facts->number)
		fprintf(series->table, "%" PRIu64, facts->number);
	fprintf(series->table, ",%" PRIu64 ",%" PRId64 ",%" PRId64 ".%06d,", facts->camera_frame, facts->sensor_ns, wall_us / 1000000,
		(int)(wall_us % 1000000));
	shade_print(shade, series->table);
	fprintf(series->table, ",%d\n", frames);
}

/* A picture that is made goes into its file. Frees the data. */
static bool keep(struct still_series *series, const struct frame *facts, const struct shade *shade, const struct exif_facts *more, uint8_t *data,
		 size_t bytes, struct error *err)
{
	char *name = xasprintf("frame_%08" PRIu64 "%s", facts->camera_frame, series->impl->suffix);
	char *path = xasprintf("%s/%s", series->directory, name);
	bool good;

	exif_add(facts, more, &data, &bytes);
	good = picture_file_fill(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666), path, data, bytes, err);
	if (good)
		print_row(series, name, facts, shade, MAX(more->stack, 1));
	free(data);
	free(name);
	free(path);
	return good;
}

static struct exif_facts describe(const struct still_series *series)
{
	return (struct exif_facts){ .camera_id = series->its.camera_id, .id = series->its.id, .model = series->its.model };
}

static bool write_one(struct still_series *series, const struct frame *frame, const struct shade *shade, struct error *err)
{
	struct exif_facts more = describe(series);
	uint8_t *data;
	size_t bytes;

	return series->impl->write(frame, series->its.quality, &data, &bytes, err) && keep(series, frame, shade, &more, data, bytes, err);
}

/* ---- stacks ---- */

static bool is_dark(const struct still_series *series, const struct shade *shade)
{
	return shade->score < series->its.dark || shade->night == 1;
}

static bool write_stack(struct still_series *series, struct error *err)
{
	struct stack *stack = series->stack;
	struct exif_facts more = describe(series);
	uint8_t *data;
	size_t bytes;
	bool good;

	series->stack = NULL;
	series->shade.score /= stack->n;
	more.stack = stack->n;
	more.last_sensor_ns = stack->last_sensor_ns;
	good = stack_write(stack, series->impl, series->its.quality, series->its.stacking == DARK_STACKING_SUM, &more.gain, &data, &bytes, err) &&
	       keep(series, &stack->facts, &series->shade, &more, data, bytes, err);
	stack_destroy(stack);
	return good;
}

static bool stack_up(struct still_series *series, const struct frame *frame, const struct shade *shade, struct error *err)
{
	stack_add(series->stack, frame);
	series->shade.score += shade->score;
	return !stack_note(series->stack, frame) || write_stack(series, err);
}

static bool goes_on(const struct still_series *series, const struct frame *frame, const struct shade *shade)
{
	return is_dark(series, shade) && !memcmp(&series->stack->format, &frame->format, sizeof(frame->format));
}

/* ---- frames ---- */

bool still_series_add(struct still_series *series, const struct frame *frame, struct error *err)
{
	bool due = series->frames++ % series->its.every == 0;
	struct shade shade;

	if (!due && !series->stack)
		return true;
	shade = shade_of(&series->scratch, frame, &series->its.nights);
	if (series->stack && goes_on(series, frame, &shade))
		return stack_up(series, frame, &shade, err);
	if (series->stack && !write_stack(series, err))
		return false;
	if (!due)
		return true;
	if (series->its.stacking == DARK_STACKING_OFF || !is_dark(series, &shade))
		return write_one(series, frame, &shade, err);
	series->stack = stack_create(series->its.stack_count, 0, NULL, NULL);
	series->shade = (struct shade){ .night = shade.night };
	return stack_up(series, frame, &shade, err);
}

/* The table, the pictures' names and the directory's own; the pictures are there. errno if false. */
static bool push_down(const struct still_series *series)
{
	char *around = xasprintf("%.*s", (int)(strrchr(series->directory, '/') - series->directory), series->directory);
	bool good = !fflush(series->table) && !fsync(fileno(series->table)) && folder_sync(series->directory) && folder_sync(around);

	free(around);
	return good;
}

bool still_series_finish(struct still_series *series, struct error *err)
{
	bool good = !series->stack || write_stack(series, err);

	if (!push_down(series))
		return good ? error_set_errno(err, errno, "%s", series->table_path) : false;
	return good;
}
