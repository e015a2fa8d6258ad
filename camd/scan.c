#include "camd/scan.h"

#include "camd/framelog.h"
#include "camd/video_name.h"
#include "common/utf8.h"
#include "common/util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_TRIES 5
#define LOCK_WAIT_US 10000
#define BLOCK_BYTES 512			/* what st_blocks counts in */
#define BLOCK_OF_FILES_BYTES 4096	/* what files take at once, by and large */

bool scan_is_locked(int directory)
{
	/* who looks for what a crash has left has each for a moment */
	for (int tries = 0; flock(directory, LOCK_SH | LOCK_NB); tries++) {
		if (errno != EWOULDBLOCK)
			return false;
		if (tries == LOCK_TRIES)
			return true;
		usleep(LOCK_WAIT_US);
	}
	/* let go at once: that one must not find it locked */
	flock(directory, LOCK_UN);
	return false;
}

/* What a file takes, whichever is more: its size, or its blocks, of which some may be kept in reserve. */
static int64_t used_bytes(const struct stat *status)
{
	return MAX((int64_t)status->st_size, (int64_t)status->st_blocks * BLOCK_BYTES);
}

static bool look_at(int directory, const char *name, struct stat *status)
{
	return !fstatat(directory, name, status, AT_SYMLINK_NOFOLLOW);
}

/* The table counts for one of its two videos: a raw one has it, if there is one. What it keeps in reserve it gives back at its end. */
static int64_t table_bytes(int directory, const char *name, bool raw)
{
	char *table = framelog_path_of(name), *twin = video_name_twin(name);
	struct stat status;
	int64_t bytes = 0;

	if ((raw || !look_at(directory, twin, &status)) && look_at(directory, table, &status) && S_ISREG(status.st_mode))
		bytes = (status.st_size + BLOCK_OF_FILES_BYTES - 1) / BLOCK_OF_FILES_BYTES * BLOCK_OF_FILES_BYTES;
	free(table);
	free(twin);
	return bytes;
}

struct catalogue_item *scan_video(int directory, const char *path)
{
	struct catalogue_item *item = catalogue_make_item(path);
	char *marker = video_name_marker(item->name);
	struct video_name name;
	struct stat status;

	if (!video_name_read(item->name, &name) || !look_at(directory, item->name, &status) || !S_ISREG(status.st_mode)) {
		catalogue_free_item(item);
		free(marker);
		return NULL;
	}
	item->camera_id = name.camera_id;
	item->to_ns = status.st_mtim.tv_sec * NS_PER_S + status.st_mtim.tv_nsec;
	item->from_ns = name.wall_ns ? name.wall_ns : item->to_ns;
	item->bytes = status.st_size;
	item->used_bytes = used_bytes(&status) + table_bytes(directory, item->name, name.raw);
	item->protected = look_at(directory, marker, &status);
	free(marker);
	return item;
}

struct catalogue_item *scan_file(const char *path)
{
	char *parent = strndup(path, (size_t)(strrchr(path, '/') - path));
	int directory = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct catalogue_item *item = directory >= 0 ? scan_video(directory, path) : NULL;

	if (directory >= 0)
		close(directory);
	free(parent);
	return item;
}

static void add(struct scan *scan, struct catalogue_item *item)
{
	/* doubled when it is full: at powers of two */
	if (!(scan->n & (scan->n - 1)))
		scan->items = xrealloc(scan->items, scan->n ? scan->n * 2 : 1, sizeof(*scan->items));
	scan->items[scan->n++] = item;
}

static void scan_session(struct scan *scan, int directory, const char *path, bool own)
{
	bool live = !own && scan_is_locked(directory);
	int copy = dup(directory);
	DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *entry;

	scan->others = scan->others || live;
	while (entries && (entry = readdir(entries))) {
		struct catalogue_item *item;
		struct video_name name;
		char *video;

		if (!video_name_read(entry->d_name, &name) || utf8_find_fault(entry->d_name))
			continue;
		video = xasprintf("%s/%s", path, entry->d_name);
		item = scan_video(directory, video);
		free(video);
		if (!item)
			continue;
		item->live = live;
		item->own = own;
		add(scan, item);
	}
	if (entries)
		closedir(entries);
	else if (copy >= 0)
		close(copy);
}

static bool is_session(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && strcmp(entry->d_name, "exports") && !utf8_find_fault(entry->d_name) &&
	       (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN);
}

void scan_directory(const char *output_dir, const char *own, struct scan *scan)
{
	char *root = realpath(output_dir, NULL);
	DIR *entries = root ? opendir(root) : NULL;
	struct dirent *entry;

	*scan = (struct scan){ 0 };
	while (entries && (entry = readdir(entries))) {
		char *path;
		int directory;

		if (!is_session(entry))
			continue;
		directory = openat(dirfd(entries), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (directory < 0)
			continue;
		path = xasprintf("%s/%s", !strcmp(root, "/") ? "" : root, entry->d_name);
		scan_session(scan, directory, path, own && !strcmp(entry->d_name, own));
		free(path);
		close(directory);
	}
	if (entries)
		closedir(entries);
	free(root);
}
