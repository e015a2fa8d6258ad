#include "camd/movie.h"

#include "camd/avcc.h"
#include "camd/moov.h"
#include "common/util.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef CAMD_VERSION
#define CAMD_VERSION "unknown"
#endif

#define UNIX_TO_MP4_S INT64_C(2082844800)	/* MP4 counts from 1904 */
#define TAG_BYTES_MAX 255

uint32_t movie_frame_ns(double fps)
{
	double frame_ns = (double)NS_PER_S / (fps > 0 ? fps : 30);

	return frame_ns >= UINT32_MAX ? UINT32_MAX : frame_ns < 1 ? 1 : (uint32_t)(frame_ns + 0.5);
}

static void write_colr(struct mp4box *box, const struct colour *colour)
{
	size_t colr = mp4box_open(box, "colr");

	mp4box_bytes(box, "nclx", 4);
	mp4box_u16(box, colour->primaries);
	mp4box_u16(box, colour->transfer);
	mp4box_u16(box, colour->matrix);
	mp4box_u8(box, colour->full_range ? 0x80 : 0);
	mp4box_close(box, colr);
}

static bool write_stsd(struct mp4box *box, const struct movie_facts *facts, const struct nal *nals, size_t n)
{
	size_t stsd = mp4box_open_full(box, "stsd", 0, 0), avc1;

	mp4box_u32(box, 1);
	avc1 = mp4box_open(box, "avc1");
	mp4box_zeros(box, 6);
	mp4box_u16(box, 1);		/* data reference */
	mp4box_zeros(box, 16);
	mp4box_u16(box, (uint16_t)facts->width);
	mp4box_u16(box, (uint16_t)facts->height);
	mp4box_u32(box, 0x480000);	/* 72 dpi */
	mp4box_u32(box, 0x480000);
	mp4box_u32(box, 0);
	mp4box_u16(box, 1);		/* pictures a sample */
	mp4box_zeros(box, 32);		/* compressor */
	mp4box_u16(box, 24);		/* depth */
	mp4box_u16(box, 0xffff);
	if (!avcc_write(box, nals, n))
		return false;
	write_colr(box, &facts->colour);
	mp4box_close(box, avc1);
	mp4box_close(box, stsd);
	return true;
}

/* Length of text, or of as much of it as fits, cut between characters. */
static size_t tag_bytes(const char *text)
{
	size_t bytes = strnlen(text, TAG_BYTES_MAX + 1);

	if (bytes > TAG_BYTES_MAX)
		for (bytes = TAG_BYTES_MAX; bytes && ((unsigned char)text[bytes] & 0xc0) == 0x80; bytes--)
			;
	return bytes;
}

static void write_tag(struct mp4box *box, const char *type, const char *text)
{
	size_t tag, data;

	if (!text || !*text)
		return;
	tag = mp4box_open(box, type);
	data = mp4box_open_full(box, "data", 0, 1);	/* 1: UTF-8 */
	mp4box_u32(box, 0);
	mp4box_bytes(box, text, tag_bytes(text));
	mp4box_close(box, data);
	mp4box_close(box, tag);
}

static void write_udta(struct mp4box *box, const struct movie_facts *facts)
{
	size_t udta = mp4box_open(box, "udta"), meta, ilst;
	char first[64];

	snprintf(first, sizeof(first), "first_sensor_timestamp_ns=%" PRId64, facts->first_sensor_ns);
	meta = mp4box_open_full(box, "meta", 0, 0);
	mp4box_hdlr(box, "mdir", "appl", "");
	ilst = mp4box_open(box, "ilst");
	write_tag(box, "\251too", facts->encoder);
	write_tag(box, "\251nam", facts->title);
	write_tag(box, "\251cmt", "camd " CAMD_VERSION);
	write_tag(box, "desc", first);
	mp4box_close(box, ilst);
	mp4box_close(box, meta);
	mp4box_close(box, udta);
}

bool movie_init(struct movie *movie, const struct movie_facts *facts, const struct nal *nals, size_t n, struct error *err)
{
	int64_t wall_s = facts->first_wall_ns > 0 ? facts->first_wall_ns / NS_PER_S : -UNIX_TO_MP4_S;

	*movie = (struct movie){
		.width = (uint16_t)facts->width,
		.height = (uint16_t)facts->height,
		.frame_ns = facts->frame_ns,
		.created = (uint64_t)(wall_s + UNIX_TO_MP4_S),
	};
	if (facts->width < 1 || facts->width > UINT16_MAX || facts->height < 1 || facts->height > UINT16_MAX)
		return error_set(err, ERR_UNSUPPORTED, "an MP4 file cannot hold pictures of %dx%d", facts->width, facts->height);
	if (!write_stsd(&movie->stsd, facts, nals, n))
		return error_set(err, ERR_ENCODER_FAILED, "the first packet holds no usable SPS and PPS; "
				 "the encoder must put them before each key frame");
	write_udta(&movie->udta, facts);
	return true;
}

void movie_describe(struct movie *movie, const struct movie_facts *facts)
{
	mp4box_finish(&movie->udta);
	movie->udta = (struct mp4box){ 0 };
	write_udta(&movie->udta, facts);
	if (facts->first_wall_ns > 0)
		movie->created = (uint64_t)(facts->first_wall_ns / NS_PER_S + UNIX_TO_MP4_S);
}

void movie_write_front(const struct movie *movie, struct mp4box *box)
{
	box->bytes = 0;
	movie_head_ftyp(box);
	moov_write(box, movie, false);
}

