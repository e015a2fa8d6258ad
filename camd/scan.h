/*
 * Looks at what lies in the output directory: the videos in the directories right below it, with what belongs to them. Hidden
 * directories and `exports` are left out, links are not followed. Any thread; takes as long as the disk does.
 */
#pragma once

#include "camd/catalogue.h"

struct scan {
	struct catalogue_item **items;
	size_t n;
	bool others;		/* another camd runs there, or looks after a crash */
};

/* own: name of this camd's session folder, NULL: it has none. */
void scan_directory(const char *output_dir, const char *own, struct scan *scan);

/* One video in a directory; path is its absolute path. NULL: there is none of that name that is a regular file. */
struct catalogue_item *scan_video(int directory, const char *path);

/* Likewise, by its absolute path, of this camd's own making. */
struct catalogue_item *scan_file(const char *path);

/* Whether a camd, or one that finishes what a crash has left, has a session's directory locked: for longer than a moment. */
bool scan_is_locked(int directory);
