#include "camd/v4l2_buffers.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define N_WANTED 8		/* a driver may keep three, an encoder and its queue as many */
#define N_LEAST 2

enum buffer_state {
	BUFFER_IDLE,		/* ours: to be queued */
	BUFFER_QUEUED,		/* the driver's */
	BUFFER_HELD,		/* somebody's frame */
};

struct buffer {
	struct frame frame;
	enum buffer_state state;
	int64_t queued_ns;
	void *memory[V4L2_MODE_MAX_MEMORY];	/* NULL as long as it is not mapped */
	size_t lengths[V4L2_MODE_MAX_MEMORY];
	off_t places[V4L2_MODE_MAX_MEMORY];	/* for mmap() */
	int dmabufs[V4L2_MODE_MAX_MEMORY];	/* the same memory for other devices; -1: the driver can't */
};

struct v4l2_buffers {
	pthread_mutex_t lock;		/* for all that changes below */
	int references;			/* the source's, and one a frame that is held */
	int fd;				/* -1 once closed */
	int wake_fd;
	unsigned type;
	struct v4l2_mode mode;
	unsigned flags;			/* of the driver's buffers: what clock it stamps with */
	bool streaming;
	bool not_exported;		/* some buffer has no dmabuf */
	bool refused;			/* the driver has not taken one, and that was logged */
	char *camera;			/* its node's path, for the log */
	int n_queued;
	int n_items;
	struct buffer items[VIDEO_MAX_FRAME];
};

/* A v4l2_buffer for an ioctl; planes is the room that multi-planar ones need. */
static struct v4l2_buffer blank(const struct v4l2_buffers *buffers, int index, struct v4l2_plane *planes)
{
	struct v4l2_buffer blank = { .type = buffers->type, .memory = V4L2_MEMORY_MMAP, .index = (unsigned)index };

	if (buffers->type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE) {
		blank.m.planes = planes;
		blank.length = VIDEO_MAX_PLANES;
	}
	return blank;
}

static void destroy(struct v4l2_buffers *buffers)
{
	for (int i = 0; i < buffers->n_items; i++) {
		struct buffer *item = &buffers->items[i];

		for (int m = 0; m < buffers->mode.n_memory; m++) {
			if (item->memory[m])
				munmap(item->memory[m], item->lengths[m]);
			if (item->dmabufs[m] >= 0)
				close(item->dmabufs[m]);
		}
	}
	if (buffers->wake_fd >= 0)
		close(buffers->wake_fd);
	pthread_mutex_destroy(&buffers->lock);
	free(buffers->camera);
	free(buffers);
}

static void unref(struct v4l2_buffers *buffers)
{
	bool last;

	pthread_mutex_lock(&buffers->lock);
	last = --buffers->references == 0;
	pthread_mutex_unlock(&buffers->lock);
	if (last)
		destroy(buffers);
}

/* Once: a driver that refuses one buffer may refuse many. With the lock; errno says why. */
static void note_refused(struct v4l2_buffers *buffers)
{
	if (!buffers->refused)
		log_warning("camera %s: the driver refuses a buffer: %s; it is offered again with the next one that comes back", buffers->camera,
			    strerror(errno));
	buffers->refused = true;
}

static bool queue_locked(struct v4l2_buffers *buffers, int index)
{
	struct buffer *item = &buffers->items[index];
	struct v4l2_plane planes[VIDEO_MAX_PLANES] = { 0 };
	struct v4l2_buffer request = blank(buffers, index, planes);

	/* The time before the call: a frame that arrives within it finds the buffer. */
	item->queued_ns = clock_now_ns();
	if (v4l2_node_ioctl(buffers->fd, VIDIOC_QBUF, &request)) {
		note_refused(buffers);
		return false;
	}
	item->state = BUFFER_QUEUED;
	buffers->n_queued++;
	return true;
}

/* All that are idle: one that the driver refused before gets its chance again. */
static void queue_idle_locked(struct v4l2_buffers *buffers)
{
	for (int i = 0; i < buffers->n_items && buffers->streaming; i++)
		if (buffers->items[i].state == BUFFER_IDLE)
			queue_locked(buffers, i);
}

