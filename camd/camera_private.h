/*
 * What a camera is made of, for the files that make it: camera.c (its life), camera_recording.c (recordings, the ring, clips), camera_looks.c (frames for previews
 * and snapshots), camera_analysis.c (what is found in them), camera_report.c (what is said about it). Nobody else includes this.
 */
#pragma once

#include "camd/bare.h"
#include "camd/camera.h"
#include "camd/drawing.h"
#include "camd/encoding.h"
#include "camd/fading.h"
#include "camd/keeper.h"
#include "camd/shade.h"
#include "camd/timing.h"
#include "camd/writing.h"

/* Somebody waits for the frame that is nearest to an instant. */
struct frame_request {
	camera_frame_fn fn;
	void *user;
	int64_t at_ns;
	struct frame_request *next;
};

struct camera {
	int id, frame_ring;
	char *spec;
	double thin_to_fps;
	struct encoding_settings encoding_settings;
	struct mailbox *mailbox;
	struct camera_owner owner;

	/* the main thread's */
	enum camera_state state;
	struct error error;
	double nominal_fps;
	char source_id[256], name[272], model[128];
	char encoder[ENCODER_NAME_BYTES];	/* as the last status has it */
	struct keeper *keeper;
	struct camera_control *controls;	/* of the open source, whose texts they borrow */
	struct recording *recording;		/* until RECORDING_FINISHED */
	int64_t prebuffer_ns;			/* 0: no ring */
	int64_t ring_checked_ns, ring_retry_ns;
	size_t triggers_open;			/* their clips are not told of yet */
	int64_t fading_checked_ns;
	size_t ring_bytes;			/* that the ring may have */
	struct night_settings night_settings;
	struct night night;
	struct nights nights;
	void (*on_closed)(void *user);
	void *closed_user;

	struct encoding *encoding;
	struct writing *writing;

	struct analysis *analysis;
	struct fading fading;			/* says itself which thread has what */
	struct drawing drawing;			/* the source's thread */
	struct bare bare;			/* says itself which thread has what */

	pthread_mutex_t lock;			/* guards what follows: the source's thread and the main thread meet here */
	struct timing timing;			/* but its atomics */
	struct recording *capturing;		/* takes frames, for files or only for the ring; NULL: none does */
	struct recording *next;			/* takes over from capturing with its first frame */
	struct recording *spare;		/* with a ring, while something is recorded: takes over from that, to_ring */
	int64_t preview_interval_ns, preview_due_ns;
	bool preview_out;			/* a picture is with the owner: a second one would keep a buffer from the source */
	struct frame_request *frame_requests;
	struct frame *kept;			/* the last one, a reference, while there are such requests: a source has few buffers */
};

/* Main thread: tells the source whether anybody wants its frames. */
void camera_update_wanted(struct camera *camera);

/*
 * The source's thread, with the lock: hands the frame to those who want to look at one. A frame that is returned is to be let go
 * without the lock, for its source may speak with a driver then; NULL: none.
 */
struct frame *camera_look(struct camera *camera, struct frame *frame);

/*
 * The source's thread, with the lock: gives the frame its number, draws that into it if drawing has begun, and hands it to all who want
 * it. For what is returned see camera_look().
 */
struct frame *camera_take_frame(struct camera *camera, struct frame *frame, bool drawn);

/* Main thread: the ring is to be filled from now on, if there is one and nothing is recorded. */
void camera_fill_ring(struct camera *camera);
void camera_watch_ring(struct camera *camera, int64_t now_ns);		/* often */

/* The encoder's thread; the output thread. */
void camera_on_encoder_ready(void *user, struct recording *recording);
void camera_on_clip_begun(void *user, char *path);
void camera_on_clip(void *user, struct clip_done *done);
void camera_on_mark(void *user, const struct mark_done *done);

/* The source's thread: somebody waits for it. */
void camera_stack_is_full(void *camera, struct stack *stack);

/* Main thread: the source has been opened. */
void camera_make_frame_ring(struct camera *camera, const struct frame_format *format);
void camera_list_controls(struct camera *camera, const struct source *source);

/* Main thread: news of an analyser; the keeper has changed the source's rate; the source is there. */
void camera_on_finding(void *user, enum analyzer_kind kind, const struct analyzer_news *finding);
void camera_on_rate(void *user, double fps);
void camera_apply_night(struct camera *camera);

/* Main thread: by its settings night is looked for, or is not. */
void camera_look_for_night(struct camera *camera);
