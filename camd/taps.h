/*
 * frame_tap: pictures for programs that look at them, in files of shared memory (tap_ring), the newest wins. They are made in
 * workers, for each camera one frame at a time, so that no more than one of its buffers is kept from the recording. Main thread.
 */
#pragma once

#include "camd/session.h"
#include "protocol/commands.h"

struct taps;

struct taps *taps_create(struct session *session);
void taps_destroy(struct taps *taps);		/* NULL is allowed; must be idle */
bool taps_are_idle(const struct taps *taps);

/* Instead of the one that the client has of this camera, if any. The reply borrows its path until the next call. */
bool taps_set(struct taps *taps, const struct client *client, const struct frame_tap_args *args, struct frame_tapped *reply,
	      struct error *err);
void taps_forget_client(struct taps *taps, const struct client *client);

/* An array of struct tap_status, which borrow their texts; the caller frees the array. */
void taps_fill_status(const struct taps *taps, struct list *status);
