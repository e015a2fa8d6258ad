/*
 * The folder of exports, OUTPUT_DIR/exports: files that are made there get their names when they are complete; until then they
 * are .NAME.part, locked by who makes them. How many are kept is counted for each camera. Any thread.
 */
#pragma once

#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

struct exports {
	int directory;
	bool made;		/* by this job */
	char *path;		/* absolute */
};

/* A file in the making; fd -1: there is none. */
struct export_part {
	char *name;
	int fd;
};

/* Opens the folder, which is made if need be. False: it can't be, or is a link. exports_finish() in either case. */
bool exports_open(struct exports *exports, const char *output_dir, struct error *err);
void exports_finish(struct exports *exports);

/* Says that something in the folder could not be written, and what to do about it. Returns false. */
bool exports_fail(const struct exports *exports, int number, struct error *err);

/* Makes a part; what is unique of its name is for the caller to say. */
bool exports_begin(const struct exports *exports, struct export_part *part, const char *unique, struct error *err);

/* What is still a part then goes. */
void exports_end(const struct exports *exports, struct export_part *part);

/*
 * Puts a video and its table on the disk and gives them names that nothing had: STEM.mp4 and STEM_frame_timing.csv, or those of
 * STEM_2 and so on. Returns the video's absolute path, allocated; NULL: err says why.
 */
char *exports_publish(const struct exports *exports, struct export_part *video, struct export_part *table, const char *stem, struct error *err);

/* Removes a camera's oldest exports until so many are left, but not what is protected, nor the file of that path. 0: keeps all. */
void exports_keep(const struct exports *exports, int64_t camera_id, int64_t keep, const char *path);

/* Removes the parts that nobody works on: what a crash has left. */
void exports_sweep(const char *output_dir);
