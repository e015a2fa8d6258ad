#include "camd/libcamera_device.h"

#include "common/clock.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_CONTROLS 128
#define NOTICE_NS (5 * NS_PER_S)
#define MAX_BUFFERS 64
#define MAX_MAPPINGS (LIBCAMERA_MAX_STREAMS * LIBCAMERA_MAX_PLANES)

enum buffer_state {
	BUFFER_IDLE,		/* ours: to be queued */
	BUFFER_QUEUED,		/* the camera's */
	BUFFER_BACK,		/* noted in device->back */
	BUFFER_HELD,		/* somebody's frame */
};

/* A dmabuf of the camera's. fd is our own, so that it means the same for as long as a frame is held. */
struct mapping {
	int its_fd, fd;
	uint8_t *memory;
	size_t bytes;
};

struct buffer {
	struct frame frame;
	struct frame small;
	enum buffer_state state;
	int64_t queued_ns;
	struct libcamera_done done;
	struct mapping mappings[MAX_MAPPINGS];
	int n_mappings;
};

struct libcamera_device {
	pthread_mutex_t lock;		/* for all that changes below; never held where libcamera's thread is waited for */
	pthread_cond_t changed;
	int references;			/* the source's, and one a frame that is held */
	const struct libcamera_module *module;
	struct libcamera_camera *camera;	/* NULL once closed */
	struct libcamera_mode mode;
	struct libcamera_settings pending;	/* for the next request */
	bool streaming, gone, woken, abandoned;
	int n_queued;
	int64_t fed_ns;
	unsigned back[MAX_BUFFERS];	/* the requests that came back, in their order */
	size_t first_back, n_back;
	int n_items;
	struct buffer items[MAX_BUFFERS];
};

/* ---- life ---- */

static void unmap(struct buffer *item)
{
	for (int i = 0; i < item->n_mappings; i++) {
		munmap(item->mappings[i].memory, item->mappings[i].bytes);
		close(item->mappings[i].fd);
	}
}

static void unref(struct libcamera_device *device)
{
	bool last;

	pthread_mutex_lock(&device->lock);
	last = --device->references == 0;
	pthread_mutex_unlock(&device->lock);
	if (!last)
		return;
	for (int i = 0; i < device->n_items; i++)
		unmap(&device->items[i]);
	libcamera_settings_finish(&device->pending);
	pthread_cond_destroy(&device->changed);
	pthread_mutex_destroy(&device->lock);
	free(device);
}

/* ---- libcamera's thread ---- */

static void on_done(void *user, const struct libcamera_done *done)
{
	struct libcamera_device *device = user;
	struct buffer *item;

	pthread_mutex_lock(&device->lock);
	item = done->request < (uint32_t)device->n_items ? &device->items[done->request] : NULL;
	if (item && item->state == BUFFER_QUEUED) {
		item->state = BUFFER_BACK;
		item->done = *done;
		device->n_queued--;
		device->back[(device->first_back + device->n_back++) % MAX_BUFFERS] = done->request;
		pthread_cond_signal(&device->changed);
	}
	pthread_mutex_unlock(&device->lock);
}

static void on_gone(void *user)
{
	struct libcamera_device *device = user;

	pthread_mutex_lock(&device->lock);
	device->gone = true;
	pthread_cond_signal(&device->changed);
	pthread_mutex_unlock(&device->lock);
}

/* ---- round they go ---- */

/* With its last buffer alone a camera may not be able to work. */
static int enough(const struct libcamera_device *device)
{
	return MIN(device->n_items, 2);
}

static void queue_locked(struct libcamera_device *device, int index)
{
	struct buffer *item = &device->items[index];

	/* The state and the time before the call: it may be back before the call returns, could it take the lock. */
	item->queued_ns = clock_now_ns();
	item->state = BUFFER_QUEUED;
	if (device->module->queue(device->camera, (uint32_t)index, device->pending.items, device->pending.n) < 0) {
		item->state = BUFFER_IDLE;
		return;
	}
	if (++device->n_queued == enough(device))
		device->fed_ns = item->queued_ns;
	libcamera_settings_clear(&device->pending);
}

