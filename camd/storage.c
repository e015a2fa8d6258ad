#include "camd/storage.h"

#include "camd/camera_config.h"
#include "camd/control.h"
#include "camd/purge.h"
#include "camd/scan.h"
#include "camd/share.h"
#include "camd/tell.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LOOK_NS NS_PER_S		/* how often free space and what is being written are looked at */
#define AHEAD_S 3			/* for so long there is room */
#define TABLE_RESERVE_BYTES 65536	/* what a timing table takes at once */
#define SCAN_OTHERS_NS (5 * NS_PER_S)	/* while others write there, too */
#define SCAN_AGAIN_NS (600 * NS_PER_S)	/* at all: people delete, too */

/* A file that is being written. */
struct growing {
	char *path;
	int64_t used_bytes;
	bool begun;		/* by storage_file_begun() */
	bool current;		/* a recording's */
	bool ending;		/* a task is to look at what became of it */
	struct growing *next;
};

struct storage {
	struct session *session;
	struct catalogue catalogue;
	struct storage_task *first, **last;	/* the first is the one that runs */
	uv_work_t work;
	struct growing *growing;
	struct share cap;

	bool known, stopped;
	bool scanning, looking;		/* a task is to do it */
	bool recovering;		/* when it was scanned, what a crash has left was still being finished */
	bool look_soon;
	struct purge *purge;
	bool others, changed;			/* sessions of others run, or came, or went */
	int64_t scanned_ns, looked_ns;
	int64_t written_at_look;		/* all that was ever written, then */
	int64_t written;			/* of files that have ended */
	double growth;				/* highest of late, bytes/s */
	int64_t free_bytes, disk_bytes;		/* 0: not looked at yet */
	int64_t output_changed_ns;		/* mtime of the output directory at the last scan */
	bool full_told;
	bool spent;			/* the reserve is touched, and nothing may be deleted for it */
};

static const struct config *config_of(const struct storage *storage)
{
	return session_config(storage->session);
}

/* ---- tasks ---- */

static void run_first(struct storage *storage);

static void work(uv_work_t *work)
{
	struct storage *storage = work->data;

	storage->first->run(storage->first);
}

static void after_work(uv_work_t *work, int status)
{
	struct storage *storage = work->data;
	struct storage_task *task = storage->first;

	(void)status;
	storage->first = task->next;
	if (!storage->first)
		storage->last = &storage->first;
	/* it may queue another one, which begins at once only if none is in line */
	if (storage->first)
		run_first(storage);
	task->after(task);
	session_check_down(storage->session);
}

static void run_first(struct storage *storage)
{
	uv_queue_work(session_loop(storage->session), &storage->work, work, after_work);
}

void storage_queue(struct storage *storage, struct storage_task *task)
{
	task->storage = storage;
	task->next = NULL;
	*storage->last = task;
	storage->last = &task->next;
	if (storage->first == task)
		run_first(storage);
}

/* ---- the scan ---- */

struct scan_task {
	struct storage_task task;
	char *output_dir, *own;
	int64_t began_ns, changed_ns;
	struct scan scan;
};

static int64_t changed_ns(const char *path)
{
	struct stat status;

	return stat(path, &status) ? 0 : status.st_mtim.tv_sec * NS_PER_S + status.st_mtim.tv_nsec;
}

static void run_scan(struct storage_task *task)
{
	struct scan_task *scan = (struct scan_task *)task;

	scan->changed_ns = changed_ns(scan->output_dir);
	scan_directory(scan->output_dir, scan->own, &scan->scan);
}

static void after_scan(struct storage_task *task)
{
	struct scan_task *scan = (struct scan_task *)task;
	struct storage *storage = task->storage;

	catalogue_merge(&storage->catalogue, scan->scan.items, scan->scan.n, scan->began_ns);
	if (!storage->known)
		log_info("storage: %zu recordings of %" PRId64 " bytes in %s", storage->catalogue.n, storage->catalogue.used_bytes,
			 scan->output_dir);
	storage->known = true;
	storage->scanning = false;
	storage->others = scan->scan.others;
	storage->changed = false;
	storage->output_changed_ns = scan->changed_ns;
	storage->scanned_ns = clock_now_ns();
	free(scan->scan.items);
	free(scan->output_dir);
	free(scan->own);
	free(scan);
}

static void begin_scan(struct storage *storage)
{
	const char *own = session_label(storage->session);
	struct scan_task *scan = xcalloc(1, sizeof(*scan));

	*scan = (struct scan_task){
		.task = { .run = run_scan, .after = after_scan }, .output_dir = xstrdup(config_of(storage)->output_dir),
		.own = own ? xstrdup(own) : NULL, .began_ns = clock_now_ns(),
	};
	storage->scanning = true;
	storage->recovering = session_is_recovering(storage->session);
	storage_queue(storage, &scan->task);
}

