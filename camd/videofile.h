/*
 * Reads a video file with FFmpeg: one decoded picture after the other, each with its time since the first one. Whatever
 * the file says, the times rise. Used by one thread at a time.
 *
 * Files are not trusted: only the local file itself is opened, whatever it refers to.
 */
#pragma once

#include "common/error.h"

#include <libavutil/frame.h>
#include <stdbool.h>
#include <stdint.h>

struct videofile;

enum videofile_result {
	VIDEOFILE_PICTURE,
	VIDEOFILE_END,		/* of the file, or of what can be read of it */
	VIDEOFILE_FAILED,	/* it can't be read any more: the disk, or cancelled */
};

/* cancelled is asked now and then while a read lasts, and ends it by answering true. NULL with an error that names the path. */
struct videofile *videofile_open(const char *path, bool (*cancelled)(void *user), void *user, struct error *err);
void videofile_close(struct videofile *file);		/* NULL is allowed */

/* The next picture, to be freed by the caller, and its time; err is set for VIDEOFILE_FAILED. */
enum videofile_result videofile_next(struct videofile *file, AVFrame **picture, int64_t *time_ns, struct error *err);

/* When the last picture given out is over: where a loop goes on. */
int64_t videofile_end_ns(const struct videofile *file);

double videofile_fps(const struct videofile *file);	/* the mean over the file; 0: unknown */
const char *videofile_codec(const struct videofile *file);
