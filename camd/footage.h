/*
 * A file of footage: a video, and beside it the timing table of its frames. A recording writes one after another, a clip is one.
 *
 * It belongs to one thread, the camera's output thread; but for footage_push() and footage_sync(), which the durability thread calls.
 */
#pragma once

#include "camd/framelog.h"
#include "camd/output/output.h"
#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What knows each frame of a file, to make its index, and to recover it, is in memory: with so many, 24 MB while it is written, and about
 * 150 MB at most when it is recovered. At 30 frames/s they are 9 h 42 min.
 */
#define FOOTAGE_MAX_FRAMES (1u << 20)

struct durable;
struct syncer;
struct footage;

struct footage_request {
	int camera_id;
	const char *directory;		/* absolute */
	const char *prefix;		/* of the name: "", "clip_" */
	const char *label;		/* end of the name; NULL: none */
	int64_t wall_ns;		/* for the name */
	int container;			/* enum container */
	bool csv;
	double fps;
	const char *encoder, *title;
	struct syncer *syncer;		/* pushes it to the disk at the stated cadence */
	struct durable *durable;	/* notes what of it is on the disk; NULL: nobody asks */
	/* A sync failed; all that was written is on the disk as far as a sync can tell (may be NULL). The durability thread. */
	void (*on_failure)(void *user, const struct error *err);
	void (*on_synced)(void *user);
	void *user;
};

/* What is known of one: read by anybody once it is finished, by its thread before. */
struct footage_facts {
	char *path, *csv_path;		/* csv_path also if it has no table */
	uint64_t frames, bytes;
	int64_t first_ns, last_ns;	/* sensor times */
	int64_t first_wall_ns, last_wall_ns;
};

/* A place in both files, between two frames, and what was known of them there. */
struct footage_mark {
	uint64_t video_bytes, table_bytes, frames;
	int64_t last_ns, last_wall_ns;
};

/* Makes video and table under a name that neither has yet. Nothing pushes them down before footage_begin_syncing(). first is the first packet, a key frame, still to be written. */
struct footage *footage_create(const struct footage_request *request, const struct packet *first, const struct frame_format *format,
			       struct error *err);

/* From now on the durability thread calls footage_push() and footage_sync(). */
void footage_begin_syncing(struct footage *footage);

/*
 * Appends a packet and its row. False: err says why, and *in_video whether the frame is in the video nevertheless, its row missing (it can
 * be had from there).
 */
bool footage_write(struct footage *footage, const struct packet *packet, bool *in_video, struct error *err);

/* The durability thread: starts the video's data on its way, without waiting. The table is too small to be worth it. */
void footage_push(struct footage *footage);

/* The durability thread: pushes down what was written, unless that is there already, and tells. */
bool footage_sync(struct footage *footage, struct error *err);

/* The same by its own thread, without telling, as long as the durability thread does not do it. */
bool footage_push_down(struct footage *footage, struct error *err);

/* It has come to FOOTAGE_MAX_FRAMES, or near the end of what its file system lets a file be: the next key frame is better off in another. */
bool footage_is_full(const struct footage *footage);

struct footage_mark footage_mark(const struct footage *footage);

/*
 * After a sync that failed. The files stay as they are, for recovery to look at: whatever was not on the disk may be missing in them.
 * footage_cut_back() drops what stands behind a mark, because another file has it.
 */
void footage_abandon(struct footage *footage);
bool footage_cut_back(struct footage *footage, const struct footage_mark *mark, struct error *err);
void footage_remove(struct footage *footage);		/* deletes both */

/*
 * Makes both whole and puts them on the disk. next_ns: sensor time of the frame that another file goes on with, so that the last one
 * lasts as long as it did; 0: none does. encoder: what encoded it, where that has changed; NULL: it has not.
 */
bool footage_finish(struct footage *footage, int64_t next_ns, const char *encoder, struct error *err);

void footage_destroy(struct footage *footage);	/* closes; without finish() it is left as after a crash. NULL is allowed */

const struct footage_facts *footage_facts(const struct footage *footage);
void footage_facts_copy(struct footage_facts *copy, const struct footage_facts *facts);
void footage_facts_clear(struct footage_facts *facts);
