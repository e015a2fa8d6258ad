/*
 * The buffers of one side of an encoder: those that raw pictures go in with (OUTPUT), or those that coded ones come out with
 * (CAPTURE). Nothing here waits, and nothing fails aloud: what the driver says comes back as an errno. One thread.
 */
#pragma once

#include "camd/m2m_device.h"

#include <stdint.h>

#define M2M_MAX_BUFFERS 32

struct m2m_buffer {
	void *memory[M2M_MAX_MEMORY];	/* mapped; NULL for imported buffers */
	size_t lengths[M2M_MAX_MEMORY];
	bool queued;			/* it is the driver's */
};

struct m2m_queue {
	int fd;
	bool output;
	unsigned type;
	unsigned memory;		/* enum v4l2_memory */
	int n_memory;			/* pieces a buffer */
	size_t bytes[M2M_MAX_MEMORY];	/* that a raw picture has */
	int n_buffers, n_queued;
	bool streaming;
	struct m2m_buffer buffers[M2M_MAX_BUFFERS];
};

/* What came back from the driver. */
struct m2m_done {
	int index;
	size_t offset, bytes;	/* of a coded picture, in the buffer's first memory */
	int64_t time_us;
	bool damaged, last, key;
};

/*
 * Asks for buffers and maps them. memory: V4L2_MEMORY_MMAP, or V4L2_MEMORY_DMABUF to import. 0 or an errno; then, as before
 * the call, there are none. The device is borrowed.
 */
int m2m_queue_allocate(struct m2m_queue *queue, const struct m2m_device *device, bool output, unsigned memory,
		       const struct m2m_format *format, int n_wanted);

/* Takes all buffers away from the driver and unmaps them. Harmless where there are none. */
void m2m_queue_free(struct m2m_queue *queue);

/* 0 or an errno. Off: all buffers are ours, whatever the driver says. */
int m2m_queue_stream(struct m2m_queue *queue, bool on);

/* Gives a raw picture to the driver; dmabuf is what it lies in, for imported ones. 0 or an errno. */
int m2m_queue_put_raw(struct m2m_queue *queue, int index, int dmabuf, int64_t time_us);

/* Gives an empty buffer to the driver. 0 or an errno. */
int m2m_queue_put_empty(struct m2m_queue *queue, int index);

/* 0 or an errno: EAGAIN: nothing is ready; EPIPE: the last has been; EPROTO: the driver's numbers can't be. */
int m2m_queue_take(struct m2m_queue *queue, struct m2m_done *done);

/* A buffer that is ours; -1: none. */
int m2m_queue_find_free(const struct m2m_queue *queue);
