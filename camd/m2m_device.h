/*
 * V4L2 devices that encode video from memory to memory: which there are, opening one, what its formats are.
 *
 * A device is known by what it can do: node numbers and names say nothing, and the decoder and the scaler of one chip call
 * themselves alike. Each opening is an encoder of its own and belongs to one thread; finding and opening touches no hardware
 * that others use.
 */
#pragma once

#include "camd/frame.h"
#include "common/error.h"

#include <linux/videodev2.h>
#include <stdbool.h>
#include <stddef.h>

#define M2M_MAX_MEMORY 3

struct m2m_device {
	int fd;			/* non-blocking */
	bool multiplanar;
	char path[32];
	char name[33];		/* of the driver, or else of the card */
};

/* In V4L2's words, OUTPUT is what goes into the encoder, raw, and CAPTURE what comes out, coded. */
struct m2m_format {
	unsigned fourcc;
	int width, height;
	struct colour colour;		/* what set() tells the driver; get() leaves it alone */
	int n_memory;			/* pieces of memory that a picture lies in */
	unsigned strides[M2M_MAX_MEMORY];
	size_t bytes[M2M_MAX_MEMORY];	/* that each must have at least */
};

/*
 * Paths of the devices that give this coded format, by number. Allocated texts in an allocated array. *n_denied: how many
 * nodes could not be looked at for want of permission; may be NULL.
 */
size_t m2m_device_find(unsigned coded, char ***paths, size_t *n_denied);

/* Errors: not_found, permission_denied, unsupported. On failure there is nothing to close. */
bool m2m_device_open(struct m2m_device *device, const char *path, unsigned coded, struct error *err);
void m2m_device_close(struct m2m_device *device);

/* The buffers' type of one side. */
unsigned m2m_device_type(const struct m2m_device *device, bool output);

bool m2m_device_offers(const struct m2m_device *device, bool output, unsigned fourcc);

/* Whether the driver lists sizes for a format, and this one is not among them. */
bool m2m_device_refuses_size(const struct m2m_device *device, unsigned fourcc, int width, int height);

/*
 * What the driver made of it stands in *format, which may be something else altogether: a driver that has never heard of a
 * format replaces it and reports success. False: it made nothing of it, errno says why.
 */
bool m2m_device_set_format(const struct m2m_device *device, bool output, struct m2m_format *format);
bool m2m_device_get_format(const struct m2m_device *device, bool output, struct m2m_format *format);