/* All that are idle: one that was refused before gets its chance again. */
static void queue_idle_locked(struct libcamera_device *device)
{
	for (int i = 0; i < device->n_items && device->streaming && !device->gone; i++)
		if (device->items[i].state == BUFFER_IDLE)
			queue_locked(device, i);
}

static void release(struct frame *frame, void *owner)
{
	struct libcamera_device *device = owner;
	struct buffer *item = (struct buffer *)frame;	/* its first member */

	pthread_mutex_lock(&device->lock);
	item->state = BUFFER_IDLE;
	queue_idle_locked(device);
	pthread_mutex_unlock(&device->lock);
	unref(device);
}

/* ---- memory ---- */

/* The length that a buffer really has, whatever was said of it. */
static size_t measure(int fd, size_t told)
{
	off_t length = lseek(fd, 0, SEEK_END);

	return length < 0 ? told : (size_t)length;
}

static struct mapping *map(struct buffer *item, const struct libcamera_buffer *from, int its_fd)
{
	struct mapping *mapping = &item->mappings[item->n_mappings];
	size_t end = 0;
	void *memory;

	for (int i = 0; i < item->n_mappings; i++)
		if (item->mappings[i].its_fd == its_fd)
			return &item->mappings[i];
	for (uint32_t i = 0; i < from->n_planes; i++)
		if (from->planes[i].fd == its_fd)
			end = MAX(end, (size_t)from->planes[i].offset + from->planes[i].bytes);
	*mapping = (struct mapping){ .its_fd = its_fd, .bytes = measure(its_fd, end) };
	mapping->fd = fcntl(its_fd, F_DUPFD_CLOEXEC, 0);
	if (mapping->fd < 0)
		return NULL;
	memory = mmap(NULL, mapping->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, mapping->fd, 0);
	if (memory == MAP_FAILED) {
		close(mapping->fd);
		return NULL;
	}
	mapping->memory = memory;
	item->n_mappings++;
	return mapping;
}

/* 0 or an errno. */
static int map_frame(struct libcamera_device *device, int index, int stream, struct frame *frame)
{
	struct buffer *item = &device->items[index];
	struct libcamera_buffer from = { 0 };
	int sources[FRAME_MAX_PLANES];
	int rc = device->module->buffer(device->camera, (uint32_t)index, (uint32_t)stream, &from);

	if (rc < 0)
		return -rc;
	if (!libcamera_mode_place(&device->mode, stream, &from, frame->planes, sources))
		return EINVAL;
	frame->format = device->mode.formats[stream];
	frame->n_planes = frame_n_planes(frame->format.pixels);
	frame->needs_sync = true;
	frame->release = release;
	frame->owner = device;
	for (int i = 0; i < frame->n_planes; i++) {
		struct plane *plane = &frame->planes[i];
		struct mapping *mapping = map(item, &from, from.planes[sources[i]].fd);

		if (!mapping)
			return errno;
		if (plane->offset + plane->bytes > mapping->bytes)
			return EINVAL;
		plane->data = mapping->memory + plane->offset;
		plane->dmabuf = mapping->fd;
	}
	return 0;
}

static int map_all(struct libcamera_device *device)
{
	int rc = 0;

	for (uint32_t i = 0; i < device->mode.config.n_requests && i < MAX_BUFFERS && !rc; i++) {
		device->n_items++;
		rc = map_frame(device, (int)i, 0, &device->items[i].frame);
		if (!rc && device->mode.config.n_streams > 1)
			rc = map_frame(device, (int)i, 1, &device->items[i].small);
	}
	return rc;
}

/* ---- opening and closing ---- */

