#include "camd/disk.h"

#include "camd/config.h"
#include "common/clock.h"
#include "common/util.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define LOOK_NS NS_PER_S
#define PATIENCE_NS (3 * NS_PER_S)	/* an SD card may take so long */

struct disk {
	struct session *session;
	struct disk_look last, next;
	uv_work_t work;
	char *path;		/* of the look under way; NULL: none is */
	int64_t began_ns;	/* when that was asked for */
	bool stopped;
};

static dev_t device_of(const char *path)
{
	struct stat status;

	return stat(path, &status) ? 0 : status.st_dev;
}

static void look(const char *path, struct disk_look *look)
{
	struct statvfs fs;

	look->began_ns = clock_now_ns();
	look->device = device_of(path);
	look->system = device_of("/");
	look->free_bytes = statvfs(path, &fs) ? 0 : (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
}

static void work(uv_work_t *work)
{
	struct disk *disk = work->data;

	look(disk->path, &disk->next);
}

static void after_work(uv_work_t *work, int status)
{
	struct disk *disk = work->data;

	(void)status;
	free(disk->path);
	disk->path = NULL;
	disk->last = disk->next;
	session_check_down(disk->session);
}

struct disk *disk_create(struct session *session)
{
	struct disk *disk = xcalloc(1, sizeof(*disk));

	disk->session = session;
	disk->work.data = disk;
	return disk;
}

void disk_begin(struct disk *disk)
{
	look(session_config(disk->session)->output_dir, &disk->last);
}

void disk_tick(struct disk *disk, int64_t now_ns)
{
	if (disk->stopped || disk->path || now_ns - disk->last.began_ns < LOOK_NS)
		return;
	disk->path = xstrdup(session_config(disk->session)->output_dir);
	disk->began_ns = now_ns;
	uv_queue_work(session_loop(disk->session), &disk->work, work, after_work);
}

void disk_stop(struct disk *disk)
{
	disk->stopped = true;
}

bool disk_is_idle(const struct disk *disk)
{
	return !disk->path;
}

void disk_destroy(struct disk *disk)
{
	free(disk);
}

const struct disk_look *disk_last_look(const struct disk *disk)
{
	return &disk->last;
}

bool disk_answers(const struct disk *disk, struct error *err)
{
	int64_t waits_ns = disk->path ? clock_now_ns() - disk->began_ns : 0;

	if (waits_ns < PATIENCE_NS)
		return true;
	return error_set(err, ERR_TIMEOUT, "%s: the disk has not answered for %" PRId64 " s: see whether it, or its server, is still there", disk->path,
			 waits_ns / NS_PER_S);
}