static void release(struct frame *frame, void *owner)
{
	struct v4l2_buffers *buffers = owner;
	struct buffer *item = (struct buffer *)frame;	/* its first member */
	bool was_dry;

	pthread_mutex_lock(&buffers->lock);
	item->state = BUFFER_IDLE;
	was_dry = buffers->n_queued == 0;
	queue_idle_locked(buffers);
	pthread_mutex_unlock(&buffers->lock);
	if (was_dry)
		v4l2_buffers_wake(buffers);
	unref(buffers);
}

static bool query_one(struct v4l2_buffers *buffers, int index)
{
	struct v4l2_plane planes[VIDEO_MAX_PLANES] = { 0 };
	struct v4l2_buffer request = blank(buffers, index, planes);
	struct buffer *item = &buffers->items[index];

	if (v4l2_node_ioctl(buffers->fd, VIDIOC_QUERYBUF, &request))
		return false;
	buffers->flags = request.flags;
	for (int m = 0; m < buffers->mode.n_memory; m++) {
		size_t length = request.m.planes == planes ? planes[m].length : request.length;

		item->places[m] = request.m.planes == planes ? planes[m].m.mem_offset : request.m.offset;
		item->lengths[m] = length;
		errno = EINVAL;		/* a buffer too small for the picture that was agreed on */
		if (length < buffers->mode.memory_bytes[m])
			return false;
	}
	return true;
}

static bool map_one(struct v4l2_buffers *buffers, struct buffer *item)
{
	for (int m = 0; m < buffers->mode.n_memory; m++) {
		void *memory = mmap(NULL, item->lengths[m], PROT_READ | PROT_WRITE, MAP_SHARED, buffers->fd, item->places[m]);

		if (memory == MAP_FAILED)
			return false;
		item->memory[m] = memory;
	}
	return true;
}

/* By its dmabuf, which lives as long as the buffer, also when the camera's node has been closed. */
static bool map_exported(struct buffer *item)
{
	void *memory = mmap(NULL, item->lengths[0], PROT_READ | PROT_WRITE, MAP_SHARED, item->dmabufs[0], 0);

	if (memory == MAP_FAILED)
		return false;
	item->memory[0] = memory;
	return true;
}

/* Not every driver can; then the memory is read through its mapping. */
static void export_one(struct v4l2_buffers *buffers, int index)
{
	struct buffer *item = &buffers->items[index];

	for (int m = 0; m < buffers->mode.n_memory; m++) {
		struct v4l2_exportbuffer request = {
			.type = buffers->type, .index = (unsigned)index, .plane = (unsigned)m, .flags = O_RDWR | O_CLOEXEC,
		};

		item->dmabufs[m] = v4l2_node_ioctl(buffers->fd, VIDIOC_EXPBUF, &request) ? -1 : request.fd;
		if (item->dmabufs[m] < 0)
			buffers->not_exported = true;
	}
}

static void init_item(struct v4l2_buffers *buffers, struct buffer *item)
{
	for (int m = 0; m < V4L2_MODE_MAX_MEMORY; m++)
		item->dmabufs[m] = -1;
	item->frame.format = buffers->mode.format;
	item->frame.n_planes = buffers->mode.opaque ? 1 : frame_n_planes(buffers->mode.format.pixels);
	item->frame.release = release;
	item->frame.owner = buffers;
}

/*
 * Some drivers put data of their own before the picture, each time as much as they like. Such a picture isn't where the
 * layout says, so its memory is no dmabuf for anybody.
 */
static void point_planes(struct v4l2_buffers *buffers, struct buffer *item, const size_t *data_offsets)
{
	for (int i = 0; i < item->frame.n_planes; i++) {
		const struct v4l2_mode_plane *plane = &buffers->mode.planes[i];
		size_t offset = data_offsets[plane->memory] + plane->offset;
		uint8_t *memory = item->memory[plane->memory];

		item->frame.planes[i] = (struct plane){
			.data = memory ? memory + offset : NULL,
			.stride = plane->stride,
			.bytes = plane->bytes,
			.dmabuf = data_offsets[plane->memory] ? -1 : item->dmabufs[plane->memory],
			.offset = offset,
		};
	}
}

