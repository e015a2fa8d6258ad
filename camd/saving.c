#include "camd/saving.h"

#include "camd/convert.h"
#include "camd/exif.h"
#include "camd/folder.h"
#include "camd/picture_file.h"
#include "camd/still/still.h"
#include "common/clock.h"
#include "common/util.h"
#include "protocol/commands.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TABLE "_frames.csv"

/* Makes the file under a name that there isn't yet. As open(). */
static int create_file(const struct saving *saving, const char *ending, char **path)
{
	char stamp[CLOCK_STAMP_BYTES], twin[16] = "";

	*path = NULL;
	clock_stamp(saving->wall_ns, stamp);
	for (int n = 2;; n++) {
		int fd;

		free(*path);
		*path = xasprintf("%s/snapshot_cam%d_%s%s%s", saving->directory, saving->camera_id, stamp, twin, ending);
		fd = open(*path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (fd >= 0 || errno != EEXIST)
			return fd;
		snprintf(twin, sizeof(twin), "_%d", n);
	}
}

static void remove_files(struct saving *saving)
{
	while (saving->n) {
		unlink(saving->files[--saving->n]);
		free(saving->files[saving->n]);
	}
}

/* The picture with the overlay: if that could not be drawn into the camera's own, it is decoded for it. A new reference. */
static struct frame *with_overlay(const struct saving *saving)
{
	struct converter *converter;
	struct frame *converted;
	struct error damaged;

	if (!overlay_is_on(saving->overlay) || paint_can(saving->frame->format.pixels))
		return frame_ref(saving->frame);
	converter = converter_create(1);
	converted = converter_run(converter, saving->frame, &damaged);
	converter_destroy(converter);
	if (!converted)
		return frame_ref(saving->frame);		/* as well as the camera gave it */
	overlay_draw_converted(saving->overlay, saving->frame, converted);
	return converted;
}

static bool encode_frame(struct saving *saving, uint8_t **data, size_t *bytes)
{
	struct frame *picture;
	bool made;

	frame_begin_read(saving->frame);
	picture = with_overlay(saving);
	made = stills[saving->format]->write(picture, saving->quality, data, bytes, &saving->error);
	frame_unref(picture);
	frame_end_read(saving->frame);
	return made;
}

static struct shot make_shot(const struct saving *saving, const struct frame *facts)
{
	return (struct shot){
		.camera_id = saving->camera_id, .format = (char *)still_format_names[saving->format],
		.sensor_timestamp_ns = facts->sensor_ns, .frame_number = (int64_t)facts->number,
		.stack = FIELD_UNSET, .last_sensor_timestamp_ns = FIELD_UNSET, .gain = NAN,
	};
}

/* A picture that was encoded, with what is known of it, into a file of that name, or NULL: of a name of its own. Frees the data. */
static bool keep(struct saving *saving, const struct frame *facts, const struct exif_facts *more, char *path, uint8_t *data, size_t bytes)
{
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666) :
			create_file(saving, stills[saving->format]->suffix, &path);
	int number = errno;
	bool good;

	exif_add(facts, more, &data, &bytes);
	errno = number;
	good = picture_file_fill(fd, path, data, bytes, &saving->error);
	free(data);
	if (!good) {
		free(path);
		return false;
	}
	saving->shots[saving->n] = make_shot(saving, facts);
	saving->shots[saving->n].file = path;
	saving->files[saving->n++] = path;
	return true;
}

static void save_one(struct saving *saving, struct exif_facts *more)
{
	const struct frame *facts = saving->stack ? &saving->stack->facts : saving->frame;
	uint8_t *data = NULL;
	size_t bytes = 0;
	bool made = saving->stack ? stack_write(saving->stack, stills[saving->format], saving->quality, saving->sum, &more->gain, &data, &bytes, &saving->error) :
				    encode_frame(saving, &data, &bytes);

	more->stack = saving->stack_frames;
	more->last_sensor_ns = saving->stack ? saving->stack->last_sensor_ns : 0;
	if (!made || !keep(saving, facts, more, NULL, data, bytes) || !saving->stack_frames)
		return;
	saving->shots[0].stack = saving->stack_frames;
	saving->shots[0].last_sensor_timestamp_ns = more->last_sensor_ns;
	if (saving->sum && saving->format < STILL_NPY)
		saving->shots[0].gain = more->gain;
}