/* ---- what is being written ---- */

static struct growing **find_growing(struct storage *storage, const char *path)
{
	struct growing **at = &storage->growing;

	while (*at && strcmp((*at)->path, path))
		at = &(*at)->next;
	return at;
}

static struct growing *note_growing(struct storage *storage, const char *path)
{
	struct growing **at = find_growing(storage, path), *growing = *at;

	if (!growing) {
		growing = *at = xcalloc(1, sizeof(*growing));
		growing->path = xstrdup(path);
		growing->used_bytes = TABLE_RESERVE_BYTES;
	}
	return growing;
}

static void forget_growing(struct growing **at)
{
	struct growing *growing = *at;

	*at = growing->next;
	free(growing->path);
	free(growing);
}

/* What recordings write comes and goes without a word: a file follows another. */
static void follow_recordings(struct storage *storage)
{
	for (struct growing *growing = storage->growing; growing; growing = growing->next)
		growing->current = false;
	for (size_t i = 0; i < session_n_cameras(storage->session); i++) {
		struct camera *camera = session_camera(storage->session, (int64_t)i);
		struct recording *recording = camera ? camera_recording(camera) : NULL;
		char *path = recording ? recording_current(recording) : NULL;

		/* the last one is complete before the recording is over */
		if (path && !catalogue_find(&storage->catalogue, path))
			note_growing(storage, path)->current = true;
		free(path);
	}
	for (struct growing **at = &storage->growing; *at;) {
		if ((*at)->begun || (*at)->current || (*at)->ending)
			at = &(*at)->next;
		else
			forget_growing(at);
	}
}

struct ended_task {
	struct storage_task task;
	char *path;
	struct catalogue_item *item;
};

static void run_ended(struct storage_task *task)
{
	struct ended_task *ended = (struct ended_task *)task;

	ended->item = scan_file(ended->path);
}

static void after_ended(struct storage_task *task)
{
	struct ended_task *ended = (struct ended_task *)task;
	struct storage *storage = task->storage;
	struct growing **at = find_growing(storage, ended->path);

	if (*at)
		forget_growing(at);
	if (ended->item) {
		storage->written += ended->item->used_bytes;
		catalogue_add(&storage->catalogue, ended->item, true);
	}
	free(ended->path);
	free(ended);
}

void storage_file_begun(struct storage *storage, const char *video)
{
	note_growing(storage, video)->begun = true;
	/* it has begun with all that the prebuffer had */
	storage->look_soon = true;
}

void storage_file_ended(struct storage *storage, const char *video)
{
	struct ended_task *ended;

	if (strstr(video, "/exports/"))
		return;
	note_growing(storage, video)->ending = true;
	ended = xcalloc(1, sizeof(*ended));
	*ended = (struct ended_task){ .task = { .run = run_ended, .after = after_ended }, .path = xstrdup(video) };
	storage_queue(storage, &ended->task);
}

void storage_list_written(struct storage *storage, struct list *paths)
{
	follow_recordings(storage);
	for (const struct growing *growing = storage->growing; growing; growing = growing->next)
		fields_add_text(paths, growing->path);
}

bool storage_is_written(struct storage *storage, const char *video)
{
	return *find_growing(storage, video);
}

static int64_t growing_bytes(const struct storage *storage)
{
	int64_t bytes = 0;

	for (const struct growing *growing = storage->growing; growing; growing = growing->next)
		bytes += growing->used_bytes;
	return bytes;
}

/* ---- looking at it ---- */

struct look_task {
	struct storage_task task;
	char *output_dir;
	struct list paths;	/* of what is being written */
	int64_t *used_bytes;	/* of each */
	int64_t free_bytes, disk_bytes, changed_ns;
};

static void run_look(struct storage_task *task)
{
	struct look_task *look = (struct look_task *)task;
	struct statvfs fs;

	look->changed_ns = changed_ns(look->output_dir);
	if (!statvfs(look->output_dir, &fs)) {
		look->free_bytes = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
		look->disk_bytes = (int64_t)fs.f_blocks * (int64_t)fs.f_frsize;
	}
	for (size_t i = 0; i < look->paths.n; i++) {
		struct catalogue_item *item = scan_file(((char **)look->paths.items)[i]);

		if (!item)
			continue;
		look->used_bytes[i] = item->used_bytes;
		catalogue_free_item(item);
	}
}

