/*
 * What holds for FFmpeg's libraries in the whole process.
 *
 * What they have to say goes into the log: whole lines, with the name of the object that speaks. Their errors and warnings keep their
 * level; all the rest is chatter by our measure and logged as debug.
 *
 * No block of memory that they ask for is larger than LIBAV_MAX_BLOCK: an MP4 of 9 KB can claim, in one number, an index of gigabytes
 * (found by fuzzing). They answer AVERROR(ENOMEM) then. The index of a file camera's video of a week at 30 frames/s fits.
 */
#pragma once

#include <stddef.h>

#define LIBAV_MAX_BLOCK ((size_t)512 << 20)	/* bytes */

/* Once at the start, before the first use of libav*. */
void libav_install(void);
