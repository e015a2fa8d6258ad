#include "camd/avpicture.h"

#include "common/util.h"

#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

/* FFmpeg has two names for some layouts, one of which says full range as well. */
static const struct {
	enum AVPixelFormat av, av_full;
	enum pixel_format pixels;
} layouts[] = {
	{ AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUVJ420P, PIXEL_I420 },
	{ AV_PIX_FMT_NV12, AV_PIX_FMT_NV12, PIXEL_NV12 },
	{ AV_PIX_FMT_YUV422P, AV_PIX_FMT_YUVJ422P, PIXEL_I422 },
	{ AV_PIX_FMT_YUYV422, AV_PIX_FMT_YUYV422, PIXEL_YUYV },
};

static bool find_layout(enum AVPixelFormat av, enum pixel_format *pixels)
{
	for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
		if (av == layouts[i].av || av == layouts[i].av_full) {
			*pixels = layouts[i].pixels;
			return true;
		}
	}
	return false;
}

static bool is_yuv(enum AVPixelFormat av)
{
	const AVPixFmtDescriptor *about = av_pix_fmt_desc_get(av);

	return about && about->nb_components >= 3 && !(about->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL));
}

static bool is_grey(enum AVPixelFormat av)
{
	const AVPixFmtDescriptor *about = av_pix_fmt_desc_get(av);

	return about && about->nb_components <= 2 && !(about->flags & AV_PIX_FMT_FLAG_PAL);
}

static bool is_full_range(const AVFrame *picture)
{
	switch (picture->format) {
	case AV_PIX_FMT_YUVJ411P:
	case AV_PIX_FMT_YUVJ420P:
	case AV_PIX_FMT_YUVJ422P:
	case AV_PIX_FMT_YUVJ440P:
	case AV_PIX_FMT_YUVJ444P:
		return true;
	default:
		/* Grey pictures come from cameras and scanners with all 256 levels, and swscale takes them so too. */
		return is_grey(picture->format) || (is_yuv(picture->format) && picture->color_range == AVCOL_RANGE_JPEG);
	}
}

/* BT.601 has two sets of primaries; the number of rows tells which one a picture without colour facts was made for. */
static uint8_t usual_colour(const AVFrame *picture)
{
	if (picture->width >= 1280 || picture->height > 576)
		return 1;
	return picture->height == 576 || picture->height == 288 ? 5 : 6;
}

static uint8_t stated(int code, uint8_t usual)
{
	return code > 0 && code < 256 && code != 2 ? (uint8_t)code : usual;
}

static struct colour find_colour(const AVFrame *picture)
{
	bool yuv = is_yuv(picture->format);
	uint8_t usual = usual_colour(picture);

	return (struct colour){
		.primaries = stated(picture->color_primaries, usual),
		.transfer = stated(picture->color_trc, usual == 5 ? 6 : usual),
		.matrix = yuv ? stated(picture->colorspace, usual) : usual,
		.full_range = is_full_range(picture),
	};
}

bool avpicture_format(const AVFrame *picture, struct frame_format *format)
{
	*format = (struct frame_format){
		.pixels = PIXEL_I420,
		.width = picture->width & ~1,
		.height = picture->height & ~1,
		.colour = find_colour(picture),
	};
	find_layout(picture->format, &format->pixels);
	return format->width >= 2 && format->height >= 2;
}

bool avpicture_fits(const AVFrame *picture, const struct frame_format *format)
{
	enum pixel_format pixels;

	if (!find_layout(picture->format, &pixels) || pixels != format->pixels)
		return false;
	if ((picture->width & ~1) != format->width || (picture->height & ~1) != format->height)
		return false;
	for (int i = 0; i < frame_n_planes(pixels); i++)
		if (!picture->data[i] || picture->linesize[i] < frame_plane_row_bytes(format, i))
			return false;	/* upside down, for one */
	return is_full_range(picture) == format->colour.full_range;
}

/* The layout under that name which doesn't speak of a range: swscale is told of ranges by set_colours(). */
static enum AVPixelFormat without_range(enum AVPixelFormat av)
{
	switch (av) {
	case AV_PIX_FMT_YUVJ411P:
		return AV_PIX_FMT_YUV411P;
	case AV_PIX_FMT_YUVJ420P:
		return AV_PIX_FMT_YUV420P;
	case AV_PIX_FMT_YUVJ422P:
		return AV_PIX_FMT_YUV422P;
	case AV_PIX_FMT_YUVJ440P:
		return AV_PIX_FMT_YUV440P;
	case AV_PIX_FMT_YUVJ444P:
		return AV_PIX_FMT_YUV444P;
	default:
		return av;
	}
}

static void set_colours(struct SwsContext *scaler, const AVFrame *picture, const struct frame_format *format)
{
	const int *to = sws_getCoefficients(format->colour.matrix), *from = to;

	if (is_yuv(picture->format))
		from = sws_getCoefficients(find_colour(picture).matrix);
	sws_setColorspaceDetails(scaler, from, is_full_range(picture), to, format->colour.full_range, 0, 1 << 16, 1 << 16);
}

static enum AVPixelFormat layout_of(enum pixel_format pixels)
{
	for (size_t i = 0; i < ARRAY_LEN(layouts); i++)
		if (layouts[i].pixels == pixels)
			return layouts[i].av;
	return AV_PIX_FMT_NONE;
}

AVFrame *avpicture_convert(struct SwsContext **scaler, const AVFrame *picture, const struct frame_format *format,
			   struct error *err)
{
	AVFrame *converted = av_frame_alloc();

	if (!converted)
		goto fail;
	converted->format = layout_of(format->pixels);
	converted->width = format->width;
	converted->height = format->height;
	converted->color_range = format->colour.full_range ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
	if (av_frame_get_buffer(converted, 64) < 0)
		goto fail;
	*scaler = sws_getCachedContext(*scaler, picture->width, picture->height, without_range(picture->format), format->width,
				       format->height, converted->format, SWS_BICUBIC | SWS_ACCURATE_RND, NULL, NULL, NULL);
	if (!*scaler)
		goto fail;
	set_colours(*scaler, picture, format);
	if (sws_scale(*scaler, (const uint8_t *const *)picture->data, picture->linesize, 0, picture->height, converted->data,
		      converted->linesize) != format->height)
		goto fail;
	return converted;

fail:
	av_frame_free(&converted);
	error_set(err, ERR_UNSUPPORTED, "pictures of %dx%d in %s can't be converted", picture->width, picture->height,
		  av_get_pix_fmt_name(picture->format) ? av_get_pix_fmt_name(picture->format) : "an unknown format");
	return NULL;
}

void avpicture_planes(struct frame *frame, const AVFrame *picture)
{
	frame->n_planes = frame_n_planes(frame->format.pixels);
	for (int i = 0; i < frame->n_planes; i++)
		frame->planes[i] = (struct plane){
			.data = picture->data[i],
			.stride = picture->linesize[i],
			.bytes = (size_t)picture->linesize[i] * (size_t)frame_plane_rows(&frame->format, i),
			.dmabuf = -1,
		};
}
