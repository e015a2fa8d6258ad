/*
 * Pictures in forms that encoders don't take become I420: 4:2:2, RGB, grey, MJPEG. And pictures become smaller.
 *
 * Frames that are I420 or NV12 from the start go to an encoder without coming here. What is known about a picture
 * (times, numbers, colour) is carried over: full range stays full range. RGB becomes BT.601 in limited range, and its
 * primaries and transfer stay.
 *
 * A converter is used by one thread. Its frames may be let go in any; they outlive it.
 */
#pragma once

#include "camd/frame.h"
#include "common/error.h"

struct converter;

/* Whether frames of this kind must be converted before they can be scaled, shown, or encoded by x264 (see takes()). */
bool convert_needed(enum pixel_format pixels);

/* What converted frames look like: the same picture as I420. */
struct frame_format convert_format(const struct frame_format *format);

/* max_frames: how many of its frames may be held at once. */
struct converter *converter_create(int max_frames);
void converter_destroy(struct converter *converter);	/* NULL is allowed */

/*
 * The picture as I420 in a frame of the converter's own, for the caller to unref. NULL: ERR_IO for a damaged JPEG or
 * one of another size than the format says; ERR_BUSY if max_frames are held; ERR_UNSUPPORTED for odd sizes
 * and for what is I420 already. NV12 is taken, for encoders that don't know it.
 */
struct frame *converter_run(struct converter *converter, const struct frame *frame, struct error *err);

/* Any raw picture (not MJPEG) into an I420 frame of the same size. Any thread. */
void convert_to_i420(const struct frame *frame, struct frame *to);

/*
 * A smaller I420 copy of an I420 or NV12 picture that fits into width x height with its proportions kept, both sides
 * even; never a larger one. The caller unrefs. NULL with ERR_UNSUPPORTED for other formats. Any thread.
 */
struct frame *convert_scale(const struct frame *frame, int width, int height, struct error *err);
