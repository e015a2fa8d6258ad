/*
 * Keeps session.log: camd's own lines, and what its libraries print.
 *
 * fd 1 and 2 are a pipe, for a library knows no other place: libcamera, libc's last words, a driver's library. A thread
 * reads it and makes lines of what comes (camd/chatter.h). camd's own lines go behind what is in the pipe by then: so all stand
 * in the order in which they were said. Another thread appends them to the file (camd/logwriter.h); unless the disk stands still,
 * they are there when the call returns. Before a deadly signal takes camd, what is in the pipe is written, too, and the signal's name.
 *
 * Of the process, as fd 2 is. Any thread may log; what is here is called by the main thread.
 */
#pragma once

#include "common/error.h"

#include <stdbool.h>

struct config;

/* Takes level and sizes from the settings: at the start, and when they change. */
void journal_configure(const struct config *config);

/* From now on all goes to session.log in that directory; path is for the error. Again: for another directory. */
bool journal_open(int directory, const char *path, struct error *err);

/* The last word: fd 1 and 2 are the file itself from now on, whatever a library may say at its very end. */
void journal_end(void);
