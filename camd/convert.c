#include "camd/convert.h"

#include "camd/pool.h"
#include "common/util.h"

#include <assert.h>
#include <libyuv.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#define NEUTRAL_CHROMA 128

struct converter {
	int max_frames;
	struct pool *pool;		/* of frames of .format */
	struct frame_format format;
	tjhandle jpeg;			/* made at the first MJPEG frame */
	uint8_t *chroma;		/* where chroma of JPEGs waits that has another resolution than 4:2:0 */
	size_t chroma_bytes;
};

/* Chroma subsampling of one JPEG, in samples. */
struct jpeg_chroma {
	int subsampling;		/* enum TJSAMP */
	int width, height;		/* of a chroma plane; 0: grey */
};

bool convert_needed(enum pixel_format pixels)
{
	return pixels != PIXEL_I420 && pixels != PIXEL_NV12;
}

struct frame_format convert_format(const struct frame_format *format)
{
	struct frame_format i420 = *format;

	i420.pixels = PIXEL_I420;
	if (pixel_format_is_rgb(format->pixels)) {
		/* what libyuv makes of RGB; primaries and transfer are as they were */
		i420.colour.matrix = 6;
		i420.colour.full_range = false;
	}
	return i420;
}

struct converter *converter_create(int max_frames)
{
	struct converter *converter = xcalloc(1, sizeof(*converter));

	assert(max_frames > 0);
	converter->max_frames = max_frames;
	return converter;
}

void converter_destroy(struct converter *converter)
{
	if (!converter)
		return;
	pool_close(converter->pool);
	if (converter->jpeg)
		tjDestroy(converter->jpeg);
	free(converter->chroma);
	free(converter);
}

/* A free frame of the pool for such pictures; the pool is made anew when they change. */
static struct frame *take_frame(struct converter *converter, const struct frame_format *format, struct error *err)
{
	const struct frame_format wanted = convert_format(format);
	struct frame *frame;

	if (!converter->pool || converter->format.width != wanted.width || converter->format.height != wanted.height) {
		pool_close(converter->pool);
		converter->pool = pool_create(&wanted, converter->max_frames, 0);
		converter->format = wanted;
	}
	frame = pool_take(converter->pool);
	if (!frame)
		error_set(err, ERR_BUSY, "all %d converted pictures are still being encoded", converter->max_frames);
	else
		frame->format = wanted;
	return frame;
}

/* Averages or repeats chroma samples until they are 4:2:0. */
static void scale_chroma(const uint8_t *from, int width, int height, struct frame *to, int plane)
{
	ScalePlane(from, width, width, height, to->planes[plane].data, to->planes[plane].stride,
		   frame_plane_row_bytes(&to->format, plane), frame_plane_rows(&to->format, plane), kFilterBox);
}

static void fill_chroma(struct frame *to)
{
	for (int i = 1; i < to->n_planes; i++)
		memset(to->planes[i].data, NEUTRAL_CHROMA, to->planes[i].bytes);
}

/*
 * Some cameras' JPEGs have a few bytes between the picture and its end marker. TurboJPEG reports the first complaint
 * only, and what is complained about last of all is the end: nothing is wrong with the picture.
 */
static bool is_harmless(tjhandle jpeg)
{
	return tjGetErrorCode(jpeg) == TJERR_WARNING &&
	       strstr(tjGetErrorStr2(jpeg), "extraneous bytes before marker 0xd9");
}

/* After an error in a header TurboJPEG takes the next picture for the rest of this one: it must begin anew. */
static bool fail_jpeg(struct converter *converter, struct error *err)
{
	error_set(err, ERR_IO, "damaged JPEG from the camera: %s", tjGetErrorStr2(converter->jpeg));
	tjDestroy(converter->jpeg);
	converter->jpeg = NULL;
	return false;
}

