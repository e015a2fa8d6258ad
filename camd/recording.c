#include "camd/recording.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How late the frame that ends a recording may be. */
#define DURATION_GRACE_NS NS_PER_S

static const struct output_impl *const containers[] = {
	[CONTAINER_MP4] = &output_fmp4,
	[CONTAINER_H264] = &output_annexb,
};

struct recording *recording_create(const struct recording_request *request)
{
	struct recording *recording = xcalloc(1, sizeof(*recording));

	recording->request = *request;
	recording->directory = xstrdup(request->directory);
	recording->title = xstrdup(request->title);
	recording->impl = containers[request->container];
	pthread_mutex_init(&recording->lock, NULL);
	return recording;
}

void recording_destroy(struct recording *recording)
{
	if (!recording)
		return;
	framelog_destroy(recording->framelog);
	if (recording->output)
		recording->impl->destroy(recording->output);
	pthread_mutex_destroy(&recording->lock);
	free(recording->directory);
	free(recording->title);
	free(recording->path);
	free(recording->csv_path);
	free(recording);
}

static void tell(struct recording *recording, enum recording_event event)
{
	recording->request.notify(recording->request.user, recording, event);
}

void recording_fail(struct recording *recording, const struct error *err)
{
	bool first;

	pthread_mutex_lock(&recording->lock);
	first = recording->error.code == ERR_NONE;
	if (first)
		recording->error = *err;
	pthread_mutex_unlock(&recording->lock);
	log_error("camera %d: recording: %s", recording->request.camera_id, err->text);
	if (!first)
		return;
	tell(recording, RECORDING_FAILED);
}

bool recording_error(struct recording *recording, struct error *err)
{
	pthread_mutex_lock(&recording->lock);
	*err = recording->error;
	pthread_mutex_unlock(&recording->lock);
	return err->code != ERR_NONE;
}

/* Whether the last of the encoders so far is that one. */
static bool ends_with(const char *encoders, const char *name)
{
	size_t all = strlen(encoders), last = strlen(name);

	return all >= last && !strcmp(encoders + all - last, name);
}

void recording_set_encoder(struct recording *recording, const char *name)
{
	size_t length;

	pthread_mutex_lock(&recording->lock);
	length = strlen(recording->encoder);
	if (!ends_with(recording->encoder, name)) {
		snprintf(recording->encoder + length, sizeof(recording->encoder) - length, "%s%s", length ? ", then " : "", name);
		recording->encoder_changed = true;
	}
	pthread_mutex_unlock(&recording->lock);
}

/* What encodes; true: that has changed since the last time. */
static bool take_encoder(struct recording *recording, char encoder[256])
{
	bool changed;

	pthread_mutex_lock(&recording->lock);
	memcpy(encoder, recording->encoder, sizeof(recording->encoder));
	changed = recording->encoder_changed;
	recording->encoder_changed = false;
	pthread_mutex_unlock(&recording->lock);
	return changed;
}

/* ---- capturing ---- */

static bool is_over(struct recording *recording, const struct frame *frame)
{
	return recording->request.duration_ns != FIELD_UNSET && recording->number &&
	       frame->sensor_ns - recording->first_ns >= recording->request.duration_ns;
}

bool recording_capture(struct recording *recording, struct frame *frame)
{
	if (recording->complete || (!recording->number && frame->sensor_ns < recording->from_ns))
		return false;
	if (is_over(recording, frame)) {
		recording->complete = true;
		tell(recording, RECORDING_COMPLETE);
		return false;
	}
	if (!recording->number) {
		/* what was lost before the first frame is not this recording's */
		recording->first_ns = frame->sensor_ns;
	} else {
		recording->number += frame->gap.sensor + frame->gap.starved;
		atomic_store(&recording->captured, recording->number);
		atomic_fetch_add(&recording->lost_sensor, frame->gap.sensor);
		atomic_fetch_add(&recording->lost_starved, frame->gap.starved);
	}
	recording->number++;
	atomic_store(&recording->captured, recording->number);
	if (recording->number > 1 && frame->sensor_ns <= recording->last_ns) {
		atomic_fetch_add(&recording->lost_sensor, 1);
		return false;
	}
	recording->last_ns = frame->sensor_ns;
	frame->number = recording->number;
	return true;
}

