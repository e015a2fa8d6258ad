/*
 * Software H.264 by libavcodec: libx264 where there is one, else OpenH264, else whatever else it has.
 *
 * One frame in, one packet out: sliced threads instead of frame threads, no B-frames, no lookahead. Nothing relies on
 * that, though: what is known about a frame waits in a ring under the frame's timestamp until the packet with that
 * timestamp comes. Timestamps count frames at the nominal rate, which is what the bitstream's timing information then
 * says; true times travel in the packets.
 *
 * Key frames come where they are asked for and every `intra` frames, and nowhere else: scene cuts make none, so that
 * where a file can be cut, and how large a burst the disk sees, is known beforehand.
 */
#include "camd/encode/encoder.h"

#include "camd/convert.h"
#include "camd/encode/request.h"
#include "camd/h264.h"
#include "camd/h264_level.h"
#include "common/log.h"
#include "common/util.h"

#include <assert.h>
#include <libavcodec/avcodec.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_PRESET "superfast"
#define MAX_INSIDE 64		/* a power of two: frames that an encoder may hold back; x264, set up like this, none */
#define COLOUR_TEXT_BYTES 32
#define MAX_SLICES 4
#define MIN_SLICE_ROWS 64	/* below, the seams between slices cost more than a further thread brings */

struct facts {
	int64_t pts;
	int64_t sensor_ns, wall_ns;
	uint64_t number, camera_frame;
	struct exposure exposure;
};

struct avcodec_encoder {
	struct encoder base;
	AVCodecContext *context;
	AVFrame *picture;		/* an empty shell between frames */
	encoder_packet_fn on_packet;
	void *user;
	int64_t next_pts;
	struct facts inside[MAX_INSIDE];	/* by pts modulo MAX_INSIDE */
};

static bool fail_av(struct error *err, enum error_code code, int result, const char *what)
{
	char text[AV_ERROR_MAX_STRING_SIZE];

	return error_set(err, code, "%s: %s", what, av_make_error_string(text, sizeof(text), result));
}

static bool avcodec_takes(enum pixel_format pixels)
{
	/* of the encoders that libavcodec may have, only x264 takes NV12 for certain */
	return pixels == PIXEL_I420 || (pixels == PIXEL_NV12 && avcodec_find_encoder_by_name("libx264"));
}

static int choose_threads(const struct encoder_request *request)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int fit = MAX(request->format.height / MIN_SLICE_ROWS, 1);

	if (request->threads > 0)
		return MIN(request->threads, fit);
	return MIN(MIN((int)MAX(cores, 1), MAX_SLICES), fit);
}

static void set_colour(AVCodecContext *context, const struct colour *colour)
{
	/* libav's enumerations are the code points of H.273, too */
	context->color_primaries = colour->primaries;
	context->color_trc = colour->transfer;
	context->colorspace = colour->matrix;
	context->color_range = colour->full_range ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
}

static void set_rate(AVCodecContext *context, int64_t bitrate_bps)
{
	context->bit_rate = bitrate_bps;
	context->rc_max_rate = bitrate_bps;
	context->rc_buffer_size = (int)MIN(bitrate_bps, INT_MAX);
}

/* As libav numbers them, by profile_idc and its own bit for the constraint, and as x264 names them. */
static const struct {
	int number;
	const char *name;
} profiles[] = {
	[H264_PROFILE_BASELINE] = { 66 | 1 << 9, "baseline" },
	[H264_PROFILE_MAIN] = { 77, "main" },
	[H264_PROFILE_HIGH] = { 100, "high" },
};

/* x264 marks the stream with what it was told to, and says no more about it than a line in the log. */
static void check_level(const struct encoder_request *request)
{
	bool high = request->profile == H264_PROFILE_AUTO || request->profile == H264_PROFILE_HIGH;
	int needed = h264_level_needed(request->format.width, request->format.height, request->fps, request->bitrate_bps, high);

	if (request->level && needed > request->level)
		log_warning("level = %d.%d: this stream needs level %d.%d of H.264; some players will refuse it", request->level / 10,
			    request->level % 10, needed / 10, needed % 10);
}