static bool acquire(struct libcamera_device *device, const struct libcamera *libcamera, const char *id, struct error *err)
{
	struct libcamera_watcher watcher = { .user = device, .on_done = on_done, .on_gone = on_gone };
	int rc = libcamera->module->open(libcamera->manager, id, &watcher, &device->camera);

	switch (-rc) {
	case 0:
		return true;
	case ENODEV:
		return error_set(err, ERR_NOT_FOUND, "camera libcamera:%s is not there; list_cameras shows those "
				 "that are", id);
	case EBUSY:
		return error_set(err, ERR_CAMERA_BUSY, "camera libcamera:%s: in use by another process, or by this camd "
				 "already", id);
	case EACCES:
	case EPERM:
		return error_set(err, ERR_PERMISSION_DENIED, "camera libcamera:%s: no permission: " ERROR_JOIN_VIDEO, id);
	default:
		return error_set_errno(err, -rc, "camera libcamera:%s", id);
	}
}

static bool configure(struct libcamera_device *device, const char *id, struct error *err)
{
	int rc = device->module->configure(device->camera, &device->mode.config);

	if (rc == -ENOMEM)
		return error_set_errno(err, ENOMEM, "camera libcamera:%s: no memory for its buffers: a smaller size, or "
				       "more CMA memory (cma= in the kernel's command line), may help", id);
	if (rc < 0)
		return error_set_errno(err, -rc, "camera libcamera:%s: it can't be configured", id);
	if (!libcamera_mode_read(&device->mode, id, err))
		return false;
	rc = map_all(device);
	if (rc)
		return error_set_errno(err, rc, "camera libcamera:%s: its buffers can't be mapped", id);
	return device->n_items || error_set(err, ERR_IO, "camera libcamera:%s: it has no buffers", id);
}

struct libcamera_device *libcamera_device_open(const struct libcamera *libcamera, const char *id, struct libcamera_mode *mode,
					       struct error *err)
{
	struct libcamera_device *device = xcalloc(1, sizeof(*device));

	pthread_mutex_init(&device->lock, NULL);
	xcond_monotonic(&device->changed);
	device->references = 1;
	device->module = libcamera->module;
	device->mode = *mode;
	if (!acquire(device, libcamera, id, err) || !configure(device, id, err)) {
		libcamera_device_close(device);
		return NULL;
	}
	*mode = device->mode;
	return device;
}

bool libcamera_device_is_there(struct libcamera_device *device)
{
	return device->module->is_there(device->camera);
}

/* Whether libcamera can stop it without ending the process: it is there, or libcamera knows that it isn't. */
static bool can_be_stopped(struct libcamera_device *device)
{
	int64_t until_ns = clock_now_ns() + NOTICE_NS;
	struct timespec until = { .tv_sec = until_ns / NS_PER_S, .tv_nsec = until_ns % NS_PER_S };
	bool there = libcamera_device_is_there(device);

	pthread_mutex_lock(&device->lock);
	while (!there && !device->gone && !device->abandoned)
		if (pthread_cond_timedwait(&device->changed, &device->lock, &until))
			device->abandoned = true;
	there = there || device->gone;
	pthread_mutex_unlock(&device->lock);
	return there;
}

void libcamera_device_close(struct libcamera_device *device)
{
	struct libcamera_camera *camera;

	if (!device)
		return;
	libcamera_device_stop(device);
	if (device->camera && !can_be_stopped(device))
		return;		/* libcamera has it for ever, and what it may still tell of it must find us */
	pthread_mutex_lock(&device->lock);
	camera = device->camera;
	device->camera = NULL;
	pthread_mutex_unlock(&device->lock);
	if (camera)
		device->module->close(camera);
	unref(device);
}

size_t libcamera_device_controls(struct libcamera_device *device, struct libcamera_control **controls)
{
	int n;

	*controls = xcalloc(MAX_CONTROLS, sizeof(**controls));
	n = device->module->controls(device->camera, *controls, MAX_CONTROLS);
	return (size_t)MIN(MAX(n, 0), MAX_CONTROLS);
}

void libcamera_device_layout(const struct libcamera_device *device, struct frame_layout *layout)
{
	const struct frame *frame = &device->items[0].frame;

	*layout = (struct frame_layout){ .n_buffers = device->n_items, .dmabuf = true };
	for (int i = 0; i < frame->n_planes; i++) {
		layout->strides[i] = frame->planes[i].stride;
		layout->offsets[i] = frame->planes[i].offset;
	}
	for (int k = 0; k < device->n_items; k++)
		for (int i = 0; i < frame->n_planes; i++)
			if (device->items[k].frame.planes[i].dmabuf != device->items[k].frame.planes[0].dmabuf ||
			    device->items[k].frame.planes[i].offset != frame->planes[i].offset)
				layout->dmabuf = false;
	layout->buffer_bytes = device->items[0].mappings[0].bytes;
}

