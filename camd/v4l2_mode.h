/*
 * What pictures a V4L2 camera can give, which of them come nearest to what is wanted, and setting them. Worker thread.
 */
#pragma once

#include "camd/source/source.h"
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
	size_t memory_bytes[V4L2_MODE_MAX_MEMORY];	/* of each that hold the picture; for JPEG, the most there can be */
	struct v4l2_mode_plane planes[FRAME_MAX_PLANES];
	double fps;					/* 0: unknown */
	int64_t period_ns;				/* 0: unknown */
};

/* Whether it has any format that camd takes. */
bool v4l2_mode_is_usable(const struct v4l2_node *node);

/*
 * Chooses and sets format, size and rate; says in the log what was chosen. 0 means the camera's own size, and 30 frames/s.
 * pixels: an enum pixel_format, and no other will do; or -1.
 */
bool v4l2_mode_set(const struct v4l2_node *node, const struct source_request *request, int pixels, struct v4l2_mode *mode,
		   struct error *err);

/* Fills a list of sizes with the highest rate of each; returns how many. */
size_t v4l2_mode_list(const struct v4l2_node *node, struct source_mode *modes, size_t max);
