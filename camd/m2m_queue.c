#include "camd/m2m_queue.h"

#include "camd/v4l2_node.h"
#include "common/util.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define US_PER_S 1000000

static bool is_multiplanar(const struct m2m_queue *queue)
{
	return V4L2_TYPE_IS_MULTIPLANAR(queue->type);
}

/* A v4l2_buffer for an ioctl, all zero but for what says which; planes is the room that multi-planar ones need. */
static struct v4l2_buffer blank(const struct m2m_queue *queue, int index, struct v4l2_plane planes[M2M_MAX_MEMORY])
{
	struct v4l2_buffer blank = {
		.type = queue->type, .memory = queue->memory, .index = (unsigned)index, .field = V4L2_FIELD_NONE,
	};

	memset(planes, 0, M2M_MAX_MEMORY * sizeof(*planes));
	if (is_multiplanar(queue)) {
		blank.m.planes = planes;
		blank.length = (unsigned)queue->n_memory;
	}
	return blank;
}

static int map(struct m2m_queue *queue, int index)
{
	struct v4l2_plane planes[M2M_MAX_MEMORY];
	struct v4l2_buffer request = blank(queue, index, planes);
	struct m2m_buffer *buffer = &queue->buffers[index];

	if (v4l2_node_ioctl(queue->fd, VIDIOC_QUERYBUF, &request))
		return errno;
	for (int m = 0; m < queue->n_memory; m++) {
		size_t length = is_multiplanar(queue) ? planes[m].length : request.length;
		off_t offset = is_multiplanar(queue) ? planes[m].m.mem_offset : request.m.offset;
		void *memory;

		if (length < queue->bytes[m])
			return EPROTO;
		memory = mmap(NULL, length, queue->output ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, queue->fd, offset);
		if (memory == MAP_FAILED)
			return errno;
		buffer->memory[m] = memory;
		buffer->lengths[m] = length;
	}
	return 0;
}

int m2m_queue_allocate(struct m2m_queue *queue, const struct m2m_device *device, bool output, unsigned memory,
		       const struct m2m_format *format, int n_wanted)
{
	struct v4l2_requestbuffers request = {
		.count = (unsigned)n_wanted, .type = m2m_device_type(device, output), .memory = memory,
	};
	int rc = 0;

	*queue = (struct m2m_queue){
		.fd = device->fd, .output = output, .type = request.type, .memory = memory, .n_memory = format->n_memory,
	};
	for (int m = 0; m < format->n_memory; m++)
		queue->bytes[m] = format->bytes[m];
	if (v4l2_node_ioctl(queue->fd, VIDIOC_REQBUFS, &request))
		return errno;
	queue->n_buffers = (int)MIN(request.count, M2M_MAX_BUFFERS);
	for (int i = 0; i < queue->n_buffers && memory == V4L2_MEMORY_MMAP && !rc; i++)
		rc = map(queue, i);
	if (!rc && !queue->n_buffers)
		rc = ENOMEM;
	if (rc)
		m2m_queue_free(queue);
	return rc;
}

void m2m_queue_free(struct m2m_queue *queue)
{
	struct v4l2_requestbuffers none = { .type = queue->type, .memory = queue->memory };

	if (!queue->n_buffers)
		return;
	m2m_queue_stream(queue, false);
	for (int i = 0; i < queue->n_buffers; i++)
		for (int m = 0; m < queue->n_memory; m++)
			if (queue->buffers[i].memory[m])
				munmap(queue->buffers[i].memory[m], queue->buffers[i].lengths[m]);
	memset(queue->buffers, 0, sizeof(queue->buffers));
	queue->n_buffers = 0;
	v4l2_node_ioctl(queue->fd, VIDIOC_REQBUFS, &none);
}

