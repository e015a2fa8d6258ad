/*
 * Files that a master names must lie below one directory. A path is followed once, to the directory that holds the file;
 * that stays open, and everything else is done relative to it, so that nobody can put a link in the way afterwards.
 *
 * Any thread.
 */
#pragma once

#include "common/error.h"

#include <stdbool.h>

struct confined {
	int directory;		/* the one that holds the file; -1: none */
	char *path;		/* absolute, without links */
	const char *name;	/* the last part of path */
};

/*
 * Finds a file's directory. file is absolute, or relative to the current directory or to root, and may go through links as
 * long as it ends below root; the file itself is not looked at. ERR_PATH_NOT_ALLOWED: it isn't below; ERR_NOT_FOUND: there
 * is no such directory.
 */
bool confine_find(const char *root, const char *file, struct confined *confined, struct error *err);
void confine_finish(struct confined *confined);

/* Opens a regular file of that directory for reading, never through a link. -1: failed. */
int confine_open(const struct confined *confined, const char *name, struct error *err);