/* An unknown value is empty. */
static char *make_table(const struct saving *saving, size_t *bytes)
{
	struct grey *scratch = xcalloc(1, sizeof(*scratch));
	char *text = NULL;
	FILE *table = open_memstream(&text, bytes);

	assert(table);
	fprintf(table, "file,frame_number,camera_frame,sensor_timestamp_ns,time_unix,exposure_us," SHADE_COLUMNS "\n");
	for (int i = 0; i < saving->n; i++) {
		const struct frame *frame = saving->ring[i];
		struct shade shade = shade_of(scratch, frame, &saving->nights);
		int64_t wall_us = frame_exposed_wall_ns(frame) / NS_PER_US;

		fprintf(table, "%s,", strrchr(saving->files[i], '/') + 1);
		if (frame->number)
			fprintf(table, "%" PRIu64, frame->number);
		fprintf(table, ",%" PRIu64 ",%" PRId64 ",%" PRId64 ".%06d,", frame->camera_frame, frame->sensor_ns, wall_us / 1000000,
			(int)(wall_us % 1000000));
		if (frame->exposure.known & EXPOSURE_TIME)
			fprintf(table, "%d", frame->exposure.time_us);
		fputc(',', table);
		shade_print(&shade, table);
		fputc('\n', table);
	}
	fclose(table);
	grey_finish(scratch);
	free(scratch);
	return text;
}

static bool save_frame(struct saving *saving, const struct exif_facts *more, const char *base, int base_bytes)
{
	const struct frame *frame = saving->ring[saving->n];
	char *path = xasprintf("%.*s_%04d%s", base_bytes, base, saving->n + 1, stills[saving->format]->suffix);
	uint8_t *data;
	size_t bytes;

	if (stills[saving->format]->write(frame, saving->quality, &data, &bytes, &saving->error))
		return keep(saving, frame, more, path, data, bytes);
	free(path);
	return false;
}

/* The table's name is free, and so those are that begin like it. All of them, or none. */
static void save_ring(struct saving *saving, const struct exif_facts *more)
{
	int fd = create_file(saving, TABLE, &saving->csv);
	bool good = fd >= 0;
	size_t bytes;
	char *table;

	if (!good)
		error_set_errno(&saving->error, errno, "cannot write %s", saving->csv);
	while (good && saving->n < saving->n_ring)
		good = save_frame(saving, more, saving->csv, (int)(strlen(saving->csv) - strlen(TABLE)));
	table = make_table(saving, &bytes);
	if (good)
		good = picture_file_fill(fd, saving->csv, table, bytes, &saving->error);
	else if (fd >= 0)
		close(fd);
	free(table);
	if (!good && fd >= 0)
		unlink(saving->csv);
	for (int i = 0; i < saving->n; i++)
		saving->shots[i].csv = saving->csv;
	if (!good)
		remove_files(saving);
}

void saving_run(struct saving *saving)
{
	struct exif_facts more = { .camera_id = saving->camera_id, .id = saving->id, .model = saving->model };
	size_t n = (size_t)MAX(saving->n_ring, 1);

	saving->shots = xcalloc(n, sizeof(*saving->shots));
	saving->files = xcalloc(n, sizeof(*saving->files));
	if (saving->ring)
		save_ring(saving, &more);
	else
		save_one(saving, &more);
	if (saving->n && !folder_sync(saving->directory)) {
		error_set_errno(&saving->error, errno, "snapshots in %s", saving->directory);
		remove_files(saving);
	}
}

void saving_let_go(struct saving *saving)
{
	frame_unref(saving->frame);
	stack_destroy(saving->stack);
	for (int i = 0; i < saving->n_ring; i++)
		frame_unref(saving->ring[i]);
	free(saving->ring);
	saving->frame = NULL;
	saving->stack = NULL;
	saving->ring = NULL;
	saving->n_ring = 0;
}

void saving_finish(struct saving *saving)
{
	saving_let_go(saving);
	for (int i = 0; i < saving->n; i++)
		free(saving->files[i]);
	free(saving->files);
	free(saving->shots);
	free(saving->csv);
}
