/*
 * session.log on the disk: lines are appended, and when it has reached its size it becomes session.log.1, what was that .2,
 * and so on. There is a session.log at every moment, and no line is lost between two files. What a full or broken disk
 * doesn't take is counted, and told once it does.
 *
 * Not locked: the journal's.
 */
#pragma once

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct logfile {
	int fd, directory;	/* -1: closed */
	int64_t bytes;
	int64_t max_bytes;	/* 0: no end */
	int64_t keep;		/* how many old ones */
	int64_t again_bytes;	/* a rotation that failed is not tried before that size */
	int64_t lost;		/* lines since the last one that got in */
	bool torn;		/* the last line has no end */
};

#define LOGFILE_CLOSED { .fd = -1, .directory = -1 }

/* Opens session.log in a directory; path, of that directory, is for the error. One that was open is left for it. */
bool logfile_open(struct logfile *file, int directory, const char *path, struct error *err);
void logfile_close(struct logfile *file);

/* A line with its newline. */
void logfile_append(struct logfile *file, const char *line, size_t n);

/* Removes session.log and the older ones. */
void logfile_remove(int directory);
