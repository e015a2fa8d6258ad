#include "camctl/mp4sizes.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct box {
	char kind[4];
	int64_t inside, end;		/* where what it holds begins and ends */
};

static uint32_t be32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* The box at a place, which must end where it may. One that goes on to the file's end, or was cut, ends there. */
static bool read_box(const struct mp4sizes *sizes, int64_t at, int64_t limit, struct box *box)
{
	uint8_t head[16];
	ssize_t got = limit - at >= 8 ? pread(sizes->fd, head, sizeof(head), at) : 0;
	int64_t size;

	if (got < 8)
		return false;
	size = be32(head);
	box->inside = at + 8;
	if (size == 1 && got == 16) {
		size = (int64_t)((uint64_t)be32(head + 8) << 32 | be32(head + 12));
		box->inside = at + 16;
	}
	memcpy(box->kind, head + 4, 4);
	if (size == 0 || size > limit - at)
		size = limit - at;
	box->end = at + size;
	return size >= box->inside - at;
}

static bool find_box(const struct mp4sizes *sizes, const struct box *in, const char *kind, struct box *found)
{
	for (int64_t at = in->inside; read_box(sizes, at, in->end, found); at = found->end)
		if (!memcmp(found->kind, kind, 4))
			return true;
	return false;
}

/* The sizes of the first track that has some. */
static bool find_table(struct mp4sizes *sizes, const struct box *movie)
{
	static const char *const path[] = { "mdia", "minf", "stbl", "stsz" };
	struct box track;

	for (int64_t at = movie->inside; read_box(sizes, at, movie->end, &track); at = track.end) {
		struct box box = track;
		bool found = !memcmp(track.kind, "trak", 4);
		uint8_t head[12];

		for (size_t i = 0; found && i < ARRAY_LEN(path); i++) {
			struct box in = box;

			found = find_box(sizes, &in, path[i], &box);
		}
		if (!found || pread(sizes->fd, head, sizeof(head), box.inside) != sizeof(head) || !be32(head + 8))
			continue;
		sizes->each = be32(head + 4);
		sizes->left = be32(head + 8);
		sizes->at = box.inside + 12;
		return sizes->each || sizes->left <= (box.end - sizes->at) / 4;
	}
	return false;
}

bool mp4sizes_open(struct mp4sizes *sizes, const char *path, struct error *err)
{
	struct stat status;
	struct box box;

	*sizes = (struct mp4sizes){ .fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), .left = -1 };
	if (sizes->fd < 0 || fstat(sizes->fd, &status)) {
		error_set_errno(err, errno, "%s", path);
		mp4sizes_close(sizes);
		return false;
	}
	sizes->end = status.st_size;
	for (int64_t at = 0; read_box(sizes, at, sizes->end, &box); at = box.end)
		if (!memcmp(box.kind, "moov", 4) && find_table(sizes, &box))
			return true;
	sizes->left = -1;
	sizes->at = 0;
	return true;
}

void mp4sizes_close(struct mp4sizes *sizes)
{
	if (sizes->fd >= 0)
		close(sizes->fd);
	sizes->fd = -1;
}

static bool next_fragment(struct mp4sizes *sizes, int64_t *bytes)
{
	struct box box;

	while (read_box(sizes, sizes->at, sizes->end, &box)) {
		sizes->at = box.end;
		*bytes = box.end - box.inside;
		if (!memcmp(box.kind, "mdat", 4))
			return true;
	}
	return false;
}

static bool next_entry(struct mp4sizes *sizes, int64_t *bytes)
{
	if (sizes->next == sizes->n_entries) {
		ssize_t got = pread(sizes->fd, sizes->entries, sizeof(sizes->entries), sizes->at);

		if (got < 4)
			return false;
		sizes->n_entries = (int)(got / 4);
		sizes->next = 0;
		sizes->at += sizes->n_entries * 4;
	}
	*bytes = be32(sizes->entries + 4 * (size_t)sizes->next++);
	return true;
}

bool mp4sizes_next(struct mp4sizes *sizes, int64_t *bytes)
{
	if (sizes->fd < 0)
		return false;
	if (sizes->left < 0)
		return next_fragment(sizes, bytes);
	if (!sizes->left--) {
		sizes->left = 0;
		return false;
	}
	*bytes = sizes->each;
	return sizes->each || next_entry(sizes, bytes);
}