static void configure(AVCodecContext *context, const struct encoder_request *request)
{
	context->width = request->format.width;
	context->height = request->format.height;
	context->pix_fmt = request->format.pixels == PIXEL_NV12 ? AV_PIX_FMT_NV12 : AV_PIX_FMT_YUV420P;
	context->sample_aspect_ratio = (AVRational){ 1, 1 };
	context->framerate = av_d2q(request->fps, 1001000);
	context->time_base = av_inv_q(context->framerate);
	set_rate(context, request->bitrate_bps);
	context->gop_size = request->intra;
	context->max_b_frames = 0;
	context->thread_type = FF_THREAD_SLICE;
	context->thread_count = choose_threads(request);
	if (request->profile)
		context->profile = profiles[request->profile].number;
	if (request->level)
		context->level = request->level;
	set_colour(context, &request->format.colour);
}

static const char *preset_of(const struct encoder_request *request)
{
	return request->preset ? request->preset : DEFAULT_PRESET;
}

static AVDictionary *x264_options(const struct encoder_request *request)
{
	AVDictionary *options = NULL;

	av_dict_set(&options, "preset", preset_of(request), 0);
	if (request->profile)
		av_dict_set(&options, "profile", profiles[request->profile].name, 0);
	/*
	 * The bitstream then calls its nominal rate fixed, which no camera keeps; but for a rate that may vary x264
	 * holds every frame back until the next one comes.
	 */
	av_dict_set(&options, "tune", "zerolatency", 0);
	av_dict_set(&options, "forced-idr", "1", 0);
	av_dict_set(&options, "x264-params", "scenecut=0", 0);
	return options;
}

/* Opens one of libavcodec's encoders. NULL with its reason in err. */
static AVCodecContext *open_codec(const AVCodec *codec, const struct encoder_request *request, struct error *err)
{
	AVCodecContext *context = avcodec_alloc_context3(codec);
	AVDictionary *options = NULL;
	int result;

	assert(context);
	configure(context, request);
	if (!strcmp(codec->name, "libx264"))
		options = x264_options(request);
	result = avcodec_open2(context, codec, &options);
	av_dict_free(&options);
	if (result >= 0)
		return context;
	avcodec_free_context(&context);
	fail_av(err, ERR_ENCODER_FAILED, result, codec->name);
	return NULL;
}

/* Where x264 is missing: OpenH264, then all the others, until one takes the request. */
static AVCodecContext *open_other(const struct encoder_request *request, struct error *err)
{
	const AVCodec *codec = avcodec_find_encoder_by_name("libopenh264");
	AVCodecContext *context = codec ? open_codec(codec, request, err) : NULL;
	void *at = NULL;

	while (!context && (codec = av_codec_iterate(&at)))
		if (av_codec_is_encoder(codec) && codec->id == AV_CODEC_ID_H264 && strcmp(codec->name, "libopenh264"))
			context = open_codec(codec, request, err);
	return context;
}

static AVCodecContext *open_context(const struct encoder_request *request, struct error *err)
{
	const AVCodec *x264 = avcodec_find_encoder_by_name("libx264");
	AVCodecContext *context;

	if (x264) {
		context = open_codec(x264, request, err);
		if (!context)
			error_wrap(err, "no H.264 encoder for %dx%d, preset %s, %lld b/s (the log has its reasons)",
				   request->format.width, request->format.height, preset_of(request),
				   (long long)request->bitrate_bps);
		return context;
	}
	error_set(err, ERR_ENCODER_FAILED, "it has none");
	context = open_other(request, err);
	if (!context)
		error_wrap(err, "no H.264 encoder: install a libavcodec with libx264 (Debian: libavcodec-extra)");
	return context;
}

static void set_name(struct avcodec_encoder *encoder, const char *preset)
{
	const AVCodec *codec = encoder->context->codec;
	bool hardware = codec->capabilities & (AV_CODEC_CAP_HARDWARE | AV_CODEC_CAP_HYBRID);
	bool has_presets = !strcmp(codec->name, "libx264");

	snprintf(encoder->base.name, sizeof(encoder->base.name), "%s%s%s (%s)", codec->name, has_presets ? " " : "",
		 has_presets ? preset : "", hardware ? "hardware" : "software");
}

static void avcodec_destroy(struct encoder *base)
{
	struct avcodec_encoder *encoder = (struct avcodec_encoder *)base;

	if (!encoder)
		return;
	avcodec_free_context(&encoder->context);
	av_frame_free(&encoder->picture);
	free(encoder);
}

