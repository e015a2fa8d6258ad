/* V4L2's words for colour as the code points of ITU-T H.273, with V4L2's own rules for what is left at its default. Pure. */
#pragma once

#include "camd/frame.h"

#include <stdint.h>

/* As in struct v4l2_pix_format: enum v4l2_colorspace and so on. */
struct v4l2_colour_facts {
	uint32_t colorspace, xfer_func, ycbcr_enc, quantization;
};

/*
 * Of JPEGs JFIF fixes matrix and range whatever the driver says; RGB has no matrix. RGB and grey have the full
 * range where the driver leaves it open: grey is what a sensor counts.
 */
struct colour v4l2_colour_map(const struct v4l2_colour_facts *facts, enum pixel_format pixels);
