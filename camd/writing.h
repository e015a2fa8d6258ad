/*
 * A camera's output thread: takes packets from a bounded queue, writes them into their recording's files, keeps the last ones in a
 * ring, and writes the clips that triggers ask for.
 *
 * The bound is in bytes: a disk that pauses fills the queue, and what does not fit any more is lost by `storage`, up to the
 * next key frame. The encoder's thread offers packets, the main thread what triggers and marks want; nobody waits.
 */
#pragma once

#include "camd/clips.h"
#include "camd/recording.h"
#include "camd/syncer.h"

struct writing;

/* A mark has got its frame; number 0: none, no more is kept. */
struct mark_done {
	char text[MARK_BYTES];
	char *path;			/* of the video; NULL: only the ring has it */
	uint64_t number, camera_frame;
	int64_t sensor_ns;
};

/* Called in the output thread; what is given is taken over, path too. */
struct writing_owner {
	void *user;
	void (*on_clip_begun)(void *user, char *path);
	void (*on_clip)(void *user, struct clip_done *done);
	void (*on_mark)(void *user, const struct mark_done *done);
};

struct writing *writing_create(int camera_id, struct syncer *syncer, const struct writing_owner *owner);
void writing_destroy(struct writing *writing);		/* writes out what is queued, ends clips, joins; NULL is allowed */

/* Takes over the caller's reference if true. False: the queue is full; counting that is the caller's. */
bool writing_offer(struct writing *writing, struct recording *recording, struct packet *packet, const struct frame_format *format);

size_t writing_queued_bytes(struct writing *writing);	/* any thread: of packets that are not written yet */

/* No more packets of this recording come: finish it. Never refused. */
void writing_end(struct writing *writing, struct recording *recording);

/* How much the ring keeps; 0: nothing. Never refused. */
void writing_set_ring(struct writing *writing, int64_t length_ns, uint64_t max_bytes);
int64_t writing_ring_from_ns(const struct writing *writing);	/* ring_from_ns(); any thread */
uint64_t writing_ring_bytes(const struct writing *writing);	/* ring_bytes(); any thread */

/* Takes over the request; on_clip_begun and on_clip follow. Never refused. */
void writing_trigger(struct writing *writing, struct clip_request *request);

/* What a trigger wants ends at another sensor time than its request said. Never refused. */
void writing_set_clip_end(struct writing *writing, int64_t trigger_id, int64_t to_ns);

/*
 * Notes the text with the first frame that is not before at_ns and has no mark yet; on_mark follows. Never refused. recording: takes the
 * frames now. When it has ended, and no other one takes those behind its last, there is no frame for it any more.
 */
void writing_mark(struct writing *writing, const struct recording *recording, const char *text, int64_t at_ns);

/* For how long the thread has been at the same packet, or whatever else was asked of it; 0: it waits. Any thread. */
int64_t writing_busy_ns(const struct writing *writing, int64_t now_ns);

/* A sync of the recording that is written has failed. Never refused. */
void writing_sync_failed(struct writing *writing);

/* Camd ends: clips go as far as the recording that goes on, the one without files, too, and end with it; without one, at once. */
void writing_end_clips(struct writing *writing);

/* Once a second or so: clips of a camera that gives no more frames end. Never refused. now_ns: CLOCK_MONOTONIC. */
void writing_check(struct writing *writing, int64_t now_ns);
