// SPDX-License-Identifier: GPL-2.0
#include "h264enc.h"

enum {
	SIDE_MIN = 32, SIDE_MAX = 1920, SIDE_STEP = 2,
	STRIDE_MAX = 8192,
	CAPTURE_MIN = 512 << 10, CAPTURE_MAX = 64 << 20,
};

static const struct h264enc_format formats[] = {
	{V4L2_PIX_FMT_YUV420, H264ENC_SINGLE, .alignment = 64, .luma_step = 1, .chroma_step = 1, .planes = 1},
	{V4L2_PIX_FMT_NV12, H264ENC_SINGLE, .alignment = 32, .luma_step = 1, .chroma_step = 2, .planes = 1},
	{V4L2_PIX_FMT_YVU420, H264ENC_SINGLE, .alignment = 64, .luma_step = 1, .chroma_step = 1, .planes = 1, true},
	{V4L2_PIX_FMT_NV21, H264ENC_SINGLE, .alignment = 32, .luma_step = 1, .chroma_step = 2, .planes = 1, true},
	{V4L2_PIX_FMT_YUYV, H264ENC_SINGLE, .alignment = 64, .luma_step = 2, .chroma_step = 4, .planes = 1},
	{V4L2_PIX_FMT_NV12M, H264ENC_PLANES, .alignment = 32, .luma_step = 1, .chroma_step = 2, .planes = 2},
	{V4L2_PIX_FMT_YUV420M, H264ENC_PLANES, .alignment = 64, .luma_step = 1, .chroma_step = 1, .planes = 3},
};

static bool is_offered(const struct h264enc_device *device, const struct h264enc_format *format)
{
	enum h264enc_api api = device->api == H264ENC_PLANES ? H264ENC_PLANES : H264ENC_SINGLE;

	return format->api == api && (!device->only_format || device->only_format == format->fourcc);
}

static const struct h264enc_format *nth_format(const struct h264enc_device *device, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(formats); i++)
		if (is_offered(device, &formats[i]) && !n--)
			return &formats[i];
	return NULL;
}

bool h264enc_has_formats(const struct h264enc_device *device)
{
	return nth_format(device, 0);
}

static const struct h264enc_format *find_format(const struct h264enc_device *device, u32 fourcc)
{
	const struct h264enc_format *format;
	unsigned int n;

	for (n = 0; (format = nth_format(device, n)); n++)
		if (format->fourcc == fourcc)
			return format;
	return NULL;
}

static void compute_sizes(struct h264enc_layout *layout)
{
	unsigned int luma = layout->stride * layout->height;
	unsigned int chroma = h264enc_chroma_stride(layout) * layout->height / 2;

	memset(layout->sizeimage, 0, sizeof(layout->sizeimage));
	layout->sizeimage[0] = luma;
	if (layout->format->planes > 1)
		layout->sizeimage[1] = layout->sizeimage[2] = chroma;
	else if (layout->format->luma_step == 1)
		layout->sizeimage[0] += layout->format->chroma_step == 1 ? 2 * chroma : chroma;
}

static u32 side(u32 wanted, u32 limit)
{
	return clamp_t(u32, wanted, SIDE_MIN, limit) & ~(SIDE_STEP - 1);
}

/* Any size becomes one that is possible; a stride that is larger than needed is kept. */
static void adjust_layout(const struct h264enc_device *device, struct h264enc_layout *layout, u32 fourcc)
{
	unsigned int needed;

	layout->format = find_format(device, fourcc) ?: nth_format(device, 0);
	layout->width = side(layout->width, SIDE_MAX);
	layout->height = side(layout->height, SIDE_MAX);
	needed = layout->width * layout->format->luma_step;
	layout->stride = ALIGN(clamp_t(u32, layout->stride, needed, STRIDE_MAX), layout->format->alignment);
	compute_sizes(layout);
}

static unsigned int capture_size_for(const struct h264enc_context *context, unsigned int wanted)
{
	size_t needed = h264_size_max(context->layout.width, context->layout.height);

	return clamp_t(size_t, PAGE_ALIGN(wanted), PAGE_ALIGN(max_t(size_t, needed, CAPTURE_MIN)), CAPTURE_MAX);
}

void h264enc_set_default_format(struct h264enc_context *context)
{
	struct h264enc_layout *layout = &context->layout;

	*layout = (struct h264enc_layout){.width = 640, .height = 480, .colorspace = V4L2_COLORSPACE_SMPTE170M};
	adjust_layout(context->device, layout, 0);
	context->crop_width = layout->width;
	context->crop_height = layout->height;
	context->capture_size = capture_size_for(context, 0);
	context->interval = (struct v4l2_fract){1, 30};
}

