/*
 * A fixed number of frames that go round: taken by a source, given back by the last frame_unref(), in whatever thread
 * that is. The pool outlives its source for as long as others hold frames of it.
 */
#pragma once

#include "camd/frame.h"

struct pool;

/* jpeg_bytes is the room in each frame of a PIXEL_MJPEG pool; other formats know theirs. */
struct pool *pool_create(const struct frame_format *format, int n_frames, size_t jpeg_bytes);

/* The free frame that was free for longest, with one reference and no facts. NULL: all are held. */
struct frame *pool_take(struct pool *pool);

/* 0 to n_frames - 1, for what the source remembers about each picture. */
int pool_index(const struct pool *pool, const struct frame *frame);

/* Lets go of the pool; its memory lives on until the last frame has come back. NULL is allowed. */
void pool_close(struct pool *pool);