/* The memory that a picture lies in is mapped when it is read first, for an encoder that imports it never reads it. */
static void map_late(const struct frame *frame)
{
	struct v4l2_buffers *buffers = frame->owner;
	struct buffer *item = (struct buffer *)frame;	/* its first member */

	pthread_mutex_lock(&buffers->lock);
	if (!item->memory[0] && !map_exported(item)) {
		log_error("camera: a buffer can't be mapped: %s", strerror(errno));
		abort();	/* no memory, and no sane way on */
	}
	for (int i = 0; i < frame->n_planes; i++)
		if (!item->frame.planes[i].data)
			item->frame.planes[i].data = (uint8_t *)item->memory[0] + frame->planes[i].offset;
	pthread_mutex_unlock(&buffers->lock);
}

static bool maps_late(const struct v4l2_buffers *buffers)
{
	return !buffers->not_exported && !buffers->mode.opaque && buffers->mode.n_memory == 1 &&
	       buffers->mode.format.pixels != PIXEL_MJPEG;
}

/* Whether memory can be had that way at all: that is better known now than in mid-recording. */
static bool can_map_exported(struct buffer *item)
{
	if (!map_exported(item))
		return false;
	munmap(item->memory[0], item->lengths[0]);
	item->memory[0] = NULL;
	return true;
}

static bool map_all(struct v4l2_buffers *buffers)
{
	bool late = maps_late(buffers) && can_map_exported(&buffers->items[0]);

	for (int i = 0; i < buffers->n_items; i++) {
		if (late)
			buffers->items[i].frame.map = map_late;
		else if (!map_one(buffers, &buffers->items[i]))
			return false;
	}
	return true;
}

static bool allocate(struct v4l2_buffers *buffers, const struct v4l2_node *node, struct error *err)
{
	struct v4l2_requestbuffers request = { .count = N_WANTED, .type = buffers->type, .memory = V4L2_MEMORY_MMAP };

	if (v4l2_node_ioctl(buffers->fd, VIDIOC_REQBUFS, &request)) {
		if (errno == EBUSY)
			return v4l2_node_busy(node, err);
		return error_set_errno(err, errno, "camera %s: no buffers", node->path);
	}
	if (request.count < N_LEAST)
		return error_set(err, ERR_IO, "camera %s: the driver has no memory for its buffers", node->path);
	buffers->n_items = (int)MIN(request.count, VIDEO_MAX_FRAME);
	for (int i = 0; i < buffers->n_items; i++)
		init_item(buffers, &buffers->items[i]);
	for (int i = 0; i < buffers->n_items; i++) {
		if (!query_one(buffers, i))
			return error_set_errno(err, errno, "camera %s: its buffers are too small", node->path);
		export_one(buffers, i);
	}
	return map_all(buffers) || error_set_errno(err, errno, "camera %s: its buffers can't be mapped", node->path);
}

struct v4l2_buffers *v4l2_buffers_create(const struct v4l2_node *node, const struct v4l2_mode *mode, struct error *err)
{
	struct v4l2_buffers *buffers = xcalloc(1, sizeof(*buffers));

	pthread_mutex_init(&buffers->lock, NULL);
	buffers->references = 1;
	buffers->fd = node->fd;
	buffers->type = node->type;
	buffers->mode = *mode;
	buffers->camera = xstrdup(node->path);
	buffers->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (buffers->wake_fd < 0)
		error_set_errno(err, errno, "camera %s: eventfd", node->path);
	else if (allocate(buffers, node, err))
		return buffers;
	v4l2_buffers_close(buffers);
	return NULL;
}

