#include "camd/m2m_device.h"

#include "camd/v4l2_node.h"
#include "common/util.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NODES "/sys/class/video4linux"
#define MAX_FORMATS 256		/* that are looked at; a driver that never ends its list is none */
#define NODE_PREFIX 5		/* "video" */

unsigned m2m_device_type(const struct m2m_device *device, bool output)
{
	if (output)
		return device->multiplanar ? V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE : V4L2_BUF_TYPE_VIDEO_OUTPUT;
	return device->multiplanar ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE : V4L2_BUF_TYPE_VIDEO_CAPTURE;
}

bool m2m_device_offers(const struct m2m_device *device, bool output, unsigned fourcc)
{
	struct v4l2_fmtdesc description = { .type = m2m_device_type(device, output) };

	for (; description.index < MAX_FORMATS; description.index++) {
		if (v4l2_node_ioctl(device->fd, VIDIOC_ENUM_FMT, &description))
			return false;
		if (description.pixelformat == fourcc)
			return true;
	}
	return false;
}

/* Whether the coded format comes out as such: a decoder has it among what goes in. */
static bool gives_coded(const struct m2m_device *device, unsigned coded)
{
	struct v4l2_fmtdesc description = { .type = m2m_device_type(device, false) };

	for (; description.index < MAX_FORMATS; description.index++) {
		if (v4l2_node_ioctl(device->fd, VIDIOC_ENUM_FMT, &description))
			return false;
		if (description.pixelformat == coded)
			return description.flags & V4L2_FMT_FLAG_COMPRESSED;
	}
	return false;
}

static bool takes_raw(const struct m2m_device *device)
{
	struct v4l2_fmtdesc description = { .type = m2m_device_type(device, true) };

	for (; description.index < MAX_FORMATS; description.index++) {
		if (v4l2_node_ioctl(device->fd, VIDIOC_ENUM_FMT, &description))
			return false;
		if (!(description.flags & V4L2_FMT_FLAG_COMPRESSED))
			return true;
	}
	return false;
}

/* Drivers older than the capability bits for codecs say that they capture and that they output. */
static bool is_m2m(unsigned caps, bool *multiplanar)
{
	const unsigned pair = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_VIDEO_OUTPUT;
	const unsigned pair_mplane = V4L2_CAP_VIDEO_CAPTURE_MPLANE | V4L2_CAP_VIDEO_OUTPUT_MPLANE;

	*multiplanar = caps & V4L2_CAP_VIDEO_M2M_MPLANE || (caps & pair_mplane) == pair_mplane;
	return caps & V4L2_CAP_STREAMING && (*multiplanar || caps & V4L2_CAP_VIDEO_M2M || (caps & pair) == pair);
}

/* NULL: an encoder of that format; otherwise why it is none. */
static const char *query(struct m2m_device *device, unsigned coded)
{
	struct v4l2_capability cap = { 0 };
	unsigned caps;

	if (v4l2_node_ioctl(device->fd, VIDIOC_QUERYCAP, &cap))
		return errno == ENODEV ? "it is gone" : "not a video device";
	caps = cap.capabilities & V4L2_CAP_DEVICE_CAPS ? cap.device_caps : cap.capabilities;
	snprintf(device->name, sizeof(device->name), "%.16s", (const char *)cap.driver);
	if (!*device->name)
		snprintf(device->name, sizeof(device->name), "%.32s", (const char *)cap.card);
	if (!is_m2m(caps, &device->multiplanar))
		return "not a codec";
	if (!gives_coded(device, coded))
		return "it doesn't encode what is wanted";
	/* what goes in may depend on what is to come out, but there is something at any rate */
	return takes_raw(device) ? NULL : "it takes no raw pictures";
}

static bool fail_open(const char *path, int number, struct error *err)
{
	switch (number) {
	case EACCES:
	case EPERM:
		return error_set(err, ERR_PERMISSION_DENIED, "encoder %s: no permission: " ERROR_JOIN_VIDEO, path);
	case ENOENT:
	case ENXIO:
	case ENODEV:
		return error_set(err, ERR_NOT_FOUND, "encoder %s: there is no such device", path);
	default:
		error_set_errno(err, number, "encoder %s can't be opened", path);
		if (err)
			err->code = ERR_ENCODER_FAILED;
		return false;
	}
}