/* Whether the rows and columns that TurboJPEG writes, whole MCUs of chroma, fit where luma goes. */
static bool luma_fits(const struct frame *to, int subsampling)
{
	return tjPlaneWidth(0, to->format.width, subsampling) <= to->planes[0].stride &&
	       tjPlaneHeight(0, to->format.height, subsampling) <= to->format.height;
}

static bool read_header(struct converter *converter, const struct frame *frame, const struct frame *to,
			struct jpeg_chroma *chroma, struct error *err)
{
	const struct plane *plane = &frame->planes[0];
	const struct frame_format *format = &frame->format;
	int width = 0, height = 0, colourspace = -1;	/* as they stay of a JPEG that has tables only */

	if (!converter->jpeg)
		converter->jpeg = tjInitDecompress();
	assert(converter->jpeg);
	chroma->subsampling = -1;
	if (tjDecompressHeader3(converter->jpeg, plane->data, plane->bytes, &width, &height, &chroma->subsampling,
				&colourspace) < 0)
		return fail_jpeg(converter, err);
	if (width != format->width || height != format->height)
		return error_set(err, ERR_IO, "damaged JPEG from the camera: it is %dx%d instead of %dx%d", width,
				 height, format->width, format->height);
	if (colourspace != TJCS_YCbCr && colourspace != TJCS_GRAY)
		return error_set(err, ERR_IO, "JPEG from the camera is neither YCbCr nor grey (TurboJPEG's colour %d)",
				 colourspace);
	if (chroma->subsampling < 0 || chroma->subsampling >= TJ_NUMSAMP || !luma_fits(to, chroma->subsampling))
		return error_set(err, ERR_IO, "JPEG from the camera has a chroma subsampling that is not known here");
	chroma->width = MAX(tjPlaneWidth(1, width, chroma->subsampling), 0);
	chroma->height = MAX(tjPlaneHeight(1, height, chroma->subsampling), 0);
	return true;
}

/* Where TurboJPEG is to put chroma: the frame itself if it fits there, else memory of the converter. */
static void place_chroma(struct converter *converter, const struct jpeg_chroma *chroma, unsigned char **planes,
			 int *strides)
{
	size_t plane_bytes = (size_t)chroma->width * chroma->height;

	if (chroma->subsampling == TJSAMP_420)
		return;
	if (converter->chroma_bytes < 2 * plane_bytes) {
		converter->chroma = xrealloc(converter->chroma, 2, plane_bytes);
		converter->chroma_bytes = 2 * plane_bytes;
	}
	planes[1] = converter->chroma;
	planes[2] = converter->chroma + plane_bytes;
	strides[1] = strides[2] = chroma->width;
}

static bool convert_jpeg(struct converter *converter, const struct frame *frame, struct frame *to, struct error *err)
{
	unsigned char *planes[] = { to->planes[0].data, to->planes[1].data, to->planes[2].data };
	int strides[] = { to->planes[0].stride, to->planes[1].stride, to->planes[2].stride };
	struct jpeg_chroma chroma;

	if (!read_header(converter, frame, to, &chroma, err))
		return false;
	place_chroma(converter, &chroma, planes, strides);
	if (tjDecompressToYUVPlanes(converter->jpeg, frame->planes[0].data, frame->planes[0].bytes, planes, 0, strides,
				    0, TJFLAG_LIMITSCANS) < 0 && !is_harmless(converter->jpeg))
		return fail_jpeg(converter, err);
	if (!chroma.width)
		fill_chroma(to);
	else if (chroma.subsampling != TJSAMP_420)
		for (int i = 1; i < 3; i++)
			scale_chroma(planes[i], chroma.width, chroma.height, to, i);
	return true;
}