int m2m_queue_stream(struct m2m_queue *queue, bool on)
{
	int type = (int)queue->type;
	int rc = 0;

	if (on == queue->streaming)
		return 0;
	if (v4l2_node_ioctl(queue->fd, on ? VIDIOC_STREAMON : VIDIOC_STREAMOFF, &type))
		rc = errno;
	queue->streaming = on && !rc;
	if (queue->streaming)
		return 0;
	for (int i = 0; i < queue->n_buffers && !on; i++)
		queue->buffers[i].queued = false;
	if (!on)
		queue->n_queued = 0;
	return rc;
}

static int put(struct m2m_queue *queue, struct v4l2_buffer *buffer)
{
	if (v4l2_node_ioctl(queue->fd, VIDIOC_QBUF, buffer))
		return errno;
	queue->buffers[buffer->index].queued = true;
	queue->n_queued++;
	return 0;
}

int m2m_queue_put_raw(struct m2m_queue *queue, int index, int dmabuf, int64_t time_us)
{
	struct v4l2_plane planes[M2M_MAX_MEMORY];
	struct v4l2_buffer buffer = blank(queue, index, planes);

	buffer.timestamp.tv_sec = (time_t)(time_us / US_PER_S);
	buffer.timestamp.tv_usec = (suseconds_t)(time_us % US_PER_S);
	for (int m = 0; m < queue->n_memory; m++) {
		planes[m].bytesused = (unsigned)queue->bytes[m];
		planes[m].length = (unsigned)MAX(queue->buffers[index].lengths[m], queue->bytes[m]);
		if (queue->memory == V4L2_MEMORY_DMABUF)
			planes[m].m.fd = dmabuf;
	}
	if (!is_multiplanar(queue)) {
		buffer.bytesused = planes[0].bytesused;
		buffer.length = planes[0].length;
		if (queue->memory == V4L2_MEMORY_DMABUF)
			buffer.m.fd = dmabuf;
	}
	return put(queue, &buffer);
}

int m2m_queue_put_empty(struct m2m_queue *queue, int index)
{
	struct v4l2_plane planes[M2M_MAX_MEMORY];
	struct v4l2_buffer buffer = blank(queue, index, planes);

	return put(queue, &buffer);
}

/* False: bytes that are not in the buffer. */
static bool measure(const struct m2m_queue *queue, const struct v4l2_buffer *buffer, const struct v4l2_plane *planes,
		    struct m2m_done *done)
{
	size_t used = is_multiplanar(queue) ? planes[0].bytesused : buffer->bytesused;

	if (queue->output)
		return true;
	done->offset = is_multiplanar(queue) ? planes[0].data_offset : 0;
	if (used > queue->buffers[buffer->index].lengths[0] || done->offset > used)
		return false;
	done->bytes = used - done->offset;
	return true;
}

int m2m_queue_take(struct m2m_queue *queue, struct m2m_done *done)
{
	struct v4l2_plane planes[M2M_MAX_MEMORY];
	struct v4l2_buffer buffer = blank(queue, 0, planes);

	if (v4l2_node_ioctl(queue->fd, VIDIOC_DQBUF, &buffer))
		return errno;
	if (buffer.index >= (unsigned)queue->n_buffers || !queue->buffers[buffer.index].queued)
		return EPROTO;
	queue->buffers[buffer.index].queued = false;
	queue->n_queued--;
	*done = (struct m2m_done){
		.index = (int)buffer.index,
		.time_us = (int64_t)buffer.timestamp.tv_sec * US_PER_S + buffer.timestamp.tv_usec,
		.damaged = buffer.flags & V4L2_BUF_FLAG_ERROR,
		.last = buffer.flags & V4L2_BUF_FLAG_LAST,
		.key = buffer.flags & V4L2_BUF_FLAG_KEYFRAME,
	};
	return measure(queue, &buffer, planes, done) ? 0 : EPROTO;
}

int m2m_queue_find_free(const struct m2m_queue *queue)
{
	for (int i = 0; i < queue->n_buffers; i++)
		if (!queue->buffers[i].queued)
			return i;
	return -1;
}
