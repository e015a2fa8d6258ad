/*
 * Ends the process when its end takes too long, whatever keeps it: a disk, a driver, a library, in the main thread or in another.
 *
 * What was recorded until then is as after a kill: it plays, and the next start finishes it. Main thread; what it does when the
 * time is over, it does in a thread of its own.
 */
#pragma once

#include <stdint.h>

struct deadline;

/* From now on so much time is left; then the process ends with that exit status. what: for the log, borrowed for good. */
struct deadline *deadline_create(int64_t left_ns, int status, const char *what);

/* What took so long is done; what comes now has a time of its own. */
void deadline_move(struct deadline *deadline, int64_t left_ns, int status, const char *what);
void deadline_destroy(struct deadline *deadline);	/* NULL is allowed */
