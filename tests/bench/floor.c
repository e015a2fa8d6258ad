/*
 * The least that recording a camera through an encoder can cost, for `peers` to hold the others against: one thread, no
 * poll(), seven system calls a frame, the camera's buffers given to the encoder as they are, the bare stream written to
 * a file. It notices no loss, knows no times, waits for each frame, and ends by a signal; nobody should record so.
 *
 *	floor CAMERA ENCODER WIDTH HEIGHT FRAMES/S BIT/S FILE
 */
#include <err.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define N_BUFFERS 4

struct port {
	int fd;
	unsigned type, memory;
	void *data[N_BUFFERS];
	int dmabuf[N_BUFFERS];
};

static void call(int fd, unsigned long request, void *argument, const char *name)
{
	if (ioctl(fd, request, argument))
		err(1, "%s", name);
}

static void set_format(const struct port *port, unsigned pixels, unsigned width, unsigned height, unsigned stride)
{
	struct v4l2_format format = { .type = port->type };

	if (port->type == V4L2_BUF_TYPE_VIDEO_CAPTURE) {
		format.fmt.pix = (struct v4l2_pix_format){
			.width = width, .height = height, .pixelformat = pixels, .bytesperline = stride,
		};
	} else {
		format.fmt.pix_mp = (struct v4l2_pix_format_mplane){
			.width = width, .height = height, .pixelformat = pixels, .num_planes = 1,
			.plane_fmt[0].bytesperline = stride,
		};
	}
	call(port->fd, VIDIOC_S_FMT, &format, "VIDIOC_S_FMT");
}

static struct v4l2_buffer make(const struct port *port, unsigned index, struct v4l2_plane *plane)
{
	struct v4l2_buffer buffer = { .type = port->type, .memory = port->memory, .index = index, .field = V4L2_FIELD_NONE };

	if (V4L2_TYPE_IS_MULTIPLANAR(port->type)) {
		memset(plane, 0, sizeof(*plane));
		buffer.m.planes = plane;
		buffer.length = 1;
	}
	return buffer;
}

static void put(const struct port *port, unsigned index, int dmabuf, unsigned bytes)
{
	struct v4l2_plane plane;
	struct v4l2_buffer buffer = make(port, index, &plane);

	if (port->memory == V4L2_MEMORY_DMABUF) {
		plane.m.fd = dmabuf;
		plane.bytesused = plane.length = bytes;
	}
	call(port->fd, VIDIOC_QBUF, &buffer, "VIDIOC_QBUF");
}

static unsigned take(const struct port *port, size_t *bytes)
{
	struct v4l2_plane plane;
	struct v4l2_buffer buffer = make(port, 0, &plane);

	call(port->fd, VIDIOC_DQBUF, &buffer, "VIDIOC_DQBUF");
	*bytes = V4L2_TYPE_IS_MULTIPLANAR(port->type) ? plane.bytesused : buffer.bytesused;
	return buffer.index;
}

static void allocate(const struct port *port)
{
	struct v4l2_requestbuffers request = { .type = port->type, .memory = port->memory, .count = N_BUFFERS };

	call(port->fd, VIDIOC_REQBUFS, &request, "VIDIOC_REQBUFS");
	if (request.count != N_BUFFERS)
		errx(1, "%u buffers instead of %d", request.count, N_BUFFERS);
}

static void start(const struct port *port)
{
	unsigned type = port->type;

	call(port->fd, VIDIOC_STREAMON, &type, "VIDIOC_STREAMON");
}

static void open_camera(struct port *camera, const char *path)
{
	*camera = (struct port){ .fd = open(path, O_RDWR), .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP };
	if (camera->fd < 0)
		err(1, "%s", path);
}

