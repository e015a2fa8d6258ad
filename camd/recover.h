/*
 * What camd does at its start for recordings that a crash, a kill or a power cut left behind: salvages, finishes and
 * reports them. It may be killed at any moment and be started again: until its last write, of 16 bytes, a file is an
 * unfinished one that plays as far as it did before.
 *
 * Any one thread; takes as long as reading the unfinished files does.
 */
#pragma once

#include "camd/framelog_repair.h"
#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum recover_state {
	RECOVER_FAILED,		/* recover_file() has returned false */
	RECOVER_FOREIGN,	/* not camd's: not touched */
	RECOVER_FINISHED,	/* ended as it should: not touched */
	RECOVER_EMPTY,		/* has neither a head nor a frame of camd's: not touched */
	RECOVER_DONE,		/* was unfinished, is finished now */
	RECOVER_RAW,		/* raw H.264: only its timing table was looked at */
};

struct recover_report {
	enum recover_state state;
	uint64_t frames;		/* in the video now; of raw H.264 those that its table has */
	int64_t duration_ns;
	uint64_t damaged_frames;	/* lost to holes in the file; the timing table counts them as lost_storage */
	uint64_t doubtful_frames;	/* whole, but they may refer to damaged ones: from these to the next key frame */
	uint64_t bytes_cut;		/* behind the last whole frame */
	bool head_rebuilt;		/* from what the frames say; encoder and title are lost */
	struct framelog_repair_report table;
	struct error table_error;	/* code ERR_NONE unless the table could not be repaired */
};

/*
 * Looks at one video (.mp4, or .h264 for its table) and finishes it if it is camd's and unfinished. Nobody else may
 * have it open for writing. False: something failed, and the file is as it was or at least no worse.
 */
bool recover_file(const char *path, struct recover_report *report, struct error *err);

/*
 * Called for each video that was finished, now or by an earlier call after which nobody was told of it (camd/untold.h), whose table was
 * repaired, or where something failed (err, else NULL). Returns whether to go on.
 */
typedef bool (*recover_fn)(void *user, const char *path, const struct recover_report *report, const struct error *err);

/*
 * Does this for all videos named camN_… in the directories right below output_dir that no camd holds: a session's owner
 * has the directory locked by flock(). Links are not followed. Returns how many videos were finished. Who has told of all that it was
 * called for calls untold_forget() for each session.
 */
size_t recover_directory(const char *output_dir, recover_fn on_file, void *user);
