/* The picture formats of V4L2 that camd can use, the best first. Pure; any thread. */
#pragma once

#include "camd/frame.h"

#include <stdint.h>

/* Formats that libv4l makes I420 of, by what comes out: its colour is the driver's, or what libv4l makes of RGB, … */
enum v4l2_foreign { V4L2_NOT_FOREIGN, V4L2_FOREIGN_YUV, V4L2_FOREIGN_RGB, V4L2_FOREIGN_JPEG, V4L2_FOREIGN_GREY };

struct v4l2_known {
	uint32_t fourcc;
	enum pixel_format pixels;	/* of the frames */
	int n_memory;			/* memory planes of a buffer */
	bool v_first;			/* the V plane lies before the U plane */
	enum v4l2_foreign foreign;
	int bits;			/* of a foreign format, a pixel; 0: compressed */
};

/* NULL: camd can't use it. A lower address is a better format. */
const struct v4l2_known *v4l2_formats_find(uint32_t fourcc);

/* From four letters, or fewer as for "Y10". 0: these can't be. */
uint32_t v4l2_formats_parse(const char *letters);