static void export_buffers(struct port *camera)
{
	for (unsigned i = 0; i < N_BUFFERS; i++) {
		struct v4l2_exportbuffer export = { .type = camera->type, .index = i, .flags = O_RDWR | O_CLOEXEC };

		call(camera->fd, VIDIOC_EXPBUF, &export, "VIDIOC_EXPBUF");
		camera->dmabuf[i] = export.fd;
		put(camera, i, -1, 0);
	}
}

static void map_buffers(struct port *coded)
{
	for (unsigned i = 0; i < N_BUFFERS; i++) {
		struct v4l2_plane plane;
		struct v4l2_buffer buffer = make(coded, i, &plane);

		call(coded->fd, VIDIOC_QUERYBUF, &buffer, "VIDIOC_QUERYBUF");
		coded->data[i] = mmap(NULL, plane.length, PROT_READ, MAP_SHARED, coded->fd, plane.m.mem_offset);
		if (coded->data[i] == MAP_FAILED)
			err(1, "mmap");
		put(coded, i, -1, 0);
	}
}

static void set_control(const struct port *port, unsigned id, int value)
{
	struct v4l2_ext_control control = { .id = id, .value = value };
	struct v4l2_ext_controls controls = { .count = 1, .controls = &control };

	call(port->fd, VIDIOC_S_EXT_CTRLS, &controls, "VIDIOC_S_EXT_CTRLS");
}

static void record(const struct port *camera, const struct port *raw, const struct port *coded, unsigned picture_bytes,
		   int file)
{
	size_t bytes;

	for (;;) {
		unsigned index = take(camera, &bytes), out;

		put(raw, index, camera->dmabuf[index], picture_bytes);
		out = take(coded, &bytes);
		if (write(file, coded->data[out], bytes) != (ssize_t)bytes)
			err(1, "write");
		put(coded, out, -1, 0);
		put(camera, take(raw, &bytes), -1, 0);
	}
}

static void open_encoder(struct port *raw, struct port *coded, const char *path)
{
	*raw = (struct port){
		.fd = open(path, O_RDWR), .type = V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE, .memory = V4L2_MEMORY_DMABUF,
	};
	if (raw->fd < 0)
		err(1, "%s", path);
	*coded = (struct port){ .fd = raw->fd, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE, .memory = V4L2_MEMORY_MMAP };
}

/* One stride for both: a multiple of 64, which the encoder's is, and the camera takes. */
static unsigned set_up(const struct port *camera, const struct port *raw, const struct port *coded, char **argv)
{
	unsigned width = (unsigned)atoi(argv[3]), height = (unsigned)atoi(argv[4]), stride = (width + 63) / 64 * 64;

	set_format(camera, V4L2_PIX_FMT_NV12, width, height, stride);
	set_format(coded, V4L2_PIX_FMT_H264, width, height, 0);
	set_format(raw, V4L2_PIX_FMT_NV12, width, height, stride);
	set_control(raw, V4L2_CID_MPEG_VIDEO_GOP_SIZE, atoi(argv[5]));
	set_control(raw, V4L2_CID_MPEG_VIDEO_H264_I_PERIOD, atoi(argv[5]));
	set_control(raw, V4L2_CID_MPEG_VIDEO_BITRATE, atoi(argv[6]));
	return stride * height * 3 / 2;
}

int main(int argc, char **argv)
{
	struct port camera, raw, coded;
	unsigned picture_bytes;
	int file;

	if (argc != 8)
		errx(2, "usage: floor CAMERA ENCODER WIDTH HEIGHT FRAMES/S BIT/S FILE");
	open_camera(&camera, argv[1]);
	open_encoder(&raw, &coded, argv[2]);
	file = open(argv[7], O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (file < 0)
		err(1, "%s", argv[7]);
	picture_bytes = set_up(&camera, &raw, &coded, argv);
	allocate(&camera);
	allocate(&raw);
	allocate(&coded);
	export_buffers(&camera);
	map_buffers(&coded);
	start(&raw);
	start(&coded);
	start(&camera);
	record(&camera, &raw, &coded, picture_bytes, file);
	return 0;
}
