/*
 * Writes to a terminal that may be slow, as over SSH, or stand still, without ever waiting for it: what it does not take at once
 * is kept, in order, until it does. Everything that goes to the terminal must go through the pen. The loop's thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct pen;

/* on_drained: all that was kept is written. fd stays as it is: the terminal is opened once more. NULL: it can't be. */
struct pen *pen_create(uv_loop_t *loop, int fd, void (*on_drained)(void *user), void *user);

/* Gives up what is still kept. Its loop must run once more. NULL is allowed. */
void pen_destroy(struct pen *pen);

void pen_write(struct pen *pen, const char *data, size_t bytes);
size_t pen_kept(const struct pen *pen);		/* bytes that the terminal has not taken yet */

/* Waits for it, for at most so long: before the terminal is given to somebody else. */
void pen_flush(struct pen *pen, int timeout_ms);
