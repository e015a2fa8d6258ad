#include "tests/kernel/h264enc/try/client.h"

#include "common/util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-heap.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PARAMETERS "/sys/module/h264enc/parameters/"

static char found_node[64];

static int call(const struct client *client, unsigned long request, void *argument)
{
	return ioctl(client->fd, request, argument) ? errno : 0;
}

long parameter_get(const char *name)
{
	char *path = xasprintf(PARAMETERS "%s", name);
	FILE *file = fopen(path, "r");
	long value = -1;

	if (file) {
		if (fscanf(file, "%ld", &value) != 1)
			value = -1;
		fclose(file);
	}
	free(path);
	return value;
}

int parameter_set(const char *name, long value)
{
	char *path = xasprintf(PARAMETERS "%s", name);
	int fd = open(path, O_WRONLY | O_CLOEXEC), error = 0;

	if (fd < 0 || dprintf(fd, "%ld", value) < 0)
		error = errno;
	if (fd >= 0)
		close(fd);
	free(path);
	return error;
}

static bool is_encoder(const char *name)
{
	char *path = xasprintf("/sys/class/video4linux/%s/name", name), line[64] = "";
	FILE *file = fopen(path, "r");

	if (file) {
		if (!fgets(line, sizeof(line), file))
			line[0] = '\0';
		fclose(file);
	}
	free(path);
	return strcmp(line, "h264enc\n") == 0;
}

const char *client_node(void)
{
	DIR *directory = opendir("/sys/class/video4linux");
	const struct dirent *entry;
	bool found = false;

	while (directory && !found && (entry = readdir(directory)))
		if (entry->d_name[0] == 'v' && strlen(entry->d_name) < 32 && is_encoder(entry->d_name)) {
			snprintf(found_node, sizeof(found_node), "/dev/%.32s", entry->d_name);
			found = true;
		}
	if (directory)
		closedir(directory);
	return found ? found_node : NULL;
}

int client_open(struct client *client)
{
	const char *node = client_node();
	struct v4l2_capability capability = {0};

	memset(client, 0, sizeof(*client));
	client->fd = node ? open(node, O_RDWR | O_NONBLOCK | O_CLOEXEC) : -1;
	if (client->fd < 0)
		return node ? errno : ENOENT;
	if (call(client, VIDIOC_QUERYCAP, &capability))
		return errno;
	client->multi = capability.device_caps & V4L2_CAP_VIDEO_M2M_MPLANE;
	return 0;
}

static void drop_plane(struct client_plane *plane)
{
	if (plane->data)
		munmap(plane->data, plane->size);
	if (plane->dmabuf > 0)
		close(plane->dmabuf);
	memset(plane, 0, sizeof(*plane));
}

static void drop_planes(struct client *client)
{
	for (unsigned i = 0; i < CLIENT_BUFFERS; i++) {
		for (unsigned k = 0; k < 3; k++)
			drop_plane(&client->output[i][k]);
		drop_plane(&client->capture[i]);
		client->busy[i] = false;
	}
}

void client_close(struct client *client)
{
	drop_planes(client);
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
}

static uint32_t type_of(const struct client *client, bool output)
{
	if (client->multi)
		return output ? V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE : V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
	return output ? V4L2_BUF_TYPE_VIDEO_OUTPUT : V4L2_BUF_TYPE_VIDEO_CAPTURE;
}

static int set_capture(struct client *client)
{
	struct v4l2_format format = {.type = type_of(client, false)};

	if (client->multi)
		format.fmt.pix_mp.pixelformat = V4L2_PIX_FMT_H264;
	else
		format.fmt.pix.pixelformat = V4L2_PIX_FMT_H264;
	return call(client, VIDIOC_S_FMT, &format);
}

/* It grows with the picture, which is set later. */
static int get_capture(struct client *client)
{
	struct v4l2_format format = {.type = type_of(client, false)};
	int error = call(client, VIDIOC_G_FMT, &format);

	client->capture_size = client->multi ? format.fmt.pix_mp.plane_fmt[0].sizeimage : format.fmt.pix.sizeimage;
	return error;
}

static void read_output(struct client *client, const struct v4l2_format *format)
{
	const struct v4l2_pix_format_mplane *mp = &format->fmt.pix_mp;
	const struct v4l2_pix_format *pix = &format->fmt.pix;
	struct shape *shape = &client->shape;

	shape->fourcc = client->multi ? mp->pixelformat : pix->pixelformat;
	shape->width = client->multi ? mp->width : pix->width;
	shape->height = client->multi ? mp->height : pix->height;
	shape->stride = client->multi ? mp->plane_fmt[0].bytesperline : pix->bytesperline;
	client->planes = client->multi ? mp->num_planes : 1;
	for (unsigned i = 0; i < client->planes; i++)
		client->plane_size[i] = client->multi ? mp->plane_fmt[i].sizeimage : pix->sizeimage;
}

