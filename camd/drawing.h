/*
 * How the overlay gets into a camera's frames: into their own memory where that may be written, else into a copy of them. The
 * camera's source thread.
 */
#pragma once

#include "camd/overlay.h"
#include "camd/pool.h"

#include <stdatomic.h>

struct drawing {
	struct overlay *overlay;	/* borrowed */
	struct pool *pool;		/* of copies; NULL as long as none was needed */
	struct frame_format format;	/* of those */
	_Atomic uint64_t copied_bytes;	/* so far; any thread may read it */
};

void drawing_finish(struct drawing *drawing);

/*
 * Makes a frame ready to be drawn into, which may take a call into a driver. *frame may become a copy: the reference is the
 * copy's then. False: nothing is to be drawn into it, and it stays as it is.
 */
bool drawing_begin(struct drawing *drawing, struct frame **frame);

/* After drawing_begin(): draws, once all that is said of the frame is known. Now others may have it. */
void drawing_end(struct drawing *drawing, struct frame *frame);
