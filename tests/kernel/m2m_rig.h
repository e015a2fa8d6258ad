/*
 * For tests of the hardware encoder: a camera whose pictures are computed, in memory or in dmabufs; an encoder that it feeds;
 * and a decoder that tells which picture a packet shows, sample by sample.
 */
#pragma once

#include "camd/encode/m2m.h"

#include <libavcodec/avcodec.h>

#define RIG_BUFFERS 6
#define RIG_PACKETS 512

struct rig_buffer {
	struct frame frame;	/* its first member */
	bool held;		/* somebody has it */
	int dmabuf;
	uint8_t *memory;
	size_t bytes;
};

struct rig {
	struct frame_format format;
	struct frame_layout layout;
	struct encoder_request request;
	struct encoder *encoder;
	struct rig_buffer buffers[RIG_BUFFERS];
	uint64_t n_frames;	/* that were made; also the number of the last */
	struct packet *packets[RIG_PACKETS];
	int n_packets;
	int n_calls;		/* of service() */
};

/* A rig without an encoder: 1280x720 unless the format says otherwise. stride: of the first plane, 0: none beyond the picture. */
void rig_init(struct rig *rig, enum pixel_format pixels, int width, int height, int stride);

/*
 * Gives the camera's buffers memory that can be shared; call it before rig_open(). The first is as a camera's; the second
 * can't be mapped by the kernel, which drivers that work by processor need.
 */
void rig_share(struct rig *rig);
void rig_share_unmappable(struct rig *rig);

/* fourcc 0: H.264 by encoder_m2m. Fails the test if that fails. */
void rig_open(struct rig *rig, unsigned fourcc);

/* Makes the next picture and pushes it, when there is room. False: broken. */
bool rig_push(struct rig *rig, bool key, struct error *err);

/* Waits for the device at most so long, and lets the encoder take what is there. False: broken. */
bool rig_step(struct rig *rig, int timeout_ms, struct error *err);

/* Pushes n pictures, waiting for each one's packet at most 100 ms, which all but faulty devices keep. Fails the test if broken. */
void rig_run(struct rig *rig, int n);

void rig_drain(struct rig *rig);

/* Camera buffers that somebody holds. */
int rig_held(const struct rig *rig);

/*
 * Decodes all packets, from the first on, and compares each picture with what went in under its number. Fails the test at the
 * first sample that differs, and where a packet gave no picture.
 */
void rig_check_pictures(const struct rig *rig);

/* Whether a packet has parameter sets in front. */
bool rig_has_sets(const struct packet *packet);

/* One sample of the n-th picture. */
uint8_t rig_sample(int plane, int x, int y, uint64_t n);

void rig_finish(struct rig *rig);
