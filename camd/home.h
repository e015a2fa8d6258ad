/*
 * Where a session lives: its folder, whether that holds anything worth keeping, and the move to a new one (new_session). Main
 * thread.
 */
#pragma once

#include "camd/config.h"
#include "camd/folder.h"

struct home {
	const struct config *config;
	struct folder folder;
	bool used;			/* the folder holds more than its log */
};

/* Makes nothing yet. */
void home_init(struct home *home, const struct config *config);

/* Makes the folder and points the log at it. */
bool home_open(struct home *home, struct error *err);

/* The folder's absolute path, made now if it could not be before, or is gone. NULL: err says why. */
const char *home_directory(struct home *home, struct error *err);

/*
 * Moves into a new folder; label (NULL: none) becomes the end of its name. On failure all stays as it is. Nothing may be written
 * to the old one any more: it is as that of a session that has ended.
 */
bool home_move(struct home *home, const char *label, struct error *err);

void home_finish(struct home *home);
