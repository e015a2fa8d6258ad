/*
 * One raw picture on its way through camd, counted: whoever keeps it holds a reference, and when the last is let go, its
 * memory goes back to the source that owns it.
 *
 * Written by the source thread until it is handed on, the overlay included; read-only afterwards. frame_ref()/frame_unref(): any
 * thread.
 */
#pragma once

#include "common/frame_facts.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX_PLANES 3

enum pixel_format {
	PIXEL_I420,	/* three planes, 4:2:0 */
	PIXEL_NV12,	/* luma, then interleaved CbCr, 4:2:0 */
	PIXEL_I422,	/* three planes, 4:2:2 */
	PIXEL_YUYV,	/* one plane, packed 4:2:2 */
	PIXEL_MJPEG,	/* one plane that holds one JPEG of .bytes bytes; stride 0 */
	PIXEL_RGB24,	/* one plane of bytes R, G, B (libcamera and DRM call that BGR888) */
	PIXEL_BGR24,	/* one plane of bytes B, G, R (there: RGB888) */
	PIXEL_UYVY,	/* one plane, packed 4:2:2, chroma first */
	PIXEL_NV21,	/* as NV12, but CrCb */
	PIXEL_GREY,	/* luma alone, 8 bit */
	PIXEL_Y10,	/* luma alone, 10 bit in 16, little endian */
};

extern const char *const pixel_format_names[];	/* by enum pixel_format, NULL-terminated: i420, nv12, … */

/* Whether it has no YCbCr: then .colour.matrix is 0 and full_range true. */
bool pixel_format_is_rgb(enum pixel_format pixels);

struct frame_format {
	enum pixel_format pixels;
	int width, height;	/* in pixels, even */
	struct colour colour;
};

struct plane {
	uint8_t *data;
	int stride;		/* bytes from row to row */
	size_t bytes;		/* bytes of this plane that hold picture */
	int dmabuf;		/* fd of the buffer that holds the plane, or -1; belongs to the source */
	size_t offset;		/* of the plane in that buffer */
};

/* How the pictures of a source lie in its buffers, the same for all of them: what an encoder that imports them must know. */
struct frame_layout {
	int n_buffers;		/* that go round; 0: unknown */
	bool dmabuf;		/* each picture lies in one dmabuf as said below; false: it must be read through plane.data */
	int strides[FRAME_MAX_PLANES];
	size_t offsets[FRAME_MAX_PLANES];
	size_t buffer_bytes;	/* of the dmabuf */
};

/* Frames that the sensor produced and that never became a frame here, since the frame before. */
struct gap {
	uint32_t sensor;	/* lost by the sensor, the bus or the driver, or delivered damaged */
	uint32_t starved;	/* lost because no buffer was free for it, or because camd came too late */
};

struct frame {
	atomic_int references;
	struct frame_format format;
	struct plane planes[FRAME_MAX_PLANES];
	int n_planes;
	/*
	 * Sees to it that planes[].data is there, which may be NULL outside frame_begin_read() and frame_end_read() where this is
	 * set: memory that nobody reads is not mapped. Any thread.
	 */
	void (*map)(const struct frame *frame);
	bool mapped;		/* with map: it has been, as of its arrival */
	bool needs_sync;	/* memory that a device writes behind the processor's cache: frame_begin_read() matters */
	bool read_only;		/* others read this memory, who must not see changes (a decoder): who wants to write makes a copy */
	bool touched;		/* frame_begin_write() was called: the picture is not as its source left it; for the source to clear */
	const struct frame *small;	/* the same moment in a smaller size where the camera gives one, or NULL; lives as long */

	int64_t sensor_ns;	/* when it was exposed, CLOCK_MONOTONIC */
	int64_t wall_ns;	/* CLOCK_REALTIME when it reached camd */
	int64_t arrived_ns;	/* CLOCK_MONOTONIC then; 0: not noted */
	uint64_t sequence;	/* the source's own counter; steps of more than 1 are frames lost */
	struct gap gap;		/* what was lost right before this frame; set by the source */
	struct exposure exposure;

	uint64_t camera_frame;	/* counts from 1 at the camera's start, lost ones included; set by timing */
	uint64_t number;	/* counts from 1 at the recording's start, lost ones included; 0: not recorded */

	/* what the overlay says besides; set by the camera */
	uint64_t lost;		/* frames of the recording, up to this one */
	int64_t capture_mfps, kept_mfps;	/* thousandths of frames/s: of the sensor, and of what is kept of that; 0: not known yet */

	/* Called by the last frame_unref(), in whatever thread that is. Gives the memory back to its owner. */
	void (*release)(struct frame *frame, void *owner);
	void *owner;
};

struct frame *frame_ref(struct frame *frame);
void frame_unref(struct frame *frame);		/* NULL is allowed */

/* It has reached camd: now. */
void frame_note_arrival(struct frame *frame);

/* CLOCK_REALTIME when it was exposed, which is before it reached camd, if that can be told. */
int64_t frame_exposed_wall_ns(const struct frame *frame);

/*
 * Around every reading of a picture by the processor. Any thread; several readers may overlap.
 */
void frame_begin_read(const struct frame *frame);
void frame_end_read(const struct frame *frame);

/* As well, by the one thread that has the frame, of memory that is not read_only, before anybody else gets a reference. */
void frame_begin_write(struct frame *frame);
void frame_end_write(const struct frame *frame);

/* Rows of a plane (chroma planes of 4:2:0 have half as many) and bytes a row that hold picture. 0 for MJPEG. */
int frame_plane_rows(const struct frame_format *format, int plane);
int frame_plane_row_bytes(const struct frame_format *format, int plane);
int frame_n_planes(enum pixel_format pixels);
size_t frame_bytes(const struct frame *frame);		/* that hold picture, in all planes */

/*
 * A frame with memory of its own, freed by the last unref. Rows are padded to a multiple of 64 bytes, planes are aligned
 * to 64. For converted pictures and for tests; sources have pools.
 */
struct frame *frame_create(const struct frame_format *format);

/* Copies the picture, not MJPEG, into a frame of the same format. Both must be there (frame_begin_read(), frame_begin_write()). */
void frame_copy_picture(struct frame *to, const struct frame *from);

/* A copy of a frame that is there, of any format, with what is said about it, in memory of its own. */
struct frame *frame_copy(const struct frame *frame);

/* Copies what is said about a picture (times, numbers, gap), not the picture. */
void frame_copy_facts(struct frame *to, const struct frame *from);
