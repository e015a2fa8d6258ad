#include "camctl/mp4index.h"

#include "common/mp4box.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define INDEX_BYTES_MAX (UINT64_C(1) << 28)	/* of ten million frames */

/* ---- where it is ---- */

/* The moov among the boxes of the file. errno is 0 if there is none. */
static bool find_moov(int fd, uint64_t file_bytes, uint64_t *at, uint64_t *bytes)
{
	uint8_t head[16];

	errno = 0;
	for (*at = 0; file_bytes - *at >= 8; *at += *bytes) {
		size_t head_bytes = (size_t)MIN(file_bytes - *at, (uint64_t)sizeof(head));

		if (read_at(fd, head, head_bytes, *at) < head_bytes)
			return false;
		*bytes = mp4box_get32(head);
		if (*bytes == 1 && head_bytes == sizeof(head))
			*bytes = mp4box_get64(head + 8);
		else if (!*bytes)
			*bytes = file_bytes - *at;
		if (*bytes < 8 || *bytes > file_bytes - *at)
			return false;
		if (!memcmp(head + 4, "moov", 4) && mp4box_get32(head) >= 8)
			return true;
	}
	return false;
}

/* ---- what it says ---- */

/* A full box in a track with a head of so many bytes and items behind that, whose number is the head's last four bytes. */
static bool find_table(const uint8_t *track, size_t bytes, const char *path, size_t head, size_t item, const uint8_t **items, size_t *n)
{
	const uint8_t *box;
	size_t box_bytes;

	if (!mp4box_find(track, bytes, path, &box, &box_bytes) || box_bytes < head)
		return false;
	*n = mp4box_get32(box + head - 4);
	*items = box + head;
	return *n <= (box_bytes - head) / item;
}

static bool read_sizes(struct mp4index *index, const uint8_t *track, size_t bytes, uint64_t file_bytes)
{
	const uint8_t *box;
	size_t box_bytes;

	if (!mp4box_find(track, bytes, "mdia/minf/stbl/stsz", &box, &box_bytes) || box_bytes < 20)
		return false;
	index->each = mp4box_get32(box + 12);
	index->n = mp4box_get32(box + 16);
	index->sizes = box + 20;
	return index->n <= (index->each ? file_bytes / index->each : (box_bytes - 20) / 4);
}

/* Places are only taken where each frame is a chunk of its own, as in camd's files. */
static void read_offsets(struct mp4index *index, const uint8_t *track, size_t bytes)
{
	size_t n = 0;

	index->wide = find_table(track, bytes, "mdia/minf/stbl/co64", 16, 8, &index->offsets, &n);
	if (!index->wide && !find_table(track, bytes, "mdia/minf/stbl/stco", 16, 4, &index->offsets, &n))
		n = 0;
	if (n != index->n)
		index->offsets = NULL;
}

static bool read_times(struct mp4index *index, const uint8_t *track, size_t bytes)
{
	const uint8_t *box;
	size_t box_bytes, scale_at;

	if (!mp4box_find(track, bytes, "mdia/mdhd", &box, &box_bytes) || box_bytes < 32)
		return false;
	scale_at = box[8] ? 28 : 20;
	index->units_per_s = mp4box_get32(box + scale_at);
	return index->units_per_s && find_table(track, bytes, "mdia/minf/stbl/stts", 16, 8, &index->deltas, &index->n_deltas);
}

/* Players begin where the first edit does that is not a pause. Where frames are not shown in their order, that says nothing here. */
static void read_edits(struct mp4index *index, const uint8_t *track, size_t bytes)
{
	struct mp4index_sample sample = { 0 };
	const uint8_t *box;
	size_t box_bytes, item, n;
	uint64_t from = 0;

	if (mp4box_find(track, bytes, "mdia/minf/stbl/ctts", &box, &box_bytes) ||
	    !mp4box_find(track, bytes, "edts/elst", &box, &box_bytes) || box_bytes < 16)
		return;
	item = box[8] ? 20 : 12;
	n = MIN((size_t)mp4box_get32(box + 12), (box_bytes - 16) / item);
	for (size_t i = 0; i < n && !from; i++) {
		const uint8_t *edit = box + 16 + i * item;
		int64_t media = box[8] ? (int64_t)mp4box_get64(edit + 8) : (int32_t)mp4box_get32(edit + 4);

		from = media > 0 ? (uint64_t)media : 0;
	}
	while (from && mp4index_next(index, &sample) && sample.time < from)
		index->lead_in = sample.k + 1;
}

