/*
 * The file in shared memory that a tap's pictures are in, for readers to map: docs/frame_tap.md has its layout. Written by calls,
 * never through a mapping of ours, so that nothing that others do to the file can harm us. The main thread makes and ends it, one
 * worker at a time writes.
 */
#pragma once

#include "camd/frame.h"
#include "common/error.h"
#include "common/field.h"

enum tap_format { TAP_GREY, TAP_BGR, TAP_YUV420, N_TAP_FORMATS };

struct tap_ring;

/* name: the last part of its path, new. size: no picture is larger. */
struct tap_ring *tap_ring_create(const char *name, struct size size, enum tap_format format, struct error *err);
const char *tap_ring_path(const struct tap_ring *ring);

/* facts: the frame that the picture (I420) was made of. False: errno says why; readers find the last picture still. */
bool tap_ring_write(struct tap_ring *ring, const struct frame *picture, const struct frame *facts);
uint64_t tap_ring_count(const struct tap_ring *ring);	/* pictures written; any thread */

/* Its name goes, and readers find that it has ended. NULL is allowed. */
void tap_ring_destroy(struct tap_ring *ring);