/* The members that pix and pix_mp have under one name. */
#define COPY_COLOUR(to, from) do { \
	(to)->colorspace = (from)->colorspace; \
	(to)->xfer_func = (from)->xfer_func; \
	(to)->ycbcr_enc = (from)->ycbcr_enc; \
	(to)->quantization = (from)->quantization; \
} while (0)

static u32 read_layout(struct h264enc_layout *layout, const struct v4l2_format *f)
{
	const struct v4l2_pix_format_mplane *mp = &f->fmt.pix_mp;
	const struct v4l2_pix_format *pix = &f->fmt.pix;

	memset(layout, 0, sizeof(*layout));
	if (V4L2_TYPE_IS_MULTIPLANAR(f->type)) {
		layout->width = mp->width;
		layout->height = mp->height;
		layout->stride = mp->plane_fmt[0].bytesperline;
		COPY_COLOUR(layout, mp);
		return mp->pixelformat;
	}
	layout->width = pix->width;
	layout->height = pix->height;
	layout->stride = pix->bytesperline;
	COPY_COLOUR(layout, pix);
	return pix->pixelformat;
}

static void write_layout(struct v4l2_format *f, const struct h264enc_layout *layout)
{
	struct v4l2_pix_format_mplane *mp = &f->fmt.pix_mp;
	struct v4l2_pix_format *pix = &f->fmt.pix;
	unsigned int i;

	if (V4L2_TYPE_IS_MULTIPLANAR(f->type)) {
		*mp = (struct v4l2_pix_format_mplane){
			.width = layout->width, .height = layout->height, .pixelformat = layout->format->fourcc,
			.field = V4L2_FIELD_NONE, .num_planes = layout->format->planes,
		};
		COPY_COLOUR(mp, layout);
		for (i = 0; i < layout->format->planes; i++) {
			mp->plane_fmt[i].sizeimage = layout->sizeimage[i];
			mp->plane_fmt[i].bytesperline = i ? h264enc_chroma_stride(layout) : layout->stride;
		}
		return;
	}
	*pix = (struct v4l2_pix_format){
		.width = layout->width, .height = layout->height, .pixelformat = layout->format->fourcc,
		.field = V4L2_FIELD_NONE, .bytesperline = layout->stride, .sizeimage = layout->sizeimage[0],
		.priv = V4L2_PIX_FMT_PRIV_MAGIC,
	};
	COPY_COLOUR(pix, layout);
}

/* The coded picture has the OUTPUT's size and colours; only the buffers' size is the client's to say. */
static void write_capture(struct v4l2_format *f, const struct h264enc_context *context, unsigned int size)
{
	const struct h264enc_layout *layout = &context->layout;
	struct v4l2_pix_format_mplane *mp = &f->fmt.pix_mp;
	struct v4l2_pix_format *pix = &f->fmt.pix;

	if (V4L2_TYPE_IS_MULTIPLANAR(f->type)) {
		*mp = (struct v4l2_pix_format_mplane){
			.width = layout->width, .height = layout->height, .pixelformat = V4L2_PIX_FMT_H264,
			.field = V4L2_FIELD_NONE, .num_planes = 1, .plane_fmt[0].sizeimage = size,
		};
		COPY_COLOUR(mp, layout);
		return;
	}
	*pix = (struct v4l2_pix_format){
		.width = layout->width, .height = layout->height, .pixelformat = V4L2_PIX_FMT_H264,
		.field = V4L2_FIELD_NONE, .sizeimage = size, .priv = V4L2_PIX_FMT_PRIV_MAGIC,
	};
	COPY_COLOUR(pix, layout);
}

static unsigned int wanted_size(const struct v4l2_format *f)
{
	return V4L2_TYPE_IS_MULTIPLANAR(f->type) ? f->fmt.pix_mp.plane_fmt[0].sizeimage : f->fmt.pix.sizeimage;
}

static int enum_capture(struct file *file, void *fh, struct v4l2_fmtdesc *description)
{
	if (description->index)
		return -EINVAL;
	description->pixelformat = V4L2_PIX_FMT_H264;
	return 0;
}

static int enum_output(struct file *file, void *fh, struct v4l2_fmtdesc *description)
{
	const struct h264enc_format *format = nth_format(h264enc_context_of(file)->device, description->index);

	if (!format)
		return -EINVAL;
	description->pixelformat = format->fourcc;
	return 0;
}

static int get_capture(struct file *file, void *fh, struct v4l2_format *f)
{
	struct h264enc_context *context = h264enc_context_of(file);

	write_capture(f, context, context->capture_size);
	return 0;
}