/* How fast it grew since the last time; of that the highest, which fades. */
static void note_growth(struct storage *storage, int64_t now_ns)
{
	int64_t written = storage->written + growing_bytes(storage);
	double seconds = (now_ns - storage->looked_ns) / 1e9;

	if (storage->looked_ns && seconds > 0)
		storage->growth = MAX(storage->growth * 0.95, (written - storage->written_at_look) / seconds);
	storage->written_at_look = written;
	storage->looked_ns = now_ns;
}

static void after_look(struct storage_task *task)
{
	struct look_task *look = (struct look_task *)task;
	struct storage *storage = task->storage;

	storage->looking = false;
	storage->free_bytes = look->free_bytes;
	storage->disk_bytes = look->disk_bytes;
	for (size_t i = 0; i < look->paths.n; i++) {
		struct growing *growing = *find_growing(storage, ((char **)look->paths.items)[i]);

		if (growing && look->used_bytes[i])
			growing->used_bytes = look->used_bytes[i];
	}
	note_growth(storage, clock_now_ns());
	/* a session came or went */
	storage->changed = look->changed_ns != storage->output_changed_ns;
	fields_free_texts(&look->paths);
	free(look->used_bytes);
	free(look->output_dir);
	free(look);
}

static void begin_look(struct storage *storage)
{
	struct look_task *look = xcalloc(1, sizeof(*look));

	*look = (struct look_task){
		.task = { .run = run_look, .after = after_look }, .output_dir = xstrdup(config_of(storage)->output_dir),
	};
	storage_list_written(storage, &look->paths);
	look->used_bytes = xcalloc(look->paths.n + 1, sizeof(*look->used_bytes));
	storage->looking = true;
	storage->look_soon = false;
	storage_queue(storage, &look->task);
}

void storage_note_deleted(struct storage *storage, const char *path, const char *cause)
{
	struct catalogue_item *item = catalogue_find(&storage->catalogue, path);
	struct recording_deleted data = { .file = (char *)path, .bytes = item ? item->used_bytes : FIELD_UNSET, .cause = (char *)cause };

	if (item)
		catalogue_remove(&storage->catalogue, item);
	log_info("storage: deleted %s (%s)", path, cause);
	control_event(session_control(storage->session), EVENT_RECORDING_DELETED, &data);
	/* how much is free now is to be seen before more goes */
	storage->look_soon = true;
}

/* ---- the limits ---- */

static bool has_limits(const struct storage *storage)
{
	const struct config *config = config_of(storage);

	return storage->cap.bytes || storage->cap.percent > 0 || config->storage_reserve_bytes || config->keep_for_ns;
}

/* A clip's first write is all that the prebuffer has, and what a file has beside packets: a quarter of small ones. */
static int64_t clip_bytes(const struct camera *camera)
{
	int64_t bytes = camera_prebuffer_bytes(camera);

	return bytes ? bytes + bytes / 4 + TABLE_RESERVE_BYTES : 0;
}

/* What is going to be written before there is time to make room again. */
static int64_t ahead_bytes(const struct storage *storage, int64_t limit)
{
	int64_t nominal = 0, clips = 0;

	for (size_t i = 0; i < session_n_cameras(storage->session); i++) {
		const struct camera *camera = session_camera(storage->session, (int64_t)i);

		if (!camera)
			continue;
		nominal += camera_config(session_options(storage->session), (int)i)->bitrate_bps / 8 * 2 + TABLE_RESERVE_BYTES;
		clips += clip_bytes(camera);
	}
	return MIN(MAX(nominal, (int64_t)(storage->growth * AHEAD_S)) + clips, limit / 4);
}

static int64_t used_bytes(const struct storage *storage)
{
	return storage->catalogue.used_bytes + growing_bytes(storage);
}

static void tell_full(struct storage *storage, const char *setting, int64_t limit)
{
	struct error err;

	if (storage->full_told || !storage->growing)
		return;
	storage->full_told = true;
	error_set(&err, ERR_STORAGE_FULL, "%s (%" PRId64 " bytes) is reached, and nothing is left that may be deleted: unprotect or delete "
		  "recordings, or change the setting", setting, limit);
	control_event(session_control(storage->session), EVENT_STORAGE_FULL,
		      &(struct storage_full){ .camera_id = FIELD_UNSET, .path = config_of(storage)->output_dir, .message = err.text });
	tell_trouble(session_control(storage->session), &err);
}

