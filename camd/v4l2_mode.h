/*
 * What pictures a V4L2 camera can give, which of them come nearest to what is wanted, and setting them. Worker thread.
 */
#pragma once

#include "camd/source/source.h"
#include "camd/v4l2_formats.h"
#include "camd/v4l2_node.h"

#define V4L2_MODE_MAX_MEMORY 3

/* Where each plane of the picture lies in the memory of a buffer. */
struct v4l2_mode_plane {
	int memory;		/* which of the buffer's memory planes */
	size_t offset;
	int stride;
	size_t bytes;
};

/* What the driver said that it does. */
struct v4l2_mode {
	uint32_t fourcc;
	struct frame_format format;
	int n_memory;					/* memory planes a buffer */
	size_t memory_bytes[V4L2_MODE_MAX_MEMORY];	/* of each that hold the picture; if opaque, the most there can be */
	bool opaque;					/* one plane of as many bytes as it takes, for a decoder to read */
	enum v4l2_foreign foreign;			/* for libv4l to read: .format is what that makes of it */
	struct v4l2_pix_format raw;			/* of a foreign format, what the driver said */
	int raw_bits;					/* and how many a pixel has; 0: compressed */
	struct v4l2_mode_plane planes[FRAME_MAX_PLANES];
	double fps;					/* 0: unknown */
	int64_t period_ns;				/* 0: unknown */
};

/* Whether it has any format that camd takes. */
bool v4l2_mode_is_usable(const struct v4l2_node *node);

/* The only formats that will do. */
struct v4l2_wish {
	int pixels;		/* an enum pixel_format; -1: any */
	uint32_t fourcc;	/* the driver's; 0: any */
};

/* Chooses and sets format, size and rate; says in the log what was chosen. 0 means the camera's own size, and 30 frames/s. */
bool v4l2_mode_set(const struct v4l2_node *node, const struct source_request *request, const struct v4l2_wish *wish,
		   struct v4l2_mode *mode, struct error *err);

/* Fills a list of sizes with the highest rate of each; returns how many. */
size_t v4l2_mode_list(const struct v4l2_node *node, struct source_mode *modes, size_t max);

/*
 * Another rate, also while it streams, if its driver allows that. *fps: what is wanted, then what it does, as *period_ns is. False:
 * ERR_UNSUPPORTED.
 */
bool v4l2_mode_change_rate(const struct v4l2_node *node, double *fps, int64_t *period_ns, struct error *err);
