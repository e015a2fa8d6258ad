#include "camd/clips.h"

#include "camd/config.h"
#include "camd/rescue.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* How late the frame that ends a clip may be. */
#define GRACE_NS (5 * NS_PER_S)

struct clip {
	struct clip_request *request;	/* of the first trigger; its to_ns is the last of all */
	int64_t to_ns[CLIP_MAX_TRIGGERS];	/* of each */
	struct clip_done *done;
	struct footage *footage;	/* NULL: no frame so far */
	struct frame_format format;
	struct tail tail;		/* all of it, if it is not too long: it is wanted in one file */
	struct error trouble;		/* it was written again: why */
	bool damaged;			/* and that failed */
	_Atomic bool sync_failed;
	struct error sync_error;	/* set before sync_failed */
	struct clips *clips;
	struct clip *next;
};

void clip_request_destroy(struct clip_request *request)
{
	if (!request)
		return;
	free(request->label);
	free(request->directory);
	free(request->title);
	free(request);
}

void clip_done_destroy(struct clip_done *done)
{
	if (!done)
		return;
	fields_free_texts(&done->begun);
	fields_free_texts(&done->left);
	footage_facts_clear(&done->facts);
	free(done);
}

/* The first reason counts. */
static void fail(struct clip *clip, const struct error *err)
{
	if (!clip->done->error.code)
		clip->done->error = *err;
}

/* What it has is kept; why it has not all of the time that was asked for is told, unless it has. */
static void note_early_end(struct clip *clip, const char *why)
{
	const struct footage_facts *facts = clip->footage ? footage_facts(clip->footage) : NULL;
	int64_t frame_ns = clip->request->fps > 0 ? (int64_t)(NS_PER_S / clip->request->fps) : 0;
	struct error err;

	if (!facts || !facts->frames || facts->last_ns >= clip->request->to_ns - frame_ns)
		return;
	error_set(&err, ERR_CANCELLED, "camera %d: the clip ends before the time that was asked for: %s", clip->clips->camera_id, why);
	fail(clip, &err);
}

static void on_sync_failure(void *user, const struct error *err)
{
	struct clip *clip = user;

	if (atomic_load(&clip->sync_failed))
		return;
	clip->sync_error = *err;
	atomic_store(&clip->sync_failed, true);
}

/* ---- its file ---- */

static struct footage *make_file(void *user, const struct packet *first, struct error *err)
{
	struct clip *clip = user;
	const struct clip_request *request = clip->request;
	struct footage_request wanted = {
		.camera_id = clip->clips->camera_id, .directory = request->directory, .prefix = "clip_", .label = request->label,
		.wall_ns = first->wall_ns, .container = CONTAINER_MP4, .csv = request->csv, .fps = request->fps, .title = request->title,
		.syncer = clip->clips->syncer, .on_failure = on_sync_failure, .user = clip,
	};

	return footage_create(&wanted, first, &clip->format, err);
}

static void note_file(struct clip *clip, struct footage *footage)
{
	const char *path = footage_facts(footage)->path;

	clip->footage = footage;
	fields_add_text(&clip->done->begun, path);
	clip->clips->owner.on_begun(clip->clips->owner.user, xstrdup(path));
	footage_begin_syncing(footage);
}

static bool open_file(struct clip *clip, const struct packet *first, struct error *err)
{
	struct footage *footage = rescue_make_file(&(struct rescue){ make_file, clip }, first, err);

	if (footage)
		note_file(clip, footage);
	return footage;
}

/* The old file has lost something, the next one has all from mark on. What is before stays, for the next start to make whole. */
static void leave_file(struct clip *clip, const struct footage_mark *mark, const struct error *why)
{
	const char *path = footage_facts(clip->footage)->path;
	struct error err;

	clip->trouble = *why;
	log_warning("camera %d: %s; the clip is written again", clip->clips->camera_id, why->text);
	if (mark->frames) {
		fields_add_text(&clip->done->left, path);
		if (!footage_cut_back(clip->footage, mark, &err))
			log_warning("camera %d: %s: what the next file has is in this one, too: %s", clip->clips->camera_id, path, err.text);
	} else {
		footage_remove(clip->footage);
	}
	footage_destroy(clip->footage);
	clip->footage = NULL;
}

