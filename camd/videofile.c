#include "camd/videofile.h"

#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avutil.h>
#include <libavutil/version.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_PIXELS (8192 * 8192)
#define FALLBACK_PERIOD_NS (40 * NS_PER_MS)
#define MIN_STEP_NS NS_PER_US
/* A time stamp this far back is not disorder but a new beginning, as where files were joined. */
#define NEW_BEGINNING_NS NS_PER_S
/* A step longer than this is nonsense. */
#define MAX_STEP_NS (INT64_C(366) * 86400 * NS_PER_S)

struct videofile {
	char *path;
	bool (*cancelled)(void *user);
	void *user;
	AVFormatContext *demuxer;
	AVCodecContext *decoder;
	AVStream *stream;
	AVPacket *packet;
	int64_t period_ns;	/* what passes between two pictures where the file doesn't say */

	bool begun, based;
	int64_t base_pts, base_ns;	/* if based: a pts, and the time that is meant by it */
	int64_t last_ns, last_duration_ns;
	bool warned_times, warned_decoding;
};

static int on_interrupt(void *user)
{
	struct videofile *file = user;

	return file->cancelled && file->cancelled(file->user);
}

static bool fail_av(struct videofile *file, struct error *err, int rc, const char *what)
{
	char text[AV_ERROR_MAX_STRING_SIZE] = "";

	if (rc == AVERROR_EXIT)
		return error_set(err, ERR_CANCELLED, "video file %s: cancelled", file->path);
	if (rc == AVERROR(ENOENT) || rc == AVERROR(EACCES) || rc == AVERROR(EIO))
		return error_set_errno(err, AVUNERROR(rc), "video file %s: %s", file->path, what);
	av_strerror(rc, text, sizeof(text));
	return error_set(err, ERR_UNSUPPORTED, "video file %s: %s: %s", file->path, what, text);
}

/* FFmpeg's own answers for these are obscure, and it would wait for ever at a pipe that nobody writes. */
static bool check_file(const char *path, struct error *err)
{
	struct stat status;

	if (stat(path, &status))
		return error_set_errno(err, errno, "video file %s", path);
	if (S_ISDIR(status.st_mode))
		return error_set(err, ERR_UNSUPPORTED, "video file %s: this is a directory; name a file in it", path);
	if (!S_ISREG(status.st_mode))
		return error_set(err, ERR_UNSUPPORTED, "video file %s: not a regular file", path);
	if (!status.st_size)
		return error_set(err, ERR_UNSUPPORTED, "video file %s: the file is empty", path);
	if (access(path, R_OK))
		return error_set_errno(err, errno, "video file %s", path);
	return true;
}

static bool open_demuxer(struct videofile *file, struct error *err)
{
	AVDictionary *options = NULL;
	char *url = xasprintf("file:%s", file->path);
	int rc;

	file->demuxer = avformat_alloc_context();
	if (!file->demuxer) {
		free(url);
		return fail_av(file, err, AVERROR(ENOMEM), "demuxer");
	}
	file->demuxer->interrupt_callback = (AVIOInterruptCB){ .callback = on_interrupt, .opaque = file };
	av_dict_set(&options, "protocol_whitelist", "file", 0);
	rc = avformat_open_input(&file->demuxer, url, NULL, &options);
	av_dict_free(&options);
	free(url);
	if (rc < 0)
		return fail_av(file, err, rc, "not a video that FFmpeg can read");
	rc = avformat_find_stream_info(file->demuxer, NULL);
	return rc < 0 ? fail_av(file, err, rc, "no streams found") : true;
}

static const AVCodec *choose_stream(struct videofile *file, struct error *err)
{
	const AVCodec *codec = NULL;
	int index = av_find_best_stream(file->demuxer, AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);

	if (index == AVERROR_DECODER_NOT_FOUND) {
		error_set(err, ERR_UNSUPPORTED, "video file %s: this FFmpeg has no decoder for its video", file->path);
		return NULL;
	}
	if (index < 0 || file->demuxer->streams[index]->disposition & AV_DISPOSITION_ATTACHED_PIC) {
		error_set(err, ERR_UNSUPPORTED, "video file %s: there is no video in it", file->path);
		return NULL;
	}
	for (unsigned i = 0; i < file->demuxer->nb_streams; i++)
		if ((int)i != index)
			file->demuxer->streams[i]->discard = AVDISCARD_ALL;
	file->stream = file->demuxer->streams[index];
	return codec;
}

static bool open_decoder(struct videofile *file, const AVCodec *codec, struct error *err)
{
	int rc = AVERROR(ENOMEM);

	file->decoder = avcodec_alloc_context3(codec);
	file->packet = av_packet_alloc();
	if (file->decoder && file->packet)
		rc = avcodec_parameters_to_context(file->decoder, file->stream->codecpar);
	if (rc >= 0) {
		file->decoder->pkt_timebase = file->stream->time_base;
		file->decoder->max_pixels = MAX_PIXELS;
		file->decoder->thread_count = 0;
		rc = avcodec_open2(file->decoder, codec, NULL);
	}
	return rc < 0 ? fail_av(file, err, rc, "its decoder can't be opened") : true;
}

struct videofile *videofile_open(const char *path, bool (*cancelled)(void *user), void *user, struct error *err)
{
	struct videofile *file;
	const AVCodec *codec;
	double fps;

