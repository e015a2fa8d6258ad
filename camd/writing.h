/*
 * A camera's output thread: takes packets from a bounded queue and writes them into their recording's files.
 *
 * The bound is in bytes: a disk that pauses fills the queue, and what does not fit any more is lost by `storage`, up to the
 * next key frame. The encoder's thread offers; nobody waits.
 */
#pragma once

#include "camd/recording.h"
#include "camd/syncer.h"

struct writing;

struct writing *writing_create(int camera_id, struct syncer *syncer);
void writing_destroy(struct writing *writing);		/* writes out what is queued, joins; NULL is allowed */

/* Takes over the caller's reference if true. False: the queue is full; counting that is the caller's. */
bool writing_offer(struct writing *writing, struct recording *recording, struct packet *packet, const struct frame_format *format);

/* No more packets of this recording come: finish it. Never refused. */
void writing_end(struct writing *writing, struct recording *recording);
