/*
 * What a disk says that it has lost is written again, into another file. A disk may fail for a moment only, so that this is tried for two
 * seconds. The camera's output thread.
 */
#pragma once

#include "camd/tail.h"

/* Makes a file that begins with that packet, on the disk; NULL: err says why. */
struct rescue {
	struct footage *(*make_file)(void *user, const struct packet *first, struct error *err);
	void *user;
};

/* Makes one; after a pause again, where a disk fails. NULL: it does not come back, or what fails is something else. */
struct footage *rescue_make_file(const struct rescue *rescue, const struct packet *first, struct error *err);

/*
 * Makes one of all that the tail has, and pushes it down to the disk. The marks of the tail are of that file then. The tail must have an
 * entry. NULL: as before, and nothing is left of any file.
 */
struct footage *rescue_write_again(const struct rescue *rescue, struct tail *tail, struct error *err);
