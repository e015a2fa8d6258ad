#include "camd/recording_private.h"

#include "camd/syncer.h"
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

struct recording *recording_create(const struct recording_request *request)
{
	struct recording *recording = xcalloc(1, sizeof(*recording));

	recording->request = *request;
	recording->directory = xstrdup(request->directory);
	recording->title = xstrdup(request->title);
	pthread_mutex_init(&recording->lock, NULL);
	durable_init(&recording->durable);
	return recording;
}

void recording_destroy(struct recording *recording)
{
	if (!recording)
		return;
	footage_destroy(recording->footage);
	for (struct segment *segment; (segment = recording_take_segment(recording));)
		segment_destroy(segment);
	tail_finish(&recording->tail);
	durable_finish(&recording->durable);
	pthread_mutex_destroy(&recording->lock);
	free(recording->directory);
	free(recording->title);
	free(recording->path);
	free(recording->csv_path);
	free(recording->current);
	free(recording->shown);
	free(recording);
}

void recording_tell(struct recording *recording, enum recording_event event)
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
	recording_tell(recording, RECORDING_FAILED);
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
		recording_tell(recording, RECORDING_COMPLETE);
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
	if (recording->number > 1 && frame->sensor_ns <= atomic_load(&recording->last_ns)) {
		atomic_fetch_add(&recording->lost_sensor, 1);
		return false;
	}
	atomic_store(&recording->last_ns, frame->sensor_ns);
	frame->number = recording->number;
	return true;
}

void recording_refused(struct recording *recording)
{
	recording->refused++;
	atomic_fetch_add(&recording->lost_encoder, 1);
}

/* ---- writing ---- */

uint64_t recording_slot(const struct recording *recording, int64_t sensor_ns)
{
	int64_t half_ns = (int64_t)(0.5e9 / recording->request.encoding.fps);

	if (!recording->request.segment_ns)
		return 0;
	return (uint64_t)(MAX(0, sensor_ns - recording->first_ns + half_ns) / recording->request.segment_ns);
}

/* Whether another file is to begin with this packet. */
static bool is_cut(struct recording *recording, const struct packet *packet)
{
	uint64_t limit = (uint64_t)recording->request.segment_bytes;

	if (!recording->footage || !packet->key)
		return false;
	if (footage_is_full(recording->footage)) {
		atomic_store(&recording->split, true);
		return true;
	}
	return recording_slot(recording, packet->sensor_ns) != recording->slot ||
	       (limit && footage_facts(recording->footage)->bytes >= limit);
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
	durable_note_written(&recording->durable, packet->number, packet->sensor_ns);
	atomic_store(&recording->recorded, recording->rows);
	if (recording->footage)
		atomic_store(&recording->bytes, recording->bytes_before + footage_facts(recording->footage)->bytes);
	atomic_store(&recording->duration_ns, recording->row_last_ns - recording->row_first_ns + (int64_t)(1e9 / recording->request.encoding.fps));
	if (recording->rows > 1 || recording->request.to_ring)
		return;
	atomic_store(&recording->first_sensor_ns, packet->sensor_ns);
	recording_tell(recording, RECORDING_STARTED);
}

/* After a write that failed. False: there is no help, and err says why. */
static bool rescue(struct recording *recording, struct error *err)
{
	struct error why = *err;

	return why.code == ERR_IO && recording_rescue(recording, &why, err);
}

/*
 * False: the frame is not in the video. If its row could not be written the frame counts, for that can be had from the video, but
 * the disk is at its end.
 */
static bool append_once(struct recording *recording, struct packet *packet, struct error *err)
{
	struct footage_mark mark = footage_mark(recording->footage);
	bool in_video, whole = footage_write(recording->footage, packet, &in_video, err);

	if (!in_video)
		return false;
	note_row(recording, packet);
	tail_trim(&recording->tail, durable_synced(&recording->durable).number);
	tail_add(&recording->tail, packet, &mark);
	if (!whole && !rescue(recording, err)) {
		recording->write_failed = true;
		recording_fail(recording, err);
	}
	return true;
}

/* A file that failed with its first frame, or when all before was on the disk, is followed by one that begins with this packet. */
static bool append(struct recording *recording, struct packet *packet, const struct frame_format *format, struct syncer *syncer, struct error *err)
{
	if (append_once(recording, packet, err))
		return true;
	if (!rescue(recording, err))
		return false;
	if (!recording->footage) {
		if (!packet->key)
			return false;
		recording->need_key = false;
		if (!recording_open_file(recording, packet, format, syncer, err))
			return false;
	}
	return append_once(recording, packet, err);
}

static bool write_packet(struct recording *recording, struct packet *packet, const struct frame_format *format, struct syncer *syncer,
			 struct error *err)
{
	if (recording->request.to_ring) {
		note_row(recording, packet);
		return true;
	}
	if (is_cut(recording, packet))
		recording_close_file(recording, packet->sensor_ns);
	if (!recording->footage && !recording_open_file(recording, packet, format, syncer, err))
		return false;
	return append(recording, packet, format, syncer, err);
}

