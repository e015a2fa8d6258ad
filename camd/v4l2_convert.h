/*
 * Pictures of old webcams, whose formats only libv4l knows, become I420. Without libv4l at build time nothing is converted.
 *
 * Created and destroyed by a worker, run by the source's thread. Its frames outlive it.
 */
#pragma once

#include "camd/v4l2_mode.h"
#include "camd/v4l2_node.h"

struct v4l2_convert;

bool v4l2_convert_is_built_in(void);

/* For a mode whose format is foreign. The node is borrowed. NULL: libv4l can't, either. */
struct v4l2_convert *v4l2_convert_create(const struct v4l2_node *node, const struct v4l2_mode *mode, struct error *err);
void v4l2_convert_destroy(struct v4l2_convert *convert);	/* NULL is allowed */

/* How many of its frames can be held at once. */
int v4l2_convert_n_frames(const struct v4l2_convert *convert);

/* The picture of so many bytes in a frame of its own, with no facts. NULL: *damaged, or all its frames are held. */
struct frame *v4l2_convert_run(struct v4l2_convert *convert, const uint8_t *data, size_t bytes, bool *damaged);
