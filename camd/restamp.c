#include "camd/restamp.h"

#include "common/util.h"

#include <errno.h>
#include <libavformat/avformat.h>
#include <stdlib.h>
#include <unistd.h>

#define BUFFER_BYTES 65536

#if LIBAVFORMAT_VERSION_MAJOR >= 61
typedef const uint8_t written_byte;	/* FFmpeg 7 promises its writers not to have their bytes changed */
#else
typedef uint8_t written_byte;
#endif

struct restamp {
	struct restamp_request its;
	AVFormatContext *raw, *nut;
	AVPacket *packet;
	struct error error;	/* the first that a callback met */
	bool begun;		/* the header is written */
};

/* ---- its ends, as FFmpeg calls them ---- */

static int on_read(void *user, uint8_t *data, int bytes)
{
	struct restamp *restamp = user;
	ssize_t n;

	do
		n = read(restamp->its.fd, data, (size_t)bytes);
	while (n < 0 && errno == EINTR);
	if (n < 0 && !restamp->error.code)
		error_set_errno(&restamp->error, errno, "%s: cannot read", restamp->its.path);
	if (n < 0)
		return AVERROR(EIO);
	return n ? (int)n : AVERROR_EOF;
}

static int on_write(void *user, written_byte *data, int bytes)
{
	struct restamp *restamp = user;

	if (!restamp->error.code && restamp->its.write(restamp->its.user, data, (size_t)bytes, &restamp->error))
		return bytes;
	return AVERROR(EIO);
}

static bool fail(struct restamp *restamp, int rc, const char *what, struct error *err)
{
	char text[AV_ERROR_MAX_STRING_SIZE] = "";

	if (restamp->error.code) {
		if (err)
			*err = restamp->error;
		return false;
	}
	av_strerror(rc, text, sizeof(text));
	return error_set(err, ERR_UNSUPPORTED, "%s: %s: %s", restamp->its.path, what, text);
}

/* ---- the raw stream ---- */

static AVIOContext *create_io(struct restamp *restamp, bool writes)
{
	uint8_t *buffer = av_malloc(BUFFER_BYTES);
	AVIOContext *io = buffer ? avio_alloc_context(buffer, BUFFER_BYTES, writes, restamp, writes ? NULL : on_read,
						      writes ? on_write : NULL, NULL) : NULL;

	if (!io)
		av_free(buffer);
	return io;
}

static void destroy_io(AVIOContext *io)
{
	if (io)
		av_freep(&io->buffer);
	avio_context_free(&io);
}

static bool open_raw(struct restamp *restamp, struct error *err)
{
	AVIOContext *io = create_io(restamp, false);
	int rc = AVERROR(ENOMEM);

	restamp->raw = avformat_alloc_context();
	if (!io || !restamp->raw) {
		destroy_io(io);
		return fail(restamp, rc, "cannot be opened", err);
	}
	restamp->raw->pb = io;
	restamp->raw->flags |= AVFMT_FLAG_CUSTOM_IO;
	rc = avformat_open_input(&restamp->raw, NULL, av_find_input_format("h264"), NULL);
	if (rc < 0) {
		destroy_io(io);		/* the context was freed, this not */
		return fail(restamp, rc, "not a raw H.264 stream", err);
	}
	rc = avformat_find_stream_info(restamp->raw, NULL);
	if (rc < 0 || restamp->error.code)
		return fail(restamp, rc, "not a raw H.264 stream", err);
	if (restamp->raw->streams[0]->codecpar->width <= 0)
		return error_set(err, ERR_UNSUPPORTED, "%s: not a raw H.264 stream, or it does not begin with a key frame",
				 restamp->its.path);
	return true;
}

/* ---- the NUT stream ---- */