void recording_refused(struct recording *recording)
{
	recording->refused++;
	atomic_fetch_add(&recording->lost_encoder, 1);
}

/* ---- writing ---- */

/* A name that neither a video nor a table has yet: NAME, NAME_2, NAME_3 … */
static void choose_paths(struct recording *recording, const struct frame_format *format)
{
	char stamp[CLOCK_STAMP_BYTES], suffix[16] = "";

	clock_stamp(recording->request.wall_ns, stamp);
	for (int n = 2;; n++) {
		free(recording->path);
		free(recording->csv_path);
		recording->path = xasprintf("%s/cam%d_%dx%d_%.1ffps_%s%s%s", recording->directory, recording->request.camera_id,
					    format->width, format->height, recording->request.encoding.fps, stamp, suffix,
					    recording->impl->suffix);
		recording->csv_path = framelog_path_of(recording->path);
		if (access(recording->path, F_OK) && access(recording->csv_path, F_OK))
			return;
		snprintf(suffix, sizeof(suffix), "_%d", n);
	}
}

static bool open_files(struct recording *recording, const struct packet *first, const struct frame_format *format, struct error *err)
{
	char encoder[sizeof(recording->encoder)];
	struct output_request request = {
		.width = format->width, .height = format->height, .colour = format->colour, .fps = recording->request.encoding.fps,
		.encoder = encoder, .title = recording->title,
	};

	choose_paths(recording, format);
	take_encoder(recording, encoder);
	request.path = recording->path;
	recording->output = recording->impl->create(&request, first, err);
	if (!recording->output)
		return false;
	if (!recording->request.csv)
		return true;
	recording->framelog = framelog_create(recording->csv_path, err);
	if (recording->framelog)
		return true;
	recording->impl->destroy(recording->output);
	recording->output = NULL;
	unlink(recording->path);
	return false;
}

/* The sum that must hold at every row: all numbers before it are rows or losses. */
static void check_ledger(struct recording *recording, const struct packet *packet)
{
	uint64_t lost = packet->lost_sensor + packet->lost_starved + packet->lost_encoder + packet->lost_storage;

	if (packet->number == recording->rows + 1 + lost)
		return;
	log_error("camera %d: the ledger does not add up at frame %" PRIu64 ": %" PRIu64 " rows, %" PRIu64 " lost",
		  recording->request.camera_id, packet->number, recording->rows, lost);
}

static void note_row(struct recording *recording, const struct packet *packet)
{
	recording->rows++;
	recording->row_number = packet->number;
	if (recording->rows == 1)
		recording->row_first_ns = packet->sensor_ns;
	recording->row_last_ns = packet->sensor_ns;
	atomic_store(&recording->recorded, recording->rows);
	atomic_store(&recording->bytes, recording->output->bytes);
	atomic_store(&recording->duration_ns, recording->row_last_ns - recording->row_first_ns + (int64_t)(1e9 / recording->request.encoding.fps));
	if (recording->rows > 1)
		return;
	atomic_store(&recording->first_sensor_ns, packet->sensor_ns);
	tell(recording, RECORDING_STARTED);
}

static bool write_packet(struct recording *recording, struct packet *packet, const struct frame_format *format, struct error *err)
{
	if (!recording->output && !open_files(recording, packet, format, err))
		return false;
	/* the row's place first: a frame in the video without its row would be worse than neither */
	if (recording->framelog && !framelog_reserve(recording->framelog, err))
		return false;
	if (!recording->impl->write(recording->output, packet, err))
		return false;
	if (recording->framelog && !framelog_write(recording->framelog, packet, err)) {
		/* the frame is in the video and counts; its row can be had from there, but the disk is at its end */
		note_row(recording, packet);
		recording->write_failed = true;
		recording_fail(recording, err);
		return true;
	}
	note_row(recording, packet);
	return true;
}

