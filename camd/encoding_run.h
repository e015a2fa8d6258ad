/*
 * The inner side of camd/encoding.c: one thread's encoder, which is opened, fed, listened to, watched and replaced here. Only
 * camd/encoding.c uses this.
 *
 * encoding->lock is held by the thread of the run at all times but while it waits, converts, or is in a call of the encoder:
 * these functions expect it held, and give it up for such calls. When it is theirs again another run may have taken over:
 * then run->abandoned is set, and all that is left to do is to leave.
 */
#pragma once

#include "camd/convert.h"
#include "camd/encode/encoder.h"
#include "camd/encoding.h"
#include "camd/inside.h"
#include "common/queue.h"

#define QUEUE_FRAMES 3

enum item_kind { ITEM_OPEN, ITEM_CLOSE, ITEM_PREPARE, ITEM_FRAME, ITEM_END, ITEM_BITRATE };

struct item {
	enum item_kind kind;
	struct recording *recording;
	struct frame *frame;
	uint64_t lost_sensor, lost_starved, refused;	/* of the recording, as of this frame */
	int64_t bitrate_bps;		/* ITEM_BITRATE */
	/* ITEM_OPEN */
	struct frame_format format;
	struct frame_layout layout;
	struct encoding_settings settings;
};

/* One thread and its encoder. Normally there is one; one that is stuck in a driver is abandoned, and another one made. */
struct encoding_run {
	struct encoding *encoding;
	struct encoder *encoder;	/* touched by the run's own thread only */
	uint64_t copied_bytes;		/* of the encoder, as far as they are counted in encoding->copied_bytes */
	int64_t now_ns;			/* CLOCK_MONOTONIC as of the last waking up, or the last call of an encoder */
	bool abandoned;
	_Atomic int64_t called_ns;	/* when it entered the driver of a hardware encoder; 0: it is not in there */
};

struct encoding {
	int camera_id;
	struct writing *writing;
	struct overlay *overlay;
	struct encoding_owner owner;
	struct queue queue;
	_Atomic uint64_t copied_bytes;
	_Atomic int64_t busy_since_ns;	/* of `current`; 0: it is done with */

	pthread_mutex_t lock;		/* guards what follows */
	int references;			/* the camera's and one a run */
	struct encoding_run *run;
	pthread_t thread;
	struct item current;
	bool busy;			/* current is being carried out */
	bool entered;			/* current's frame is inside */

	/* the camera, as of ITEM_OPEN */
	bool open;
	struct frame_format camera_format;
	struct frame_layout layout;
	struct encoding_settings settings;	/* of the camera's start or the last recording */

	struct encoder_request made_for;	/* what the open encoder was made for */
	char name[ENCODER_NAME_BYTES], last_name[ENCODER_NAME_BYTES];	/* of the open one; of the last that was */
	int64_t opened_ns, heard_ns;
	int failures;			/* of encoders, in a row */
	bool hardware_failed;		/* too often, or there is none: not tried again before the camera is opened anew */
	bool stuck;			/* ever: the driver may hold on to what it has */

	/* the recording under way */
	struct recording *recording;
	struct converter *converter;
	struct frame_format captured;	/* its pictures as the camera gives them; width 0: none yet */
	struct frame_format format;	/* and as they are encoded */
	struct inside inside;
	uint64_t swallowed, unstored;
	uint64_t slot;			/* of the last frame: recording_slot() */
	bool need_key, key_asked, need_key_for_storage, broken;
	bool cut_due;			/* current's frame is to begin another file: it should be a key frame */
};

void encoding_run_count_swallowed(struct encoding *encoding, uint64_t n);

/* What comes next is of no use without a key frame. */
void encoding_run_want_key(struct encoding *encoding, bool for_storage);

/*
 * Opens a hardware encoder, if there is to be one; finding none is no failure unless the user insists. False: err says why.
 */
bool encoding_run_open_hardware(struct encoding_run *run, const struct frame_format *format, struct error *err);

/* Opens whichever encoder there is to be. */
bool encoding_run_open(struct encoding_run *run, const struct frame_format *format, struct error *err);

/* What is inside is lost. False: abandoned. */
bool encoding_run_close(struct encoding_run *run);

/* Frees the encoder, without the lock. */
void encoding_run_destroy_encoder(struct encoding_run *run);

/* Makes an open encoder fit encoding->settings, or closes it. */
void encoding_run_adapt(struct encoding_run *run);

/* From the next frames on, if the encoder can do that; otherwise from the next recording on. */
void encoding_run_set_bitrate(struct encoding_run *run, int64_t bitrate_bps);

/* The encoder failed: closes it; decides what comes next, and tells. */
void encoding_run_broken(struct encoding_run *run, struct error *err);
void encoding_run_fail_recording(struct encoding *encoding, struct error *err);

/* Encodes encoding->current's frame, in the form given. False: the encoder is broken. */
bool encoding_run_push(struct encoding_run *run, struct frame *form, struct error *err);

bool encoding_run_has_room(const struct encoding_run *run);

/*
 * Sleeps until the encoder, or the queue if with_queue, has something, or the encoder has been silent for too long; and
 * takes what the encoder has. False: the encoder is broken.
 */
bool encoding_run_wait(struct encoding_run *run, bool with_queue, struct error *err);

/* Waits for all that is inside to come out, for a moment. False: not all did, and the encoder is of no further use. */
bool encoding_run_empty(struct encoding_run *run);

/* Gives out all that is inside of any encoder, which must be closed then. */
void encoding_run_drain(struct encoding_run *run);
