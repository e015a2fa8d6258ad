#include "tests/unit/clip.h"

#include "common/util.h"

#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SENSOR_NS INT64_C(987654321012345)
#define FIRST_WALL_NS INT64_C(1700000000123456789)

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "clip: %s failed\n", what);
	abort();
}

static AVCodecContext *open_encoder(const struct clip *clip, unsigned flags)
{
	const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
	AVCodecContext *context = avcodec_alloc_context3(codec);

	must(codec && context, "finding libx264");
	context->width = clip->width;
	context->height = clip->height;
	context->pix_fmt = AV_PIX_FMT_YUV420P;
	context->time_base = (AVRational){ 1, 30 };
	context->gop_size = 30;
	context->max_b_frames = 0;
	context->bit_rate = 2000000;
	context->color_primaries = AVCOL_PRI_BT709;
	context->color_trc = AVCOL_TRC_BT709;
	context->colorspace = AVCOL_SPC_BT709;
	context->color_range = AVCOL_RANGE_MPEG;
	context->thread_count = 1;
	av_opt_set(context->priv_data, "preset", "ultrafast", 0);
	av_opt_set(context->priv_data, "tune", "zerolatency", 0);
	av_opt_set(context->priv_data, "x264-params",
		   flags & CLIP_SLICES ? "aud=1:slice-max-mbs=1:repeat-headers=1" : "repeat-headers=1", 0);
	must(avcodec_open2(context, codec, NULL) == 0, "opening libx264");
	return context;
}

/* A moving ramp, and now and then noise, which makes a picture a hundred times as large. */
static void paint(AVFrame *picture, size_t i, uint32_t *seed)
{
	bool noisy = i % 37 == 5;

	for (int plane = 0; plane < 3; plane++) {
		int height = plane ? picture->height / 2 : picture->height, width = plane ? picture->width / 2 : picture->width;

		for (int y = 0; y < height; y++)
			for (int x = 0; x < width; x++) {
				*seed = *seed * 1664525 + 1013904223;
				picture->data[plane][y * picture->linesize[plane] + x] = (uint8_t)
					(plane ? 128 : 16 + (noisy ? *seed / (UINT32_MAX / 219) : (x + y + i * 3) % 219));
			}
	}
}

/* Times and numbers as a camera gives them. */
static void set_facts(struct clip *clip, unsigned flags)
{
	int64_t at = 0;
	uint64_t number = 0, lost_sensor = 0, lost_encoder = 0;
	uint32_t seed = 12345;

	for (size_t i = 0; i < clip->n; i++) {
		struct packet *packet = &clip->packets[i];
		unsigned sensor = i && i % 50 == 0 ? 2 : 0, encoder = i % 70 == 3;

		seed = seed * 1664525 + 1013904223;
		if (i)
			at += (1 + sensor + encoder) * INT64_C(33366700) + seed % 40001 - 20000;
		if (flags & CLIP_GAP && i == clip->n / 2)
			at += 5 * NS_PER_S;
		lost_sensor += sensor;
		lost_encoder += encoder;
		number += 1 + sensor + encoder;
		packet->number = number;
		packet->camera_frame = number + 100;
		packet->sensor_ns = FIRST_SENSOR_NS + at;
		packet->wall_ns = FIRST_WALL_NS + at;
		packet->lost_sensor = lost_sensor;
		packet->lost_encoder = lost_encoder;
	}
}

static void receive(struct clip *clip, AVCodecContext *context, AVPacket *encoded)
{
	while (avcodec_receive_packet(context, encoded) == 0) {
		struct packet *packet = &clip->packets[clip->n++];
		uint8_t *copy = xcalloc((size_t)encoded->size, 1);

		memcpy(copy, encoded->data, (size_t)encoded->size);
		packet->data = copy;
		packet->bytes = (size_t)encoded->size;
		packet->key = encoded->flags & AV_PKT_FLAG_KEY;
		av_packet_unref(encoded);
	}
}

struct clip *clip_create(size_t n, int width, int height, unsigned flags)
{
	struct clip *clip = xcalloc(1, sizeof(*clip));
	AVCodecContext *context;
	AVFrame *picture = av_frame_alloc();
	AVPacket *encoded = av_packet_alloc();
	uint32_t seed = 1;

	av_log_set_level(AV_LOG_ERROR);
	*clip = (struct clip){ .width = width, .height = height, .fps = 30, .colour = { 1, 1, 1, false } };
	clip->packets = xcalloc(n, sizeof(*clip->packets));
	context = open_encoder(clip, flags);
	picture->format = AV_PIX_FMT_YUV420P;
	picture->width = width;
	picture->height = height;
	must(av_frame_get_buffer(picture, 0) == 0, "a picture");
	for (size_t i = 0; i < n; i++) {
		must(av_frame_make_writable(picture) == 0, "a picture");
		paint(picture, i, &seed);
		picture->pts = (int64_t)i;
		must(avcodec_send_frame(context, picture) == 0, "encoding");
		receive(clip, context, encoded);
	}
	must(avcodec_send_frame(context, NULL) == 0, "draining");
	receive(clip, context, encoded);
	must(clip->n == n, "getting a packet a picture");
	set_facts(clip, flags);
	avcodec_free_context(&context);
	av_frame_free(&picture);
	av_packet_free(&encoded);
	return clip;
}

void clip_destroy(struct clip *clip)
{
	for (size_t i = 0; i < clip->n; i++)
		free((void *)clip->packets[i].data);
	free(clip->packets);
	free(clip);
}

struct output_request clip_request(const struct clip *clip, const char *path)
{
	return (struct output_request){
		.path = path,
		.width = clip->width,
		.height = clip->height,
		.colour = clip->colour,
		.fps = clip->fps,
		.encoder = "libx264 ultrafast (software)",
		.title = "synthetic camera 0",
	};
}

struct output *clip_write(const struct clip *clip, const struct output_impl *impl, const char *path, size_t n)
{
	struct output_request request = clip_request(clip, path);
	struct error err;
	struct output *output = impl->create(&request, &clip->packets[0], &err);

	if (!output)
		fprintf(stderr, "%s\n", err.text);
	must(output, "create");
	for (size_t i = 0; i < n; i++) {
		bool written = impl->write(output, &clip->packets[i], &err);

		if (!written)
			fprintf(stderr, "%s\n", err.text);
		must(written, "write");
	}
	return output;
}