void v4l2_buffers_close(struct v4l2_buffers *buffers)
{
	struct v4l2_requestbuffers none = { .memory = V4L2_MEMORY_MMAP };

	if (!buffers)
		return;
	v4l2_buffers_stop(buffers);
	pthread_mutex_lock(&buffers->lock);
	/* Ends our ownership of the queue even while frames keep their memory mapped; the kernel orphans those buffers. */
	none.type = buffers->type;
	v4l2_node_ioctl(buffers->fd, VIDIOC_REQBUFS, &none);
	buffers->fd = -1;
	pthread_mutex_unlock(&buffers->lock);
	unref(buffers);
}

const char *v4l2_buffers_clock(const struct v4l2_buffers *buffers)
{
	if ((buffers->flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) != V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC)
		return "CLOCK_MONOTONIC at arrival, for the driver's clock is another";
	if ((buffers->flags & V4L2_BUF_FLAG_TSTAMP_SRC_MASK) == V4L2_BUF_FLAG_TSTAMP_SRC_SOE)
		return "the driver's, CLOCK_MONOTONIC at the start of exposure";
	return "the driver's, CLOCK_MONOTONIC at the end of the frame";
}

/* What encoders are known to take; a picture in several pieces of memory has no single dmabuf. */
static bool is_importable(const struct v4l2_mode *mode)
{
	if (mode->opaque)
		return false;
	switch (mode->format.pixels) {
	case PIXEL_I420:
	case PIXEL_NV12:
	case PIXEL_NV21:
	case PIXEL_YUYV:
	case PIXEL_UYVY:
	case PIXEL_RGB24:
	case PIXEL_BGR24:
		/* with V before U the planes are not in the order that an encoder expects */
		return mode->n_memory == 1 &&
		       (frame_n_planes(mode->format.pixels) < 3 || mode->planes[1].offset < mode->planes[2].offset);
	default:
		return false;
	}
}

/* Whole pages, which is more than the driver says of its buffer; encoders ask for all that they can get. */
static size_t dmabuf_bytes(const struct buffer *item)
{
	off_t bytes = item->dmabufs[0] >= 0 ? lseek(item->dmabufs[0], 0, SEEK_END) : 0;

	return bytes > 0 ? (size_t)bytes : item->lengths[0];
}

struct frame_layout v4l2_buffers_layout(const struct v4l2_buffers *buffers)
{
	const struct v4l2_mode *mode = &buffers->mode;
	struct frame_layout layout = {
		.n_buffers = buffers->n_items,
		.dmabuf = is_importable(mode) && !buffers->not_exported,
		.buffer_bytes = mode->n_memory == 1 ? dmabuf_bytes(&buffers->items[0]) : 0,
	};

	for (int i = 0; i < frame_n_planes(mode->format.pixels); i++) {
		layout.strides[i] = mode->planes[i].stride;
		layout.offsets[i] = mode->planes[i].offset;
	}
	return layout;
}

bool v4l2_buffers_are_queued(struct v4l2_buffers *buffers)
{
	bool queued;

	pthread_mutex_lock(&buffers->lock);
	queued = buffers->n_queued > 0;
	pthread_mutex_unlock(&buffers->lock);
	return queued;
}

int v4l2_buffers_start(struct v4l2_buffers *buffers)
{
	int type = (int)buffers->type, rc = 0;

	pthread_mutex_lock(&buffers->lock);
	buffers->streaming = true;
	queue_idle_locked(buffers);
	if (v4l2_node_ioctl(buffers->fd, VIDIOC_STREAMON, &type))
		rc = errno;
	pthread_mutex_unlock(&buffers->lock);
	if (rc)
		v4l2_buffers_stop(buffers);
	return rc;
}

void v4l2_buffers_stop(struct v4l2_buffers *buffers)
{
	int type = (int)buffers->type;

	pthread_mutex_lock(&buffers->lock);
	if (buffers->streaming)
		v4l2_node_ioctl(buffers->fd, VIDIOC_STREAMOFF, &type);
	buffers->streaming = false;
	buffers->n_queued = 0;
	for (int i = 0; i < buffers->n_items; i++)
		if (buffers->items[i].state == BUFFER_QUEUED)
			buffers->items[i].state = BUFFER_IDLE;
	pthread_mutex_unlock(&buffers->lock);
}

