/*
 * What the keys of the interactive front-ends do: r toggles recording, s takes a snapshot, q quits. One thread.
 */
#pragma once

#include "camctl/session.h"

struct controls;

struct controls_handlers {
	void (*on_reply)(void *user, const struct wire_message *reply);	/* of what a key asked for */
	void (*on_done)(void *user);					/* the next key can be taken */
};

struct controls *controls_create(struct session *session, const struct controls_handlers *handlers, void *user);
void controls_destroy(struct controls *controls);

enum controls_result {
	CONTROLS_DONE,		/* on_done comes later */
	CONTROLS_BUSY,		/* the last key's work is not done yet; only q is heard */
	CONTROLS_UNKNOWN,
};

enum controls_result controls_key(struct controls *controls, char key);

/* What is under way, or NULL. */
const char *controls_doing(const struct controls *controls);

extern const char controls_help[];
