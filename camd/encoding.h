/*
 * A camera's encoder thread: takes frames from a short queue, converts those that no encoder takes, encodes them, and hands
 * the packets to the output thread. Counts what the encoder swallows and what the output thread refuses.
 *
 * The source's thread offers frames; nobody waits.
 */
#pragma once

#include "camd/recording.h"
#include "camd/writing.h"

struct encoding;

struct encoding *encoding_create(int camera_id, struct writing *writing);
void encoding_destroy(struct encoding *encoding);	/* encodes what is queued, joins; NULL is allowed */

/*
 * Opens the encoder for a recording whose frames will be of that format, then calls on_ready in the encoder's thread: frames
 * that are captured from then on don't pile up while it opens. A failure is the recording's (recording_fail()). Never refused.
 */
void encoding_prepare(struct encoding *encoding, struct recording *recording, const struct frame_format *format,
		      void (*on_ready)(void *user, struct recording *recording), void *user);

/* Keeps a reference of its own if true. False: the queue is full; counting that is the caller's (recording_refused()). */
bool encoding_offer(struct encoding *encoding, struct recording *recording, struct frame *frame);

/* No more frames of this recording come: empty the encoder, end the recording. Never refused. */
void encoding_end(struct encoding *encoding, struct recording *recording);
