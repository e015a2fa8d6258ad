/*
 * What turns one picture, or the sum of several, into the bytes of an image file. One implementation a file format: jpeg, png, npy
 * (luma as the camera gives it) and npy_bgr.
 *
 * A still knows no cameras and no files. Pure functions on what they are given; any thread, the work pool's as a rule.
 */
#pragma once

#include "camd/frame.h"
#include "camd/sums.h"
#include "common/error.h"

struct still_impl {
	const char *name;	/* "jpeg" */
	const char *suffix;	/* ".jpg" */

	/*
	 * Any pixel format, limited or full range. quality 1-100, for formats that lose something. *data is for the caller to free().
	 * False: ERR_IO for a damaged MJPEG frame, else ERR_INTERNAL with the library's reason; *data is NULL then.
	 */
	bool (*write)(const struct frame *frame, int quality, uint8_t **data, size_t *bytes, struct error *err);

	/*
	 * Several pictures in 16 bits, as far as the format makes a picture of numbers brighter by the gain. NULL: it has 8 bits only.
	 */
	bool (*write_sums)(const struct sums *sums, double gain, uint8_t **data, size_t *bytes, struct error *err);
};

extern const struct still_impl still_jpeg, still_png, still_npy, still_npy_bgr;
extern const struct still_impl *const stills[];		/* by by enum still_format (protocol/commands.h) */

/* One picture with its samples, decoded if it is MJPEG. NULL: ERR_IO for one that is damaged. The caller destroys. */
struct sums *still_open(const struct frame *frame, struct error *err);