/* What was written goes into another file; that may be nothing so far, and there is none then. False: that can't be, err says why. */
static bool rescue(struct clip *clip, struct error *err)
{
	struct footage_mark mark = { 0 };
	struct error why = *err;
	struct footage *footage = NULL;

	if (why.code != ERR_IO)
		return false;
	/* a sync that is under way may fail, too: it is waited for first */
	footage_abandon(clip->footage);
	atomic_store(&clip->sync_failed, false);
	if (clip->tail.n) {
		mark = clip->tail.entries[0].mark;
		footage = rescue_write_again(&(struct rescue){ make_file, clip }, &clip->tail, err);
	}
	clip->damaged = !footage && footage_facts(clip->footage)->frames;
	if (clip->damaged)
		return false;
	leave_file(clip, &mark, &why);
	if (footage)
		note_file(clip, footage);
	return true;
}

/* False: err says why, and *in_video whether the frame is in the video nevertheless, its row missing. */
static bool append_once(struct clip *clip, struct packet *packet, bool *in_video, struct error *err)
{
	struct footage_mark mark;
	bool whole;

	*in_video = false;
	if (!clip->footage && !open_file(clip, packet, err))
		return false;
	mark = footage_mark(clip->footage);
	whole = footage_write(clip->footage, packet, in_video, err);
	if (*in_video)
		tail_add(&clip->tail, packet, &mark);
	return whole;
}

static bool append(struct clip *clip, struct packet *packet, struct error *err)
{
	bool in_video;

	if (append_once(clip, packet, &in_video, err))
		return true;
	return clip->footage && rescue(clip, err) && (in_video || append_once(clip, packet, &in_video, err));
}

/* False: the disk has lost something, and does not take it again. */
static bool check_sync(struct clip *clip, struct error *err)
{
	if (!clip->footage || !atomic_load(&clip->sync_failed))
		return true;
	*err = clip->sync_error;
	return rescue(clip, err);
}

static bool finish_file(struct clip *clip, struct error *err)
{
	if (!check_sync(clip, err))
		return false;
	if (!clip->footage || footage_finish(clip->footage, 0, NULL, err))
		return true;
	return rescue(clip, err) && (!clip->footage || footage_finish(clip->footage, 0, NULL, err));
}

/* One that is damaged is left as a crash leaves it. */
static void close_file(struct clip *clip)
{
	struct error err;

	if (!clip->damaged && !finish_file(clip, &err))
		fail(clip, &err);
	if (!clip->footage)
		return;
	if (footage_facts(clip->footage)->frames)
		footage_facts_copy(&clip->done->facts, footage_facts(clip->footage));
	else
		footage_remove(clip->footage);
	footage_destroy(clip->footage);
}

/* ---- its course ---- */

/* Makes it whole, tells, and frees it. */
static void end(struct clips *clips, struct clip *clip)
{
	struct clip **at = &clips->first;
	struct error err;

	while (*at != clip)
		at = &(*at)->next;
	*at = clip->next;
	if (clip->footage) {
		close_file(clip);
	} else {
		error_set(&err, ERR_TIMEOUT, "camera %d: there is no frame of the trigger's time", clips->camera_id);
		fail(clip, &err);
	}
	if (clip->trouble.code && !clip->done->error.code)
		error_set(&clip->done->error, clip->trouble.code, "%.400s; the clip was written again", clip->trouble.text);
	if (clip->done->error.code == ERR_CANCELLED)
		log_warning("%s", clip->done->error.text);
	else if (clip->done->error.code)
		log_error("camera %d: clip: %s", clips->camera_id, clip->done->error.text);
	else
		log_info("camera %d: clip of %" PRIu64 " frames: %s", clips->camera_id, clip->done->facts.frames, clip->done->facts.path);
	clips->owner.on_done(clips->owner.user, clip->done);
	tail_finish(&clip->tail);
	clip_request_destroy(clip->request);
	free(clip);
}