/* RGB of which 16 is black and 235 white: its luma is right as it is, its chroma wants the wider 16 to 240. */
static void convert_limited_rgb(const struct frame *frame, struct frame *to)
{
	const struct plane *in = frame->planes, *out = to->planes;
	int width = frame->format.width, height = frame->format.height;

	if (frame->format.pixels == PIXEL_RGB24)
		RAWToJ420(in->data, in->stride, out[0].data, out[0].stride, out[1].data, out[1].stride, out[2].data,
			  out[2].stride, width, height);
	else
		RGB24ToJ420(in->data, in->stride, out[0].data, out[0].stride, out[1].data, out[1].stride, out[2].data,
			    out[2].stride, width, height);
	for (int i = 1; i < 3; i++) {
		for (int y = 0; y < (height + 1) / 2; y++) {
			uint8_t *row = out[i].data + (size_t)y * out[i].stride;

			for (int x = 0; x < (width + 1) / 2; x++)
				row[x] = (uint8_t)MIN(MAX(NEUTRAL_CHROMA + ((row[x] - NEUTRAL_CHROMA) * 224) / 219, 0), 255);
		}
	}
}

/* libyuv names RGB by the word that a processor reads: its RGB24 is BGR in memory, and RGB in memory it calls RAW. */
static void convert_rgb(const struct frame *frame, struct frame *to)
{
	const struct plane *in = frame->planes, *out = to->planes;
	int width = frame->format.width, height = frame->format.height;

	if (!frame->format.colour.full_range)
		convert_limited_rgb(frame, to);
	else if (frame->format.pixels == PIXEL_RGB24)
		RAWToI420(in->data, in->stride, out[0].data, out[0].stride, out[1].data, out[1].stride, out[2].data,
			  out[2].stride, width, height);
	else
		RGB24ToI420(in->data, in->stride, out[0].data, out[0].stride, out[1].data, out[1].stride, out[2].data,
			    out[2].stride, width, height);
}

/* Fewer bits; the bits are dropped, not rounded, so that white stays white. */
static void convert_y10(const struct frame *frame, struct frame *to)
{
	const struct plane *in = &frame->planes[0], *out = &to->planes[0];

	Convert16To8Plane((const uint16_t *)(const void *)in->data, in->stride / 2, out->data, out->stride, 1 << (24 - 10),
			  frame->format.width, frame->format.height);
	fill_chroma(to);
}

void convert_to_i420(const struct frame *frame, struct frame *to)
{
	const struct plane *in = frame->planes, *out = to->planes;
	int width = frame->format.width, height = frame->format.height;

	switch (frame->format.pixels) {
	case PIXEL_I420:
		I420Copy(in[0].data, in[0].stride, in[1].data, in[1].stride, in[2].data, in[2].stride, out[0].data,
			 out[0].stride, out[1].data, out[1].stride, out[2].data, out[2].stride, width, height);
		break;
	case PIXEL_NV12:
		NV12ToI420(in[0].data, in[0].stride, in[1].data, in[1].stride, out[0].data, out[0].stride, out[1].data,
			   out[1].stride, out[2].data, out[2].stride, width, height);
		break;
	case PIXEL_I422:
		I422ToI420(in[0].data, in[0].stride, in[1].data, in[1].stride, in[2].data, in[2].stride, out[0].data,
			   out[0].stride, out[1].data, out[1].stride, out[2].data, out[2].stride, width, height);
		break;
	case PIXEL_YUYV:
		YUY2ToI420(in[0].data, in[0].stride, out[0].data, out[0].stride, out[1].data, out[1].stride,
			   out[2].data, out[2].stride, width, height);
		break;
	case PIXEL_UYVY:
		UYVYToI420(in[0].data, in[0].stride, out[0].data, out[0].stride, out[1].data, out[1].stride,
			   out[2].data, out[2].stride, width, height);
		break;
	case PIXEL_NV21:
		NV21ToI420(in[0].data, in[0].stride, in[1].data, in[1].stride, out[0].data, out[0].stride, out[1].data,
			   out[1].stride, out[2].data, out[2].stride, width, height);
		break;
	case PIXEL_RGB24:
	case PIXEL_BGR24:
		convert_rgb(frame, to);
		break;
	case PIXEL_GREY:
		CopyPlane(in[0].data, in[0].stride, out[0].data, out[0].stride, width, height);
		fill_chroma(to);
		break;
	case PIXEL_Y10:
		convert_y10(frame, to);
		break;
	case PIXEL_MJPEG:
		assert(!"MJPEG needs a converter");
	}
}

