/* What recording.c (counting, the ledger) and recording_files.c (the files) share. The output thread, unless it says otherwise. */
#pragma once

#include "camd/recording.h"

void recording_tell(struct recording *recording, enum recording_event event);	/* any thread */

/* Opens a file for the packet, a key frame, still to be written. */
bool recording_open_file(struct recording *recording, const struct packet *first, const struct frame_format *format, struct syncer *syncer,
			 struct error *err);

/*
 * Makes the file whole and closes it; one that the disk has failed is rescued first. next_ns: sensor time of the frame that the next file
 * begins with; 0: there is none.
 */
void recording_close_file(struct recording *recording, int64_t next_ns);

/*
 * The disk has failed the file, why says how: it is left as it is, and what of it is not on the disk for sure is written again into another
 * one, down to the disk, with which the recording goes on. Without anything to be written again (it was more than is kept) the next key
 * frame opens a file. False: that failed, too, and no file is open.
 */
bool recording_rescue(struct recording *recording, const struct error *why, struct error *err);