/* Somebody waits for this frame to be on the disk, or for one before it. */
static void hurry_if_wanted(struct recording *recording, const struct packet *packet, struct syncer *syncer)
{
	uint64_t wanted = atomic_load(&recording->wanted_durable);

	if (wanted <= recording->hurried_for || packet->number < wanted)
		return;
	recording->hurried_for = wanted;
	syncer_hurry(syncer);
}

bool recording_write(struct recording *recording, struct packet *packet, const struct frame_format *format, struct syncer *syncer)
{
	struct error err;

	packet->lost_storage += recording->write_failures;
	packet->before = recording->row_number;
	check_ledger(recording, packet);
	recording_check_sync(recording);
	recording->need_key = recording->need_key && !packet->key;
	if (!recording->write_failed && !recording->need_key && write_packet(recording, packet, format, syncer, &err)) {
		hurry_if_wanted(recording, packet, syncer);
		return true;
	}
	if (!recording->write_failed && !recording->need_key) {
		recording->write_failed = true;
		recording_fail(recording, &err);
	}
	recording->write_failures++;
	atomic_fetch_add(&recording->lost_storage, 1);
	return false;
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

/* ---- how far it is on the disk ---- */

/* Frames that neither are on the disk nor lost. What grows is read last, so that it is rather too many than too few. */
static uint64_t count_undurable(struct recording *recording)
{
	uint64_t settled = durable_synced(&recording->durable).rows + recording_lost_frames(recording);
	uint64_t captured = atomic_load(&recording->captured);

	return captured > settled ? captured - settled : 0;
}

void recording_want_durable(struct recording *recording, uint64_t number)
{
	atomic_store(&recording->wanted_durable, number);
}

bool recording_is_durable(struct recording *recording, uint64_t number)
{
	return durable_synced(&recording->durable).number >= number || !count_undurable(recording);
}

/* By the row of the oldest one, or, if none of them is written yet, by the last one's time. */
int64_t recording_durable_lag_ns(struct recording *recording)
{
	uint64_t n = count_undurable(recording);
	int64_t oldest_ns = durable_oldest_ns(&recording->durable), now_ns = clock_now_ns();

	if (!n)
		return 0;
	if (!oldest_ns)
		oldest_ns = atomic_load(&recording->last_ns) - (int64_t)((double)(n - 1) * 1e9 / recording->request.encoding.fps);
	return MAX(0, now_ns - oldest_ns);
}

static void fill_durable(struct recording *recording, struct camera_status *status)
{
	struct durable_point point = durable_synced(&recording->durable);

	status->durable_lag_ms = recording_durable_lag_ns(recording) / NS_PER_MS;
	status->durable_frame = (int64_t)point.number;
	if (point.rows)
		status->durable_sensor_timestamp_ns = point.sensor_ns;
}

void recording_fill_status(struct recording *recording, struct camera_status *status)
{
	status->recording = !recording->stopping;
	/* in this order, so that what was counted meanwhile doesn't make recorded + lost more than captured */
	status->recorded_frames = atomic_load(&recording->recorded);
	status->lost = recording_lost(recording);
	status->captured_frames = atomic_load(&recording->captured);
	status->collated_frames = status->captured_frames - status->lost.sensor - status->lost.starved;
	status->bytes = atomic_load(&recording->bytes);
	status->duration_ns = atomic_load(&recording->duration_ns);
	fill_durable(recording, status);
	free(recording->shown);
	recording->shown = recording->started ? recording_current(recording) : NULL;
	status->output = recording->shown;
}

void recording_check_sync(struct recording *recording)
{
	struct error why, err;

	if (!recording->footage || !atomic_load(&recording->sync_failed))
		return;
	pthread_mutex_lock(&recording->lock);
	why = recording->sync_error;
	pthread_mutex_unlock(&recording->lock);
	if (recording_rescue(recording, &why, &err))
		return;
	recording->write_failed = true;
	recording_fail(recording, &err);
}

static void settle(struct recording *recording)
{
	struct lost lost = recording_lost(recording);
	uint64_t all = lost.sensor + lost.starved + lost.encoder + lost.storage;

	if (recording->number != recording->rows + all)
		log_error("camera %d: the ledger does not add up: %" PRIu64 " captured, %" PRIu64 " recorded, %" PRIu64 " lost",
			  recording->request.camera_id, recording->number, recording->rows, all);
	if (recording->request.to_ring)
		return;
	log_info("camera %d: recorded %" PRIu64 " of %" PRIu64 " frames, lost: sensor %" PRId64 ", starved %" PRId64 ", encoder %" PRId64
		 ", storage %" PRId64 "; %s", recording->request.camera_id, recording->rows, recording->number, lost.sensor,
		 lost.starved, lost.encoder, lost.storage, recording->current ? recording->current : "no file");
}

void recording_finish(struct recording *recording)
{
	recording_check_sync(recording);
	if (recording->footage)
		recording_close_file(recording, 0);
	tail_finish(&recording->tail);
	settle(recording);
	recording_tell(recording, RECORDING_FINISHED);
}
