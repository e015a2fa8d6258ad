/* A part of a disk as people write it: bytes (20G), or percent of the whole (80%). Pure functions; any thread. */
#pragma once

#include <stdint.h>

struct share {
	int64_t bytes;
	double percent;		/* of the disk, if bytes is 0; both 0: no limit */
};

/* NULL: it was read. Else what would be right, in words. share may be NULL. */
const char *share_read(const char *text, struct share *share);

int64_t share_of(const struct share *share, int64_t disk_bytes);	/* 0: no limit, or the disk's size isn't known */
