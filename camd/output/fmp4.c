#include "camd/output/output.h"

#include "camd/appender.h"
#include "camd/framelog.h"
#include "camd/h264.h"
#include "camd/movie.h"
#include "common/fragment.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* MP4 that is whole after each frame (camd/fragment.h) and ends as an ordinary one (camd/movie.h). */
struct fmp4 {
	struct output output;
	struct appender file;
	struct movie movie;
	int64_t first_ns;
	char *title;
	struct fragment fragment;	/* the last one written */
	struct mp4box head;		/* its bytes before the payload */
	/* the pieces of the payload: for each NAL unit its length and itself */
	struct nal *nals;
	uint8_t (*lengths)[4];
	struct iovec *pieces;
	size_t n, capacity;
	bool finished;
};

static void fmp4_destroy(struct output *output)
{
	struct fmp4 *fmp4 = (struct fmp4 *)output;

	if (!fmp4)
		return;
	appender_release(&fmp4->file);
	appender_close(&fmp4->file);
	movie_finish(&fmp4->movie);
	mp4box_finish(&fmp4->head);
	free(fmp4->title);
	free(fmp4->nals);
	free(fmp4->lengths);
	free(fmp4->pieces);
	free(fmp4);
}

static void grow(struct fmp4 *fmp4)
{
	fmp4->capacity = fmp4->capacity ? fmp4->capacity * 2 : 32;
	fmp4->nals = xrealloc(fmp4->nals, fmp4->capacity, sizeof(*fmp4->nals));
	fmp4->lengths = xrealloc(fmp4->lengths, fmp4->capacity, sizeof(*fmp4->lengths));
	fmp4->pieces = xrealloc(fmp4->pieces, 2 * fmp4->capacity + 1, sizeof(*fmp4->pieces));
}

/*
 * Finds what of a packet goes into the file. Parameter sets stay in the stream, besides those in the file's head: every
 * player takes that, and the head could be rebuilt from them. Access unit delimiters and filler have no place in MP4.
 */
static void split(struct fmp4 *fmp4, const struct packet *packet)
{
	struct nal nal;

	fmp4->n = 0;
	for (size_t at = 0; h264_next_nal(packet->data, packet->bytes, &at, &nal);) {
		if (nal.type == NAL_AUD || nal.type == NAL_FILLER)
			continue;
		if (fmp4->n == fmp4->capacity)
			grow(fmp4);
		fmp4->nals[fmp4->n++] = nal;
	}
}

static bool has_type(const struct fmp4 *fmp4, int type)
{
	for (size_t i = 0; i < fmp4->n; i++)
		if (fmp4->nals[i].type == type)
			return true;
	return false;
}

static bool write_file_head(struct fmp4 *fmp4, struct error *err)
{
	uint8_t head[MOVIE_HEAD_BYTES];

	return movie_write_head(&fmp4->movie, head, err) && appender_write(&fmp4->file, head, sizeof(head), err);
}

static bool start_movie(struct fmp4 *fmp4, const struct output_request *request, const struct packet *first, struct error *err)
{
	struct movie_facts facts = {
		.width = request->width,
		.height = request->height,
		.colour = request->colour,
		.frame_ns = movie_frame_ns(request->fps),
		.first_wall_ns = first->wall_ns,
		.first_sensor_ns = first->sensor_ns,
		.encoder = request->encoder,
		.title = request->title,
	};

	split(fmp4, first);
	if (!has_type(fmp4, NAL_IDR))
		return error_set(err, ERR_ENCODER_FAILED, "%s: the first packet is not a key frame", request->path);
	if (!movie_init(&fmp4->movie, &facts, fmp4->nals, fmp4->n, err))
		return error_wrap(err, "%s", request->path);
	if (getrandom(&fmp4->movie.file_id, sizeof(fmp4->movie.file_id), 0) < 0)
		return error_set_errno(err, errno, "%s: no random number", request->path);
	fmp4->first_ns = first->sensor_ns;
	fmp4->title = request->title ? xstrdup(request->title) : NULL;
	fmp4->fragment = (struct fragment){
		.file_id = fmp4->movie.file_id,
		.frame_ns = fmp4->movie.frame_ns,
		.width = fmp4->movie.width,
		.height = fmp4->movie.height,
		.colour = request->colour,
		.media_ns = -1,
	};
	return true;
}

