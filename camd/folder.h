/*
 * The session's folder: OUTPUT_DIR/PREFIX_YYYYMMDD_HHMMSS[_LABEL], locked while this camd uses it, with session.log in it.
 * Main thread.
 */
#pragma once

#include "common/error.h"

#include <stdint.h>

#include <stdbool.h>

struct folder {
	char *path;		/* absolute */
	const char *label;	/* the last part of path */
	int fd;			/* holds the lock */
	bool made_parent;	/* the output directory was not there before */
};

/*
 * Makes it, with its parents, and syncs the one it was made in. Nothing that exists is touched: _2, _3 … is added. label (NULL:
 * none) follows the time in its name; it is refused if it is no good as a part of one.
 */
bool folder_create(struct folder *folder, const char *output_dir, const char *prefix, const char *label, struct error *err);

/* Whether a label is good as a part of a name. False: ERR_BAD_ARGUMENT. Any thread. */
bool folder_check_label(const char *label, struct error *err);

/* Renames a file of a directory without replacing anything, also where the file system can't do that in one step. False: errno. Any thread. */
bool folder_rename(int directory, const char *from, const char *to);

/*
 * Puts a file that has just been renamed on the disk, with its name. vfat makes a new entry of the directory for it, which says nothing of
 * its size and place until the file itself is synced again. False: errno says why. Any thread.
 */
bool folder_settle(int directory, int file);

/* Removes a file of a directory, unless somebody has it locked (flock). Any thread. */
void folder_sweep(int directory, const char *name);

/* Puts the names in a directory on the disk. False: errno says why. Any thread. */
bool folder_sync(const char *path);

/* From now on the log is session.log in there. */
bool folder_open_log(const struct folder *folder, struct error *err);

/* remove_if_unused: the folder goes if it holds nothing but its log. */
void folder_finish(struct folder *folder, bool remove_if_unused);