static bool keep_below_cap(struct storage *storage, int64_t now_ns)
{
	int64_t cap = share_of(&storage->cap, storage->disk_bytes), over = cap ? used_bytes(storage) + ahead_bytes(storage, cap) - cap : 0;

	if (over <= 0)
		return true;
	if (purge_oldest(storage->purge, over, 0, "cap", now_ns))
		return true;
	tell_full(storage, "storage_cap", cap);
	return false;
}

/* The reserve is for others than recordings: these end before they touch it. */
static bool keep_reserve(struct storage *storage, int64_t now_ns)
{
	int64_t reserve = config_of(storage)->storage_reserve_bytes, lacking = reserve - storage->free_bytes;
	bool spent = storage->spent;
	struct error err;

	storage->spent = false;
	if (!reserve || !storage->disk_bytes || lacking + ahead_bytes(storage, reserve) <= 0)
		return true;
	if (purge_oldest(storage->purge, lacking + ahead_bytes(storage, reserve), 0, "reserve", now_ns))
		return true;
	tell_full(storage, "storage_reserve", reserve);
	/* once it is, there must be room for more than a moment again */
	storage->spent = lacking > 0 || spent;
	for (size_t i = 0; !storage_may_record(storage, &err) && i < session_n_cameras(storage->session); i++) {
		struct camera *camera = session_camera(storage->session, (int64_t)i);

		if (camera && camera_recording(camera))
			recording_fail(camera_recording(camera), &err);
	}
	return false;
}

bool storage_may_record(const struct storage *storage, struct error *err)
{
	if (!storage->spent)
		return true;
	return error_set(err, ERR_STORAGE_FULL, "%" PRId64 " bytes are left on the disk, which storage_reserve keeps free, and nothing is left that "
			 "may be deleted: unprotect or delete recordings, or change the setting", storage->free_bytes);
}

static void keep_limits(struct storage *storage, int64_t now_ns)
{
	int64_t age_ns = config_of(storage)->keep_for_ns;
	bool good;

	if (age_ns && purge_oldest(storage->purge, INT64_MAX, age_ns, "age", now_ns))
		return;
	good = keep_below_cap(storage, now_ns);
	if (!purge_is_busy(storage->purge))
		good = keep_reserve(storage, now_ns) && good;
	if (good)
		storage->full_told = false;
}

void storage_tick(struct storage *storage, int64_t now_ns)
{
	bool recovered = storage->recovering && !session_is_recovering(storage->session);

	if (storage->stopped || !storage->known || storage->scanning || storage->looking || purge_is_busy(storage->purge))
		return;
	if (recovered)
		begin_scan(storage);
	if (recovered || !has_limits(storage))
		return;
	follow_recordings(storage);
	if (now_ns - storage->scanned_ns >= (storage->others || storage->changed ? SCAN_OTHERS_NS : SCAN_AGAIN_NS))
		begin_scan(storage);
	else if (storage->look_soon || !storage->looked_ns || now_ns - storage->looked_ns >= LOOK_NS)
		begin_look(storage);
	else
		keep_limits(storage, now_ns);
}

/* ---- its course ---- */

struct storage *storage_create(struct session *session)
{
	struct storage *storage = xcalloc(1, sizeof(*storage));

	storage->session = session;
	storage->last = &storage->first;
	storage->work.data = storage;
	storage->purge = purge_create(storage);
	return storage;
}

void storage_begin(struct storage *storage)
{
	storage_config_changed(storage);
	begin_scan(storage);
}

void storage_config_changed(struct storage *storage)
{
	share_read(config_of(storage)->storage_cap, &storage->cap);
	storage->full_told = storage->spent = false;
}

void storage_stop(struct storage *storage)
{
	storage->stopped = true;
}

bool storage_is_idle(const struct storage *storage)
{
	return !storage->first;
}

void storage_destroy(struct storage *storage)
{
	if (!storage)
		return;
	while (storage->growing)
		forget_growing(&storage->growing);
	catalogue_finish(&storage->catalogue);
	purge_destroy(storage->purge);
	free(storage);
}

struct catalogue *storage_catalogue(struct storage *storage)
{
	return &storage->catalogue;
}

struct session *storage_session(const struct storage *storage)
{
	return storage->session;
}

void storage_fill_status(struct storage *storage, struct storage_status *status)
{
	const struct catalogue *catalogue = &storage->catalogue;

	*status = (struct storage_status){
		.used_bytes = used_bytes(storage), .protected_bytes = catalogue->protected_bytes, .recordings = (int64_t)catalogue->n,
		.cap_bytes = share_of(&storage->cap, storage->disk_bytes),
		.reserve_bytes = config_of(storage)->storage_reserve_bytes,
		.oldest = catalogue->n ? catalogue->items[0]->from_ns : FIELD_UNSET,
	};
}
