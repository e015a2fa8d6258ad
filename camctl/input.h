/*
 * camctl's own stdin: bytes as they come, from a terminal, a pipe, a socket or a file. A terminal is read key by key in raw
 * mode and gets its old mode back by input_restore(), by input_destroy(), at exit(), and when a signal kills camctl. One
 * thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct input;

struct input_handlers {
	void (*on_bytes)(void *user, const char *data, size_t bytes);
	void (*on_end)(void *user);
};

/* raw: if stdin is a terminal, it is to be read key by key. */
struct input *input_create(uv_loop_t *loop, bool raw, const struct input_handlers *handlers, void *user);

/* Its loop must run once more. NULL is allowed. */
void input_destroy(struct input *input);

/* Gives the terminal its old mode back for a while, and takes it again. */
void input_restore(struct input *input);
void input_take(struct input *input);
