#include "camd/reel.h"

#include "camd/framelog.h"
#include "camd/movie.h"
#include "camd/stsd.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOOV_BYTES_MAX ((uint64_t)1 << 30)

static bool read_whole(const struct reel *reel, uint64_t at, void *data, size_t bytes)
{
	return read_at(reel->fd, data, bytes, at) == bytes;
}

static bool fail_to_read(const struct reel *reel, struct error *err)
{
	return error_set_errno(err, errno, "%s: cannot read the video", reel->path);
}

static bool refuse(const struct reel *reel, const char *what, struct error *err)
{
	return error_set(err, ERR_UNSUPPORTED, "%s: %s", reel->path, what);
}

/* The head of the frame that begins at a place. False: there is none. Sets errno to 0 if that is no failure to read. */
static bool read_head(const struct reel *reel, uint64_t start, struct fragment *fragment, size_t *head_bytes)
{
	uint8_t head[FRAGMENT_HEAD_BYTES_MAX];
	size_t bytes = start < reel->bytes ? (size_t)MIN(reel->bytes - start, (uint64_t)sizeof(head)) : 0;

	if (!read_whole(reel, start, head, bytes))
		return false;
	errno = 0;
	*head_bytes = fragment_read(fragment, head, bytes, start);
	return *head_bytes && fragment->payload_bytes <= reel->bytes - start - *head_bytes;
}

/* The head that ends where a payload begins: how long it is depends on where it lies, so the last magic before it tells. */
static bool read_head_before(const struct reel *reel, uint64_t payload, struct fragment *fragment, uint64_t *start)
{
	uint8_t data[FRAGMENT_HEAD_BYTES_MAX];
	size_t bytes = (size_t)MIN(payload, (uint64_t)sizeof(data)), head_bytes;

	if (payload > reel->bytes || !read_whole(reel, payload - bytes, data, bytes))
		return false;
	errno = 0;
	for (size_t at = bytes; at-- > 8;) {
		if (at + FRAGMENT_MAGIC_BYTES > bytes || memcmp(data + at, FRAGMENT_MAGIC, FRAGMENT_MAGIC_BYTES))
			continue;
		*start = payload - bytes + at - 8;
		if (read_head(reel, *start, fragment, &head_bytes) && *start + head_bytes == payload)
			return true;
	}
	return false;
}

/* ---- opening ---- */

/* Where the moov of a finished file begins. */
static bool find_moov(const struct reel *reel, uint64_t *at)
{
	uint8_t head[MOVIE_SLOT + MOVIE_SLOT_BYTES], moov[8];

	if (!read_whole(reel, 0, head, sizeof(head)))
		return false;
	*at = movie_head_index_at(head);
	return *at < reel->bytes && read_whole(reel, *at, moov, sizeof(moov)) && !memcmp(moov + 4, "moov", 4);
}

/* camd's moov has mvhd, then trak, whose last eight bytes are where the last frame's payload lies. */
static bool read_last_ns(struct reel *reel, struct error *err)
{
	uint8_t box[8];
	uint64_t at, last;
	struct fragment fragment;

	errno = 0;
	if (!find_moov(reel, &at) || !read_whole(reel, at + 8, box, sizeof(box)))
		return errno ? fail_to_read(reel, err) : refuse(reel, "it has no index", err);
	at += 8 + mp4box_get32(box);
	if (!read_whole(reel, at, box, sizeof(box)) || !read_whole(reel, at + mp4box_get32(box) - 8, box, sizeof(box)))
		return fail_to_read(reel, err);
	if (!read_head_before(reel, mp4box_get64(box), &fragment, &last))
		return refuse(reel, "its index does not belong to its frames", err);
	reel->last_ns = framelog_written_ns(&fragment.row);
	return true;
}

static bool read_first_ns(struct reel *reel, struct error *err)
{
	struct fragment fragment;
	size_t head_bytes;

	if (read_head(reel, MOVIE_HEAD_BYTES, &fragment, &head_bytes)) {
		reel->first_ns = framelog_written_ns(&fragment.row);
		return true;
	}
	return errno ? fail_to_read(reel, err) : refuse(reel, "it begins with no whole frame", err);
}

static bool look_at(struct reel *reel, struct error *err)
{
	uint8_t head[MOVIE_HEAD_BYTES];
	struct movie movie;
	enum movie_state state;

	if (reel->bytes <= sizeof(head))
		return refuse(reel, "it holds no frame yet", err);
	if (!read_whole(reel, 0, head, sizeof(head)))
		return fail_to_read(reel, err);
	state = movie_read_head(&movie, head, sizeof(head));
	reel->finished = state == MOVIE_FINISHED;
	reel->stsd = movie.stsd;
	movie.stsd = (struct mp4box){ 0 };
	movie_finish(&movie);
	if (state != MOVIE_FINISHED && state != MOVIE_UNFINISHED)
		return refuse(reel, "it is no recording of camd's", err);
	if (!reel->finished && !stsd_is_plain(reel->stsd.data, reel->stsd.bytes))
		return refuse(reel, "its head is damaged", err);
	if (!read_first_ns(reel, err))
		return false;
	reel->last_ns = INT64_MAX;
	return reel->finished ? read_last_ns(reel, err) : true;
}