static struct encoder *avcodec_create(const struct encoder_request *wanted, encoder_packet_fn on_packet, void *user,
				      struct error *err)
{
	struct encoder_request taken = *wanted, *request = &taken;
	struct avcodec_encoder *encoder;

	if (!avcodec_takes(wanted->format.pixels))
		taken.format = convert_format(&wanted->format);
	if (!encoder_request_check(request, err))
		return NULL;
	encoder = xcalloc(1, sizeof(*encoder));
	encoder->base.impl = &encoder_avcodec;
	encoder->base.takes = request->format;
	encoder->on_packet = on_packet;
	encoder->user = user;
	for (size_t i = 0; i < MAX_INSIDE; i++)
		encoder->inside[i].pts = -1;
	encoder->picture = av_frame_alloc();
	encoder->context = open_context(request, err);
	if (!encoder->picture || !encoder->context)
		goto fail;
	check_level(request);
	set_name(encoder, preset_of(request));
	return &encoder->base;
fail:
	avcodec_destroy(&encoder->base);
	return NULL;
}

static void release_packet(struct packet *base, void *owner)
{
	AVPacket *packet = owner;

	av_packet_free(&packet);
	free(base);
}

/* Wraps what libavcodec gave, without a copy, in the facts of its frame; takes over av. */
static struct packet *wrap_packet(AVPacket *av, const struct facts *facts)
{
	struct packet *packet = xcalloc(1, sizeof(*packet));

	atomic_init(&packet->references, 1);
	packet->data = av->data;
	packet->bytes = (size_t)av->size;
	packet->key = h264_has_idr(av->data, (size_t)av->size);
	packet->sensor_ns = facts->sensor_ns;
	packet->wall_ns = facts->wall_ns;
	packet->number = facts->number;
	packet->camera_frame = facts->camera_frame;
	packet->exposure = facts->exposure;
	packet->release = release_packet;
	packet->owner = av;
	return packet;
}

/* Takes the facts of the frame with this timestamp out of the ring. False: there are none. */
static bool take_facts(struct avcodec_encoder *encoder, int64_t pts, struct facts *facts)
{
	struct facts *kept = &encoder->inside[pts & (MAX_INSIDE - 1)];

	if (pts < 0 || kept->pts != pts)
		return false;
	*facts = *kept;
	kept->pts = -1;
	return true;
}

/* Gives out all that is ready. Returns libavcodec's reason why no more came. */
static int give_out(struct avcodec_encoder *encoder)
{
	for (;;) {
		AVPacket *packet = av_packet_alloc();
		struct facts facts;
		int result = packet ? avcodec_receive_packet(encoder->context, packet) : AVERROR(ENOMEM);

		if (result >= 0 && take_facts(encoder, packet->pts, &facts))
			encoder->on_packet(encoder->user, wrap_packet(packet, &facts));
		else
			av_packet_free(&packet);
		if (result < 0)
			return result;
	}
}

static void unref_frame(void *frame, uint8_t *data)
{
	(void)data;
	frame_unref(frame);
}

/* Shows a frame's planes to libavcodec, which gives its reference back when it is through with them. */
static bool wrap_frame(struct avcodec_encoder *encoder, struct frame *frame, bool key)
{
	AVFrame *picture = encoder->picture;

	picture->buf[0] = av_buffer_create(frame->planes[0].data, frame->planes[0].bytes, unref_frame, frame,
					   AV_BUFFER_FLAG_READONLY);
	if (!picture->buf[0])
		return false;
	frame_ref(frame);
	for (int i = 0; i < frame->n_planes; i++) {
		picture->data[i] = frame->planes[i].data;
		picture->linesize[i] = frame->planes[i].stride;
	}
	picture->width = encoder->context->width;
	picture->height = encoder->context->height;
	picture->format = encoder->context->pix_fmt;
	picture->color_primaries = encoder->context->color_primaries;
	picture->color_trc = encoder->context->color_trc;
	picture->colorspace = encoder->context->colorspace;
	picture->color_range = encoder->context->color_range;
	picture->sample_aspect_ratio = encoder->context->sample_aspect_ratio;
	picture->pts = encoder->next_pts++;
	picture->pict_type = key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
	return true;
}

