/*
 * Deletes the oldest footage that may go: finished, not protected, nobody's who writes or reads it. In the background. Main thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct purge;
struct storage;

struct purge *purge_create(struct storage *storage);
void purge_destroy(struct purge *purge);	/* must not be busy; NULL is allowed */
bool purge_is_busy(const struct purge *purge);

/*
 * Begins to delete: the oldest until so many bytes are free, of those only what is older than age_ns (0: whatever its age). cause:
 * cap, reserve, age. False: there is none that may go. Must not be busy.
 */
bool purge_oldest(struct purge *purge, int64_t bytes, int64_t age_ns, const char *cause, int64_t now_ns);