/* Takes over the descriptor; -1: errno says why there is none. */
static bool begin(struct reel *reel, int fd, const char *path, struct error *err)
{
	struct stat status;

	*reel = (struct reel){ .path = xstrdup(path), .fd = fd };
	if (fd < 0 || fstat(fd, &status))
		return fail_to_read(reel, err);
	if (!S_ISREG(status.st_mode))
		return refuse(reel, "it is not a regular file", err);
	reel->bytes = (uint64_t)status.st_size;
	return look_at(reel, err);
}

bool reel_open(struct reel *reel, int directory, const char *path, struct error *err)
{
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

	return begin(reel, openat(directory, strrchr(path, '/') + 1, flags), path, err);
}

bool reel_adopt(struct reel *reel, int fd, const char *path, struct error *err)
{
	return begin(reel, fcntl(fd, F_DUPFD_CLOEXEC, 0), path, err);
}

/* ---- the index ---- */

static bool find_table(const uint8_t *moov, size_t bytes, const char *name, size_t head, size_t item, const uint8_t **items, size_t *n)
{
	char path[40];
	const uint8_t *box;
	size_t box_bytes;

	strcpy(path, "moov/trak/mdia/minf/stbl/");
	strcat(path, name);
	if (!mp4box_find(moov, bytes, path, &box, &box_bytes) || box_bytes < head)
		return false;
	*n = mp4box_get32(box + head - 4);
	*items = box + head;
	return *n <= (box_bytes - head) / item;
}

static bool take_moov(struct reel *reel, const uint8_t *moov, size_t bytes)
{
	const uint8_t *offsets, *sizes, *stsd;
	size_t n, n_sizes, stsd_bytes;

	if (!find_table(moov, bytes, "co64", 16, 8, &offsets, &n) || !find_table(moov, bytes, "stsz", 20, 4, &sizes, &n_sizes) ||
	    n != n_sizes || !n || !mp4box_find(moov, bytes, "moov/trak/mdia/minf/stbl/stsd", &stsd, &stsd_bytes))
		return false;
	if (!stsd_is_plain(stsd, stsd_bytes))
		return false;
	mp4box_bytes(&reel->stsd, stsd, stsd_bytes);
	reel->places = xcalloc(n, sizeof(*reel->places));
	reel->n = n;
	for (size_t i = 0; i < n; i++)
		reel->places[i] = (struct reel_place){ mp4box_get64(offsets + 8 * i), mp4box_get32(sizes + 4 * i) };
	return true;
}

static bool index_finished(struct reel *reel, struct error *err)
{
	uint64_t at, bytes;
	uint8_t *moov;
	bool ok;

	errno = 0;
	if (!find_moov(reel, &at))
		return errno ? fail_to_read(reel, err) : refuse(reel, "it has no index", err);
	bytes = reel->bytes - at;
	if (bytes > MOOV_BYTES_MAX)
		return refuse(reel, "its index is too long", err);
	moov = xcalloc((size_t)bytes, 1);
	ok = read_whole(reel, at, moov, (size_t)bytes) ? take_moov(reel, moov, (size_t)bytes) || refuse(reel, "its index is damaged", err) :
	     fail_to_read(reel, err);
	free(moov);
	return ok;
}

/* One that still grows, or never was finished: from frame to frame, up to where there is no whole one. */
static bool index_growing(struct reel *reel, struct error *err)
{
	struct fragment fragment;
	uint64_t at = MOVIE_HEAD_BYTES;
	size_t capacity = 0, head_bytes;

	while (errno = 0, read_head(reel, at, &fragment, &head_bytes)) {
		if (reel->n == capacity) {
			capacity = capacity ? 2 * capacity : 1024;
			reel->places = xrealloc(reel->places, capacity, sizeof(*reel->places));
		}
		reel->places[reel->n++] = (struct reel_place){ at + head_bytes, fragment.payload_bytes };
		at += head_bytes + fragment.payload_bytes;
	}
	return errno ? fail_to_read(reel, err) : true;
}

bool reel_index(struct reel *reel, struct error *err)
{
	return reel->finished ? index_finished(reel, err) : index_growing(reel, err);
}

/* ---- frames ---- */

bool reel_frame(const struct reel *reel, size_t k, struct fragment *fragment, uint64_t *start, struct error *err)
{
	const struct reel_place *place = &reel->places[k];
	size_t head_bytes;
	bool found;

	/* most begin where the one before ends */
	*start = k ? place[-1].offset + place[-1].bytes : MOVIE_HEAD_BYTES;
	found = read_head(reel, *start, fragment, &head_bytes) && *start + head_bytes == place->offset;
	if (!found)
		found = read_head_before(reel, place->offset, fragment, start);
	if (found && fragment->payload_bytes == place->bytes)
		return true;
	if (errno)
		return fail_to_read(reel, err);
	return error_set(err, ERR_IO, "%s: frame %zu is damaged", reel->path, k + 1);
}

bool reel_find(const struct reel *reel, int64_t wall_ns, size_t *k, struct error *err)
{
	size_t low = 0, high = reel->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct fragment fragment;
		uint64_t start;

		if (!reel_frame(reel, middle, &fragment, &start, err))
			return false;
		if (framelog_written_ns(&fragment.row) < wall_ns)
			low = middle + 1;
		else
			high = middle;
	}
	*k = low;
	return true;
}

void reel_finish(struct reel *reel)
{
	if (reel->fd >= 0)
		close(reel->fd);
	mp4box_finish(&reel->stsd);
	free(reel->places);
	free(reel->path);
	*reel = (struct reel){ .fd = -1 };
}
