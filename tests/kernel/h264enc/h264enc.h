/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A stateful H.264 encoder for the test kernel, on v4l2-mem2mem, made after the habits of bcm2835-codec: one mutex for
 * all that are open, an OUTPUT stride that is aligned, SPS and PPS only where asked for. What it writes is lossless,
 * so that a test can compare what was decoded with what went in. Faults are switched by module parameters.
 *
 *	device.c	the module, its video device, which can vanish and come back
 *	context.c	what an open file is: its life, events, draining
 *	control.c	its controls, and what follows from them: the level, the parameters of the stream
 *	ioctl.c		formats, selection, frame interval, the table of ioctls
 *	queue.c		buffers
 *	job.c		a frame in, buffers out, in a work queue
 *	fault.c		module parameters: faults and counters
 *	bitstream.c	H.264
 */
#ifndef H264ENC_H
#define H264ENC_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <media/media-device.h>
#include <media/v4l2-ctrls.h>
#include <media/v4l2-device.h>
#include <media/v4l2-event.h>
#include <media/v4l2-ioctl.h>
#include <media/v4l2-mem2mem.h>
#include <media/videobuf2-vmalloc.h>

#include "bitstream.h"

#define H264ENC_NAME "h264enc"

/* What the device looks like, from the module parameter `api`. */
enum h264enc_api {
	H264ENC_MULTI,			/* the multi-planar API, one plane in memory, as bcm2835-codec */
	H264ENC_SINGLE,			/* the single-planar API, as coda */
	H264ENC_PLANES,			/* the multi-planar API, each of the picture's planes by itself, as s5p-mfc */
};

struct h264enc_device {
	struct v4l2_device v4l2;
	struct v4l2_m2m_dev *m2m;
	struct workqueue_struct *work;
	enum h264enc_api api;
	u32 only_format;		/* 0: all */
	struct v4l2_ioctl_ops ioctls;
	struct mutex mutex;		/* taken by every ioctl of every context */
	struct mutex lock;		/* for what follows; never held while waiting */
	struct video_device *video;	/* NULL while it has vanished */
	struct media_device media;	/* there while the video device is */
	struct list_head contexts;
};

struct h264enc_format {
	u32 fourcc;
	enum h264enc_api api;		/* where it is offered: PLANES, or SINGLE for both others */
	unsigned int alignment;		/* of bytesperline */
	unsigned int luma_step, chroma_step;
	unsigned int planes;		/* in memory */
	bool swapped;			/* Cr comes first */
};

/* The OUTPUT's raw pictures. */
struct h264enc_layout {
	const struct h264enc_format *format;
	unsigned int width, height, stride;
	unsigned int sizeimage[3];
	u32 colorspace, xfer_func, ycbcr_enc, quantization;
};

/* Coded data on its way to CAPTURE buffers. */
struct h264enc_packet {
	struct list_head entry;
	u8 *data;
	size_t size, sent;
	u64 timestamp;
	struct v4l2_timecode timecode;
	u32 flags;
	bool is_frame;			/* not just the headers of one */
};

enum h264enc_drain {
	H264ENC_RUNNING,
	H264ENC_DRAINING,		/* STOP came, LAST did not go out yet */
	H264ENC_STOPPED,
};

/* Written by s_ctrl in the caller's thread, read by jobs. */
struct h264enc_settings {
	int bitrate, profile, level, period, repeat_headers, joined_headers;
};

struct h264enc_context {
	struct v4l2_fh fh;
	struct h264enc_device *device;
	struct list_head entry;		/* in the device's list, under its lock */
	unsigned int number;		/* from 1, the lowest that was free when it was opened */
	struct work_struct work;

	struct v4l2_ctrl_handler controls;
	struct h264enc_settings settings;

	/* under the device's mutex */
	struct h264enc_layout layout;
	unsigned int crop_width, crop_height;
	unsigned int capture_size;
	struct v4l2_fract interval;

