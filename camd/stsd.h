/*
 * The stsd box: an entry for each way in which what a movie holds was encoded, with its parameter sets. Boxes are not trusted. Pure
 * functions on memory; any thread.
 */
#pragma once

#include "common/mp4box.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether it is as camd's recordings have it: one entry, of H.264, with parameter sets, and nothing else. The others want such ones. */
bool stsd_is_plain(const uint8_t *stsd, size_t bytes);

/* Which entry describes what a plain one describes, from 0; one is added if none does. stsd may be empty at first. */
uint32_t stsd_find(struct mp4box *stsd, const struct mp4box *plain);

/* A number from 0 to 31 that no parameter set in it has; -1: all are taken. */
int stsd_free_id(const struct mp4box *stsd);

/*
 * All entries get the sets of an avcC's content, too, so that samples of either kind are decoded by any of them. False: they are
 * damaged, or more than an entry can hold.
 */
bool stsd_add_sets(struct mp4box *stsd, const uint8_t *avcc, size_t bytes);
