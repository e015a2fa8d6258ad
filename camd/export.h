/*
 * export: one MP4 a camera of all its footage of a time, whatever files that lies in, as a job. What was encoded is copied, not
 * looked at; the kernel does the copying. The file begins with the key frame that its first frame needs, and an edit list has
 * players begin with that first frame; or, where `precise` asks for it, what comes before the next key frame is encoded anew, and
 * nothing earlier is in the file. Beside it is a timing table with the rows of the frames that are shown, as the recordings have them.
 *
 * Main thread.
 */
#pragma once

#include "camd/session.h"
#include "protocol/commands.h"

/* Begins the job. False: there is none, for an argument is wrong or the line is full. */
bool export_start(struct session *session, const struct export_args *args, int64_t *job, struct error *err);