	if (!check_file(path, err))
		return NULL;
	file = xcalloc(1, sizeof(*file));
	file->path = xstrdup(path);
	file->cancelled = cancelled;
	file->user = user;
	if (!open_demuxer(file, err))
		goto fail;
	codec = choose_stream(file, err);
	if (!codec || !open_decoder(file, codec, err))
		goto fail;
	fps = videofile_fps(file);
	file->period_ns = fps > 0 ? (int64_t)((double)NS_PER_S / fps) : FALLBACK_PERIOD_NS;
	return file;

fail:
	videofile_close(file);
	return NULL;
}

void videofile_close(struct videofile *file)
{
	if (!file)
		return;
	av_packet_free(&file->packet);
	avcodec_free_context(&file->decoder);
	avformat_close_input(&file->demuxer);
	free(file->path);
	free(file);
}

static void warn_times(struct videofile *file, const char *what)
{
	if (!file->warned_times)
		log_warning("video file %s: %s", file->path, what);
	file->warned_times = true;
}

static int64_t duration_ns(const struct videofile *file, const AVFrame *picture)
{
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100)
	int64_t duration = picture->duration;
#else
	int64_t duration = picture->pkt_duration;
#endif
	int64_t ns = duration > 0 ? av_rescale_q(duration, file->stream->time_base, (AVRational){ 1, NS_PER_S }) : 0;

	return ns > 0 && ns < MAX_STEP_NS ? ns : file->period_ns;
}

/* What the file says of a picture's time. False: nothing, or nothing that could be. */
static bool stated_time(const struct videofile *file, int64_t pts, int64_t *time_ns)
{
	int64_t since, ns;

	if (pts == AV_NOPTS_VALUE || !file->based || __builtin_sub_overflow(pts, file->base_pts, &since))
		return false;
	ns = av_rescale_q(since, file->stream->time_base, (AVRational){ 1, NS_PER_S });
	if (ns == INT64_MIN || __builtin_add_overflow(ns, file->base_ns, &ns))
		return false;
	if (ns < file->last_ns - NEW_BEGINNING_NS || ns > file->last_ns + MAX_STEP_NS)
		return false;
	*time_ns = ns;
	return true;
}

/* Where the file says nothing useful, a picture comes a period after the last one, and the file's times go on from there. */
static int64_t made_up_time(struct videofile *file, int64_t pts)
{
	int64_t time_ns = file->begun ? file->last_ns + file->period_ns : 0;

	if (pts == AV_NOPTS_VALUE)
		warn_times(file, "time stamps are missing; its frame rate stands in for them");
	else if (file->based)
		warn_times(file, "time stamps jump; its timeline goes on without the jump");
	if (pts != AV_NOPTS_VALUE) {
		file->base_pts = pts;
		file->base_ns = time_ns;
		file->based = true;
	}
	return time_ns;
}

static int64_t next_time(struct videofile *file, int64_t pts)
{
	int64_t time_ns;

	if (!stated_time(file, pts, &time_ns))
		time_ns = made_up_time(file, pts);
	if (file->begun && time_ns <= file->last_ns) {
		warn_times(file, "time stamps stand still or run backwards; they are made to rise");
		time_ns = file->last_ns + MIN_STEP_NS;
	}
	file->begun = true;
	return time_ns;
}

/* Gives the decoder one packet, or the end. Negative: an error that isn't the packet's own. */
static int feed(struct videofile *file)
{
	int rc;

	do {
		av_packet_unref(file->packet);
		rc = av_read_frame(file->demuxer, file->packet);
	} while (rc >= 0 && file->packet->stream_index != file->stream->index);
	if (rc == AVERROR_EOF || rc == AVERROR_INVALIDDATA) {
		rc = avcodec_send_packet(file->decoder, NULL);
		return rc == AVERROR_EOF ? 0 : rc;
	}
	if (rc < 0)
		return rc;
	rc = avcodec_send_packet(file->decoder, file->packet);
	av_packet_unref(file->packet);
	if (rc >= 0 || rc == AVERROR(ENOMEM) || rc == AVERROR_EXIT)
		return rc;
	if (!file->warned_decoding)
		log_warning("video file %s: parts of it can't be decoded", file->path);
	file->warned_decoding = true;
	return 0;
}

enum videofile_result videofile_next(struct videofile *file, AVFrame **picture, int64_t *time_ns, struct error *err)
{
	AVFrame *decoded = av_frame_alloc();
	int rc = decoded ? 0 : AVERROR(ENOMEM);

	while (rc >= 0) {
		if (on_interrupt(file)) {
			rc = AVERROR_EXIT;
			break;
		}
		rc = avcodec_receive_frame(file->decoder, decoded);
		if (rc >= 0) {
			*time_ns = next_time(file, decoded->best_effort_timestamp);
			*picture = decoded;
			file->last_ns = *time_ns;
			file->last_duration_ns = duration_ns(file, decoded);
			return VIDEOFILE_PICTURE;
		}
		if (rc != AVERROR_EOF && rc != AVERROR(ENOMEM))
			rc = feed(file);
	}
	av_frame_free(&decoded);
	if (rc == AVERROR_EOF)
		return VIDEOFILE_END;
	fail_av(file, err, rc, "can't be read on");
	return VIDEOFILE_FAILED;
}

int64_t videofile_end_ns(const struct videofile *file)
{
	return file->last_ns + file->last_duration_ns;
}

double videofile_fps(const struct videofile *file)
{
	AVRational rate = file->stream->avg_frame_rate;

	if (rate.num <= 0 || rate.den <= 0)
		rate = file->stream->r_frame_rate;
	return rate.num > 0 && rate.den > 0 && av_q2d(rate) <= 1000 ? av_q2d(rate) : 0;
}

const char *videofile_codec(const struct videofile *file)
{
	return avcodec_get_name(file->decoder->codec_id);
}