bool m2m_device_open(struct m2m_device *device, const char *path, unsigned coded, struct error *err)
{
	const char *reason;

	*device = (struct m2m_device){ .fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY) };
	snprintf(device->path, sizeof(device->path), "%s", path);
	if (device->fd < 0)
		return fail_open(path, errno, err);
	reason = query(device, coded);
	if (!reason)
		return true;
	m2m_device_close(device);
	return error_set(err, ERR_UNSUPPORTED, "encoder %s: %s", path, reason);
}

void m2m_device_close(struct m2m_device *device)
{
	if (device->fd >= 0)
		close(device->fd);
	device->fd = -1;
}

/* "videoN" only, without the directory's other names. */
static int is_video_node(const struct dirent *entry)
{
	return !strncmp(entry->d_name, "video", NODE_PREFIX) && isdigit((unsigned char)entry->d_name[NODE_PREFIX]) &&
	       strlen(entry->d_name) < 16;
}

static int compare_numbers(const struct dirent **a, const struct dirent **b)
{
	return atoi((*a)->d_name + NODE_PREFIX) - atoi((*b)->d_name + NODE_PREFIX);
}

size_t m2m_device_find(unsigned coded, char ***paths, size_t *n_denied)
{
	struct dirent **entries = NULL;
	int n_entries = scandir(NODES, &entries, is_video_node, compare_numbers);
	size_t n = 0, denied = 0;

	*paths = xcalloc((size_t)MAX(n_entries, 1), sizeof(**paths));
	for (int i = 0; i < n_entries; i++) {
		struct m2m_device device;
		struct error err = { 0 };
		char *path = xasprintf("/dev/%s", entries[i]->d_name);

		if (m2m_device_open(&device, path, coded, &err)) {
			m2m_device_close(&device);
			(*paths)[n++] = path;
			path = NULL;
		}
		denied += err.code == ERR_PERMISSION_DENIED;
		free(path);
		free(entries[i]);
	}
	free(entries);
	if (n_denied)
		*n_denied = denied;
	return n;
}

static bool fits_stepwise(const struct v4l2_frmsize_stepwise *range, int width, int height)
{
	unsigned w = (unsigned)width, h = (unsigned)height;

	/* steps are left to S_FMT, which may pad */
	return w >= range->min_width && w <= range->max_width && h >= range->min_height && h <= range->max_height;
}

bool m2m_device_refuses_size(const struct m2m_device *device, unsigned fourcc, int width, int height)
{
	struct v4l2_frmsizeenum size = { .pixel_format = fourcc };

	for (; size.index < MAX_FORMATS; size.index++) {
		if (v4l2_node_ioctl(device->fd, VIDIOC_ENUM_FRAMESIZES, &size))
			return size.index > 0;
		if (size.type != V4L2_FRMSIZE_TYPE_DISCRETE)
			return !fits_stepwise(&size.stepwise, width, height);
		if (size.discrete.width >= (unsigned)width && size.discrete.height >= (unsigned)height)
			return false;
	}
	return true;
}

/* camd's colour in V4L2's words; 0 leaves a thing to the driver. Some drivers write it into the stream. */
static uint32_t colorspace_of(const struct colour *colour)
{
	switch (colour->primaries) {
	case 1:
		return colour->transfer == 13 ? V4L2_COLORSPACE_SRGB : V4L2_COLORSPACE_REC709;
	case 5:
		return V4L2_COLORSPACE_470_SYSTEM_BG;
	case 6:
		return V4L2_COLORSPACE_SMPTE170M;
	case 9:
		return V4L2_COLORSPACE_BT2020;
	default:
		return V4L2_COLORSPACE_DEFAULT;
	}
}

static uint32_t transfer_of(const struct colour *colour)
{
	switch (colour->transfer) {
	case 1:
	case 6:
		return V4L2_XFER_FUNC_709;
	case 13:
		return V4L2_XFER_FUNC_SRGB;
	default:
		return V4L2_XFER_FUNC_DEFAULT;
	}
}