static int try_capture(struct file *file, void *fh, struct v4l2_format *f)
{
	struct h264enc_context *context = h264enc_context_of(file);

	write_capture(f, context, capture_size_for(context, wanted_size(f)));
	return 0;
}

static int set_capture(struct file *file, void *fh, struct v4l2_format *f)
{
	struct h264enc_context *context = h264enc_context_of(file);

	if (vb2_is_busy(v4l2_m2m_get_dst_vq(context->fh.m2m_ctx)))
		return -EBUSY;
	context->capture_size = capture_size_for(context, wanted_size(f));
	return get_capture(file, fh, f);
}

static int get_output(struct file *file, void *fh, struct v4l2_format *f)
{
	write_layout(f, &h264enc_context_of(file)->layout);
	return 0;
}

static void adjusted_from(struct h264enc_layout *layout, const struct h264enc_device *device,
			  const struct v4l2_format *f)
{
	u32 fourcc = read_layout(layout, f);

	adjust_layout(device, layout, fourcc);
}

static int try_output(struct file *file, void *fh, struct v4l2_format *f)
{
	struct h264enc_layout layout;

	adjusted_from(&layout, h264enc_context_of(file)->device, f);
	write_layout(f, &layout);
	return 0;
}

static int set_output(struct file *file, void *fh, struct v4l2_format *f)
{
	struct h264enc_context *context = h264enc_context_of(file);
	struct h264enc_layout layout;

	adjusted_from(&layout, context->device, f);
	if (vb2_is_busy(v4l2_m2m_get_src_vq(context->fh.m2m_ctx)))
		return -EBUSY;
	if (vb2_is_busy(v4l2_m2m_get_dst_vq(context->fh.m2m_ctx)) &&
	    h264_size_max(layout.width, layout.height) > context->capture_size)
		return -EBUSY;
	context->layout = layout;
	context->crop_width = layout.width;
	context->crop_height = layout.height;
	if (!vb2_is_busy(v4l2_m2m_get_dst_vq(context->fh.m2m_ctx)))
		context->capture_size = capture_size_for(context, context->capture_size);
	write_layout(f, &layout);
	return 0;
}

static int enum_framesizes(struct file *file, void *fh, struct v4l2_frmsizeenum *size)
{
	const struct h264enc_device *device = h264enc_context_of(file)->device;

	if (size->index || (size->pixel_format != V4L2_PIX_FMT_H264 && !find_format(device, size->pixel_format)))
		return -EINVAL;
	size->type = V4L2_FRMSIZE_TYPE_STEPWISE;
	size->stepwise = (struct v4l2_frmsize_stepwise){
		.min_width = SIDE_MIN, .max_width = SIDE_MAX, .step_width = SIDE_STEP,
		.min_height = SIDE_MIN, .max_height = SIDE_MAX, .step_height = SIDE_STEP,
	};
	return 0;
}

static int get_selection(struct file *file, void *fh, struct v4l2_selection *selection)
{
	struct h264enc_context *context = h264enc_context_of(file);

	if (!V4L2_TYPE_IS_OUTPUT(selection->type))
		return -EINVAL;
	switch (selection->target) {
	case V4L2_SEL_TGT_CROP:
		selection->r = (struct v4l2_rect){0, 0, context->crop_width, context->crop_height};
		return 0;
	case V4L2_SEL_TGT_CROP_DEFAULT:
	case V4L2_SEL_TGT_CROP_BOUNDS:
		selection->r = (struct v4l2_rect){0, 0, context->layout.width, context->layout.height};
		return 0;
	}
	return -EINVAL;
}

/* The corner is fixed, as with bcm2835-codec. */
static int set_selection(struct file *file, void *fh, struct v4l2_selection *selection)
{
	struct h264enc_context *context = h264enc_context_of(file);
	struct v4l2_rect *wanted = &selection->r;

	if (!V4L2_TYPE_IS_OUTPUT(selection->type) || selection->target != V4L2_SEL_TGT_CROP)
		return -EINVAL;
	if (vb2_is_streaming(v4l2_m2m_get_src_vq(context->fh.m2m_ctx)))
		return -EBUSY;
	context->crop_width = side(wanted->width, context->layout.width);
	context->crop_height = side(wanted->height, context->layout.height);
	*wanted = (struct v4l2_rect){0, 0, context->crop_width, context->crop_height};
	return 0;
}

static void write_parm(struct v4l2_streamparm *parm, const struct v4l2_fract *interval)
{
	memset(&parm->parm, 0, sizeof(parm->parm));
	parm->parm.output.capability = V4L2_CAP_TIMEPERFRAME;
	parm->parm.output.timeperframe = *interval;
}