static int set_output(struct client *client)
{
	const struct shape *shape = &client->shape;
	struct v4l2_format format = {.type = type_of(client, true)};
	int error;

	if (client->multi) {
		format.fmt.pix_mp.pixelformat = shape->fourcc;
		format.fmt.pix_mp.width = shape->width;
		format.fmt.pix_mp.height = shape->height;
		format.fmt.pix_mp.plane_fmt[0].bytesperline = shape->stride;
	} else {
		format.fmt.pix.pixelformat = shape->fourcc;
		format.fmt.pix.width = shape->width;
		format.fmt.pix.height = shape->height;
		format.fmt.pix.bytesperline = shape->stride;
	}
	error = call(client, VIDIOC_S_FMT, &format);
	if (!error)
		read_output(client, &format);
	return error;
}

/* The type is that of the single-planar API with either: the kernel takes it so. */
static int set_crop(struct client *client)
{
	struct shape *shape = &client->shape;
	struct v4l2_selection selection = {.type = V4L2_BUF_TYPE_VIDEO_OUTPUT, .target = V4L2_SEL_TGT_CROP};
	int error;

	if (!shape->crop_width) {
		shape->crop_width = shape->width;
		shape->crop_height = shape->height;
		return 0;
	}
	selection.r.width = shape->crop_width;
	selection.r.height = shape->crop_height;
	error = call(client, VIDIOC_S_SELECTION, &selection);
	shape->crop_width = selection.r.width;
	shape->crop_height = selection.r.height;
	return error;
}

static int request_buffers(struct client *client, bool output, unsigned count)
{
	bool imported = output && client->shape.imported;
	struct v4l2_requestbuffers request = {
		.type = type_of(client, output), .count = count,
		.memory = imported ? V4L2_MEMORY_DMABUF : V4L2_MEMORY_MMAP,
	};

	return call(client, VIDIOC_REQBUFS, &request);
}

static int map_plane(struct client_plane *plane, int fd, off_t offset, size_t size)
{
	void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);

	if (data == MAP_FAILED)
		return errno;
	plane->data = data;
	plane->size = size;
	return 0;
}

static int map_buffer(struct client *client, bool output, unsigned index, struct client_plane *planes)
{
	struct v4l2_plane described[3] = {0};
	struct v4l2_buffer buffer = {.type = type_of(client, output), .memory = V4L2_MEMORY_MMAP, .index = index};
	unsigned count = output ? client->planes : 1;
	int error;

	if (client->multi) {
		buffer.m.planes = described;
		buffer.length = 3;
	}
	error = call(client, VIDIOC_QUERYBUF, &buffer);
	for (unsigned i = 0; i < count && !error; i++)
		if (client->multi)
			error = map_plane(&planes[i], client->fd, described[i].m.mem_offset, described[i].length);
		else
			error = map_plane(&planes[i], client->fd, buffer.m.offset, buffer.length);
	return error;
}

static int allocate_plane(struct client_plane *plane, int heap, size_t size)
{
	struct dma_heap_allocation_data data = {.len = size, .fd_flags = O_RDWR | O_CLOEXEC};

	if (ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data))
		return errno;
	plane->dmabuf = (int)data.fd;
	return map_plane(plane, plane->dmabuf, 0, size);
}

static int allocate_output(struct client *client, unsigned index)
{
	int heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC), error = heap < 0 ? errno : 0;

	for (unsigned i = 0; i < client->planes && !error; i++)
		error = allocate_plane(&client->output[index][i], heap, client->plane_size[i]);
	if (heap >= 0)
		close(heap);
	return error;
}

static int make_buffers(struct client *client)
{
	const struct shape *shape = &client->shape;
	int error = request_buffers(client, true, shape->outputs);

	if (!error)
		error = request_buffers(client, false, shape->captures);
	for (unsigned i = 0; i < shape->outputs && !error; i++)
		error = shape->imported ? allocate_output(client, i) : map_buffer(client, true, i, client->output[i]);
	for (unsigned i = 0; i < shape->captures && !error; i++)
		error = map_buffer(client, false, i, &client->capture[i]);
	for (unsigned i = 0; i < shape->captures && !error; i++)
		error = client_queue_capture(client, i);
	return error;
}

int client_configure(struct client *client, const struct shape *shape)
{
	int error;

	client->shape = *shape;
	if (!shape->outputs)
		client->shape.outputs = 4;
	if (!shape->captures)
		client->shape.captures = 4;
	error = set_capture(client);
	if (!error)
		error = set_output(client);
	if (!error)
		error = get_capture(client);
	if (!error)
		error = set_crop(client);
	if (!error)
		error = make_buffers(client);
	return error;
}

int client_set_format_again(struct client *client, bool output)
{
	struct v4l2_format format = {.type = type_of(client, output)};
	int error = call(client, VIDIOC_G_FMT, &format);

	return error ? error : call(client, VIDIOC_S_FMT, &format);
}

int client_release_buffers(struct client *client)
{
	int error;

	drop_planes(client);
	error = request_buffers(client, true, 0);
	return error ? error : request_buffers(client, false, 0);
}