static bool check_format(const struct frame_format *format, struct error *err)
{
	if (format->pixels == PIXEL_I420)
		return error_set(err, ERR_UNSUPPORTED, "i420 needs no conversion");
	if (format->width < 2 || format->height < 2 || format->width % 2 || format->height % 2)
		return error_set(err, ERR_UNSUPPORTED, "%s of %dx%d cannot be converted: both must be even",
				 pixel_format_names[format->pixels], format->width, format->height);
	return true;
}

struct frame *converter_run(struct converter *converter, const struct frame *frame, struct error *err)
{
	const struct frame_format *format = &frame->format;
	struct frame *to;

	if (!check_format(format, err))
		return NULL;
	to = take_frame(converter, format, err);
	if (!to)
		return NULL;
	frame_copy_facts(to, frame);
	if (format->pixels != PIXEL_MJPEG)
		convert_to_i420(frame, to);
	else if (!convert_jpeg(converter, frame, to, err))
		goto fail;
	return to;
fail:
	frame_unref(to);
	return NULL;
}

/* The largest even size with these proportions in width x height, at least 2x2. */
static void fit_inside(const struct frame_format *format, int *width, int *height)
{
	int64_t w = MIN(MAX(*width, 2), format->width), h = MIN(MAX(*height, 2), format->height);

	if (w * format->height > h * format->width)
		w = (h * format->width + format->height / 2) / format->height;
	else
		h = (w * format->height + format->width / 2) / format->width;
	*width = (int)MAX(w & ~INT64_C(1), 2);
	*height = (int)MAX(h & ~INT64_C(1), 2);
}

static void scale_nv12_chroma(const struct frame *frame, struct frame *to)
{
	const struct plane *in = &frame->planes[1], *u = &to->planes[1], *v = &to->planes[2];
	int width = to->format.width / 2, height = to->format.height / 2;
	uint8_t *both = xcalloc((size_t)width * height, 2);

	UVScale(in->data, in->stride, (frame->format.width + 1) / 2, (frame->format.height + 1) / 2, both, width * 2,
		width, height, kFilterBox);
	SplitUVPlane(both, width * 2, u->data, u->stride, v->data, v->stride, width, height);
	free(both);
}

static void scale_plane(const struct frame *frame, struct frame *to, int i)
{
	ScalePlane(frame->planes[i].data, frame->planes[i].stride, frame_plane_row_bytes(&frame->format, i),
		   frame_plane_rows(&frame->format, i), to->planes[i].data, to->planes[i].stride,
		   frame_plane_row_bytes(&to->format, i), frame_plane_rows(&to->format, i), kFilterBox);
}

struct frame *convert_scale(const struct frame *frame, int width, int height, struct error *err)
{
	struct frame_format format = convert_format(&frame->format);
	struct frame *to;

	if (convert_needed(frame->format.pixels)) {
		error_set(err, ERR_UNSUPPORTED, "%s cannot be scaled: it must be converted first",
			  pixel_format_names[frame->format.pixels]);
		return NULL;
	}
	fit_inside(&frame->format, &width, &height);
	format.width = width;
	format.height = height;
	to = frame_create(&format);
	frame_copy_facts(to, frame);
	scale_plane(frame, to, 0);
	if (frame->format.pixels == PIXEL_NV12)
		scale_nv12_chroma(frame, to);
	else
		for (int i = 1; i < 3; i++)
			scale_plane(frame, to, i);
	return to;
}
