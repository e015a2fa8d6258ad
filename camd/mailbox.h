/*
 * How threads reach the main loop: a function and its argument, carried out there in the order of posting. The other way is
 * by queues and locks; this is the only one this way.
 */
#pragma once

#include <uv.h>

struct mailbox;

typedef void (*mailbox_fn)(void *argument);

struct mailbox *mailbox_create(uv_loop_t *loop);

/* Any thread. Never waits for the loop. */
void mailbox_post(struct mailbox *mailbox, mailbox_fn fn, void *argument);

/* Main thread: carries out what is left, closes the handle; freed when the loop has run once more. */
void mailbox_destroy(struct mailbox *mailbox);
