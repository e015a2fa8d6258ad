/*
 * The device nodes of V4L2 cameras: which there are, opening one, and keeping it to ourselves.
 *
 * A node is locked with flock() while it is open, so that two camd don't fight over a camera before either streams.
 */
#pragma once

#include "common/error.h"

#include <linux/videodev2.h>
#include <stdbool.h>
#include <stddef.h>

struct v4l2_node {
	int fd;			/* non-blocking */
	char path[256];
	char driver[17], bus[33], card[33];
	char id[168];		/* "v4l2:" and its name by camd/v4l2_identity.h */
	unsigned type;		/* of its buffers: V4L2_BUF_TYPE_VIDEO_CAPTURE or …_MPLANE */
};

/*
 * Cameras whose pictures camd can use, by their names (camd/v4l2_identity.h), in the order of their places on the bus, so that
 * it stays the same across restarts. Allocated texts in an allocated array.
 */
size_t v4l2_node_discover(char ***found);

/*
 * Opens and locks. what is a path, "videoN", "N", an id with or without "v4l2:", or "" for the first camera; with an id in id
 * what doesn't matter. Errors: not_found, camera_busy with the holder's pid, permission_denied, unsupported. On failure there is
 * nothing to close.
 */
bool v4l2_node_open(struct v4l2_node *node, const char *what, const char *id, struct error *err);
void v4l2_node_close(struct v4l2_node *node);

/* ioctl(), again after a signal. */
int v4l2_node_ioctl(int fd, unsigned long request, void *argument);

bool v4l2_node_is_multiplanar(const struct v4l2_node *node);

/* Sets camera_busy, with the process that has the node open if it can be found. Returns false. */
bool v4l2_node_busy(const struct v4l2_node *node, struct error *err);