	spinlock_t state_lock;
	enum h264enc_drain drain;
	unsigned int drain_left;	/* OUTPUT buffers that came before STOP */
	int key_in;			/* frames until a forced key frame, -1: none */
	bool broken;			/* by the fault `eio`, until STREAMOFF; or the device is gone */

	/* of the running job; not running: of the queues' start and stop */
	struct h264_coder coder;
	struct list_head packets, spare;
	unsigned int waiting;		/* frames in packets */
	unsigned int since_key;
	u32 output_sequence, capture_sequence;
	bool need_key, need_headers;
};

static inline struct h264enc_context *h264enc_context_of(struct file *file)
{
	return container_of(file->private_data, struct h264enc_context, fh);
}

/* Bytes from one row of chroma to the next. */
static inline unsigned int h264enc_chroma_stride(const struct h264enc_layout *layout)
{
	return layout->format->chroma_step == 1 ? layout->stride / 2 : layout->stride;
}

static inline bool h264enc_is_multiplanar(const struct h264enc_device *device)
{
	return device->api != H264ENC_SINGLE;
}

/*
 * Faults. Each is a module parameter of the same name, writable at any time; README.md says what they do.
 * Those that say "next" count down.
 */
struct h264enc_faults {
	atomic_t only;
	atomic_t swallow, swallow_every, error, stall;
	atomic_t latency, split, separate_header, last_with_data, no_sequence;
	atomic_t mutex_ms, streamoff_ms, job_us;
	atomic_t eio, vanish, reqbufs_fail, refuse_dmabuf, no_dmabuf;
	atomic_t no_force_key, ignore_force_key, level_check;
};

struct h264enc_counters {
	atomic64_t contexts, frames, key_frames, swallowed, jobs;
	atomic64_t output_dmabuf, output_mmap, output_dmabuf_bytes, output_mmap_bytes, capture_bytes;
};

extern struct h264enc_faults h264enc_faults;
extern struct h264enc_counters h264enc_counters;

/* Is this switch on, for this context? Its value, or 0. */
int h264enc_fault(struct h264enc_context *context, atomic_t *fault);
/* The same for those that count down; takes one. */
bool h264enc_fault_next(struct h264enc_context *context, atomic_t *fault);

/* device.c; any thread, whether or not there is a device yet */
void h264enc_schedule_all(void);
void h264enc_break_all(void);
int h264enc_set_vanished(bool vanished);

/* context.c */
int h264enc_open(struct file *file);
int h264enc_release(struct file *file);
int h264enc_encoder_cmd(struct file *file, void *fh, struct v4l2_encoder_cmd *command);
int h264enc_subscribe_event(struct v4l2_fh *fh, const struct v4l2_event_subscription *subscription);
/* Neither queue gives anything but EIO until STREAMOFF. */
void h264enc_break(struct h264enc_context *context);

/* control.c */
int h264enc_add_controls(struct h264enc_context *context);
bool h264enc_level_suffices(const struct h264enc_context *context);
void h264enc_get_parameters(const struct h264enc_context *context, struct h264_parameters *parameters);

/* ioctl.c */
void h264enc_init_ioctls(struct h264enc_device *device);
bool h264enc_has_formats(const struct h264enc_device *device);
void h264enc_set_default_format(struct h264enc_context *context);

/* queue.c */
int h264enc_init_queues(void *context, struct vb2_queue *source, struct vb2_queue *destination);
int h264enc_qbuf(struct file *file, void *fh, struct v4l2_buffer *buffer);

/* job.c */
int h264enc_job_ready(void *context);
void h264enc_device_run(void *context);
void h264enc_work(struct work_struct *work);
/* Drops what was coded and not fetched. Not while a job runs. */
void h264enc_drop_packets(struct h264enc_context *context);
/* Returns `buffer` as the LAST one, and says EOS. */
void h264enc_finish_drain(struct h264enc_context *context, struct vb2_v4l2_buffer *buffer);

#endif
