// SPDX-License-Identifier: GPL-2.0
#include "bitstream.h"

#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>

enum {
	NAL_SLICE = 0x61, NAL_IDR = 0x65, NAL_SPS = 0x67, NAL_PPS = 0x68,
	SLICE_P = 5, SLICE_I = 7,		/* all slices of the picture are of this kind */
	I_PCM = 25, I_PCM_IN_P = 30,
	PROFILE_HIGH = 100,
	FRAME_NUM_BITS = 8,
	HEADER_BYTES = 1024,			/* more than SPS, PPS and slice header can take */
};

/*
 * Within a NAL unit no two zero bytes may be followed by one of 0 to 3: that would look like a start code.
 */
static inline void put_byte(struct h264_writer *writer, u8 byte)
{
	if (writer->zeros >= 2 && byte <= 3) {
		writer->data[writer->size++] = 3;
		writer->zeros = 0;
	}
	writer->data[writer->size++] = byte;
	writer->zeros = byte ? 0 : writer->zeros + 1;
}

static inline bool has_zero_byte(u64 word)
{
	return (word - 0x0101010101010101ULL) & ~word & 0x8080808080808080ULL;
}

/*
 * Eight bytes at once where none of them is zero: then only the first can need a byte before it.
 */
static void put_macroblock(struct h264_writer *writer, const u8 *samples)
{
	unsigned int i, k;
	u64 word;

	for (i = 0; i < H264_MACROBLOCK; i += sizeof(word)) {
		memcpy(&word, samples + i, sizeof(word));
		if (has_zero_byte(word)) {
			for (k = 0; k < sizeof(word); k++)
				put_byte(writer, samples[i + k]);
			continue;
		}
		if (writer->zeros >= 2 && samples[i] <= 3)
			writer->data[writer->size++] = 3;
		memcpy(writer->data + writer->size, &word, sizeof(word));
		writer->size += sizeof(word);
		writer->zeros = 0;
	}
}

static void put_bits(struct h264_writer *writer, unsigned int count, u32 value)
{
	while (count--) {
		writer->cache = writer->cache << 1 | (value >> count & 1);
		if (++writer->cached == 8) {
			put_byte(writer, writer->cache);
			writer->cache = writer->cached = 0;
		}
	}
}

/* Exp-Golomb: as many zeros as value + 1 has bits behind its first. */
static void put_ue(struct h264_writer *writer, u32 value)
{
	unsigned int bits = fls(value + 1);

	put_bits(writer, bits - 1, 0);
	put_bits(writer, bits, value + 1);
}

static void align_with_zeros(struct h264_writer *writer)
{
	if (writer->cached)
		put_bits(writer, 8 - writer->cached, 0);
}

static void begin_nal(struct h264_writer *writer, u8 type)
{
	static const u8 start_code[] = {0, 0, 0, 1};

	memcpy(writer->data + writer->size, start_code, sizeof(start_code));
	writer->size += sizeof(start_code);
	writer->data[writer->size++] = type;
	writer->zeros = writer->cache = writer->cached = 0;
}

static void end_nal(struct h264_writer *writer)
{
	put_bits(writer, 1, 1);
	align_with_zeros(writer);
}

/* No colour description, as bcm2835-codec writes none; a decoder is told not to wait for reordered pictures. */
static void put_vui(struct h264_writer *writer, const struct h264_parameters *parameters)
{
	put_bits(writer, 4, 0);		/* aspect ratio, overscan, video signal, chroma location: not said */
	put_bits(writer, 1, 1);		/* timing: in fields, two to the frame */
	put_bits(writer, 32, parameters->interval);
	put_bits(writer, 32, parameters->timescale * 2);
	put_bits(writer, 1, 0);		/* the rate is not fixed */
	put_bits(writer, 3, 0);		/* no HRD, no pic_struct */
	put_bits(writer, 1, 1);		/* restrictions: */
	put_bits(writer, 1, 1);
	put_ue(writer, 0);		/* bytes of a picture and bits of a macroblock: no limit */
	put_ue(writer, 0);
	put_ue(writer, 0);		/* motion vectors are all zero */
	put_ue(writer, 0);
	put_ue(writer, 0);		/* no reordering */
	put_ue(writer, 1);		/* one picture is kept */
}

