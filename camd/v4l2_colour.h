/* V4L2's words for colour as the code points of ITU-T H.273, with V4L2's own rules for what is left at its default. Pure. */
#pragma once

#include "camd/frame.h"

#include <stdint.h>

/* As in struct v4l2_pix_format: enum v4l2_colorspace and so on. */
struct v4l2_colour_facts {
	uint32_t colorspace, xfer_func, ycbcr_enc, quantization;
};

/* jpeg: the pictures are JPEGs, whose matrix and range JFIF fixes whatever the driver says. */
struct colour v4l2_colour_map(const struct v4l2_colour_facts *facts, bool jpeg);
