#include "camd/v4l2_convert.h"

#include "camd/pool.h"
#include "common/util.h"

#include <stdlib.h>
#include <string.h>

#ifdef CAMD_LIBV4L

#include <libv4lconvert.h>
#include <libyuv.h>

#define N_FRAMES 8

struct v4l2_convert {
	struct v4lconvert_data *library;
	struct v4l2_format from, to;
	struct pool *pool;
	uint8_t *packed;		/* its planes without padding, as the library has them */
	size_t packed_bytes;
	uint8_t *coded;			/* a compressed picture with zeroes behind; NULL for others */
	size_t coded_bytes, zero_bytes;
};

bool v4l2_convert_is_built_in(void)
{
	return true;
}

static void describe(struct v4l2_convert *convert, const struct v4l2_mode *mode)
{
	convert->from.type = convert->to.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	convert->from.fmt.pix = mode->raw;
	convert->to.fmt.pix = (struct v4l2_pix_format){
		.width = (uint32_t)mode->format.width,
		.height = (uint32_t)mode->format.height,
		.pixelformat = V4L2_PIX_FMT_YUV420,
		.bytesperline = (uint32_t)mode->format.width,
		.sizeimage = (uint32_t)(mode->format.width * mode->format.height * 3 / 2),
	};
	convert->packed_bytes = convert->to.fmt.pix.sizeimage;
	convert->packed = xcalloc(1, convert->packed_bytes);
	if (mode->raw_bits)
		return;
	/* some of its decoders don't know where the data end; no code takes more than 4 bytes a pixel */
	convert->coded_bytes = mode->raw.sizeimage;
	convert->zero_bytes = (size_t)mode->raw.width * mode->raw.height * 4 + 4096;
	convert->coded = xcalloc(1, convert->coded_bytes + convert->zero_bytes);
}

static bool decode(struct v4l2_convert *convert, const uint8_t *data, size_t bytes)
{
	/* it only reads, but its declaration is old */
	uint8_t *from = (uint8_t *)(uintptr_t)data;

	if (convert->coded) {
		bytes = MIN(bytes, convert->coded_bytes);
		from = memcpy(convert->coded, data, bytes);
		memset(convert->coded + bytes, 0, convert->zero_bytes);
	}
	return v4lconvert_convert(convert->library, &convert->from, &convert->to, from, (int)bytes, convert->packed,
				  (int)convert->packed_bytes) >= 0;
}

/* Whether the library, whatever its version, knows this format: it says so at the first picture only. */
static bool knows_format(struct v4l2_convert *convert)
{
	uint8_t *nothing = xcalloc(1, convert->from.fmt.pix.sizeimage);
	bool done = decode(convert, nothing, convert->from.fmt.pix.sizeimage);

	free(nothing);
	return done || !strstr(v4lconvert_get_error_message(convert->library), "Unknown src format");
}

struct v4l2_convert *v4l2_convert_create(const struct v4l2_node *node, const struct v4l2_mode *mode, struct error *err)
{
	struct v4l2_convert *convert = xcalloc(1, sizeof(*convert));

	describe(convert, mode);
	convert->library = v4lconvert_create(node->fd);
	if (convert->library && knows_format(convert)) {
		convert->pool = pool_create(&mode->format, N_FRAMES, 0);
		return convert;
	}
	error_set(err, ERR_UNSUPPORTED, "camera %s: libv4l can't convert its format %.4s", node->path, (const char *)&mode->fourcc);
	v4l2_convert_destroy(convert);
	return NULL;
}

void v4l2_convert_destroy(struct v4l2_convert *convert)
{
	if (!convert)
		return;
	v4lconvert_destroy(convert->library);
	pool_close(convert->pool);
	free(convert->packed);
	free(convert->coded);
	free(convert);
}

int v4l2_convert_n_frames(const struct v4l2_convert *convert)
{
	(void)convert;
	return N_FRAMES;
}

static void unpack(const struct v4l2_convert *convert, struct frame *to)
{
	int width = to->format.width, height = to->format.height;
	const uint8_t *y = convert->packed, *u = y + (size_t)width * height, *v = u + (size_t)width * height / 4;
	const struct plane *out = to->planes;

	I420Copy(y, width, u, width / 2, v, width / 2, out[0].data, out[0].stride, out[1].data, out[1].stride, out[2].data,
		 out[2].stride, width, height);
}

struct frame *v4l2_convert_run(struct v4l2_convert *convert, const uint8_t *data, size_t bytes, bool *damaged)
{
	struct frame *frame = pool_take(convert->pool);

	*damaged = false;
	if (!frame)
		return NULL;
	if (!decode(convert, data, bytes)) {
		*damaged = true;
		frame_unref(frame);
		return NULL;
	}
	unpack(convert, frame);
	return frame;
}

#else

bool v4l2_convert_is_built_in(void)
{
	return false;
}

struct v4l2_convert *v4l2_convert_create(const struct v4l2_node *node, const struct v4l2_mode *mode, struct error *err)
{
	error_set(err, ERR_UNSUPPORTED, "camera %s: this camd was built without libv4l, which its format %.4s needs", node->path,
		  (const char *)&mode->fourcc);
	return NULL;
}

void v4l2_convert_destroy(struct v4l2_convert *convert)
{
	(void)convert;
}

int v4l2_convert_n_frames(const struct v4l2_convert *convert)
{
	(void)convert;
	return 0;
}

struct frame *v4l2_convert_run(struct v4l2_convert *convert, const uint8_t *data, size_t bytes, bool *damaged)
{
	(void)convert;
	(void)data;
	(void)bytes;
	*damaged = true;
	return NULL;
}

#endif
