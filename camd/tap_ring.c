#include "camd/tap_ring.h"

#include "common/util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libyuv.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define DIRECTORY "/dev/shm"
#define PREFIX "camd-tap-"
#define SLOTS 4
#define PAGE 4096
#define VERSION 1

/* The layout of docs/frame_tap.md, in the machine's own byte order. */
struct head {
	char magic[8];
	uint32_t version, slots;
	uint64_t first_slot, slot_bytes;	/* from the file's begin; from slot to slot */
	uint64_t newest;			/* the number of the last picture that is whole; 0: there is none */
	uint32_t format, ended;
};

struct slot {
	uint64_t number;			/* counts pictures from 1; 0: this one is being written */
	int64_t sensor_ns, wall_ns;
	uint64_t camera_frame, frame_number;
	uint32_t width, height, stride, bytes;
};

struct tap_ring {
	char *path;
	int fd;
	enum tap_format format;
	size_t slot_bytes;
	uint8_t *pixels;		/* of one picture, on its way */
	_Atomic uint64_t count;
};

/* ---- the file ---- */

/* What camds have left that did not end: nobody holds its lock. */
static void sweep(void)
{
	DIR *directory = opendir(DIRECTORY);
	struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		int fd;

		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)))
			continue;
		fd = openat(dirfd(directory), entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (fd < 0)
			continue;
		if (!flock(fd, LOCK_EX | LOCK_NB))
			unlinkat(dirfd(directory), entry->d_name, 0);
		close(fd);
	}
	if (directory)
		closedir(directory);
}

/* It gets its name once it is locked and whole, so that nobody finds it otherwise. */
static int make_file(const char *path, const struct head *head, size_t bytes)
{
	char self[64];
	int fd = open(DIRECTORY, O_TMPFILE | O_RDWR | O_CLOEXEC, 0640), number;

	if (fd < 0)
		return -1;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	number = posix_fallocate(fd, 0, (off_t)bytes);
	if (!number && !flock(fd, LOCK_EX | LOCK_NB) && pwrite(fd, head, sizeof(*head), 0) == sizeof(*head) &&
	    !linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW))
		return fd;
	number = number ? number : errno;
	close(fd);
	errno = number;
	return -1;
}

static size_t picture_bytes(enum tap_format format, int width, int height)
{
	size_t pixels = (size_t)width * height;

	return format == TAP_GREY ? pixels : format == TAP_BGR ? pixels * 3 : pixels * 3 / 2;
}

struct tap_ring *tap_ring_create(const char *name, struct size size, enum tap_format format, struct error *err)
{
	struct tap_ring *ring = xcalloc(1, sizeof(*ring));
	size_t bytes = picture_bytes(format, size.width, size.height);
	struct head head = {
		.magic = "CAMDTAP", .version = VERSION, .slots = SLOTS, .first_slot = PAGE, .format = format,
		.slot_bytes = (sizeof(struct slot) + bytes + PAGE - 1) / PAGE * PAGE,
	};

	*ring = (struct tap_ring){
		.path = xasprintf(DIRECTORY "/" PREFIX "%s", name), .format = format, .slot_bytes = head.slot_bytes,
		.pixels = xcalloc(bytes, 1),
	};
	sweep();
	ring->fd = make_file(ring->path, &head, PAGE + SLOTS * ring->slot_bytes);
	if (ring->fd >= 0)
		return ring;
	error_set_errno(err, errno, "%s", ring->path);
	free(ring->path);
	free(ring->pixels);
	free(ring);
	return NULL;
}

const char *tap_ring_path(const struct tap_ring *ring)
{
	return ring->path;
}

uint64_t tap_ring_count(const struct tap_ring *ring)
{
	return ring->count;
}

static bool put(const struct tap_ring *ring, const void *data, size_t bytes, size_t at)
{
	return pwrite(ring->fd, data, bytes, (off_t)at) == (ssize_t)bytes;
}

void tap_ring_destroy(struct tap_ring *ring)
{
	if (!ring)
		return;
	put(ring, &(uint32_t){ 1 }, sizeof(uint32_t), offsetof(struct head, ended));
	unlink(ring->path);
	close(ring->fd);
	free(ring->path);
	free(ring->pixels);
	free(ring);
}

/* ---- pictures ---- */

static const struct YuvConstants *matrix_of(const struct colour *colour)
{
	if (colour->matrix == 1)
		return colour->full_range ? &kYuvF709Constants : &kYuvH709Constants;
	return colour->full_range ? &kYuvJPEGConstants : &kYuvI601Constants;
}

/* Rows without padding, planes behind each other. */
static void pack(struct tap_ring *ring, const struct frame *picture)
{
	const struct plane *in = picture->planes;
	int width = picture->format.width, height = picture->format.height;
	uint8_t *to = ring->pixels;

	if (ring->format == TAP_BGR) {
		/* what libyuv calls RGB24 is B, G, R in memory */
		I420ToRGB24Matrix(in[0].data, in[0].stride, in[1].data, in[1].stride, in[2].data, in[2].stride, to, width * 3,
				  matrix_of(&picture->format.colour), width, height);
		return;
	}
	for (int i = 0; i < (ring->format == TAP_GREY ? 1 : 3); i++) {
		int row = frame_plane_row_bytes(&picture->format, i), rows = frame_plane_rows(&picture->format, i);

		CopyPlane(in[i].data, in[i].stride, to, row, row, rows);
		to += (size_t)row * rows;
	}
}

/* Who has the number 0 before it, or another one behind it than before, has read a picture that was being written. */
bool tap_ring_write(struct tap_ring *ring, const struct frame *picture, const struct frame *facts)
{
	int width = picture->format.width, height = picture->format.height;
	uint64_t number = ring->count + 1;
	size_t at = PAGE + number % SLOTS * ring->slot_bytes;
	struct slot slot = {
		.number = number, .sensor_ns = facts->sensor_ns, .wall_ns = facts->wall_ns, .camera_frame = facts->camera_frame,
		.frame_number = facts->number, .width = (uint32_t)width, .height = (uint32_t)height,
		.stride = (uint32_t)(ring->format == TAP_BGR ? width * 3 : width),
		.bytes = (uint32_t)picture_bytes(ring->format, width, height),
	};

	if (sizeof(slot) + slot.bytes > ring->slot_bytes) {
		errno = EMSGSIZE;
		return false;
	}
	pack(ring, picture);
	if (!put(ring, &(uint64_t){ 0 }, sizeof(uint64_t), at) || !put(ring, ring->pixels, slot.bytes, at + sizeof(slot)) ||
	    !put(ring, (const char *)&slot + offsetof(struct slot, sensor_ns), sizeof(slot) - offsetof(struct slot, sensor_ns), at + offsetof(struct slot, sensor_ns)) ||
	    !put(ring, &number, sizeof(number), at) || !put(ring, &number, sizeof(number), offsetof(struct head, newest)))
		return false;
	ring->count = number;
	return true;
}
