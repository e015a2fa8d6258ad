/*
 * A camd under test: every line it sends is held against the message table and kept in order until it is asked for. One
 * thread.
 */
#pragma once

#include "camctl/seen.h"
#include "camctl/spawn.h"
#include "protocol/wire.h"

struct peer_line {
	char *text;
	struct wire_message message;
};

struct peer {
	char *name;
	struct spawn *spawn;		/* NULL: none was started yet */
	struct seen *seen;
	struct peer_line *lines;	/* not taken yet */
	size_t n_lines;
	char *complaints;		/* stderr, all of it */
	char *violation;		/* what it sent that it may not; NULL: nothing */
	bool ended, end_taken;		/* end_taken: the script has asked for it */
	struct spawn_end end;
};

struct peer *peer_create(const char *name, struct seen *seen);
void peer_destroy(struct peer *peer);

bool peer_start(struct peer *peer, uv_loop_t *loop, const char *const *flags, const char *directory, struct error *err);

/* Whether a line comes of itself and at any time: an event, or a preview. */
bool peer_is_loose(const struct peer_line *line);

/* Takes the index-th line out; the caller clears it. */
struct peer_line peer_take(struct peer *peer, size_t index);
void peer_clear_line(struct peer_line *line);
