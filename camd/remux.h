/*
 * remux: makes an MP4 with exact times of a raw .h264 recording and its timing table, by stream copy through the ffmpeg
 * program, as a job. The MP4 appears beside the recording, under a name that nothing had, when it is complete, checked and
 * on the disk; until then it is .NAME.mp4.part, which goes if anything fails. What a killed camd left of one is used again
 * by the next remux of that file.
 *
 * Times are exact to the nanosecond. ffmpeg can't do that across a gap of more than 2.147 s: it counts durations in 31 bits.
 * With such a gap in it a file's times are in microseconds, with one over 35 minutes in milliseconds, and the job says so.
 *
 * Main thread.
 */
#pragma once

#include "camd/session.h"

/*
 * Begins the job. False: there is none, for the file is not below the output directory, isn't there, is no .h264, or is
 * still being recorded. What is wrong with its contents or its table, the job's end tells.
 */
bool remux_start(struct session *session, const char *file, int64_t *job, struct error *err);