int client_control(struct client *client, uint32_t id, int value)
{
	struct v4l2_control control = {.id = id, .value = value};

	return call(client, VIDIOC_S_CTRL, &control);
}

int client_frame_rate(struct client *client, unsigned numerator, unsigned denominator)
{
	struct v4l2_streamparm parm = {.type = type_of(client, true)};

	parm.parm.output.timeperframe = (struct v4l2_fract){denominator, numerator};
	return call(client, VIDIOC_S_PARM, &parm);
}

int client_streaming(struct client *client, bool on, bool output, bool capture)
{
	uint32_t types[] = {type_of(client, true), type_of(client, false)};
	unsigned long request = on ? VIDIOC_STREAMON : VIDIOC_STREAMOFF;
	int error = output ? call(client, request, &types[0]) : 0;

	if (!error && capture)
		error = call(client, request, &types[1]);
	if (!on && output)
		memset(client->busy, 0, sizeof(client->busy));
	return error;
}

int client_command(struct client *client, uint32_t command)
{
	struct v4l2_encoder_cmd encoder = {.cmd = command};

	return call(client, VIDIOC_ENCODER_CMD, &encoder);
}

int client_free_output(const struct client *client)
{
	for (unsigned i = 0; i < client->shape.outputs; i++)
		if (!client->busy[i])
			return (int)i;
	return -1;
}

static void describe_output(const struct client *client, struct v4l2_buffer *buffer, struct v4l2_plane *planes)
{
	const struct client_plane *output = client->output[buffer->index];

	if (!client->multi) {
		buffer->bytesused = (uint32_t)client->plane_size[0];
		buffer->length = (uint32_t)client->plane_size[0];
		if (client->shape.imported)
			buffer->m.fd = output[0].dmabuf;
		return;
	}
	buffer->m.planes = planes;
	buffer->length = client->planes;
	for (unsigned i = 0; i < client->planes; i++) {
		planes[i].bytesused = planes[i].length = (uint32_t)client->plane_size[i];
		if (client->shape.imported)
			planes[i].m.fd = output[i].dmabuf;
	}
}

int client_put(struct client *client, int index, uint64_t time_us)
{
	struct v4l2_plane planes[3] = {0};
	struct v4l2_buffer buffer = {
		.type = type_of(client, true), .index = (uint32_t)index, .field = V4L2_FIELD_NONE,
		.memory = client->shape.imported ? V4L2_MEMORY_DMABUF : V4L2_MEMORY_MMAP,
		.timestamp = {(time_t)(time_us / 1000000), (suseconds_t)(time_us % 1000000)},
	};
	int error;

	describe_output(client, &buffer, planes);
	error = call(client, VIDIOC_QBUF, &buffer);
	if (!error)
		client->busy[index] = true;
	return error;
}

static int dequeue(const struct client *client, bool output, struct v4l2_buffer *buffer, struct v4l2_plane *planes)
{
	buffer->type = type_of(client, output);
	buffer->memory = output && client->shape.imported ? V4L2_MEMORY_DMABUF : V4L2_MEMORY_MMAP;
	if (client->multi) {
		buffer->m.planes = planes;
		buffer->length = 3;
	}
	return call(client, VIDIOC_DQBUF, buffer);
}

int client_take_output(struct client *client)
{
	struct v4l2_plane planes[3] = {0};
	struct v4l2_buffer buffer = {0};
	int error = dequeue(client, true, &buffer, planes);

	if (error)
		return -error;
	client->busy[buffer.index] = false;
	return (int)buffer.index;
}

int client_queue_capture(struct client *client, unsigned index)
{
	struct v4l2_plane planes[1] = {0};
	struct v4l2_buffer buffer = {.type = type_of(client, false), .memory = V4L2_MEMORY_MMAP, .index = index};

	if (client->multi) {
		buffer.m.planes = planes;
		buffer.length = 1;
	}
	return call(client, VIDIOC_QBUF, &buffer);
}

int client_take(struct client *client, struct coded *coded)
{
	static uint8_t copy[8 << 20];
	struct v4l2_plane planes[3] = {0};
	struct v4l2_buffer buffer = {0};
	int error = dequeue(client, false, &buffer, planes);

	if (error)
		return error;
	*coded = (struct coded){
		.data = copy, .size = client->multi ? planes[0].bytesused : buffer.bytesused, .flags = buffer.flags,
		.sequence = buffer.sequence,
		.time_us = (uint64_t)buffer.timestamp.tv_sec * 1000000 + (uint64_t)buffer.timestamp.tv_usec,
	};
	memcpy(copy, client->capture[buffer.index].data, coded->size);
	return buffer.flags & V4L2_BUF_FLAG_LAST ? 0 : client_queue_capture(client, buffer.index);
}

int client_poll(struct client *client, int events, int timeout_ms)
{
	struct pollfd fd = {.fd = client->fd, .events = (short)events};

	return poll(&fd, 1, timeout_ms) > 0 ? fd.revents : 0;
}