static bool is_same(const struct frame_format *a, const struct frame_format *b)
{
	return a->width == b->width && a->height == b->height && !memcmp(&a->colour, &b->colour, sizeof(a->colour));
}

/* False: the clip is at its end. */
static bool add(struct clip *clip, struct packet *packet, const struct frame_format *format)
{
	struct error err;

	if (packet->sensor_ns > clip->request->to_ns)
		return false;
	if (clip->footage && !is_same(&clip->format, format)) {
		note_early_end(clip, "the camera's pictures are others now");
		return false;
	}
	if (!clip->footage && !packet->key)
		return true;
	if (clip->footage && packet->key && footage_is_full(clip->footage)) {
		error_set(&err, ERR_UNSUPPORTED, "camera %d: the clip has ended early: no file may be larger than it is", clip->clips->camera_id);
		fail(clip, &err);
		return false;
	}
	clip->format = *format;
	if (check_sync(clip, &err) && append(clip, packet, &err))
		return true;
	fail(clip, &err);
	return false;
}

/* One that the trigger may join: it has all that is asked, and the time between, too. */
static struct clip *find_joinable(const struct clips *clips, const struct clip_request *request)
{
	for (struct clip *clip = clips->first; clip; clip = clip->next)
		if (clip->request->from_ns <= request->from_ns && request->from_ns <= clip->request->to_ns &&
		    clip->done->n_triggers < CLIP_MAX_TRIGGERS)
			return clip;
	return NULL;
}

static void add_trigger(struct clip *clip, const struct clip_request *request)
{
	clip->to_ns[clip->done->n_triggers] = request->to_ns;
	clip->done->trigger_ids[clip->done->n_triggers++] = request->trigger_id;
}

void clips_begin(struct clips *clips, struct clip_request *request, const struct ring *ring)
{
	struct clip *clip = request->extend ? find_joinable(clips, request) : NULL;

	if (clip) {
		clip->request->to_ns = MAX(clip->request->to_ns, request->to_ns);
		add_trigger(clip, request);
		clip_request_destroy(request);
		return;
	}
	clip = xcalloc(1, sizeof(*clip));
	clip->request = request;
	clip->clips = clips;
	clip->done = xcalloc(1, sizeof(*clip->done));
	clip->done->camera_id = clips->camera_id;
	clip->done->csv = request->csv;
	add_trigger(clip, request);
	clip->next = clips->first;
	clips->first = clip;
	for (size_t i = ring_find(ring, request->from_ns); i < ring->n; i++)
		if (!add(clip, ring_entry(ring, i)->packet, &ring_entry(ring, i)->format)) {
			end(clips, clip);
			return;
		}
}

void clips_add(struct clips *clips, struct packet *packet, const struct frame_format *format)
{
	for (struct clip *clip = clips->first, *next; clip; clip = next) {
		next = clip->next;
		if (!add(clip, packet, format))
			end(clips, clip);
	}
}

void clips_set_end(struct clips *clips, int64_t trigger_id, int64_t to_ns)
{
	for (struct clip *clip = clips->first; clip; clip = clip->next) {
		int64_t last_ns = INT64_MIN;
		bool found = false;

		for (size_t i = 0; i < clip->done->n_triggers; i++) {
			if (clip->done->trigger_ids[i] == trigger_id) {
				clip->to_ns[i] = to_ns;
				found = true;
			}
			last_ns = MAX(last_ns, clip->to_ns[i]);
		}
		if (found)
			clip->request->to_ns = last_ns;
	}
}

void clips_check(struct clips *clips, int64_t now_ns)
{
	for (struct clip *clip = clips->first, *next; clip; clip = next) {
		next = clip->next;
		if (now_ns <= clip->request->to_ns + GRACE_NS)
			continue;
		note_early_end(clip, "no frame has come since");
		end(clips, clip);
	}
}

void clips_end(struct clips *clips)
{
	while (clips->first) {
		note_early_end(clips->first, "camd has closed the camera");
		end(clips, clips->first);
	}
}
