/* A recording's files: they are opened, cut, closed, and where a disk has lost something, written again. */
#include "camd/recording_private.h"

#include "camd/rescue.h"
#include "common/log.h"
#include "common/util.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- what others may ask ---- */

struct segment *recording_take_segment(struct recording *recording)
{
	struct segment **at, *segment;

	pthread_mutex_lock(&recording->lock);
	for (at = &recording->segments; *at && (*at)->next;)
		at = &(*at)->next;
	segment = *at;
	*at = NULL;
	pthread_mutex_unlock(&recording->lock);
	return segment;
}

void segment_destroy(struct segment *segment)
{
	if (!segment)
		return;
	footage_facts_clear(&segment->facts);
	free(segment);
}

char *recording_current(struct recording *recording)
{
	char *path;

	pthread_mutex_lock(&recording->lock);
	path = recording->current ? xstrdup(recording->current) : NULL;
	pthread_mutex_unlock(&recording->lock);
	return path;
}

bool recording_take_trouble(struct recording *recording, struct error *trouble)
{
	pthread_mutex_lock(&recording->lock);
	*trouble = recording->trouble;
	recording->trouble.code = ERR_NONE;
	pthread_mutex_unlock(&recording->lock);
	return trouble->code != ERR_NONE;
}

/* ---- opening ---- */

/* The durability thread. The file is for its own thread to see to, which the main thread wakes up. */
static void on_sync_failure(void *user, const struct error *err)
{
	struct recording *recording = user;

	pthread_mutex_lock(&recording->lock);
	recording->sync_error = *err;
	pthread_mutex_unlock(&recording->lock);
	atomic_store(&recording->sync_failed, true);
	recording_tell(recording, RECORDING_SYNC_FAILED);
}

static void on_synced(void *user)
{
	struct recording *recording = user;

	if (atomic_load(&recording->wanted_durable))
		recording_tell(recording, RECORDING_SYNCED);
}

static struct footage *make_file(void *user, const struct packet *first, struct error *err)
{
	struct recording *recording = user;
	char encoder[sizeof(recording->encoder)];
	struct footage_request request = {
		.camera_id = recording->request.camera_id, .directory = recording->directory, .prefix = "",
		.wall_ns = recording->n_files ? first->wall_ns : recording->request.wall_ns, .container = recording->request.container,
		.csv = recording->request.csv, .fps = recording->request.encoding.fps, .encoder = encoder, .title = recording->title,
		.syncer = recording->syncer, .durable = &recording->durable, .on_failure = on_sync_failure, .on_synced = on_synced,
		.user = recording,
	};

	take_encoder(recording, encoder);
	return footage_create(&request, first, &recording->format, err);
}

/* It is the one that is written from now on. */
static void note_file(struct recording *recording, struct footage *footage, const struct packet *first)
{
	const struct footage_facts *facts = footage_facts(footage);

	recording->footage = footage;
	recording->slot = recording_slot(recording, first->sensor_ns);
	if (!recording->n_files++) {
		recording->path = xstrdup(facts->path);
		recording->csv_path = xstrdup(facts->csv_path);
	}
	pthread_mutex_lock(&recording->lock);
	free(recording->current);
	recording->current = xstrdup(facts->path);
	pthread_mutex_unlock(&recording->lock);
	footage_begin_syncing(footage);
}

bool recording_open_file(struct recording *recording, const struct packet *first, const struct frame_format *format, struct syncer *syncer,
			 struct error *err)
{
	struct footage *footage;

	recording->format = *format;
	recording->syncer = syncer;
	footage = rescue_make_file(&(struct rescue){ make_file, recording }, first, err);
	if (!footage)
		return false;
	note_file(recording, footage, first);
	return true;
}

/* ---- closing ---- */

static void tell_segment(struct recording *recording)
{
	struct segment *segment = xcalloc(1, sizeof(*segment));

	segment->index = recording->n_files;
	footage_facts_copy(&segment->facts, footage_facts(recording->footage));
	pthread_mutex_lock(&recording->lock);
	segment->next = recording->segments;
	recording->segments = segment;
	pthread_mutex_unlock(&recording->lock);
	recording_tell(recording, RECORDING_SEGMENT);
}

