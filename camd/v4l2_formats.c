#include "camd/v4l2_formats.h"

#include "common/util.h"

#include <linux/videodev2.h>
#include <string.h>

/*
 * What an encoder takes as it is, then what is lossless, the less data the better, then JPEG, then what has no colour. The
 * foreign ones are for cameras that have nothing else; Bayer patterns of more than 8 bits are not among them, for whatever
 * gives these has an image pipeline behind it; nor is RGB565, of which libv4l mistakes red for blue.
 */
static const struct v4l2_known known[] = {
	{ V4L2_PIX_FMT_NV12, PIXEL_NV12, 1 },
	{ V4L2_PIX_FMT_YUV420, PIXEL_I420, 1 },
	{ V4L2_PIX_FMT_NV12M, PIXEL_NV12, 2 },
	{ V4L2_PIX_FMT_YUV420M, PIXEL_I420, 3 },
	{ V4L2_PIX_FMT_YVU420, PIXEL_I420, 1, .v_first = true },
	{ V4L2_PIX_FMT_YVU420M, PIXEL_I420, 3, .v_first = true },
	{ V4L2_PIX_FMT_NV21, PIXEL_NV21, 1 },
	{ V4L2_PIX_FMT_NV21M, PIXEL_NV21, 2 },
	{ V4L2_PIX_FMT_YUYV, PIXEL_YUYV, 1 },
	{ V4L2_PIX_FMT_UYVY, PIXEL_UYVY, 1 },
	{ V4L2_PIX_FMT_YUV422P, PIXEL_I422, 1 },
	{ V4L2_PIX_FMT_YUV422M, PIXEL_I422, 3 },
	{ V4L2_PIX_FMT_YVU422M, PIXEL_I422, 3, .v_first = true },
	{ V4L2_PIX_FMT_BGR24, PIXEL_BGR24, 1 },
	{ V4L2_PIX_FMT_RGB24, PIXEL_RGB24, 1 },
	{ V4L2_PIX_FMT_MJPEG, PIXEL_MJPEG, 1 },
	{ V4L2_PIX_FMT_JPEG, PIXEL_MJPEG, 1 },
	{ V4L2_PIX_FMT_GREY, PIXEL_GREY, 1 },
	{ V4L2_PIX_FMT_Y10, PIXEL_Y10, 1 },

	{ V4L2_PIX_FMT_YVYU, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_YUV, .bits = 16 },
	{ V4L2_PIX_FMT_NV16, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_YUV, .bits = 16 },
	{ V4L2_PIX_FMT_NV61, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_YUV, .bits = 16 },
	{ V4L2_PIX_FMT_M420, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_YUV, .bits = 12 },
	{ V4L2_PIX_FMT_HM12, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_YUV, .bits = 12 },
	{ V4L2_PIX_FMT_KONICA420, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_YUV, .bits = 12 },
	{ V4L2_PIX_FMT_SN9C20X_I420, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_YUV, .bits = 12 },
	{ V4L2_PIX_FMT_SPCA501, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_YUV, .bits = 12 },
	{ V4L2_PIX_FMT_SPCA505, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_YUV, .bits = 12 },
	{ V4L2_PIX_FMT_SPCA508, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_YUV, .bits = 12 },
	{ V4L2_PIX_FMT_CIT_YYVYUY, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_YUV, .bits = 12 },
	{ V4L2_PIX_FMT_CPIA1, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_YUV },
	{ V4L2_PIX_FMT_OV511, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_YUV },
	{ V4L2_PIX_FMT_OV518, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_YUV },
	{ V4L2_PIX_FMT_BGR32, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_RGB, .bits = 32 },
	{ V4L2_PIX_FMT_XBGR32, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_RGB, .bits = 32 },
	{ V4L2_PIX_FMT_ABGR32, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_RGB, .bits = 32 },
	{ V4L2_PIX_FMT_RGB32, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_RGB, .bits = 32 },
	{ V4L2_PIX_FMT_XRGB32, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_RGB, .bits = 32 },
	{ V4L2_PIX_FMT_ARGB32, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_RGB, .bits = 32 },
	{ V4L2_PIX_FMT_SBGGR8, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_RGB, .bits = 8 },
	{ V4L2_PIX_FMT_SGBRG8, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_RGB, .bits = 8 },
	{ V4L2_PIX_FMT_SGRBG8, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_RGB, .bits = 8 },
	{ V4L2_PIX_FMT_SRGGB8, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_RGB, .bits = 8 },
	{ V4L2_PIX_FMT_STV0680, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_RGB, .bits = 8 },
	{ V4L2_PIX_FMT_SE401, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_RGB },
	{ V4L2_PIX_FMT_SPCA561, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_RGB },
	{ V4L2_PIX_FMT_SN9C10X, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_RGB },
	{ V4L2_PIX_FMT_SN9C2028, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_RGB },
	{ V4L2_PIX_FMT_PAC207, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_RGB },
	{ V4L2_PIX_FMT_MR97310A, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_RGB },
	{ V4L2_PIX_FMT_JL2005BCD, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_RGB },
	{ V4L2_PIX_FMT_SQ905C, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_RGB },
	{ V4L2_PIX_FMT_PJPG, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_JPEG },
	{ V4L2_PIX_FMT_JPGL, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_JPEG },
	{ V4L2_PIX_FMT_Y16, PIXEL_I420, 1, .foreign = V4L2_FOREIGN_GREY, .bits = 16 },
};

const struct v4l2_known *v4l2_formats_find(uint32_t fourcc)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i].fourcc == fourcc)
			return &known[i];
	return NULL;
}

uint32_t v4l2_formats_parse(const char *letters)
{
	size_t n = strlen(letters);
	char four[] = "    ";

	if (n < 2 || n > 4)
		return 0;
	memcpy(four, letters, n);
	return v4l2_fourcc((uint32_t)(uint8_t)four[0], (uint32_t)(uint8_t)four[1], (uint32_t)(uint8_t)four[2],
			   (uint32_t)(uint8_t)four[3]);
}
