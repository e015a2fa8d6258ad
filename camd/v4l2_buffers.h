/*
 * The mapped buffers of a V4L2 camera, as frames that go round between the driver and whoever holds them.
 *
 * A frame that is let go is queued again at once while the camera streams, by the thread that lets it go; otherwise at the
 * next start. Where the driver can, each is a dmabuf, too, so that another device reads it without a copy. Mapping and dmabuf
 * live until v4l2_buffers_close() and the last frame; so long the kernel keeps the device's file open.
 *
 * take() and wait() belong to one thread, wake() and the frames to any; the others are called while that thread doesn't run,
 * or by itself.
 */
#pragma once

#include "camd/v4l2_mode.h"
#include "camd/v4l2_node.h"

struct v4l2_buffers;

/* A buffer from the driver: a frame with one reference, whose facts are still to be filled in. */
struct v4l2_filled {
	struct frame *frame;
	size_t bytes[V4L2_MODE_MAX_MEMORY];	/* of picture in each memory plane */
	bool damaged;		/* so the driver says, or its numbers can't be */
	bool monotonic;		/* time_ns is CLOCK_MONOTONIC */
	int64_t time_ns;
	int64_t queued_ns;	/* when it had been given to the driver */
	uint32_t sequence;
};

/* The node is borrowed until v4l2_buffers_close(). */
struct v4l2_buffers *v4l2_buffers_create(const struct v4l2_node *node, const struct v4l2_mode *mode, struct error *err);

/* Gives the driver its buffers back; call it before the node is closed. NULL is allowed. */
void v4l2_buffers_close(struct v4l2_buffers *buffers);

/* How its times come about, for people. */
const char *v4l2_buffers_clock(const struct v4l2_buffers *buffers);

struct frame_layout v4l2_buffers_layout(const struct v4l2_buffers *buffers);

/* Whether the driver has any to fill; if not, nobody can blame it for silence. Any thread. */
bool v4l2_buffers_are_queued(struct v4l2_buffers *buffers);

int v4l2_buffers_start(struct v4l2_buffers *buffers);		/* 0 or an errno */
void v4l2_buffers_stop(struct v4l2_buffers *buffers);

/* Waits for a filled buffer, a wake() or the time to pass. The device's poll() events; POLLIN alone may be for nothing. */
short v4l2_buffers_wait(struct v4l2_buffers *buffers, int timeout_ms);
void v4l2_buffers_wake(struct v4l2_buffers *buffers);

/* 0 or an errno; EAGAIN: none is filled. */
int v4l2_buffers_take(struct v4l2_buffers *buffers, struct v4l2_filled *filled);