static uint32_t matrix_of(const struct colour *colour)
{
	switch (colour->matrix) {
	case 1:
		return V4L2_YCBCR_ENC_709;
	case 5:
	case 6:
		return V4L2_YCBCR_ENC_601;
	case 9:
		return V4L2_YCBCR_ENC_BT2020;
	default:
		return V4L2_YCBCR_ENC_DEFAULT;
	}
}

static uint32_t range_of(const struct colour *colour)
{
	return colour->full_range ? V4L2_QUANTIZATION_FULL_RANGE : V4L2_QUANTIZATION_LIM_RANGE;
}

static void write_format(struct v4l2_format *to, const struct m2m_format *format, bool multiplanar)
{
	struct v4l2_pix_format_mplane *mp = &to->fmt.pix_mp;
	struct v4l2_pix_format *pix = &to->fmt.pix;

	if (!multiplanar) {
		*pix = (struct v4l2_pix_format){
			.width = (unsigned)format->width, .height = (unsigned)format->height, .pixelformat = format->fourcc,
			.field = V4L2_FIELD_NONE, .bytesperline = format->strides[0],
			.sizeimage = (unsigned)format->bytes[0], .priv = V4L2_PIX_FMT_PRIV_MAGIC,
			.colorspace = colorspace_of(&format->colour), .xfer_func = transfer_of(&format->colour),
			.ycbcr_enc = matrix_of(&format->colour), .quantization = range_of(&format->colour),
		};
		return;
	}
	*mp = (struct v4l2_pix_format_mplane){
		.width = (unsigned)format->width, .height = (unsigned)format->height, .pixelformat = format->fourcc,
		.field = V4L2_FIELD_NONE, .num_planes = (uint8_t)format->n_memory,
		.colorspace = colorspace_of(&format->colour), .xfer_func = (uint8_t)transfer_of(&format->colour),
		.ycbcr_enc = (uint8_t)matrix_of(&format->colour), .quantization = (uint8_t)range_of(&format->colour),
	};
	for (int i = 0; i < format->n_memory; i++) {
		mp->plane_fmt[i].bytesperline = format->strides[i];
		mp->plane_fmt[i].sizeimage = (unsigned)format->bytes[i];
	}
}

/* False: sizes that no picture has. */
static bool read_format(struct m2m_format *format, const struct v4l2_format *from, bool multiplanar)
{
	const struct v4l2_pix_format_mplane *mp = &from->fmt.pix_mp;
	const struct v4l2_pix_format *pix = &from->fmt.pix;

	format->fourcc = multiplanar ? mp->pixelformat : pix->pixelformat;
	format->width = (int)MIN(multiplanar ? mp->width : pix->width, INT16_MAX);
	format->height = (int)MIN(multiplanar ? mp->height : pix->height, INT16_MAX);
	format->n_memory = multiplanar ? mp->num_planes : 1;
	errno = EINVAL;
	if (format->n_memory < 1 || format->n_memory > M2M_MAX_MEMORY)
		return false;
	for (int i = 0; i < format->n_memory; i++) {
		format->strides[i] = multiplanar ? mp->plane_fmt[i].bytesperline : pix->bytesperline;
		format->bytes[i] = multiplanar ? mp->plane_fmt[i].sizeimage : pix->sizeimage;
		if (format->strides[i] > INT16_MAX * 4 || format->bytes[i] > INT32_MAX)
			return false;
	}
	return true;
}

bool m2m_device_set_format(const struct m2m_device *device, bool output, struct m2m_format *format)
{
	struct v4l2_format request = { .type = m2m_device_type(device, output) };

	write_format(&request, format, device->multiplanar);
	return !v4l2_node_ioctl(device->fd, VIDIOC_S_FMT, &request) && read_format(format, &request, device->multiplanar);
}

bool m2m_device_get_format(const struct m2m_device *device, bool output, struct m2m_format *format)
{
	struct v4l2_format request = { .type = m2m_device_type(device, output) };

	return !v4l2_node_ioctl(device->fd, VIDIOC_G_FMT, &request) && read_format(format, &request, device->multiplanar);
}
