/*
 * The clips that triggers have asked of one camera: files that begin with what its ring has and go on with what comes, whether or
 * not something records. One that the disk says it has lost something of is written again, into another file. Belongs to the camera's
 * output thread.
 */
#pragma once

#include "camd/footage.h"
#include "camd/ring.h"
#include "common/field.h"

#define CLIP_MAX_TRIGGERS 64

/* What a trigger wants of one camera; on the heap, texts too. */
struct clip_request {
	int64_t trigger_id;
	int64_t from_ns, to_ns;		/* sensor time; a key frame at or before from_ns to the last frame at or before to_ns */
	bool extend;			/* a clip that is being written, and begins early enough, goes on instead of another one */
	char *label;			/* NULL: none */
	char *directory, *title;
	bool csv;
	double fps;
};

void clip_request_destroy(struct clip_request *request);

/* A clip that is complete, or has failed. */
struct clip_done {
	int camera_id;
	int64_t trigger_ids[CLIP_MAX_TRIGGERS];
	size_t n_triggers;
	bool csv;
	struct list begun;		/* paths of files that were begun, whatever became of them */
	struct list left;		/* of these, that have an earlier part of it, as far as the disk has that */
	struct footage_facts facts;	/* path NULL: there is no file with a frame in it */
	struct error error;		/* what went wrong, although the file may have all that was wanted; code ERR_NONE: nothing */
};

void clip_done_destroy(struct clip_done *done);

struct clips_owner {
	void *user;
	void (*on_begun)(void *user, char *path);		/* a file; takes the path over */
	void (*on_done)(void *user, struct clip_done *done);	/* takes it over */
};

struct clip;

struct clips {
	int camera_id;
	struct syncer *syncer;
	struct clips_owner owner;
	struct clip *first;
};

void clips_begin(struct clips *clips, struct clip_request *request, const struct ring *ring);	/* takes over the request */
void clips_add(struct clips *clips, struct packet *packet, const struct frame_format *format);

/* What a trigger wants ends at another time than it said; a clip that is complete already stays as it is. */
void clips_set_end(struct clips *clips, int64_t trigger_id, int64_t to_ns);

/* Those end whose last frame does not come: a camera is silent. now_ns: CLOCK_MONOTONIC. */
void clips_check(struct clips *clips, int64_t now_ns);
void clips_end(struct clips *clips);		/* all of them, as far as they are */