/* ---- streaming ---- */

/* What neither a frame nor the camera has is ours again. */
static void collect_locked(struct libcamera_device *device)
{
	for (int i = 0; i < device->n_items; i++)
		if (device->items[i].state != BUFFER_HELD)
			device->items[i].state = BUFFER_IDLE;
	device->n_back = 0;
	device->n_queued = 0;
}

int libcamera_device_start(struct libcamera_device *device, const struct libcamera_settings *settings)
{
	int rc;

	/* before, for libcamera's thread may be in the way of the lock */
	rc = device->module->start(device->camera, settings->items, settings->n);
	if (rc < 0)
		return -rc;
	pthread_mutex_lock(&device->lock);
	collect_locked(device);
	device->streaming = true;
	queue_idle_locked(device);
	pthread_mutex_unlock(&device->lock);
	return 0;
}

void libcamera_device_stop(struct libcamera_device *device)
{
	bool streamed;

	pthread_mutex_lock(&device->lock);
	streamed = device->streaming;
	device->streaming = false;
	pthread_mutex_unlock(&device->lock);
	if (streamed && can_be_stopped(device))
		device->module->stop(device->camera);
}

void libcamera_device_change(struct libcamera_device *device, const struct libcamera_settings *settings)
{
	pthread_mutex_lock(&device->lock);
	libcamera_settings_remember(&device->pending, settings);
	pthread_mutex_unlock(&device->lock);
}

static void wait_locked(struct libcamera_device *device, int64_t until_ns)
{
	struct timespec until = { .tv_sec = until_ns / NS_PER_S, .tv_nsec = until_ns % NS_PER_S };

	while (!device->gone && !device->woken && !device->n_back)
		if (pthread_cond_timedwait(&device->changed, &device->lock, &until))
			return;
}

/* Makes the oldest that came back somebody's frame. */
static void hold_locked(struct libcamera_device *device, struct libcamera_filled *filled)
{
	struct buffer *item = &device->items[device->back[device->first_back]];

	device->first_back = (device->first_back + 1) % MAX_BUFFERS;
	device->n_back--;
	device->references++;
	item->state = BUFFER_HELD;
	frame_copy_facts(&item->frame, &(struct frame){ 0 });
	atomic_store(&item->frame.references, 1);
	item->frame.small = NULL;
	if (device->mode.config.n_streams > 1 && item->done.small_status == LIBCAMERA_GOOD)
		item->frame.small = &item->small;
	*filled = (struct libcamera_filled){ .frame = &item->frame, .done = item->done, .queued_ns = item->queued_ns };
}

enum libcamera_taken libcamera_device_take(struct libcamera_device *device, int64_t until_ns, struct libcamera_filled *filled)
{
	enum libcamera_taken taken = LIBCAMERA_NOTHING;

	pthread_mutex_lock(&device->lock);
	queue_idle_locked(device);
	wait_locked(device, until_ns);
	device->woken = false;
	if (device->gone) {
		taken = LIBCAMERA_GONE;
	} else if (device->n_back) {
		hold_locked(device, filled);
		taken = LIBCAMERA_TAKEN;
	}
	pthread_mutex_unlock(&device->lock);
	return taken;
}

void libcamera_device_wake(struct libcamera_device *device)
{
	pthread_mutex_lock(&device->lock);
	device->woken = true;
	pthread_cond_signal(&device->changed);
	pthread_mutex_unlock(&device->lock);
}

int64_t libcamera_device_fed_ns(struct libcamera_device *device)
{
	int64_t fed_ns;

	pthread_mutex_lock(&device->lock);
	fed_ns = device->n_queued >= enough(device) ? device->fed_ns : 0;
	pthread_mutex_unlock(&device->lock);
	return fed_ns;
}
