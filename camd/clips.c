#include "camd/clips.h"

#include "camd/config.h"
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
	_Atomic bool sync_failed;
	struct error sync_error;	/* set before sync_failed */
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
	free(done->begun);
	footage_facts_clear(&done->facts);
	free(done);
}

static void fail(struct clip *clip, const struct error *err)
{
	if (!clip->done->error.code)
		clip->done->error = *err;
}

static void on_sync_failure(void *user, const struct error *err)
{
	struct clip *clip = user;

	if (atomic_load(&clip->sync_failed))
		return;
	clip->sync_error = *err;
	atomic_store(&clip->sync_failed, true);
}

static void close_footage(struct clip *clip)
{
	struct error err;

	if (!footage_finish(clip->footage, 0, NULL, &err))
		fail(clip, &err);
	if (atomic_load(&clip->sync_failed))
		fail(clip, &clip->sync_error);
	if (footage_facts(clip->footage)->frames)
		footage_facts_copy(&clip->done->facts, footage_facts(clip->footage));
	footage_destroy(clip->footage);
}

/* Makes it whole, tells, and frees it. */
static void end(struct clips *clips, struct clip *clip)
{
	struct clip **at = &clips->first;
	struct error err;

	while (*at != clip)
		at = &(*at)->next;
	*at = clip->next;
	if (clip->footage) {
		close_footage(clip);
	} else {
		error_set(&err, ERR_TIMEOUT, "camera %d: there is no frame of the trigger's time", clips->camera_id);
		fail(clip, &err);
	}
	if (clip->done->error.code)
		log_error("camera %d: clip: %s", clips->camera_id, clip->done->error.text);
	else
		log_info("camera %d: clip of %" PRIu64 " frames: %s", clips->camera_id, clip->done->facts.frames, clip->done->facts.path);
	clips->owner.on_done(clips->owner.user, clip->done);
	clip_request_destroy(clip->request);
	free(clip);
}

static bool open_footage(struct clips *clips, struct clip *clip, const struct packet *packet, const struct frame_format *format,
			 struct error *err)
{
	const struct clip_request *request = clip->request;
	struct footage_request wanted = {
		.camera_id = clips->camera_id, .directory = request->directory, .prefix = "clip_", .label = request->label,
		.wall_ns = packet->wall_ns, .container = CONTAINER_MP4, .csv = request->csv, .fps = request->fps, .title = request->title,
		.syncer = clips->syncer, .on_failure = on_sync_failure, .user = clip,
	};

	clip->format = *format;
	clip->footage = footage_create(&wanted, packet, format, err);
	if (!clip->footage)
		return false;
	clip->done->begun = xstrdup(footage_facts(clip->footage)->path);
	clips->owner.on_begun(clips->owner.user, xstrdup(clip->done->begun));
	footage_begin_syncing(clip->footage);
	return true;
}

static bool is_same(const struct frame_format *a, const struct frame_format *b)
{
	return a->width == b->width && a->height == b->height && !memcmp(&a->colour, &b->colour, sizeof(a->colour));
}

/* False: the clip is at its end. */
static bool add(struct clips *clips, struct clip *clip, const struct packet *packet, const struct frame_format *format)
{
	struct error err;
	bool in_video;

	if (packet->sensor_ns > clip->request->to_ns || (clip->footage && !is_same(&clip->format, format)))
		return false;
	if (!clip->footage && !packet->key)
		return true;
	if ((clip->footage || open_footage(clips, clip, packet, format, &err)) && footage_write(clip->footage, packet, &in_video, &err))
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
	clip->done = xcalloc(1, sizeof(*clip->done));
	clip->done->camera_id = clips->camera_id;
	clip->done->csv = request->csv;
	add_trigger(clip, request);
	clip->next = clips->first;
	clips->first = clip;
	for (size_t i = ring_find(ring, request->from_ns); i < ring->n; i++)
		if (!add(clips, clip, ring_entry(ring, i)->packet, &ring_entry(ring, i)->format)) {
			end(clips, clip);
			return;
		}
}

void clips_add(struct clips *clips, const struct packet *packet, const struct frame_format *format)
{
	for (struct clip *clip = clips->first, *next; clip; clip = next) {
		next = clip->next;
		if (!add(clips, clip, packet, format))
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
		if (now_ns > clip->request->to_ns + GRACE_NS)
			end(clips, clip);
	}
}

void clips_end(struct clips *clips)
{
	while (clips->first)
		end(clips, clips->first);
}