/* Without asking for pictures: with no buffer queued some kernels would report an error instead of waiting. */
static bool is_gone(const struct v4l2_buffers *buffers)
{
	struct pollfd device = { .fd = buffers->fd };

	return poll(&device, 1, 0) > 0 && device.revents & POLLHUP;
}

short v4l2_buffers_wait(struct v4l2_buffers *buffers, int timeout_ms)
{
	struct pollfd fds[2] = { { .fd = buffers->wake_fd, .events = POLLIN }, { .fd = -1, .events = POLLIN } };
	uint64_t ignored;
	int n;

	/* With nothing queued, release() wakes us when that changes. */
	pthread_mutex_lock(&buffers->lock);
	queue_idle_locked(buffers);
	if (buffers->n_queued)
		fds[1].fd = buffers->fd;
	pthread_mutex_unlock(&buffers->lock);
	n = poll(fds, 2, timeout_ms);
	if (fds[1].fd < 0 && is_gone(buffers))
		return POLLHUP;
	if (n <= 0)
		return 0;
	if (fds[0].revents && read(buffers->wake_fd, &ignored, sizeof(ignored)) == sizeof(ignored) && !fds[1].revents)
		return POLLIN;
	return fds[1].revents;
}

void v4l2_buffers_wake(struct v4l2_buffers *buffers)
{
	uint64_t one = 1;

	/* Fails only when it is full of wakes already. */
	if (write(buffers->wake_fd, &one, sizeof(one)) < 0)
		return;
}

static void hold(struct v4l2_buffers *buffers, struct buffer *item, struct v4l2_filled *filled)
{
	pthread_mutex_lock(&buffers->lock);
	filled->queued_ns = item->queued_ns;
	item->state = BUFFER_HELD;
	buffers->n_queued--;
	buffers->references++;
	pthread_mutex_unlock(&buffers->lock);
	frame_copy_facts(&item->frame, &(struct frame){ 0 });
	atomic_store(&item->frame.references, 1);
}

/* How much the driver filled, and where; false: more than there is. */
static bool measure(const struct v4l2_buffers *buffers, const struct buffer *item, const struct v4l2_buffer *taken,
		    size_t *data_offsets, size_t *bytes)
{
	bool multi = buffers->type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;

	for (int m = 0; m < buffers->mode.n_memory; m++) {
		size_t needed = buffers->mode.opaque ? 0 : buffers->mode.memory_bytes[m];
		size_t offset = multi ? taken->m.planes[m].data_offset : 0;
		size_t used = multi ? taken->m.planes[m].bytesused : taken->bytesused;

		if (used > item->lengths[m] || offset > used || offset + needed > item->lengths[m])
			return false;
		data_offsets[m] = offset;
		bytes[m] = used - offset;
	}
	return true;
}

int v4l2_buffers_take(struct v4l2_buffers *buffers, struct v4l2_filled *filled)
{
	struct v4l2_plane planes[VIDEO_MAX_PLANES] = { 0 };
	struct v4l2_buffer taken = blank(buffers, 0, planes);
	size_t data_offsets[V4L2_MODE_MAX_MEMORY] = { 0 };
	struct buffer *item;

	if (v4l2_node_ioctl(buffers->fd, VIDIOC_DQBUF, &taken))
		return errno;
	if (taken.index >= (unsigned)buffers->n_items)
		return EIO;
	item = &buffers->items[taken.index];
	*filled = (struct v4l2_filled){
		.frame = &item->frame,
		.damaged = taken.flags & V4L2_BUF_FLAG_ERROR,
		.monotonic = (taken.flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) == V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC,
		/* unsigned: a driver's nonsense may wrap */
		.time_ns = (int64_t)((uint64_t)taken.timestamp.tv_sec * NS_PER_S + (uint64_t)taken.timestamp.tv_usec * NS_PER_US),
		.sequence = taken.sequence,
	};
	if (!measure(buffers, item, &taken, data_offsets, filled->bytes))
		filled->damaged = true;
	hold(buffers, item, filled);
	item->frame.mapped = item->memory[0];
	point_planes(buffers, item, data_offsets);
	return 0;
}
