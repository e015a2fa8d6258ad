/*
 * A camera's encoder thread: takes frames from a short queue, converts those that the encoder does not take, encodes them, and
 * hands the packets to the output thread. Counts what the encoder swallows and what the output thread refuses.
 *
 * A hardware encoder is opened with the camera and runs until the camera goes; a recording begins with a key frame of it. One
 * that falls silent, or breaks, is opened again; one that keeps failing, or does not come back from a call, is given up and
 * software goes on in the same recording. A thread that is stuck in a driver is left to itself: another takes its place.
 *
 * The source's thread offers frames; nobody waits.
 */
#pragma once

#include "camd/overlay.h"
#include "camd/recording.h"
#include "camd/writing.h"

struct encoding;

/* Called in the encoder's thread. */
struct encoding_owner {
	void *user;
	/* The encoder is open for this recording: frames that are captured from now on don't pile up while it opens. */
	void (*on_ready)(void *user, struct recording *recording);
	/* Something happened to an encoder that the user should know. */
	void (*on_trouble)(void *user, const struct error *err);
	/* Another one encodes from now on. before and now are as encoder->name. */
	void (*on_changed)(void *user, const char *before, const char *now);
};

/* overlay: what converted pictures get; borrowed, it lives longer. */
struct encoding *encoding_create(int camera_id, struct writing *writing, struct overlay *overlay, const struct encoding_owner *owner,
				 struct error *err);
void encoding_destroy(struct encoding *encoding);	/* encodes what is queued, joins; NULL is allowed */

/* The camera runs, and its frames will be like this: opens a hardware encoder, if there is one. Never refused. */
void encoding_open(struct encoding *encoding, const struct frame_format *format, const struct frame_layout *layout,
		   const struct encoding_settings *settings);

/* The camera has stopped: empties the encoder, which gives all frames back, and closes it. Never refused. */
void encoding_close(struct encoding *encoding);

/* A recording is to begin: opens an encoder for it, then calls on_ready. A failure is the recording's. Never refused. */
void encoding_prepare(struct encoding *encoding, struct recording *recording);

/* Also in mid-recording, where the encoder can. Never refused. */
void encoding_set_bitrate(struct encoding *encoding, int64_t bitrate_bps);

/* Keeps a reference of its own if true. False: the queue is full; counting that is the caller's (recording_refused()). */
bool encoding_offer(struct encoding *encoding, struct recording *recording, struct frame *frame);

/* No more frames of this recording come: empty the encoder, end the recording. Never refused. */
void encoding_end(struct encoding *encoding, struct recording *recording);

/* Main thread, once a second or so: whether the thread still comes back from the encoder's driver. */
void encoding_watch(struct encoding *encoding, int64_t now_ns);

/* For how long the thread has been at the same frame, or whatever else was asked of it; 0: it waits. Any thread. */
int64_t encoding_busy_ns(const struct encoding *encoding, int64_t now_ns);

/* What is open for encoding; "" for nothing. Any thread. */
#define ENCODER_NAME_BYTES 64
void encoding_get_name(struct encoding *encoding, char name[ENCODER_NAME_BYTES]);

/*
 * How many bytes of raw pictures the processor has converted, or copied into a hardware encoder's memory. What a software
 * encoder does inside is its own affair. Any thread.
 */
uint64_t encoding_copied_bytes(const struct encoding *encoding);