static void put_crop(struct h264_writer *writer, const struct h264_parameters *parameters)
{
	unsigned int right = (round_up(parameters->width, 16) - parameters->width) / 2;
	unsigned int bottom = (round_up(parameters->height, 16) - parameters->height) / 2;

	put_bits(writer, 1, right || bottom);
	if (!right && !bottom)
		return;
	put_ue(writer, 0);
	put_ue(writer, right);
	put_ue(writer, 0);
	put_ue(writer, bottom);
}

static void write_sps(struct h264_writer *writer, const struct h264_parameters *parameters)
{
	begin_nal(writer, NAL_SPS);
	put_bits(writer, 8, parameters->profile_idc);
	put_bits(writer, 8, parameters->constraints);
	put_bits(writer, 8, parameters->level_idc);
	put_ue(writer, 0);
	if (parameters->profile_idc >= PROFILE_HIGH) {
		put_ue(writer, 1);	/* 4:2:0 */
		put_ue(writer, 0);	/* of 8 bits */
		put_ue(writer, 0);
		put_bits(writer, 2, 0);	/* no transform bypass, no scaling matrices */
	}
	put_ue(writer, FRAME_NUM_BITS - 4);
	put_ue(writer, 2);		/* pictures are shown in the order in which they come */
	put_ue(writer, 1);		/* one reference */
	put_bits(writer, 1, 0);
	put_ue(writer, DIV_ROUND_UP(parameters->width, 16) - 1);
	put_ue(writer, DIV_ROUND_UP(parameters->height, 16) - 1);
	put_bits(writer, 2, 3);		/* frames, not fields; direct_8x8 */
	put_crop(writer, parameters);
	put_bits(writer, 1, 1);
	put_vui(writer, parameters);
	end_nal(writer);
}

static void write_pps(struct h264_writer *writer)
{
	begin_nal(writer, NAL_PPS);
	put_ue(writer, 0);
	put_ue(writer, 0);
	put_bits(writer, 2, 0);		/* CAVLC, no field pairs */
	put_ue(writer, 0);		/* one slice group */
	put_ue(writer, 0);		/* one reference in each list */
	put_ue(writer, 0);
	put_bits(writer, 3, 0);		/* no weighted prediction */
	put_ue(writer, 0);		/* quantisers: nothing here is quantised */
	put_ue(writer, 0);
	put_ue(writer, 0);
	put_bits(writer, 3, 4);		/* the slice header switches the deblocking filter */
	end_nal(writer);
}

void h264_write_headers(struct h264_writer *writer, const struct h264_parameters *parameters)
{
	write_sps(writer, parameters);
	write_pps(writer);
}

static void put_slice_header(struct h264_writer *writer, const struct h264_coder *coder, bool key)
{
	put_ue(writer, 0);		/* from the first macroblock on */
	put_ue(writer, key ? SLICE_I : SLICE_P);
	put_ue(writer, 0);
	put_bits(writer, FRAME_NUM_BITS, coder->frame_num);
	if (key) {
		put_ue(writer, coder->idr_pic_id);
		put_bits(writer, 2, 0);	/* earlier pictures are shown; this one is no long-term reference */
	} else {
		put_bits(writer, 3, 0);	/* the reference lists as they are; the oldest reference goes */
	}
	put_ue(writer, 0);
	put_ue(writer, 1);		/* no deblocking */
}

static u8 sample_at(const struct h264_plane *plane, unsigned int x, unsigned int y)
{
	const u8 *at = plane->data + x * plane->step;

	if (!plane->average)
		return at[y * plane->stride];
	return (at[2 * y * plane->stride] + at[(2 * y + 1) * plane->stride] + 1) / 2;
}

