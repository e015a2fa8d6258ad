/*
 * The instant that several cameras are to have in common: which a snapshot shows, at which their recordings begin. Main thread.
 *
 * It is the time of a frame yet to come, of that camera whose next one is the last to come. So each has a frame that is exposed
 * after now and not after the instant, one camera meets it exactly, and the others come within half of a period of theirs.
 */
#pragma once

#include "camd/camera.h"

/* 0: there is nothing to agree on, fewer than two of them run. Who has no frame within limit_ns is not waited for. */
int64_t instant_choose(struct camera *const *cameras, size_t n, int64_t limit_ns);

/* How much later than the first of them something was, to the nearest microsecond. */
int64_t instant_skew_us(int64_t sensor_ns, int64_t first_ns);
