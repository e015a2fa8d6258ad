#include "camd/saving.h"

#include "camd/convert.h"
#include "camd/exif.h"
#include "camd/folder.h"
#include "camd/still/still.h"
#include "common/clock.h"
#include "common/util.h"
#include "protocol/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

/* Makes the file under a name that there isn't yet. */
static int create_file(const struct saving *saving, char **path, struct error *err)
{
	char stamp[CLOCK_STAMP_BYTES], twin[16] = "";

	*path = NULL;
	clock_stamp(saving->wall_ns, stamp);
	for (int n = 2;; n++) {
		int fd;

		free(*path);
		*path = xasprintf("%s/snapshot_cam%d_%s%s%s", saving->directory, saving->camera_id, stamp, twin, stills[saving->format]->suffix);
		fd = open(*path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (fd < 0 && errno != EEXIST)
			error_set_errno(err, errno, "snapshot %s", *path);
		if (fd >= 0 || errno != EEXIST)
			return fd;
		snprintf(twin, sizeof(twin), "_%d", n);
	}
}

static bool write_file(const struct saving *saving, const uint8_t *data, size_t bytes, char **path, struct error *err)
{
	int fd = create_file(saving, path, err);
	ssize_t n = 0;

	if (fd >= 0) {
		for (size_t at = 0; at < bytes && n >= 0; at += MAX(n, 0)) {
			n = write(fd, data + at, bytes - at);
			n = n < 0 && errno == EINTR ? 0 : n;
		}
		if (n >= 0 && !fsync(fd) && folder_sync(saving->directory)) {
			close(fd);
			return true;
		}
		error_set_errno(err, errno, "snapshot %s", *path);
		close(fd);
		unlink(*path);
	}
	free(*path);
	*path = NULL;
	return false;
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

/* A sum has 16 bits where the format does; in both, as a mean has, levels of its own picture. */
static bool encode_stack(struct saving *saving, double *gain, uint8_t **data, size_t *bytes)
{
	const struct still_impl *still = stills[saving->format];
	const struct sums *sums = stack_sums(saving->stack, &saving->error);
	struct frame *mean;
	bool made;

	if (!sums)
		return false;
	*gain = saving->sum ? sums_gain(sums) : 1;
	if (saving->sum && still->write_sums)
		return still->write_sums(sums, *gain, data, bytes, &saving->error);
	mean = sums_mean(sums, *gain);
	made = still->write(mean, saving->quality, data, bytes, &saving->error);
	frame_unref(mean);
	return made;
}

void saving_run(struct saving *saving)
{
	const struct frame *facts = saving->stack ? &saving->stack->facts : saving->frame;
	struct exif_facts more = { .camera_id = saving->camera_id, .id = saving->id, .model = saving->model, .stack = saving->stack_frames };
	uint8_t *data = NULL;
	size_t bytes = 0;
	bool made = saving->stack ? encode_stack(saving, &more.gain, &data, &bytes) : encode_frame(saving, &data, &bytes);

	if (!made)
		return;
	more.last_sensor_ns = saving->stack ? saving->stack->last_sensor_ns : 0;
	exif_add(facts, &more, &data, &bytes);
	write_file(saving, data, bytes, &saving->file, &saving->error);
	free(data);
	saving->shot = (struct shot){
		.camera_id = saving->camera_id, .file = saving->file, .format = (char *)still_format_names[saving->format],
		.sensor_timestamp_ns = facts->sensor_ns, .frame_number = (int64_t)facts->number,
		.stack = saving->stack_frames ? saving->stack_frames : FIELD_UNSET,
		.last_sensor_timestamp_ns = saving->stack_frames ? more.last_sensor_ns : FIELD_UNSET,
		.gain = saving->sum && saving->format < STILL_NPY ? more.gain : NAN,
	};
}

void saving_finish(struct saving *saving)
{
	frame_unref(saving->frame);
	stack_destroy(saving->stack);
	free(saving->file);
	saving->frame = NULL;
	saving->stack = NULL;
	saving->file = NULL;
}
