/* Reads a client's bytes as they come, and stops reading when told to. Main thread. */
#pragma once

#include <stddef.h>
#include <uv.h>

struct input;

struct input_events {
	void *user;
	void (*on_data)(void *user, const char *data, size_t bytes);
	void (*on_end)(void *user);	/* end of file or error; once */
};

/* Takes fd over. Reading begins with input_resume(). */
struct input *input_create(uv_loop_t *loop, int fd, const struct input_events *events);
void input_resume(struct input *input);
void input_pause(struct input *input);
void input_destroy(struct input *input);	/* NULL is allowed; freed when the loop has run once more */
