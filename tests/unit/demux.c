#include "tests/unit/demux.h"

#include "camd/h264.h"
#include "common/util.h"

#include <libavformat/avformat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

struct memory {
	const uint8_t *data;
	int64_t bytes, at;
};

static int read_memory(void *opaque, uint8_t *to, int bytes)
{
	struct memory *memory = opaque;
	int64_t left = memory->bytes - memory->at;

	if (left <= 0)
		return AVERROR_EOF;
	left = MIN(left, bytes);
	memcpy(to, memory->data + memory->at, (size_t)left);
	memory->at += left;
	return (int)left;
}

static int64_t seek_memory(void *opaque, int64_t to, int whence)
{
	struct memory *memory = opaque;

	switch (whence & ~AVSEEK_FORCE) {
	case AVSEEK_SIZE:
		return memory->bytes;
	case SEEK_CUR:
		to += memory->at;
		break;
	case SEEK_END:
		to += memory->bytes;
		break;
	}
	return to < 0 ? -1 : (memory->at = to);
}

static void copy_tag(char *to, size_t bytes, const AVFormatContext *format, const char *name)
{
	const AVDictionaryEntry *entry = av_dict_get(format->metadata, name, NULL, 0);

	snprintf(to, bytes, "%s", entry ? entry->value : "");
}

static void read_facts(struct demuxed *demuxed, const AVFormatContext *format)
{
	const AVStream *stream = format->streams[0];

	demuxed->units_per_s = stream->time_base.den;
	demuxed->duration_ns = av_rescale_q(stream->duration, stream->time_base, (AVRational){ 1, 1000000000 });
	demuxed->width = stream->codecpar->width;
	demuxed->height = stream->codecpar->height;
	demuxed->primaries = stream->codecpar->color_primaries;
	demuxed->transfer = stream->codecpar->color_trc;
	demuxed->matrix = stream->codecpar->color_space;
	demuxed->range = stream->codecpar->color_range;
	copy_tag(demuxed->encoder, sizeof(demuxed->encoder), format, "encoder");
	copy_tag(demuxed->title, sizeof(demuxed->title), format, "title");
	copy_tag(demuxed->comment, sizeof(demuxed->comment), format, "comment");
	copy_tag(demuxed->created, sizeof(demuxed->created), format, "creation_time");
}

static void read_packets(struct demuxed *demuxed, AVFormatContext *format)
{
	AVPacket *packet = av_packet_alloc();

	while (av_read_frame(format, packet) >= 0) {
		size_t i = demuxed->n++;

		if (!(i & (i - 1)) || !i) {
			demuxed->pts_ns = xrealloc(demuxed->pts_ns, 2 * i + 2, sizeof(*demuxed->pts_ns));
			demuxed->crc = xrealloc(demuxed->crc, 2 * i + 2, sizeof(*demuxed->crc));
			demuxed->key = xrealloc(demuxed->key, 2 * i + 2, sizeof(*demuxed->key));
		}
		demuxed->pts_ns[i] = packet->pts == AV_NOPTS_VALUE ? INT64_MIN :
			av_rescale_q(packet->pts, format->streams[0]->time_base, (AVRational){ 1, 1000000000 });
		demuxed->crc[i] = (uint32_t)crc32(0, packet->data, (uInt)packet->size);
		demuxed->key[i] = packet->flags & AV_PKT_FLAG_KEY;
		av_packet_unref(packet);
	}
	av_packet_free(&packet);
}

void demux_memory(struct demuxed *demuxed, const uint8_t *data, size_t bytes)
{
	struct memory memory = { .data = data, .bytes = (int64_t)bytes };
	AVFormatContext *format = avformat_alloc_context();
	AVIOContext *io = avio_alloc_context(av_malloc(65536), 65536, 0, &memory, read_memory, NULL, seek_memory);

	av_log_set_level(AV_LOG_QUIET);	/* it complains about each cut file */
	*demuxed = (struct demuxed){ 0 };
	format->pb = io;
	format->flags |= AVFMT_FLAG_CUSTOM_IO;
	if (avformat_open_input(&format, NULL, NULL, NULL) >= 0) {
		demuxed->opened = format->nb_streams == 1;
		if (demuxed->opened) {
			read_facts(demuxed, format);
			read_packets(demuxed, format);
		}
		avformat_close_input(&format);
	}
	av_freep(&io->buffer);
	avio_context_free(&io);
}

void demux_file(struct demuxed *demuxed, const char *path)
{
	size_t bytes;
	uint8_t *data = slurp(path, &bytes);

	demux_memory(demuxed, data, bytes);
	free(data);
}

void demux_free(struct demuxed *demuxed)
{
	free(demuxed->pts_ns);
	free(demuxed->crc);
	free(demuxed->key);
	*demuxed = (struct demuxed){ 0 };
}

uint32_t demux_crc_of(const struct packet *packet)
{
	uLong crc = 0;
	struct nal nal;

	for (size_t at = 0; h264_next_nal(packet->data, packet->bytes, &at, &nal);) {
		uint8_t length[4] = { (uint8_t)(nal.bytes >> 24), (uint8_t)(nal.bytes >> 16), (uint8_t)(nal.bytes >> 8),
				      (uint8_t)nal.bytes };

		if (nal.type == NAL_AUD || nal.type == NAL_FILLER)
			continue;
		crc = crc32(crc, length, 4);
		crc = crc32(crc, nal.data, (uInt)nal.bytes);
	}
	return (uint32_t)crc;
}

/* A time as a track of so many units a second has it. */
static int64_t as_written(int64_t ns, int units_per_s)
{
	int64_t unit = NS_PER_S / units_per_s;

	return (ns + unit / 2) / unit * unit;
}

bool demux_matches(const struct demuxed *demuxed, const struct clip *clip, const size_t *picks, size_t n)
{
	const struct packet *first = &clip->packets[picks ? picks[0] : 0];

	if (!demuxed->opened || demuxed->n != n) {
		fprintf(stderr, "%zu packets, not %zu\n", demuxed->n, n);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		const struct packet *packet = &clip->packets[picks ? picks[i] : i];
		int64_t expected = as_written(packet->sensor_ns - first->sensor_ns, demuxed->units_per_s);

		/* a file that is not finished, or of which frames at the start were lost, may begin later than 0 */
		if (demuxed->pts_ns[i] - demuxed->pts_ns[0] != expected || demuxed->key[i] != packet->key ||
		    demuxed->crc[i] != demux_crc_of(packet)) {
			fprintf(stderr, "packet %zu: time, content or flag is wrong\n", i);
			return false;
		}
	}
	return true;
}

static void must(bool ok, const char *path)
{
	if (ok)
		return;
	perror(path);
	abort();
}

uint8_t *slurp(const char *path, size_t *bytes)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data;
	long end = -1;

	must(file && fseek(file, 0, SEEK_END) == 0 && (end = ftell(file)) >= 0 && fseek(file, 0, SEEK_SET) == 0, path);
	data = xcalloc((size_t)end + 1, 1);
	must(fread(data, 1, (size_t)end, file) == (size_t)end, path);
	fclose(file);
	*bytes = (size_t)end;
	return data;
}

void spill(const char *path, const void *data, size_t bytes)
{
	FILE *file = fopen(path, "wb");

	must(file && fwrite(data, 1, bytes, file) == bytes && fclose(file) == 0, path);
}
