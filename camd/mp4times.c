#include "camd/mp4times.h"

#include "common/util.h"

#include <inttypes.h>
#include <libavformat/avformat.h>
#include <stdlib.h>

static bool check_frames(AVStream *stream, const int64_t *sensor_ns, size_t n, int units_per_s, struct error *err)
{
	int found = avformat_index_get_entries_count(stream);

	if (stream->time_base.num != 1 || stream->time_base.den != units_per_s)
		return error_set(err, ERR_INTERNAL, "the MP4's times are in %d/%d s, not in 1/%d s", stream->time_base.num,
				 stream->time_base.den, units_per_s);
	if (found < 0 || (size_t)found != n)
		return error_set(err, ERR_INTERNAL, "the MP4 has %d frames, not %zu", found, n);
	for (size_t i = 0; i < n; i++) {
		int64_t wanted = av_rescale(sensor_ns[i] - sensor_ns[0], units_per_s, NS_PER_S);
		int64_t got = avformat_index_get_entry(stream, (int)i)->timestamp;

		if (got != wanted)
			return error_set(err, ERR_INTERNAL, "the MP4's frame %zu is at %" PRId64 ", not at %" PRId64 " (in 1/%d s)",
					 i + 1, got, wanted, units_per_s);
	}
	return true;
}

static void note_places(AVStream *stream, struct mp4places *places)
{
	*places = (struct mp4places){ 0 };
	mp4box_bytes(&places->avcc, stream->codecpar->extradata, (size_t)stream->codecpar->extradata_size);
	places->n = (size_t)avformat_index_get_entries_count(stream);
	places->items = xcalloc(places->n, sizeof(*places->items));
	for (size_t i = 0; i < places->n; i++) {
		const AVIndexEntry *entry = avformat_index_get_entry(stream, (int)i);

		places->items[i] = (struct mp4place){
			.offset = (uint64_t)MAX(entry->pos, 0), .bytes = (uint32_t)MAX(entry->size, 0), .key = entry->flags & AVINDEX_KEYFRAME,
		};
	}
}

bool mp4times_check(int fd, const int64_t *sensor_ns, size_t n, int units_per_s, struct mp4places *places, struct error *err)
{
	char *url = xasprintf("file:/proc/self/fd/%d", fd);
	AVFormatContext *demuxer = NULL;
	int rc = avformat_open_input(&demuxer, url, av_find_input_format("mp4"), NULL);
	bool ok;

	free(url);
	if (rc < 0)
		return error_set(err, ERR_INTERNAL, "the MP4 cannot be read back: %s", av_err2str(rc));
	ok = demuxer->nb_streams == 1 ? check_frames(demuxer->streams[0], sensor_ns, n, units_per_s, err) :
	     error_set(err, ERR_INTERNAL, "the MP4 has %u streams, not one", demuxer->nb_streams);
	if (ok && places)
		note_places(demuxer->streams[0], places);
	avformat_close_input(&demuxer);
	return ok;
}

void mp4places_finish(struct mp4places *places)
{
	mp4box_finish(&places->avcc);
	free(places->items);
	*places = (struct mp4places){ 0 };
}
