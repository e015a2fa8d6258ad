/*
 * How raw pictures lie in an encoder's memory: V4L2's formats for camd's, where their planes begin, and writing one there.
 * Pure but for the memory that is written; any thread.
 */
#pragma once

#include "camd/frame.h"
#include "camd/m2m_device.h"

struct m2m_raw {
	unsigned fourcc;
	enum pixel_format pixels;
	int n_memory;
};

/*
 * The formats in which a camera's pictures can be written into an encoder's memory, best first; ends with fourcc 0. Empty
 * for pictures that must be converted before (MJPEG and others).
 */
const struct m2m_raw *m2m_picture_formats(enum pixel_format pixels);

/* Where a plane is. */
struct m2m_spot {
	int memory;		/* which piece */
	size_t offset;
	int stride;
};

/* False: the driver's numbers leave no room for a picture of this size. */
bool m2m_picture_spots(const struct m2m_format *format, const struct m2m_raw *raw, const struct frame_format *picture,
		       struct m2m_spot spots[FRAME_MAX_PLANES]);

/*
 * Writes a picture, in order and without reading back, for such memory may bypass the cache. Converts between the layouts of
 * 4:2:0, and packed 4:2:2 to it. Returns how many bytes it wrote.
 */
uint64_t m2m_picture_write(const struct frame *frame, enum pixel_format as, const struct m2m_spot spots[FRAME_MAX_PLANES],
			   void *const memory[M2M_MAX_MEMORY]);
