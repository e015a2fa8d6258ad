/*
 * One camera: its source, its encoder and output threads, its recording, its preview, its snapshots.
 *
 * All functions are for the main thread. What happens is told to the owner by the functions of struct camera_owner, in the
 * main thread, too. A camera that can't be opened, or goes away, is tried again with growing pauses, and keeps its number,
 * and its recording goes on when it comes back.
 */
#pragma once

#include "camd/clips.h"
#include "camd/analysis.h"
#include "camd/config.h"
#include "camd/encoding_settings.h"
#include "camd/fading.h"
#include "camd/frame.h"
#include "camd/mailbox.h"
#include "camd/night.h"
#include "camd/overlay.h"
#include "camd/picture.h"
#include "camd/recording.h"
#include "camd/shade.h"
#include "camd/source/source.h"
#include "camd/stack.h"
#include "camd/syncer.h"
#include "camd/writing.h"
#include "protocol/messages.h"

#include <uv.h>

struct camera;

enum camera_state { CAMERA_OPENING, CAMERA_RUNNING, CAMERA_LOST, CAMERA_FAILED, CAMERA_OFF };

struct camera_owner {
	void *user;
	void (*on_state)(void *user, struct camera *camera);
	void (*on_recording)(void *user, struct camera *camera, struct recording *recording, enum recording_event event);
	/* Takes over the reference; no further picture comes before camera_preview_done(). */
	void (*on_preview)(void *user, struct camera *camera, struct frame *frame);
	/* Something is amiss with what encodes, or the camera can't do what the settings ask. */
	void (*on_trouble)(void *user, struct camera *camera, const struct error *err);
	void (*on_encoder)(void *user, struct camera *camera, const char *before, const char *now);
	void (*on_fading)(void *user, struct camera *camera, const struct fading_news *news);
	void (*on_clip_begun)(void *user, const char *path);	/* of its file */
	void (*on_clip)(void *user, const struct clip_done *done);
	void (*on_mark)(void *user, struct camera *camera, const struct mark_done *done);
	void (*on_finding)(void *user, struct camera *camera, enum analyzer_kind kind, const struct analyzer_news *finding);
};

/* frame: takes over the reference; NULL if the request was cancelled. */
typedef void (*camera_frame_fn)(void *user, struct camera *camera, struct frame *frame);

struct camera_request {
	int id;
	const char *spec;		/* KIND:WHAT */
	struct source_request wanted;
	struct picture_settings picture;
	struct encoding_settings encoding;	/* fps is the camera's own affair */
	int64_t prebuffer_ns, prebuffer_bytes;	/* as of camera_set_prebuffer() */
	int frame_ring;			/* so many raw frames are kept; 0: none */
	double thin_to_fps;		/* frames of a faster sensor are left out down to this rate; 0: never */
	uv_loop_t *loop;
	struct mailbox *mailbox;
	struct syncer *syncer;
	struct overlay *overlay;	/* borrowed; lives longer */
	struct analyzer_settings analysis;
	struct night_settings night;
	struct camera_owner owner;
};

/* Begins to open it. NULL with ERR_BAD_ARGUMENT for a spec that can't be. */
struct camera *camera_create(const struct camera_request *request, struct error *err);

/* Stops the source, in a worker; on_closed is called when all is down and the camera is freed. Recordings must have ended. */
void camera_close(struct camera *camera, void (*on_closed)(void *user), void *user);

int camera_id(const struct camera *camera);
enum camera_state camera_state(const struct camera *camera);
const char *camera_spec(const struct camera *camera);
const char *camera_name(const struct camera *camera);			/* its id; the spec as long as it was never open */
const char *camera_source_id(const struct camera *camera);		/* as the source says it; several synthetic ones say the same */
void camera_set_twin(struct camera *camera, int twin);			/* from 2 on: the name gets "#2", "#3" … */
const char *camera_model(const struct camera *camera);
const struct error *camera_error(const struct camera *camera);	/* why it is lost or failed */
bool camera_has_answered(const struct camera *camera);		/* the first try to open it has ended, one way or the other */

/* Prepares a recording: RECORDING_READY follows. The camera owns it until RECORDING_FINISHED was told, then destroys it. */
struct recording *camera_start_recording(struct camera *camera, const struct recording_request *request);
/*
 * Once it is ready: begins it with the frame that is nearest to an instant (CLOCK_MONOTONIC) of those still to come, or 0: with the
 * next one. A file begins with its first picture, whenever that is.
 */
void camera_begin_recording(struct camera *camera, int64_t at_ns);
void camera_stop_recording(struct camera *camera, const char *cause);	/* RECORDING_FINISHED follows; no effect if none runs */
/* The bitrate takes effect at once, where the encoder can; the rest when one is opened. */
void camera_set_encoding(struct camera *camera, const struct encoding_settings *settings);
struct recording *camera_recording(const struct camera *camera);		/* NULL: none */

/*
 * How much of what was last encoded is kept for triggers; 0: nothing. With it the camera is encoded at all times, and a recording takes
 * over without a frame between.
 */
