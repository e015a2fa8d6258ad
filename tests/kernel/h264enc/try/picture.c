#include "tests/kernel/h264enc/try/picture.h"

#include "common/util.h"

#include <libavcodec/avcodec.h>
#include <stdlib.h>
#include <string.h>

struct decoder {
	AVCodecContext *context;
	AVFrame *frame;
	AVPacket *packet;
	uint8_t *picture;
};

size_t picture_size(unsigned width, unsigned height)
{
	return (size_t)width * height * 3 / 2;
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 24;
}

/* A third of the rows has few values, mostly zeros: they need emulation prevention bytes in all places. */
static void fill_noise(uint8_t *at, size_t size, unsigned width, uint32_t seed)
{
	for (size_t i = 0; i < size; i++) {
		uint32_t value = next_random(&seed);

		if (i / width % 3 == 0)
			value = value < 200 ? 0 : value % 5;
		at[i] = (uint8_t)value;
	}
}

uint8_t *picture_make(unsigned width, unsigned height, unsigned n)
{
	size_t size = picture_size(width, height), luma = (size_t)width * height;
	uint8_t *picture = xcalloc(1, size);
	unsigned from = n * 8 % height, rows = height / 4 + 1;

	fill_noise(picture, size, width, 1);
	for (unsigned y = from; y < from + rows && y < height; y++)
		fill_noise(picture + y * width, width / 2, width, n * 1000 + y);
	fill_noise(picture + luma + luma / 4 - 8, 16, 16, n + 1);	/* where Cb ends and Cr begins */
	return picture;
}

static void store_plane(uint8_t *to, unsigned stride, unsigned step, const uint8_t *from, unsigned width,
			unsigned height)
{
	for (unsigned y = 0; y < height; y++)
		for (unsigned x = 0; x < width; x++)
			to[y * stride + x * step] = from[y * width + x];
}

/* Two rows of chroma for each of ours, which is their average, rounded up: one of the two is less by one. */
static void store_yuyv(uint8_t *to, unsigned stride, const uint8_t *picture, unsigned width, unsigned height)
{
	const uint8_t *chroma = picture + (size_t)width * height;

	store_plane(to, stride, 2, picture, width, height);
	for (unsigned plane = 0; plane < 2; plane++)
		for (unsigned y = 0; y < height; y++)
			for (unsigned x = 0; x < width / 2; x++) {
				int value = chroma[plane * width * height / 4 + y / 2 * (width / 2) + x];

				if (value > 0)
					value -= (x + y) % 2;
				to[y * stride + x * 4 + 1 + plane * 2] = (uint8_t)value;
			}
}

void picture_store(const struct client *client, int index, const uint8_t *picture)
{
	const struct shape *shape = &client->shape;
	const struct client_plane *planes = client->output[index];
	unsigned width = shape->crop_width, height = shape->crop_height, stride = shape->stride, step = 1;
	bool swapped = shape->fourcc == V4L2_PIX_FMT_YVU420 || shape->fourcc == V4L2_PIX_FMT_NV21;
	const uint8_t *chroma = picture + (size_t)width * height;
	uint8_t *to[2];

	for (unsigned i = 0; i < client->planes; i++)
		memset(planes[i].data, 0x55, planes[i].size);
	if (shape->fourcc == V4L2_PIX_FMT_YUYV) {
		store_yuyv(planes[0].data, stride, picture, width, height);
		return;
	}
	if (shape->fourcc == V4L2_PIX_FMT_NV12 || shape->fourcc == V4L2_PIX_FMT_NV21 ||
	    shape->fourcc == V4L2_PIX_FMT_NV12M)
		step = 2;
	to[0] = client->planes > 1 ? planes[1].data : planes[0].data + stride * shape->height;
	to[1] = client->planes > 2 ? planes[2].data : step == 2 ? to[0] + 1 : to[0] + stride / 2 * (shape->height / 2);
	store_plane(planes[0].data, stride, 1, picture, width, height);
	for (unsigned i = 0; i < 2; i++)
		store_plane(to[swapped ? !i : i], step == 2 ? stride : stride / 2, step,
			    chroma + i * (width * height / 4), width / 2, height / 2);
}