static struct output *fmp4_create(const struct output_request *request, const struct packet *first, struct error *err)
{
	struct fmp4 *fmp4 = xcalloc(1, sizeof(*fmp4));
	bool made = false;

	fmp4->output.impl = &output_fmp4;
	fmp4->file.fd = -1;
	if (!start_movie(fmp4, request, first, err))
		goto fail;
	made = appender_create(&fmp4->file, request->path, err);
	if (!made || !write_file_head(fmp4, err))
		goto fail;
	fmp4->output.bytes = fmp4->file.bytes;
	return &fmp4->output;
fail:
	if (made)
		unlink(request->path);
	fmp4_destroy(&fmp4->output);
	return NULL;
}

/* Whether the packet, split already, can stand in the file; sets payload and key of the fragment. */
static bool check_payload(const struct fmp4 *fmp4, struct fragment *fragment, struct error *err)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < fmp4->n; i++)
		bytes += 4 + (uint64_t)fmp4->nals[i].bytes;
	fragment->key = has_type(fmp4, NAL_IDR);
	if (!fragment->key && !has_type(fmp4, NAL_SLICE))
		return error_set(err, ERR_ENCODER_FAILED, "%s: the packet of frame %" PRIu64 " holds no picture", fmp4->file.path,
				 fragment->row.number);
	if (bytes > FRAGMENT_PAYLOAD_MAX)
		return error_set(err, ERR_ENCODER_FAILED, "%s: the packet of frame %" PRIu64 " has %" PRIu64 " bytes, more than %u",
				 fmp4->file.path, fragment->row.number, bytes, FRAGMENT_PAYLOAD_MAX);
	fragment->payload_bytes = (uint32_t)bytes;
	return true;
}

/* The facts of the fragment that packet becomes. */
static bool describe(struct fmp4 *fmp4, const struct packet *packet, struct fragment *fragment, struct error *err)
{
	*fragment = fmp4->fragment;
	fragment->position = fmp4->file.bytes;
	fragment->sequence++;
	fragment->row = framelog_row_of(packet);
	if (packet->sensor_ns < fmp4->first_ns || packet->sensor_ns - fmp4->first_ns <= fmp4->fragment.media_ns)
		return error_set(err, ERR_INTERNAL, "%s: frame %" PRIu64 " is not later than the one before it; it is left out",
				 fmp4->file.path, packet->number);
	fragment->media_ns = packet->sensor_ns - fmp4->first_ns;
	split(fmp4, packet);
	return check_payload(fmp4, fragment, err);
}

/* Lays out head and payload as pieces, and signs them. Returns how many there are. */
static size_t gather(struct fmp4 *fmp4, const struct fragment *fragment)
{
	size_t n = 0;
	uint32_t crc;

	fragment_write(&fmp4->head, fragment);
	crc = fragment_crc_head(fmp4->head.data, fmp4->head.bytes);
	fmp4->pieces[n++] = (struct iovec){ .iov_base = fmp4->head.data, .iov_len = fmp4->head.bytes };
	for (size_t i = 0; i < fmp4->n; i++) {
		const struct nal *nal = &fmp4->nals[i];

		mp4box_put32(fmp4->lengths[i], (uint32_t)nal->bytes);
		crc = fragment_crc_payload(crc, fmp4->lengths[i], 4);
		crc = fragment_crc_payload(crc, nal->data, nal->bytes);
		fmp4->pieces[n++] = (struct iovec){ .iov_base = fmp4->lengths[i], .iov_len = 4 };
		fmp4->pieces[n++] = (struct iovec){ .iov_base = (void *)nal->data, .iov_len = nal->bytes };
	}
	fragment_set_crc(fmp4->head.data, crc);
	return n;
}

