/*
 * Keeps a camera's source open: opens it in a worker, opens it again with growing pauses when it fails or goes away, closes it
 * when the camera is switched off. What was set at it is set again each time.
 *
 * All functions are for the main thread but where it says otherwise.
 */
#pragma once

#include "camd/mailbox.h"
#include "camd/picture.h"
#include "camd/source/source.h"

#include <uv.h>

struct keeper;

struct keeper_owner {
	void *user;

	/* In a worker: the source is open and about to start. */
	void (*on_open)(void *user, const struct source *source);
	/* In a worker: the source gives no more frames, and is about to be closed. */
	void (*on_stopped)(void *user);
	/* In the source's thread; takes over the reference. */
	void (*on_frame)(void *user, struct frame *frame);

	/* In the main thread. */
	void (*on_running)(void *user, const struct source *source);
	void (*on_failed)(void *user, const struct error *err);		/* to open */
	void (*on_lost)(void *user, const struct error *err);
	/* Of what the settings ask of its picture it can't do this, or not quite. */
	void (*on_complaint)(void *user, const char *text);
	/* keeper_set_rate() has been carried out. */
	void (*on_rate)(void *user, double fps);
};

struct keeper_request {
	const char *spec;		/* KIND:WHAT */
	struct source_request wanted;
	struct picture_settings picture;	/* set when it is open for the first time, then as what set_controls() has set */
	uv_loop_t *loop;
	struct mailbox *mailbox;
	struct keeper_owner owner;
};

/* Nothing is opened before keeper_begin(). NULL with ERR_BAD_ARGUMENT for a spec that can't be. */
struct keeper *keeper_create(const struct keeper_request *request, struct error *err);
void keeper_begin(struct keeper *keeper);

/* Closes the source, in a worker; then frees the keeper and calls on_closed, with nothing under way any more. */
void keeper_close(struct keeper *keeper, void (*on_closed)(void *user));

/* While it is disabled, the device is free. done: called when it is so, or when it is being opened. */
typedef void (*keeper_done_fn)(void *user, const struct error *err);
void keeper_set_enabled(struct keeper *keeper, bool enabled, keeper_done_fn done, void *user);

/* The open source, to look at until the next return to the loop; NULL: there is none. */
const struct source *keeper_source(const struct keeper *keeper);
const char *keeper_kind(const struct keeper *keeper);
bool keeper_has_answered(const struct keeper *keeper);	/* the first try to open it has ended, one way or the other */

/* For how long a worker has been opening, closing or setting it; 0: none does. */
int64_t keeper_busy_ns(const struct keeper *keeper, int64_t now_ns);

/* Whether anybody wants its frames. */
void keeper_set_wanted(struct keeper *keeper, bool wanted);

/* The source is of no use any more: lets go of it, to be opened anew. */
void keeper_lose(struct keeper *keeper, const struct error *err);

/* Sets controls, in a worker; done is called in the main thread. They stay when the camera comes back. */
void keeper_set_controls(struct keeper *keeper, const struct control_setting *settings, size_t n, keeper_done_fn done, void *user);

/* What it was set to last; NULL: nobody set it, or the camera is being opened. Borrowed until the next return to the loop. */
const struct control_setting *keeper_setting(const struct keeper *keeper, const char *name);

/* Another rate, in a worker; 0: the one that it was opened with. It is that again, too, when the camera comes back. */
void keeper_set_rate(struct keeper *keeper, double fps, keeper_done_fn done, void *user);

/* Once in a while: tries again what is due. now_ns: CLOCK_MONOTONIC. */
void keeper_tick(struct keeper *keeper, int64_t now_ns);
