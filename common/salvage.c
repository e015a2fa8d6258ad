#include "common/salvage.h"

#include "common/movie_head.h"
#include "common/nal.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_BYTES ((size_t)1 << 20)
#define MAGIC_AT 8	/* in the fragment */

/* What a disk can't read is as if there were zeros, unless it is so much that the disk rather than the file is bad. */
#define BLOCK_BYTES ((size_t)4096)
#define UNREADABLE_MAX 64		/* blocks; of short files one of sixteen */

/*
 * A part of the file in memory. Not mmap(): that kills the process when the disk fails, and 32 bits hold no long video.
 */
struct window {
	int fd;
	uint64_t file_bytes;
	uint64_t at;
	size_t bytes;
	uint8_t *data;
	unsigned unreadable;	/* blocks; one that is in two windows counts twice */
	int number;		/* errno of a read that failed */
};

/* After a read that failed where *bytes end: block by block as far as wanted; false: errno. */
static bool read_around(struct window *window, size_t wanted)
{
	unsigned most = (unsigned)MIN((uint64_t)UNREADABLE_MAX, 1 + window->file_bytes / BLOCK_BYTES / 16);

	while (window->bytes < wanted) {
		uint64_t at = window->at + window->bytes;
		size_t bytes = MIN(BLOCK_BYTES - (size_t)(at % BLOCK_BYTES), wanted - window->bytes), got;

		got = read_at(window->fd, window->data + window->bytes, bytes, at);
		if (got < bytes && (errno != EIO || ++window->unreadable > most))
			return false;
		memset(window->data + window->bytes + got, 0, bytes - got);
		window->bytes += bytes;
	}
	return true;
}

static bool window_load(struct window *window, uint64_t at)
{
	size_t wanted = (size_t)MIN(window->file_bytes - at, (uint64_t)WINDOW_BYTES);

	window->at = at;
	window->bytes = read_at(window->fd, window->data, wanted, at);
	if (window->bytes == wanted || (errno == EIO && read_around(window, wanted)))
		return true;
	if (errno != ENODATA)
		window->number = errno;
	return false;
}

/* The bytes from at on, *got of them, at least least; NULL if the file has not that many or can't be read. */
static const uint8_t *window_see(struct window *window, uint64_t at, size_t least, size_t *got)
{
	if (window->number || at > window->file_bytes || least > window->file_bytes - at)
		return NULL;
	if ((at < window->at || at - window->at > window->bytes || window->bytes - (at - window->at) < least) &&
	    !window_load(window, at))
		return NULL;
	*got = window->bytes - (size_t)(at - window->at);
	return window->data + (at - window->at);
}

/* Whether the payload is a row of NAL units behind their lengths, one of them with a picture. */
static bool check_nals(struct window *window, uint64_t at, uint64_t end)
{
	bool picture = false;

	while (at < end) {
		size_t got;
		const uint8_t *data = window_see(window, at, 5, &got);
		uint64_t bytes = data ? mp4box_get32(data) : 0;

		if (!bytes || end - at < 4 || bytes > end - at - 4)
			return false;
		picture |= (data[4] & 31) == NAL_SLICE || (data[4] & 31) == NAL_IDR;
		at += 4 + bytes;
	}
	return picture;
}

static bool check_crc(struct window *window, uint32_t crc, uint32_t expected, uint64_t at, uint64_t end)
{
	while (at < end) {
		size_t got;
		const uint8_t *data = window_see(window, at, 1, &got);

		if (!data)
			return false;
		got = (size_t)MIN((uint64_t)got, end - at);
		crc = fragment_crc_payload(crc, data, got);
		at += got;
	}
	return crc == expected;
}

/* Returns the length of the whole and undamaged fragment at a place; 0 if there is none. *broken counts those that only seem to be. */
static uint64_t read_fragment(struct window *window, uint64_t at, struct fragment *fragment, uint64_t *broken)
{
	size_t got, least = (size_t)MIN(window->file_bytes - at, (uint64_t)FRAGMENT_HEAD_BYTES_MAX), head;
	const uint8_t *data = window_see(window, at, least, &got);
	uint32_t crc, expected;
	uint64_t payload;

	head = data ? fragment_read(fragment, data, MIN(got, (size_t)FRAGMENT_HEAD_BYTES_MAX), at) : 0;
	if (!head || fragment->payload_bytes > window->file_bytes - at - head)
		return 0;
	crc = fragment_crc_head(data, head);
	expected = fragment_crc(data);
	payload = at + head;
	if (check_crc(window, crc, expected, payload, payload + fragment->payload_bytes) &&
	    check_nals(window, payload, payload + fragment->payload_bytes))
		return head + fragment->payload_bytes;
	++*broken;
	return 0;
}

/* The next place at or after at where a fragment may begin, by its magic; the file's end if there is none. */
static uint64_t find_candidate(struct window *window, uint64_t at)
{
	const uint8_t *data;
	size_t got;

	for (at += MAGIC_AT; (data = window_see(window, at, FRAGMENT_MAGIC_BYTES, &got)); at += got - FRAGMENT_MAGIC_BYTES + 1) {
		const uint8_t *found = memmem(data, got, FRAGMENT_MAGIC, FRAGMENT_MAGIC_BYTES);

		if (found)
			return at + (uint64_t)(found - data) - MAGIC_AT;
	}
	return window->file_bytes;
}

/* Whether a whole fragment is of this file and later than the last one. */
static bool belongs(uint32_t file_id, const struct fragment *fragment, const struct fragment *last)
{
	if (file_id && fragment->file_id != file_id)
		return false;
	return !last->sequence || (fragment->sequence > last->sequence && fragment->media_ns > last->media_ns);
}

static void accept(struct salvage *salvage, const struct fragment *fragment, const struct fragment *last, bool *doubtful)
{
	uint32_t missing = fragment->sequence - last->sequence - 1;

	if (!salvage->n++)
		salvage->first = *fragment;
	*doubtful = (*doubtful || missing) && !fragment->key;
	salvage->damaged_frames += missing;
	salvage->doubtful_frames += *doubtful;
}

static void scan(struct window *window, uint32_t file_id, struct salvage *salvage, salvage_fn on_fragment, void *user)
{
	struct fragment fragment, last = { 0 };
	uint64_t at = MOVIE_HEAD_BYTES;
	bool doubtful = false;

	while (at < window->file_bytes) {
		uint64_t bytes = read_fragment(window, at, &fragment, &salvage->broken);

		if (!bytes || !belongs(file_id, &fragment, &last)) {
			at = find_candidate(window, at + 1);
			continue;
		}
		at += bytes;
		salvage->end = at;
		accept(salvage, &fragment, &last, &doubtful);
		on_fragment(user, &fragment, salvage);
		file_id = fragment.file_id;
		last = fragment;
	}
}

bool salvage_scan(int fd, const char *path, uint64_t bytes, uint32_t file_id, struct salvage *salvage, salvage_fn on_fragment, void *user,
		  struct error *err)
{
	struct window window = { .fd = fd, .file_bytes = bytes, .data = xcalloc(WINDOW_BYTES, 1) };

	*salvage = (struct salvage){ .end = MOVIE_HEAD_BYTES };
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	scan(&window, file_id, salvage, on_fragment, user);
	salvage->unreadable = window.unreadable;
	if (window.unreadable && !salvage->n)
		window.number = EIO;
	free(window.data);
	if (window.number)
		return error_set_errno(err, window.number, "%s: cannot read the file; it is left as it is", path);
	return true;
}
