/*
 * The disk that the output directory lies on, as it was a moment ago: a thread of libuv's looks at it once a second, so that nobody else
 * waits where it does not answer: a disk that hangs, a server that is gone. Main thread.
 */
#pragma once

#include "camd/session.h"

#include <sys/types.h>

struct disk;

struct disk_look {
	int64_t free_bytes;	/* for others than root; 0: there is no such directory */
	dev_t device;		/* that it is on; 0: there is none */
	dev_t system;		/* that / is on */
	int64_t began_ns;
};

struct disk *disk_create(struct session *session);

/* Looks at once, and waits for it: where the output directory has just been made. */
void disk_begin(struct disk *disk);

/* From then on due a few times a second, as long as disk_stop() has not been called. */
void disk_tick(struct disk *disk, int64_t now_ns);
void disk_stop(struct disk *disk);
bool disk_is_idle(const struct disk *disk);
void disk_destroy(struct disk *disk);		/* must be idle; NULL is allowed */

/* What the last look saw. */
const struct disk_look *disk_last_look(const struct disk *disk);

/* False: a look has been under way for so long that who touches the disk would wait, too. */
bool disk_answers(const struct disk *disk, struct error *err);
