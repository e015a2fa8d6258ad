/*
 * What recovery has finished, or is about to, and nobody has been told of yet: a file `.recovered` in the session's folder with a line for
 * each video, written before the video's last step and removed once `recovered` was sent. If the power goes in between, the next start
 * tells of it.
 *
 * Any one thread.
 */
#pragma once

#include "camd/recover.h"

#include <stdbool.h>
#include <stddef.h>

struct untold_video {
	char *name;			/* in the session's folder */
	struct recover_report report;	/* RECOVER_DONE: frames, duration, bytes that were cut, damaged frames */
};

struct untold {
	struct untold_video *videos;
	size_t n;
	bool there;			/* the file is, whatever is in it */
};

/* Pushes it to the disk. What can't be written can't be told of after another cut; it is logged. path is the video's, for that. */
void untold_add(int directory, const char *name, const char *path, const struct recover_report *report);

/* What there is. A line that is none is passed over; nothing is followed that is a link, and no more than 1 MiB read. */
void untold_read(struct untold *untold, int directory);
void untold_parse(struct untold *untold, const char *text, size_t bytes);
void untold_finish(struct untold *untold);

/* False: it is not there. *report is set to what was last said of it. */
bool untold_find(const struct untold *untold, const char *name, struct recover_report *report);

/* All of a session's folder was told of, or nothing is to be. */
void untold_forget(const char *session);
