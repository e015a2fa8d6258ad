/*
 * Lines to a client that may be slow, deaf or dead. Nobody waits for it: replies are kept (who owns it asks no more while it is
 * full), events sit in a bounded queue that drops its oldest and says how many, of previews the newest a camera is kept.
 *
 * A line is never torn. Main thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct outlet;

struct outlet_events {
	void *user;
	void (*on_dead)(void *user);			/* the reader is gone; once, never from within outlet_…() */
	void (*on_room)(void *user);			/* outlet_is_full() was true and is no longer, or all is written */
	char *(*print_lost)(void *user, uint64_t count);	/* a line, allocated, that says how many events were dropped */
};

/* Takes fd over. */
struct outlet *outlet_create(uv_loop_t *loop, int fd, const struct outlet_events *events);
void outlet_destroy(struct outlet *outlet);		/* NULL is allowed; freed when the loop has run once more */

/* All take over the line, which ends with a newline. */
void outlet_reply(struct outlet *outlet, char *line);
void outlet_event(struct outlet *outlet, char *line);
void outlet_preview(struct outlet *outlet, int camera_id, char *line);

/* So much waits for the reader that no more should be asked for until on_room(). */
bool outlet_is_full(struct outlet *outlet);

/* Nothing waits for the reader, or there is none. */
bool outlet_is_drained(const struct outlet *outlet);

/* When the preview that waits was put there (CLOCK_MONOTONIC); 0: none waits. Saves making pictures that nobody reads. */
int64_t outlet_preview_since(const struct outlet *outlet, int camera_id);
void outlet_forget_preview(struct outlet *outlet, int camera_id);

/* Writes what is queued, for at most so long; gives up at once on a dead reader. */
void outlet_flush(struct outlet *outlet, int64_t timeout_ns);