void recording_write(struct recording *recording, struct packet *packet, const struct frame_format *format)
{
	struct error err;

	packet->lost_storage += recording->write_failures;
	check_ledger(recording, packet);
	if (!recording->write_failed && write_packet(recording, packet, format, &err))
		return;
	if (!recording->write_failed)
		recording_fail(recording, &err);
	recording->write_failed = true;
	recording->write_failures++;
	atomic_fetch_add(&recording->lost_storage, 1);
}

bool recording_sync(struct recording *recording, struct error *err)
{
	if (!recording->impl->sync(recording->output, err))
		return false;
	return !recording->framelog || framelog_sync(recording->framelog, err);
}

bool recording_is_overdue(const struct recording *recording, int64_t now_ns)
{
	int64_t duration_ns = recording->request.duration_ns;

	if (duration_ns == FIELD_UNSET || !recording->started)
		return false;
	return now_ns > atomic_load(&recording->first_sensor_ns) + duration_ns + DURATION_GRACE_NS;
}

struct lost recording_lost(const struct recording *recording)
{
	return (struct lost){
		.sensor = atomic_load(&recording->lost_sensor), .starved = atomic_load(&recording->lost_starved),
		.encoder = atomic_load(&recording->lost_encoder), .storage = atomic_load(&recording->lost_storage),
	};
}

uint64_t recording_lost_frames(const struct recording *recording)
{
	struct lost lost = recording_lost(recording);

	return (uint64_t)(lost.sensor + lost.starved + lost.encoder + lost.storage);
}

void recording_fill_status(const struct recording *recording, struct camera_status *status)
{
	status->recording = !recording->stopping;
	/* in this order, so that what was counted meanwhile doesn't make recorded + lost more than captured */
	status->recorded_frames = atomic_load(&recording->recorded);
	status->lost = recording_lost(recording);
	status->captured_frames = atomic_load(&recording->captured);
	status->collated_frames = status->captured_frames - status->lost.sensor - status->lost.starved;
	status->bytes = atomic_load(&recording->bytes);
	status->duration_ns = atomic_load(&recording->duration_ns);
	status->output = recording->started ? recording->path : NULL;
}

static void settle(struct recording *recording)
{
	struct lost lost = recording_lost(recording);
	uint64_t all = lost.sensor + lost.starved + lost.encoder + lost.storage;

	if (recording->number != recording->rows + all)
		log_error("camera %d: the ledger does not add up: %" PRIu64 " captured, %" PRIu64 " recorded, %" PRIu64 " lost",
			  recording->request.camera_id, recording->number, recording->rows, all);
	log_info("camera %d: recorded %" PRIu64 " of %" PRIu64 " frames, lost: sensor %" PRId64 ", starved %" PRId64 ", encoder %" PRId64
		 ", storage %" PRId64 "; %s", recording->request.camera_id, recording->rows, recording->number, lost.sensor,
		 lost.starved, lost.encoder, lost.storage, recording->path ? recording->path : "no file");
}

void recording_finish(struct recording *recording)
{
	char encoder[sizeof(recording->encoder)];
	bool changed = take_encoder(recording, encoder);
	struct error err;

	/* the table first: once the video is whole, nobody looks at its table again after a crash */
	if (recording->framelog && !framelog_sync(recording->framelog, &err))
		recording_fail(recording, &err);
	framelog_destroy(recording->framelog);
	recording->framelog = NULL;
	if (recording->output) {
		if (!recording->impl->finish(recording->output, changed ? encoder : NULL, &err))
			recording_fail(recording, &err);
		atomic_store(&recording->bytes, recording->output->bytes);
		recording->impl->destroy(recording->output);
		recording->output = NULL;
	}
	settle(recording);
	tell(recording, RECORDING_FINISHED);
}
