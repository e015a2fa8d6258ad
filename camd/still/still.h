/*
 * What turns one picture into the bytes of an image file. One implementation a file format: jpeg.
 *
 * A still knows no cameras and no files. Pure functions on what they are given; any thread, the work pool's as a rule.
 */
#pragma once

#include "camd/frame.h"
#include "common/error.h"

struct still_impl {
	const char *name;	/* "jpeg" */
	const char *suffix;	/* ".jpg" */

	/*
	 * Any pixel format, limited or full range. quality 1-100. *data is for the caller to free(). False: ERR_IO for
	 * a damaged MJPEG frame, else ERR_INTERNAL with the library's reason; *data is NULL then.
	 */
	bool (*write)(const struct frame *frame, int quality, uint8_t **data, size_t *bytes, struct error *err);
};

extern const struct still_impl still_jpeg;
