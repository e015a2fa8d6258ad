/*
 * What libraries print to stderr, made into lines of the log: without a terminal's colours, each with a level and a name in
 * the place of the thread. libcamera's own form, "[0:12:13.123] [4242]  INFO Camera manager.cpp:299 text", is read; anything
 * else is a warning of "stderr", for who prints there unasked has something to say.
 *
 * Pieces come as they come: a line is kept until its end is there. Not locked; touches no heap, so that a handler of a
 * deadly signal may use it.
 */
#pragma once

#include "common/log.h"

#include <stdbool.h>
#include <stddef.h>

#define CHATTER_BYTES 1500	/* a longer line is cut into several */

enum chatter_escape { CHATTER_TEXT, CHATTER_ESCAPE, CHATTER_CONTROL, CHATTER_STRING };

struct chatter {
	char line[CHATTER_BYTES + 1];
	size_t n;
	enum chatter_escape escape;	/* inside of what sequence for terminals */
};

typedef void (*chatter_fn)(void *user, enum log_level level, const char *thread, const char *text);

/* Takes what was read; on_line gets each line that is whole now. Empty ones are left out. */
void chatter_feed(struct chatter *chatter, const char *text, size_t n, chatter_fn on_line, void *user);

/* What has no end yet is a line, too. */
void chatter_flush(struct chatter *chatter, chatter_fn on_line, void *user);
