#include "camd/v4l2_colour.h"

#include <linux/videodev2.h>

#define UNSPECIFIED 2

static uint8_t map_primaries(uint32_t colorspace)
{
	switch (colorspace) {
	case V4L2_COLORSPACE_REC709:
	case V4L2_COLORSPACE_SRGB:
	case V4L2_COLORSPACE_JPEG:
		return 1;
	case V4L2_COLORSPACE_470_SYSTEM_M:
		return 4;
	case V4L2_COLORSPACE_470_SYSTEM_BG:
		return 5;
	case V4L2_COLORSPACE_SMPTE170M:
	case V4L2_COLORSPACE_BT878:
		return 6;
	case V4L2_COLORSPACE_SMPTE240M:
		return 7;
	case V4L2_COLORSPACE_BT2020:
		return 9;
	case V4L2_COLORSPACE_DCI_P3:
		return 11;
	default:
		return UNSPECIFIED;	/* opRGB has no code point */
	}
}

static uint8_t map_transfer(uint32_t transfer, uint8_t primaries)
{
	switch (transfer) {
	case V4L2_XFER_FUNC_709:
		return primaries == 5 || primaries == 6 ? 6 : 1;	/* one curve, two names */
	case V4L2_XFER_FUNC_SRGB:
		return 13;
	case V4L2_XFER_FUNC_SMPTE240M:
		return 7;
	case V4L2_XFER_FUNC_NONE:
		return 8;
	case V4L2_XFER_FUNC_SMPTE2084:
		return 16;
	default:
		return UNSPECIFIED;
	}
}

static uint8_t map_matrix(uint32_t encoding, uint8_t primaries)
{
	switch (encoding) {
	case V4L2_YCBCR_ENC_601:
	case V4L2_YCBCR_ENC_XV601:
		return primaries == 5 ? 5 : 6;
	case V4L2_YCBCR_ENC_709:
	case V4L2_YCBCR_ENC_XV709:
		return 1;
	case V4L2_YCBCR_ENC_BT2020:
		return 9;
	case V4L2_YCBCR_ENC_BT2020_CONST_LUM:
		return 10;
	case V4L2_YCBCR_ENC_SMPTE240M:
		return 7;
	default:
		return UNSPECIFIED;
	}
}

/* What a driver leaves open is the colour of webcams. */
static uint32_t default_to(uint32_t value, uint32_t fallback)
{
	return value ? value : fallback;
}

struct colour v4l2_colour_map(const struct v4l2_colour_facts *facts, enum pixel_format pixels)
{
	bool rgb = pixel_format_is_rgb(pixels), grey = pixels == PIXEL_GREY || pixels == PIXEL_Y10;
	bool unknown = facts->colorspace == V4L2_COLORSPACE_DEFAULT || facts->colorspace == V4L2_COLORSPACE_RAW;
	uint32_t space = unknown ? V4L2_COLORSPACE_SRGB : facts->colorspace;
	uint32_t transfer = default_to(facts->xfer_func, V4L2_MAP_XFER_FUNC_DEFAULT(space));
	uint32_t encoding = default_to(facts->ycbcr_enc, V4L2_MAP_YCBCR_ENC_DEFAULT(space));
	uint32_t range = default_to(facts->quantization, V4L2_MAP_QUANTIZATION_DEFAULT(rgb || grey, space, encoding));
	uint8_t primaries = map_primaries(space);

	if (pixels == PIXEL_MJPEG) {
		encoding = V4L2_YCBCR_ENC_601;
		range = V4L2_QUANTIZATION_FULL_RANGE;
	}
	return (struct colour){
		.primaries = primaries,
		.transfer = map_transfer(transfer, primaries),
		.matrix = rgb ? 0 : map_matrix(encoding, primaries),
		.full_range = range == V4L2_QUANTIZATION_FULL_RANGE,
	};
}
