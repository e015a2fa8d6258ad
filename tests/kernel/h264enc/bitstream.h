/* SPDX-License-Identifier: GPL-2.0 */
/*
 * H.264 without loss and without arithmetic: what changed since the last picture is sent as it is (I_PCM), what did
 * not is skipped (P_Skip). Knows nothing of V4L2. One thread at a time per coder.
 */
#ifndef H264ENC_BITSTREAM_H
#define H264ENC_BITSTREAM_H

#include <linux/types.h>

#define H264_MACROBLOCK 384	/* bytes of one: 16 rows of 16, then 8 of 8 for Cb and for Cr */

struct h264_parameters {
	unsigned int width, height;		/* the visible picture, even */
	u8 profile_idc, constraints, level_idc;
	u32 interval, timescale;		/* a frame takes interval / timescale seconds */
};

/* Where to find the samples of one component. */
struct h264_plane {
	const u8 *data;
	unsigned int stride, step;		/* bytes from row to row, from sample to sample */
	bool average;				/* of two rows: 4:2:2 becomes 4:2:0 */
};

struct h264_frame {
	struct h264_plane plane[3];
};

struct h264_writer {
	u8 *data;
	size_t size;
	unsigned int zeros;			/* at the end of data, within a NAL unit */
	unsigned int cache, cached;		/* bits that are not a byte yet */
};

struct h264_coder {
	unsigned int width, height, columns, rows;
	unsigned int frame_num, idr_pic_id;
	u8 *reference;				/* the last picture, macroblock after macroblock */
};

/* The most that a picture with its headers can take. */
size_t h264_size_max(unsigned int width, unsigned int height);

bool h264_coder_init(struct h264_coder *coder, unsigned int width, unsigned int height);
void h264_coder_finish(struct h264_coder *coder);

/* Appends SPS and PPS, each with its start code. */
void h264_write_headers(struct h264_writer *writer, const struct h264_parameters *parameters);
/* Appends the picture: an IDR if `key`, which the first must be. */
void h264_write_picture(struct h264_writer *writer, struct h264_coder *coder, const struct h264_frame *frame, bool key);

#endif