static bool is_video(const uint8_t *track, size_t bytes)
{
	const uint8_t *box;
	size_t box_bytes;

	return mp4box_find(track, bytes, "mdia/hdlr", &box, &box_bytes) && box_bytes >= 20 && !memcmp(box + 16, "vide", 4);
}

static bool read_track(struct mp4index *index, const uint8_t *track, size_t bytes, uint64_t file_bytes)
{
	if (!is_video(track, bytes) || !read_sizes(index, track, bytes, file_bytes) || !read_times(index, track, bytes))
		return false;
	read_offsets(index, track, bytes);
	read_edits(index, track, bytes);
	return true;
}

static bool read_moov(struct mp4index *index, size_t bytes, uint64_t file_bytes)
{
	for (size_t at = 8; bytes - at >= 8;) {
		size_t size = mp4box_get32(index->moov + at);

		if (size < 8 || size > bytes - at)
			return false;
		if (!memcmp(index->moov + at + 4, "trak", 4) && read_track(index, index->moov + at + 8, size - 8, file_bytes))
			return true;
		at += size;
	}
	return false;
}

enum mp4index_state mp4index_read(struct mp4index *index, int fd, const char *path, uint64_t bytes, struct error *err)
{
	uint64_t at, moov_bytes;

	*index = (struct mp4index){ 0 };
	if (!find_moov(fd, bytes, &at, &moov_bytes)) {
		if (!errno)
			return MP4INDEX_NONE;
		error_set_errno(err, errno, "%s: cannot be read", path);
		return MP4INDEX_FAILED;
	}
	if (moov_bytes > INDEX_BYTES_MAX) {
		error_set(err, ERR_UNSUPPORTED, "%s: its index is longer than %" PRIu64 " bytes", path, INDEX_BYTES_MAX);
		return MP4INDEX_FAILED;
	}
	index->moov = xcalloc((size_t)moov_bytes, 1);
	index->end = at + moov_bytes;
	if (read_at(fd, index->moov, (size_t)moov_bytes, at) < moov_bytes) {
		error_set_errno(err, errno, "%s: cannot be read", path);
		return MP4INDEX_FAILED;
	}
	if (!read_moov(index, (size_t)moov_bytes, bytes))
		return MP4INDEX_NONE;
	return index->n ? MP4INDEX_READ : MP4INDEX_EMPTY;
}

void mp4index_finish(struct mp4index *index)
{
	free(index->moov);
	*index = (struct mp4index){ 0 };
}

/* ---- frame by frame ---- */

static uint32_t next_delta(const struct mp4index *index, struct mp4index_sample *sample)
{
	while (sample->run < index->n_deltas) {
		const uint8_t *run = index->deltas + 8 * sample->run;

		if (sample->in_run < mp4box_get32(run)) {
			sample->in_run++;
			return mp4box_get32(run + 4);
		}
		sample->run++;
		sample->in_run = 0;
	}
	return 0;
}

bool mp4index_next(const struct mp4index *index, struct mp4index_sample *sample)
{
	sample->k += sample->begun;
	sample->begun = true;
	if (sample->k >= index->n)
		return false;
	sample->time += sample->duration;
	sample->duration = next_delta(index, sample);
	sample->bytes = index->each ? index->each : mp4box_get32(index->sizes + 4 * sample->k);
	if (index->offsets)
		sample->offset = index->wide ? mp4box_get64(index->offsets + 8 * sample->k) : mp4box_get32(index->offsets + 4 * sample->k);
	return true;
}

int64_t mp4index_ns(const struct mp4index *index, uint64_t time)
{
	uint64_t seconds = time / index->units_per_s, rest = time % index->units_per_s;

	if (seconds >= MP4INDEX_LONGEST_NS / NS_PER_S)
		return MP4INDEX_LONGEST_NS;
	return (int64_t)(seconds * NS_PER_S + (rest * NS_PER_S + index->units_per_s / 2) / index->units_per_s);
}