void camera_set_prebuffer(struct camera *camera, int64_t length_ns, int64_t max_bytes);
bool camera_has_prebuffer(const struct camera *camera);
int64_t camera_prebuffer_bytes(const struct camera *camera);	/* what a clip begins with; 0: there is no prebuffer */
int64_t camera_prebuffer_from_ns(const struct camera *camera);	/* sensor time of the oldest packet; 0: there is none */

/*
 * Begins a clip, for which there must be a prebuffer, or extends one: on_clip_begun, once there is a frame of it, and on_clip follow. Takes
 * over the request.
 */
void camera_trigger(struct camera *camera, struct clip_request *request);
/* What the trigger wants ends at another sensor time than its request said. */
void camera_set_clip_end(struct camera *camera, int64_t trigger_id, int64_t to_ns);

/* on_mark follows, with the first kept frame that is not before at_ns, or without one if none comes any more. False: nothing is encoded. */
bool camera_mark(struct camera *camera, const char *text, int64_t at_ns);

size_t camera_queued_bytes(const struct camera *camera);	/* encoded, and not written yet */
char *camera_title(const struct camera *camera);	/* what its files' titles say; allocated */
double camera_nominal_fps(const struct camera *camera);
struct overlay *camera_overlay(const struct camera *camera);
/* The sensor time of the first frame that is yet to come and is not exposed before an instant, by its rate; 0: there is no telling. */
int64_t camera_next_frame_ns(struct camera *camera, int64_t not_before_ns);

/*
 * Switches it off, so that its device is free, or on again. done: when it is off, or begins to be opened. Its recording must
 * have ended.
 */
typedef void (*camera_done_fn)(void *user, const struct error *err);
void camera_set_enabled(struct camera *camera, bool enabled, camera_done_fn done, void *user);

/* What is looked for in its pictures, and what it is set to by the next night. */
void camera_set_analysis(struct camera *camera, const struct analyzer_settings *settings, const struct night_settings *night);

/* Since when it was night for it, and when not. */
const struct nights *camera_nights(const struct camera *camera);

/* What can be set; *n 0 if nothing, or it is not there. Borrowed until the next return to the loop. */
const struct source_control *camera_controls(const struct camera *camera, size_t *n);
void camera_set_controls(struct camera *camera, const struct control_setting *settings, size_t n, camera_done_fn done, void *user);

/* Pictures for previews: at most one each interval_ns; 0: none. */
void camera_set_preview(struct camera *camera, int64_t interval_ns);
void camera_preview_done(struct camera *camera);
bool camera_has_preview(const struct camera *camera);

/*
 * Calls fn in the main thread with the frame that is nearest to an instant (CLOCK_MONOTONIC) of those still to come, or 0: with the
 * next one.
 */
void camera_request_frame(struct camera *camera, int64_t at_ns, camera_frame_fn fn, void *user);
void camera_hurry_frame(struct camera *camera, const void *user);	/* the nearest so far will do; without one, it is cancelled */
void camera_cancel_frames(struct camera *camera);	/* and stacks */

/*
 * Calls fn in the main thread with a stack of so many frames, the first of them nearest to an instant of those still to come. Like a
 * frame it can be cancelled by camera_hurry_frame().
 */
void camera_request_stack(struct camera *camera, int frames, int64_t at_ns, stack_fn fn, void *user);
/* New references to copies of the last frames, without the overlay, at most that many, the oldest first; how many there are. */
bool camera_has_frame_ring(const struct camera *camera);
int camera_take_frame_ring(struct camera *camera, struct frame **frames, int most);
int camera_stack_frames(struct camera *camera, const void *user);	/* that are in it; -1: it is not under way */

/* Whether frames come from it and go their way, for who would have camd started anew if not. */
enum camera_pulse {
	CAMERA_IDLE,		/* none are to be expected: it is off, it is not there and tried again, or they come when somebody wants them */
	CAMERA_BEATS,
	CAMERA_SILENT,		/* its driver keeps them, or a call, for too long */
	CAMERA_STUCK,		/* its encoder's or output thread has been at one thing for too long */
};
enum camera_pulse camera_pulse(struct camera *camera, int64_t now_ns, int64_t patience_ns);

/* Once in a while, to the very end: whether the encoder's driver comes back. */
void camera_watch_encoder(struct camera *camera, int64_t now_ns);

/*
 * Once a second or so: notices silence and fading, retries, gives events their chance. now_ns: CLOCK_MONOTONIC; degraded_after_ns:
 * how long a camera must fade before it is told, 0: never.
 */
void camera_tick(struct camera *camera, int64_t now_ns, int64_t degraded_after_ns);

/* Texts are borrowed until the camera changes; output, encoder and error are only valid until the next call into the camera. */
void camera_fill_status(struct camera *camera, struct camera_status *status);
void camera_fill_info(const struct camera *camera, struct camera_info *info);

extern const char *const camera_state_names[];