/* Whatever it is like: nothing more comes into it. */
static void leave_file(struct recording *recording)
{
	recording->bytes_before += footage_facts(recording->footage)->bytes;
	atomic_store(&recording->bytes, recording->bytes_before);
	tell_segment(recording);
	footage_destroy(recording->footage);
	recording->footage = NULL;
	tail_clear(&recording->tail);
}

static bool finish_file(struct recording *recording, int64_t next_ns, struct error *err)
{
	char encoder[sizeof(recording->encoder)];
	bool changed = take_encoder(recording, encoder);

	return footage_finish(recording->footage, next_ns, changed ? encoder : NULL, err);
}

void recording_close_file(struct recording *recording, int64_t next_ns)
{
	struct error why, err;
	bool good = finish_file(recording, next_ns, &why);

	err = why;
	if (!good && why.code == ERR_IO)
		good = recording_rescue(recording, &why, &err) && recording->footage && finish_file(recording, next_ns, &err);
	if (!good)
		recording_fail(recording, &err);
	if (recording->footage)
		leave_file(recording);
}

/* ---- a disk that loses something ---- */

/*
 * Frames that are in the next file go from this one, so that each is in one; all that stays was on the disk before. A file of which
 * nothing would be left is left as it is.
 */
static void cut_back(struct recording *recording, const struct footage_mark *mark)
{
	struct error err;

	if (mark->frames && !footage_cut_back(recording->footage, mark, &err))
		log_warning("camera %d: %s: what the next file has is in this one, too: %s", recording->request.camera_id,
			    footage_facts(recording->footage)->path, err.text);
}

/* durable: the last frame that was on the disk before; those behind it that are not written again may have holes. */
static void note_rescue(struct recording *recording, const struct error *why, uint64_t durable, uint64_t from, const struct footage *into)
{
	struct error trouble;
	char damaged[100] = "";

	if (from > durable + 1)
		snprintf(damaged, sizeof(damaged), "; frames behind %" PRIu64 " and before that may be damaged: it was too much to be kept", durable);
	error_set(&trouble, ERR_IO, "camera %d: %.200s; from frame %" PRIu64 " on it is written again, and goes on, in %.120s%s",
		  recording->request.camera_id, why->text, from, into ? footage_facts(into)->path : "the next file", damaged);
	log_warning("%s", trouble.text);
	pthread_mutex_lock(&recording->lock);
	recording->trouble = trouble;
	pthread_mutex_unlock(&recording->lock);
	atomic_store(&recording->split, true);
	recording_tell(recording, RECORDING_RESCUED);
}

/* It has no frame and is told to nobody: the next one takes its place. */
static void drop_file(struct recording *recording)
{
	if (!--recording->n_files) {
		free(recording->path);
		free(recording->csv_path);
		recording->path = recording->csv_path = NULL;
	}
	footage_remove(recording->footage);
	footage_destroy(recording->footage);
	recording->footage = NULL;
}

/* Nothing that is kept can be written again: all that is known of the file's end is that it was written once. */
static void leave_damaged(struct recording *recording, const struct error *why, uint64_t durable)
{
	recording->need_key = true;
	note_rescue(recording, why, durable, recording->row_number + 1, NULL);
	if (footage_facts(recording->footage)->frames)
		leave_file(recording);
	else
		drop_file(recording);
}

bool recording_rescue(struct recording *recording, const struct error *why, struct error *err)
{
	struct tail tail = recording->tail;
	struct footage_mark mark;
	struct footage *footage;
	uint64_t durable;

	/* a sync that is under way may fail, too: it is waited for first */
	footage_abandon(recording->footage);
	atomic_store(&recording->sync_failed, false);
	durable = durable_synced(&recording->durable).number;
	tail_trim(&tail, durable);
	recording->tail = (struct tail){ 0 };
	if (!tail.n) {
		tail_finish(&tail);
		leave_damaged(recording, why, durable);
		return true;
	}
	mark = tail.entries[0].mark;
	footage = rescue_write_again(&(struct rescue){ make_file, recording }, &tail, err);
	if (!footage) {
		tail_finish(&tail);
		leave_file(recording);
		return false;
	}
	note_rescue(recording, why, durable, tail.entries[0].packet->number, footage);
	cut_back(recording, &mark);
	leave_file(recording);
	note_file(recording, footage, tail.entries[0].packet);
	recording->tail = tail;
	return true;
}