/* A square of `side` samples at (x, y). Beyond the picture's edge its last samples are repeated. */
static void gather_slowly(u8 *out, const struct h264_plane *plane, unsigned int x, unsigned int y, unsigned int side,
			  unsigned int width, unsigned int height)
{
	unsigned int row, column;

	for (row = 0; row < side; row++)
		for (column = 0; column < side; column++)
			*out++ = sample_at(plane, min(x + column, width - 1), min(y + row, height - 1));
}

static __always_inline void gather(u8 *out, const struct h264_plane *plane, unsigned int x, unsigned int y,
				   unsigned int side, unsigned int width, unsigned int height)
{
	const u8 *row = plane->data + y * plane->stride + x * plane->step;
	unsigned int count = side, i;

	if (plane->average || plane->step > 2 || x + side > width || y + side > height) {
		gather_slowly(out, plane, x, y, side, width, height);
		return;
	}
	for (; count--; row += plane->stride, out += side) {
		if (plane->step == 1)
			memcpy(out, row, side);
		else
			for (i = 0; i < side; i++)
				out[i] = row[2 * i];
	}
}

static void gather_macroblock(u8 *out, const struct h264_coder *coder, const struct h264_frame *frame,
			      unsigned int column, unsigned int row)
{
	unsigned int width = coder->width, height = coder->height;

	gather(out, &frame->plane[0], column * 16, row * 16, 16, width, height);
	gather(out + 256, &frame->plane[1], column * 8, row * 8, 8, width / 2, height / 2);
	gather(out + 320, &frame->plane[2], column * 8, row * 8, 8, width / 2, height / 2);
}

static void put_slice_data(struct h264_writer *writer, struct h264_coder *coder, const struct h264_frame *frame,
			   bool key)
{
	unsigned int total = coder->columns * coder->rows, skipped = 0, i;
	u8 samples[H264_MACROBLOCK], *reference = coder->reference;

	for (i = 0; i < total; i++, reference += H264_MACROBLOCK) {
		gather_macroblock(samples, coder, frame, i % coder->columns, i / coder->columns);
		if (!key && !memcmp(samples, reference, sizeof(samples))) {
			skipped++;
			continue;
		}
		memcpy(reference, samples, sizeof(samples));
		if (!key)
			put_ue(writer, skipped);
		skipped = 0;
		put_ue(writer, key ? I_PCM : I_PCM_IN_P);
		align_with_zeros(writer);
		put_macroblock(writer, samples);
	}
	if (skipped)
		put_ue(writer, skipped);
}

void h264_write_picture(struct h264_writer *writer, struct h264_coder *coder, const struct h264_frame *frame,
			bool key)
{
	if (key) {
		coder->frame_num = 0;
		coder->idr_pic_id ^= 1;		/* two IDR pictures in a row must differ in it */
	} else {
		coder->frame_num = (coder->frame_num + 1) % (1 << FRAME_NUM_BITS);
	}
	begin_nal(writer, key ? NAL_IDR : NAL_SLICE);
	put_slice_header(writer, coder, key);
	put_slice_data(writer, coder, frame, key);
	end_nal(writer);
}

/* A macroblock of zeros grows by half; what says its type takes three bytes at most, with its own escapes five. */
size_t h264_size_max(unsigned int width, unsigned int height)
{
	return DIV_ROUND_UP(width, 16) * DIV_ROUND_UP(height, 16) * (H264_MACROBLOCK * 3 / 2 + 8) + HEADER_BYTES;
}

bool h264_coder_init(struct h264_coder *coder, unsigned int width, unsigned int height)
{
	*coder = (struct h264_coder){
		.width = width, .height = height,
		.columns = DIV_ROUND_UP(width, 16), .rows = DIV_ROUND_UP(height, 16),
	};
	coder->reference = kvmalloc_array(coder->columns * coder->rows, H264_MACROBLOCK, GFP_KERNEL);
	return coder->reference;
}

void h264_coder_finish(struct h264_coder *coder)
{
	kvfree(coder->reference);
	coder->reference = NULL;
}
