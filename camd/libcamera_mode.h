/*
 * What to ask of a camera of libcamera's, and what its answer means: formats, colour, and where planes lie. Pure functions.
 */
#pragma once

#include "camd/source/libcamera.h"
#include "camd/source/source.h"

struct libcamera_mode {
	struct libcamera_config config;
	struct frame_format formats[LIBCAMERA_MAX_STREAMS];	/* of config.n_streams streams */
};

/* What a request means to libcamera. */
void libcamera_mode_wish(struct libcamera_mode *mode, const struct source_request *request);

/* Reads what it became. A small stream that can't be used is left out. */
bool libcamera_mode_read(struct libcamera_mode *mode, const char *id, struct error *err);

/*
 * The planes of a stream's pictures in a buffer: offsets, strides and sizes; data and dmabuf are left to the caller. *sources
 * tells for each the plane of the buffer in whose memory it lies. False: they don't fit in there.
 */
bool libcamera_mode_place(const struct libcamera_mode *mode, int stream, const struct libcamera_buffer *buffer,
			  struct plane planes[FRAME_MAX_PLANES], int sources[FRAME_MAX_PLANES]);