/* The larger the file, the more it may ask for at once. */
#define AHEAD_MIN_BYTES (64u << 10)
#define AHEAD_MAX_BYTES (4u << 20)
/* In metadata, a text that has changed when the file is finished may be longer. */
#define FINISH_BYTES (4u << 10)

/* There must be room for the fragment, and then still for all that makes the file whole. */
static bool reserve(struct fmp4 *fmp4, const struct fragment *fragment, struct error *err)
{
	uint64_t bytes = fmp4->head.bytes + fragment->payload_bytes + movie_index_bytes(&fmp4->movie) + FINISH_BYTES;
	uint64_t ahead = MIN(MAX(fmp4->file.bytes / 16, AHEAD_MIN_BYTES), AHEAD_MAX_BYTES);

	return appender_reserve(&fmp4->file, bytes, bytes + ahead, err);
}

static bool fmp4_write(struct output *output, const struct packet *packet, struct error *err)
{
	struct fmp4 *fmp4 = (struct fmp4 *)output;
	struct fragment fragment;
	struct movie_sample sample;
	size_t n;

	if (fmp4->finished)
		return error_set(err, ERR_INTERNAL, "%s: the file is finished", fmp4->file.path);
	if (!describe(fmp4, packet, &fragment, err))
		return false;
	n = gather(fmp4, &fragment);
	if (!reserve(fmp4, &fragment, err) || !appender_writev(&fmp4->file, fmp4->pieces, n, err))
		return false;
	if (!fmp4->movie.n && !appender_sync_first(&fmp4->file, output->bytes, err))
		return false;
	sample = (struct movie_sample){
		.offset = fmp4->file.bytes - fragment.payload_bytes,
		.time_ns = (uint64_t)fragment.media_ns,
		.bytes = fragment.payload_bytes,
		.key = fragment.key,
	};
	movie_add(&fmp4->movie, &sample);
	fmp4->fragment = fragment;
	output->bytes = fmp4->file.bytes;
	return true;
}

static bool fmp4_cut(struct output *output, uint64_t bytes, struct error *err)
{
	struct fmp4 *fmp4 = (struct fmp4 *)output;

	/* with an index behind the frames they can't go any more */
	if (fmp4->finished)
		return error_set(err, ERR_IO, "%s: the file is finished already", fmp4->file.path);
	fmp4->finished = true;
	if (!appender_cut(&fmp4->file, bytes, err))
		return false;
	output->bytes = bytes;
	return true;
}

static void fmp4_push(struct output *output)
{
	appender_push(&((struct fmp4 *)output)->file);
}

static bool fmp4_sync(struct output *output, struct error *err)
{
	return appender_sync(&((struct fmp4 *)output)->file, err);
}

static bool fmp4_finish(struct output *output, const char *encoder, struct error *err)
{
	struct fmp4 *fmp4 = (struct fmp4 *)output;
	struct movie_facts facts = { .first_sensor_ns = fmp4->first_ns, .encoder = encoder, .title = fmp4->title };

	if (output->next_ns > fmp4->first_ns + fmp4->fragment.media_ns && fmp4->fragment.media_ns >= 0)
		fmp4->movie.last_ns = (uint64_t)(output->next_ns - fmp4->first_ns - fmp4->fragment.media_ns);
	if (encoder && !fmp4->finished)
		movie_describe(&fmp4->movie, &facts);
	if (!fmp4->finished && !movie_close(&fmp4->movie, &fmp4->file, err)) {
		/* whether the head says so yet is not known */
		fmp4->finished = fmp4->file.bytes > output->bytes;
		return error_wrap(err, "the file plays but is not finished");
	}
	fmp4->finished = true;
	output->bytes = fmp4->file.bytes;
	return true;
}

const struct output_impl output_fmp4 = {
	.name = "mp4",
	.suffix = ".mp4",
	.create = fmp4_create,
	.write = fmp4_write,
	.cut = fmp4_cut,
	.push = fmp4_push,
	.sync = fmp4_sync,
	.finish = fmp4_finish,
	.destroy = fmp4_destroy,
};