struct decoder *decoder_create(void)
{
	struct decoder *decoder = xcalloc(1, sizeof(*decoder));

	decoder->context = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_H264));
	decoder->frame = av_frame_alloc();
	decoder->packet = av_packet_alloc();
	decoder->context->thread_count = 1;
	decoder->context->err_recognition = AV_EF_EXPLODE | AV_EF_CAREFUL | AV_EF_COMPLIANT;
	if (avcodec_open2(decoder->context, NULL, NULL) < 0)
		abort();
	return decoder;
}

void decoder_destroy(struct decoder *decoder)
{
	avcodec_free_context(&decoder->context);
	av_frame_free(&decoder->frame);
	av_packet_free(&decoder->packet);
	free(decoder->picture);
	free(decoder);
}

static void keep_picture(struct decoder *decoder)
{
	const AVFrame *frame = decoder->frame;
	uint8_t *to;

	free(decoder->picture);
	to = decoder->picture = xcalloc(1, picture_size((unsigned)frame->width, (unsigned)frame->height));
	for (int plane = 0; plane < 3; plane++)
		for (int y = 0; y < frame->height >> !!plane; y++, to += frame->width >> !!plane)
			memcpy(to, frame->data[plane] + y * frame->linesize[plane],
			       (size_t)(frame->width >> !!plane));
}

const uint8_t *decoder_decode(struct decoder *decoder, const uint8_t *data, size_t size)
{
	bool found;

	if (av_new_packet(decoder->packet, (int)size) < 0)
		abort();
	memcpy(decoder->packet->data, data, size);
	found = avcodec_send_packet(decoder->context, decoder->packet) == 0 &&
		avcodec_receive_frame(decoder->context, decoder->frame) == 0;
	if (found)
		keep_picture(decoder);
	av_packet_unref(decoder->packet);
	return found ? decoder->picture : NULL;
}

struct facts decoder_facts(const struct decoder *decoder)
{
	const AVCodecContext *context = decoder->context;

	return (struct facts){
		.width = (unsigned)context->width, .height = (unsigned)context->height,
		.profile = context->profile, .level = context->level, .fps = av_q2d(context->framerate),
	};
}

char *nal_types(const uint8_t *data, size_t size)
{
	char *types = xcalloc(1, size / 4 + 1), *at = types;

	for (size_t i = 0; i + 4 < size; i++)
		if (data[i] == 0 && data[i + 1] == 0 && data[i + 2] == 0 && data[i + 3] == 1)
			*at++ = (char)('0' + (data[i + 4] & 31));
	return types;
}

static unsigned bits_at(const uint8_t *data, unsigned first, unsigned count)
{
	unsigned value = 0;

	for (unsigned bit = first; bit < first + count; bit++)
		value = value << 1 | (data[bit / 8] >> (7 - bit % 8) & 1);
	return value;
}

/*
 * Behind the type: 1 (first macroblock 0), 0001000 or 00110 (all of it I, all of it P), 1 (PPS 0), eight bits of
 * frame_num; then 1 or 010 for an idr_pic_id of 0 or 1. No emulation prevention byte can be among them.
 */
bool nal_slice(const uint8_t *data, size_t size, struct slice *slice)
{
	for (size_t i = 0; i + 8 < size; i++) {
		unsigned type = data[i + 4] & 31;

		if (memcmp(data + i, "\0\0\0\1", 4) != 0 || (type != 1 && type != 5))
			continue;
		slice->frame_num = bits_at(data + i + 5, type == 5 ? 9 : 7, 8);
		slice->idr_pic_id = type == 5 ? !bits_at(data + i + 5, 17, 1) : 0;
		return true;
	}
	return false;
}