bool movie_write_head(const struct movie *movie, uint8_t head[MOVIE_HEAD_BYTES], struct error *err)
{
	const struct movie empty = { .width = movie->width, .height = movie->height, .frame_ns = movie->frame_ns,
		.created = movie->created, .stsd = movie->stsd, .udta = movie->udta };
	struct mp4box box = { 0 };
	bool fits;
	size_t start;

	movie_head_ftyp(&box);
	start = mp4box_open(&box, "free");
	mp4box_bytes(&box, MOVIE_SLOT_MAGIC, 4);
	mp4box_u32(&box, movie->file_id);
	mp4box_close(&box, start);
	moov_write(&box, &empty, true);
	start = mp4box_open(&box, "free");
	fits = box.bytes + 4 <= MOVIE_HEAD_BYTES;
	if (fits) {
		mp4box_zeros(&box, MOVIE_HEAD_BYTES - box.bytes);
		mp4box_close(&box, start);
		mp4box_set32(&box, MOVIE_HEAD_BYTES - 4, movie_head_crc(box.data));
		memcpy(head, box.data, MOVIE_HEAD_BYTES);
	}
	mp4box_finish(&box);
	return fits ? true : error_set(err, ERR_UNSUPPORTED, "the encoder's parameter sets are too long for the file's head");
}

static bool copy_box(struct mp4box *to, const uint8_t *head, const char *path)
{
	const uint8_t *found;
	size_t bytes;

	/* behind ftyp and slot */
	if (!mp4box_find(head + MOVIE_SLOT + MOVIE_SLOT_BYTES, MOVIE_HEAD_BYTES - MOVIE_SLOT - MOVIE_SLOT_BYTES, path, &found, &bytes))
		return false;
	mp4box_bytes(to, found, bytes);
	return true;
}

/* The head's CRC has been right, so it is taken at its word, within its bounds. */
static bool read_moov(struct movie *movie, const uint8_t head[MOVIE_HEAD_BYTES])
{
	struct mp4box tkhd = { 0 }, trex = { 0 };
	bool whole = copy_box(&movie->stsd, head, "moov/trak/mdia/minf/stbl/stsd") && copy_box(&movie->udta, head, "moov/udta") &&
		     copy_box(&tkhd, head, "moov/trak/tkhd") && tkhd.bytes == 104 && copy_box(&trex, head, "moov/mvex/trex") &&
		     trex.bytes == 32;

	if (whole) {
		movie->created = mp4box_get64(tkhd.data + 12);
		movie->width = mp4box_get16(tkhd.data + 96);
		movie->height = mp4box_get16(tkhd.data + 100);
		movie->frame_ns = mp4box_get32(trex.data + 20);
	}
	mp4box_finish(&tkhd);
	mp4box_finish(&trex);
	return whole;
}

enum movie_state movie_read_head(struct movie *movie, const uint8_t *head, size_t bytes)
{
	enum movie_state state;

	*movie = (struct movie){ 0 };
	state = movie_head_read(head, bytes, &movie->file_id);
	if (state != MOVIE_UNFINISHED || read_moov(movie, head))
		return state;
	movie_finish(movie);
	return MOVIE_DAMAGED;
}

void movie_add(struct movie *movie, const struct movie_sample *sample)
{
	if (movie->n == movie->capacity) {
		movie->capacity = movie->capacity ? movie->capacity * 2 : 1024;
		movie->samples = xrealloc(movie->samples, movie->capacity, sizeof(*movie->samples));
	}
	movie->samples[movie->n++] = *sample;
}

/* The 64-bit header of an mdat that reaches from the slot to end. */
static bool fill_slot(struct appender *file, uint64_t end, struct error *err)
{
	struct mp4box slot = { 0 };
	bool ok;

	mp4box_u32(&slot, 1);
	mp4box_bytes(&slot, "mdat", 4);
	mp4box_u64(&slot, end - MOVIE_SLOT);
	ok = appender_patch(file, MOVIE_SLOT, slot.data, slot.bytes, err) && appender_sync(file, err);
	mp4box_finish(&slot);
	return ok;
}

/* A sample has up to 8 bytes in stts, 4 in stsz and stss each, 8 in co64; what of stsc an entry more takes comes with stsd. */
#define SAMPLE_INDEX_BYTES 24
#define INDEX_BYTES 1024	/* boxes around them */

uint64_t movie_index_bytes(const struct movie *movie)
{
	return INDEX_BYTES + movie->stsd.bytes + movie->udta.bytes + (movie->n + 1) * SAMPLE_INDEX_BYTES;
}

bool movie_close(const struct movie *movie, struct appender *file, struct error *err)
{
	struct mp4box moov = { 0 };
	uint64_t end = file->bytes;
	bool ok;

	moov_write(&moov, movie, false);
	ok = appender_write(file, moov.data, moov.bytes, err);
	mp4box_finish(&moov);
	if (!ok)
		return false;
	/*
	 * The slot must not say that there is a moov before the moov is on the disk. A sync of the file alone does not do for that: f2fs
	 * (Linux 6.1) takes what a checkpoint under way has picked up for done, in f2fs_do_sync_file(), although the checkpoint may never be
	 * completed. A sync of the directory waits for one of its own.
	 */
	if (!appender_sync_name(file, err)) {
		appender_cut(file, end, NULL);
		return false;
	}
	return fill_slot(file, end, err);
}

void movie_finish(struct movie *movie)
{
	mp4box_finish(&movie->stsd);
	mp4box_finish(&movie->udta);
	free(movie->samples);
	*movie = (struct movie){ 0 };
}