static int describe_nut(struct restamp *restamp)
{
	AVStream *stream;
	int rc = avformat_alloc_output_context2(&restamp->nut, NULL, "nut", NULL);

	if (rc < 0)
		return rc;
	restamp->nut->pb = create_io(restamp, true);
	restamp->nut->flags |= AVFMT_FLAG_CUSTOM_IO;
	stream = avformat_new_stream(restamp->nut, NULL);
	if (!restamp->nut->pb || !stream)
		return AVERROR(ENOMEM);
	stream->time_base = (AVRational){ 1, NS_PER_S };
	return avcodec_parameters_copy(stream->codecpar, restamp->raw->streams[0]->codecpar);
}

static bool begin_nut(struct restamp *restamp, struct error *err)
{
	AVDictionary *options = NULL;
	AVRational units;
	int rc = describe_nut(restamp);

	/* nobody can seek in a pipe, and the index of hours would wait in memory */
	av_dict_set(&options, "write_index", "0", 0);
	if (rc >= 0) {
		restamp->nut->streams[0]->codecpar->codec_tag = 0;
		rc = avformat_write_header(restamp->nut, &options);
	}
	av_dict_free(&options);
	if (rc < 0 || restamp->error.code)
		return fail(restamp, rc, "cannot be written as NUT", err);
	restamp->begun = true;
	units = restamp->nut->streams[0]->time_base;
	if (units.num != 1 || units.den != NS_PER_S)
		return error_set(err, ERR_UNSUPPORTED, "this FFmpeg writes NUT with times in %d/%d s, not in nanoseconds", units.num,
				 units.den);
	return true;
}

struct restamp *restamp_create(const struct restamp_request *request, struct error *err)
{
	struct restamp *restamp = xcalloc(1, sizeof(*restamp));

	restamp->its = *request;
	restamp->packet = av_packet_alloc();
	if (restamp->packet && open_raw(restamp, err) && begin_nut(restamp, err))
		return restamp;
	restamp_destroy(restamp);
	return NULL;
}

static enum restamp_result next(struct restamp *restamp, struct error *err)
{
	int rc;

	av_packet_unref(restamp->packet);
	rc = av_read_frame(restamp->raw, restamp->packet);
	if (rc >= 0)
		return RESTAMP_FRAME;
	if (rc == AVERROR_EOF && !restamp->error.code)
		return RESTAMP_END;
	fail(restamp, rc, "cannot be read further", err);
	return RESTAMP_FAILED;
}

enum restamp_result restamp_skip(struct restamp *restamp, struct error *err)
{
	return next(restamp, err);
}

enum restamp_result restamp_copy(struct restamp *restamp, int64_t time_ns, struct error *err)
{
	enum restamp_result result = next(restamp, err);
	AVPacket *packet = restamp->packet;
	int rc;

	if (result != RESTAMP_FRAME)
		return result;
	packet->stream_index = 0;
	packet->pts = packet->dts = time_ns;
	packet->duration = 0;
	packet->pos = -1;
	rc = av_write_frame(restamp->nut, packet);
	if (rc >= 0 && !restamp->error.code)
		return RESTAMP_FRAME;
	fail(restamp, rc, "a frame cannot be written as NUT", err);
	return RESTAMP_FAILED;
}

bool restamp_finish(struct restamp *restamp, struct error *err)
{
	int rc = av_write_trailer(restamp->nut);

	restamp->begun = false;
	avio_flush(restamp->nut->pb);
	return rc < 0 || restamp->error.code ? fail(restamp, rc, "cannot be written as NUT", err) : true;
}

void restamp_destroy(struct restamp *restamp)
{
	AVIOContext *io;

	if (!restamp)
		return;
	av_packet_free(&restamp->packet);
	if (restamp->raw) {
		io = restamp->raw->pb;
		avformat_close_input(&restamp->raw);
		destroy_io(io);
	}
	if (restamp->nut) {
		/* the muxer frees its own only in its trailer */
		if (restamp->begun && !restamp->error.code)
			error_set(&restamp->error, ERR_CANCELLED, "given up");
		if (restamp->begun)
			av_write_trailer(restamp->nut);
		destroy_io(restamp->nut->pb);
		avformat_free_context(restamp->nut);
	}
	free(restamp);
}
