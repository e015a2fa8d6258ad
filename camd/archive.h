/*
 * What masters ask of the footage that is there: list_recordings, protect, unprotect, delete_recording. Whatever they name must be a video
 * of camd's below the output directory, and no link leads there. Main thread; the disk is looked at in the background.
 */
#pragma once

#include "camd/storage.h"

void archive_list(struct storage *storage, const struct list_recordings_args *args, session_done_fn done, void *user);

enum archive_change { ARCHIVE_PROTECT, ARCHIVE_UNPROTECT, ARCHIVE_DELETE };

/* files: of texts. Those that can be done are; the reply names the others. */
void archive_change(struct storage *storage, enum archive_change change, const struct list *files, session_done_fn done, void *user);
