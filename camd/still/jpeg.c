/*
 * JPEG by TurboJPEG. JFIF knows one kind of colour: BT.601's matrix in full range. Pictures that come in that are
 * compressed as they lie; others are brought to it first. MJPEG frames are JPEGs already.
 */
#include "camd/still/still.h"

#include "camd/convert.h"
#include "camd/luma.h"
#include "common/util.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#define FIXED_BITS 14

/*
 * From any YCbCr to JPEG's, in fixed point. Both are linear in (gamma-encoded) RGB, so there is no way over RGB to go,
 * and no clipping on it:
 *	y'  = y * luma + cb * luma_cb + cr * luma_cr + luma_offset
 *	cb' = 128 + (cb - 128) * cb_cb + (cr - 128) * cb_cr, and so on
 */
struct transform {
	int32_t luma, luma_cb, luma_cr, luma_offset;
	int32_t cb_cb, cb_cr, cr_cb, cr_cr;
};

static const struct luma_weights jpeg_weights = { 0.299, 0.114 };

static bool is_jpeg_colour(const struct colour *colour)
{
	struct luma_weights weights = luma_weights_of(colour->matrix);

	return colour->full_range && weights.red == jpeg_weights.red && weights.blue == jpeg_weights.blue;
}

static int32_t to_fixed(double value)
{
	return (int32_t)lrint(value * (1 << FIXED_BITS));
}

static struct transform make_transform(const struct colour *colour)
{
	const struct luma_weights from = luma_weights_of(colour->matrix), to = jpeg_weights;
	const double luma = colour->full_range ? 1 : 255. / 219, chroma = colour->full_range ? 1 : 255. / 224;
	const double from_green = 1 - from.red - from.blue, to_green = 1 - to.red - to.blue;
	/* what one unit of Cb and Cr adds to R, G and B */
	const double red_cr = 2 * (1 - from.red) * chroma, blue_cb = 2 * (1 - from.blue) * chroma;
	const double green_cb = -blue_cb * from.blue / from_green, green_cr = -red_cr * from.red / from_green;
	/* and what that adds to the new luma */
	const double luma_cb = to_green * green_cb + to.blue * blue_cb, luma_cr = to_green * green_cr + to.red * red_cr;
	const double black = colour->full_range ? 0 : 16;

	return (struct transform){
		.luma = to_fixed(luma),
		.luma_cb = to_fixed(luma_cb),
		.luma_cr = to_fixed(luma_cr),
		.luma_offset = to_fixed(0.5 - black * luma - 128 * (luma_cb + luma_cr)),
		.cb_cb = to_fixed((blue_cb - luma_cb) / (2 * (1 - to.blue))),
		.cb_cr = to_fixed(-luma_cr / (2 * (1 - to.blue))),
		.cr_cb = to_fixed(-luma_cb / (2 * (1 - to.red))),
		.cr_cr = to_fixed((red_cr - luma_cr) / (2 * (1 - to.red))),
	};
}

static uint8_t to_byte(int32_t fixed)
{
	int32_t value = fixed >> FIXED_BITS;

	return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* One row of luma under a row of chroma. */
static void transform_luma(const struct transform *transform, uint8_t *y, const uint8_t *cb, const uint8_t *cr,
			   int width)
{
	for (int x = 0; x < width; x++)
		y[x] = to_byte(y[x] * transform->luma + cb[x / 2] * transform->luma_cb +
			       cr[x / 2] * transform->luma_cr + transform->luma_offset);
}

static void transform_chroma(const struct transform *transform, uint8_t *cb, uint8_t *cr, int width)
{
	const int32_t half = (128 << FIXED_BITS) + (1 << (FIXED_BITS - 1));

	for (int x = 0; x < width; x++) {
		int32_t b = cb[x] - 128, r = cr[x] - 128;

		cb[x] = to_byte(b * transform->cb_cb + r * transform->cb_cr + half);
		cr[x] = to_byte(b * transform->cr_cb + r * transform->cr_cr + half);
	}
}

/* Brings an I420 picture to JPEG's colour, in place. */
static void to_jpeg_colour(struct frame *frame)
{
	const struct transform transform = make_transform(&frame->format.colour);
	const struct plane *planes = frame->planes;

	for (int row = 0; row < (frame->format.height + 1) / 2; row++) {
		uint8_t *cb = planes[1].data + (size_t)row * planes[1].stride;
		uint8_t *cr = planes[2].data + (size_t)row * planes[2].stride;

		for (int y = row * 2; y < MIN(row * 2 + 2, frame->format.height); y++)
			transform_luma(&transform, planes[0].data + (size_t)y * planes[0].stride, cb, cr,
				       frame->format.width);
		transform_chroma(&transform, cb, cr, (frame->format.width + 1) / 2);
	}
}

static bool compress(const struct frame *frame, int quality, uint8_t **data, size_t *bytes, struct error *err)
{
	const unsigned char *planes[] = { frame->planes[0].data, frame->planes[1].data, frame->planes[2].data };
	const int strides[] = { frame->planes[0].stride, frame->planes[1].stride, frame->planes[2].stride };
	int width = frame->format.width, height = frame->format.height;
	unsigned long room = tjBufSize(width, height, TJSAMP_420);
	tjhandle jpeg = tjInitCompress();
	bool done;

	assert(jpeg);
	/* the most it can need, of which only what gets written is ever there, and the rest goes back */
	*data = xcalloc(1, room);
	done = tjCompressFromYUVPlanes(jpeg, planes, width, strides, height, TJSAMP_420, data, &room,
				       MIN(MAX(quality, 1), 100), TJFLAG_NOREALLOC) == 0;
	if (done) {
		*data = xrealloc(*data, 1, room);
		*bytes = room;
	} else {
		error_set(err, ERR_INTERNAL, "cannot write a JPEG of %dx%d: %s", width, height, tjGetErrorStr2(jpeg));
		free(*data);
		*data = NULL;
	}
	tjDestroy(jpeg);
	return done;
}

static bool copy_mjpeg(const struct frame *frame, uint8_t **data, size_t *bytes, struct error *err)
{
	const struct plane *plane = &frame->planes[0];

	if (plane->bytes < 4 || plane->data[0] != 0xff || plane->data[1] != 0xd8)
		return error_set(err, ERR_IO, "damaged JPEG from the camera: it does not begin like one");
	*data = xcalloc(1, plane->bytes);
	memcpy(*data, plane->data, plane->bytes);
	*bytes = plane->bytes;
	return true;
}

static bool jpeg_write(const struct frame *frame, int quality, uint8_t **data, size_t *bytes, struct error *err)
{
	struct frame_format format = convert_format(&frame->format);
	struct frame *own;
	bool done;

	*data = NULL;
	*bytes = 0;
	if (frame->format.pixels == PIXEL_MJPEG)
		return copy_mjpeg(frame, data, bytes, err);
	if (frame->format.pixels == PIXEL_I420 && is_jpeg_colour(&format.colour))
		return compress(frame, quality, data, bytes, err);
	own = frame_create(&format);
	convert_to_i420(frame, own);
	if (!is_jpeg_colour(&format.colour))
		to_jpeg_colour(own);
	done = compress(own, quality, data, bytes, err);
	frame_unref(own);
	return done;
}

const struct still_impl still_jpeg = { .name = "jpeg", .suffix = ".jpg", .write = jpeg_write };