static int get_parm(struct file *file, void *fh, struct v4l2_streamparm *parm)
{
	if (!V4L2_TYPE_IS_OUTPUT(parm->type))
		return -EINVAL;
	write_parm(parm, &h264enc_context_of(file)->interval);
	return 0;
}

static int set_parm(struct file *file, void *fh, struct v4l2_streamparm *parm)
{
	struct h264enc_context *context = h264enc_context_of(file);
	struct v4l2_fract wanted = parm->parm.output.timeperframe;

	if (!V4L2_TYPE_IS_OUTPUT(parm->type))
		return -EINVAL;
	if (!wanted.numerator || !wanted.denominator || wanted.denominator > INT_MAX)
		wanted = (struct v4l2_fract){1, 30};
	context->interval = wanted;
	write_parm(parm, &wanted);
	return 0;
}

static int query_capability(struct file *file, void *fh, struct v4l2_capability *capability)
{
	strscpy(capability->driver, H264ENC_NAME, sizeof(capability->driver));
	strscpy(capability->card, "Test H.264 encoder", sizeof(capability->card));
	return 0;
}

static const struct v4l2_ioctl_ops all_ioctls = {
	.vidioc_querycap = query_capability,
	.vidioc_enum_fmt_vid_cap = enum_capture,
	.vidioc_g_fmt_vid_cap = get_capture,
	.vidioc_try_fmt_vid_cap = try_capture,
	.vidioc_s_fmt_vid_cap = set_capture,
	.vidioc_g_fmt_vid_cap_mplane = get_capture,
	.vidioc_try_fmt_vid_cap_mplane = try_capture,
	.vidioc_s_fmt_vid_cap_mplane = set_capture,
	.vidioc_enum_fmt_vid_out = enum_output,
	.vidioc_g_fmt_vid_out = get_output,
	.vidioc_try_fmt_vid_out = try_output,
	.vidioc_s_fmt_vid_out = set_output,
	.vidioc_g_fmt_vid_out_mplane = get_output,
	.vidioc_try_fmt_vid_out_mplane = try_output,
	.vidioc_s_fmt_vid_out_mplane = set_output,
	.vidioc_enum_framesizes = enum_framesizes,
	.vidioc_g_selection = get_selection,
	.vidioc_s_selection = set_selection,
	.vidioc_g_parm = get_parm,
	.vidioc_s_parm = set_parm,
	.vidioc_reqbufs = v4l2_m2m_ioctl_reqbufs,
	.vidioc_create_bufs = v4l2_m2m_ioctl_create_bufs,
	.vidioc_prepare_buf = v4l2_m2m_ioctl_prepare_buf,
	.vidioc_querybuf = v4l2_m2m_ioctl_querybuf,
	.vidioc_qbuf = h264enc_qbuf,
	.vidioc_dqbuf = v4l2_m2m_ioctl_dqbuf,
	.vidioc_expbuf = v4l2_m2m_ioctl_expbuf,
	.vidioc_streamon = v4l2_m2m_ioctl_streamon,
	.vidioc_streamoff = v4l2_m2m_ioctl_streamoff,
	.vidioc_try_encoder_cmd = v4l2_m2m_ioctl_try_encoder_cmd,
	.vidioc_encoder_cmd = h264enc_encoder_cmd,
	.vidioc_subscribe_event = h264enc_subscribe_event,
	.vidioc_unsubscribe_event = v4l2_event_unsubscribe,
};

/* The core finds out which types of buffers there are by the functions that there are. */
void h264enc_init_ioctls(struct h264enc_device *device)
{
	struct v4l2_ioctl_ops *ioctls = &device->ioctls;

	*ioctls = all_ioctls;
	if (h264enc_is_multiplanar(device)) {
		ioctls->vidioc_g_fmt_vid_cap = ioctls->vidioc_try_fmt_vid_cap = ioctls->vidioc_s_fmt_vid_cap = NULL;
		ioctls->vidioc_g_fmt_vid_out = ioctls->vidioc_try_fmt_vid_out = ioctls->vidioc_s_fmt_vid_out = NULL;
	} else {
		ioctls->vidioc_g_fmt_vid_cap_mplane = NULL;
		ioctls->vidioc_try_fmt_vid_cap_mplane = NULL;
		ioctls->vidioc_s_fmt_vid_cap_mplane = NULL;
		ioctls->vidioc_g_fmt_vid_out_mplane = NULL;
		ioctls->vidioc_try_fmt_vid_out_mplane = NULL;
		ioctls->vidioc_s_fmt_vid_out_mplane = NULL;
	}
}