static void keep_facts(struct avcodec_encoder *encoder, const struct frame *frame)
{
	encoder->inside[encoder->picture->pts & (MAX_INSIDE - 1)] = (struct facts){
		.pts = encoder->picture->pts,
		.sensor_ns = frame->sensor_ns,
		.wall_ns = frame->wall_ns,
		.number = frame->number,
		.camera_frame = frame->camera_frame,
		.exposure = frame->exposure,
	};
}

static int send_picture(struct avcodec_encoder *encoder)
{
	int result = avcodec_send_frame(encoder->context, encoder->picture);

	if (result != AVERROR(EAGAIN))
		return result;
	result = give_out(encoder);
	return result == AVERROR(EAGAIN) ? avcodec_send_frame(encoder->context, encoder->picture) : result;
}

static bool same_colour(const struct colour *a, const struct colour *b)
{
	return a->primaries == b->primaries && a->transfer == b->transfer && a->matrix == b->matrix &&
	       a->full_range == b->full_range;
}

static const char *describe_colour(const struct colour *colour, char text[COLOUR_TEXT_BYTES])
{
	snprintf(text, COLOUR_TEXT_BYTES, "%d/%d/%d %s", colour->primaries, colour->transfer, colour->matrix,
		 colour->full_range ? "full" : "limited");
	return text;
}

static bool check_frame(const struct avcodec_encoder *encoder, const struct frame *frame, struct error *err)
{
	const struct frame_format *is = &frame->format, *wanted = &encoder->base.takes;

	if (is->pixels != wanted->pixels || is->width != wanted->width || is->height != wanted->height)
		return error_set(err, ERR_ENCODER_FAILED, "encoder was made for %dx%d %s and got %dx%d %s",
				 wanted->width, wanted->height, pixel_format_names[wanted->pixels], is->width,
				 is->height, pixel_format_names[is->pixels]);
	if (!same_colour(&is->colour, &wanted->colour))
		return error_set(err, ERR_ENCODER_FAILED, "encoder was made for colour %s and got %s",
				 describe_colour(&wanted->colour, (char[COLOUR_TEXT_BYTES]){ 0 }),
				 describe_colour(&is->colour, (char[COLOUR_TEXT_BYTES]){ 0 }));
	for (int i = 0; i < frame->n_planes; i++)
		if (!frame->planes[i].data || frame->planes[i].stride < frame_plane_row_bytes(is, i))
			return error_set(err, ERR_ENCODER_FAILED, "plane %d of a %dx%d frame has rows of %d bytes", i,
					 is->width, is->height, frame->planes[i].stride);
	return true;
}

static bool avcodec_push(struct encoder *base, struct frame *frame, bool key, struct error *err)
{
	struct avcodec_encoder *encoder = (struct avcodec_encoder *)base;
	int result;

	frame_begin_read(frame);
	if (!check_frame(encoder, frame, err)) {
		frame_end_read(frame);
		return false;
	}
	result = wrap_frame(encoder, frame, key) ? 0 : AVERROR(ENOMEM);
	if (!result) {
		keep_facts(encoder, frame);
		result = send_picture(encoder);
	}
	frame_end_read(frame);
	av_frame_unref(encoder->picture);
	if (result >= 0)
		result = give_out(encoder);
	return result == AVERROR(EAGAIN) || fail_av(err, ERR_ENCODER_FAILED, result, base->name);
}

static bool avcodec_drain(struct encoder *base, struct error *err)
{
	struct avcodec_encoder *encoder = (struct avcodec_encoder *)base;
	int result = avcodec_send_frame(encoder->context, NULL);

	if (result >= 0)
		result = give_out(encoder);
	return result == AVERROR_EOF || fail_av(err, ERR_ENCODER_FAILED, result, base->name);
}

/* libavcodec hands a change on to x264 with the next frame; of the others it is not known to. */
static bool avcodec_set_bitrate(struct encoder *base, int64_t bitrate_bps)
{
	struct avcodec_encoder *encoder = (struct avcodec_encoder *)base;

	if (strcmp(encoder->context->codec->name, "libx264"))
		return false;
	set_rate(encoder->context, bitrate_bps);
	return true;
}

const struct encoder_impl encoder_avcodec = {
	.name = "avcodec",
	.create = avcodec_create,
	.push = avcodec_push,
	.set_bitrate = avcodec_set_bitrate,
	.drain = avcodec_drain,
	.destroy = avcodec_destroy,
};
