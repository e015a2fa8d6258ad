#include "camd/archive.h"

#include "camd/erase.h"
#include "camd/framelog.h"
#include "camd/scan.h"
#include "camd/syncer.h"
#include "camd/video_facts.h"
#include "common/util.h"
#include "protocol/errors.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- list_recordings ---- */

struct listing {
	struct storage_task task;
	struct list_recordings_args args;	/* its lists and texts are copies */
	session_done_fn done;
	void *user;
	struct recordings reply;
	struct recording_entry *entries;
	struct list written;			/* of texts: what this camd is writing */
	struct catalogue_item **items;		/* of these, NULL: it isn't there */
};

static void free_listing(struct listing *listing)
{
	for (size_t i = 0; i < listing->reply.recordings.n; i++) {
		free(listing->entries[i].file);
		free(listing->entries[i].csv);
		free(listing->entries[i].session);
	}
	free(listing->entries);
	for (size_t i = 0; i < listing->written.n; i++)
		if (listing->items[i])
			catalogue_free_item(listing->items[i]);
	free(listing->items);
	fields_free_texts(&listing->written);
	free(listing->args.camera_id.items);
	free(listing->args.session);
	free(listing);
}

static void answer_list(struct storage_task *task)
{
	struct listing *listing = (struct listing *)task;

	listing->done(listing->user, &listing->reply, NULL);
	free_listing(listing);
}

static bool is_among(const struct list *ids, int64_t id)
{
	bool found = !ids->items;

	for (size_t i = 0; i < ids->n; i++)
		found = found || ((int64_t *)ids->items)[i] == id;
	return found;
}

static size_t session_bytes(const struct catalogue_item *item)
{
	return (size_t)(item->name - item->session) - 1;
}

static bool is_asked_for(const struct list_recordings_args *args, const struct catalogue_item *item)
{
	if (!is_among(&args->camera_id, item->camera_id) || (args->protected && !item->protected))
		return false;
	if (args->session && (strlen(args->session) != session_bytes(item) || strncmp(args->session, item->session, session_bytes(item))))
		return false;
	return (args->from_ns == FIELD_UNSET || item->to_ns >= args->from_ns) && (args->to_ns == FIELD_UNSET || item->from_ns <= args->to_ns);
}

static void fill_entry(struct recording_entry *entry, const struct catalogue_item *item, bool finished)
{
	*entry = (struct recording_entry){
		.file = xstrdup(item->path), .csv = framelog_path_of(item->path), .session = strndup(item->session, session_bytes(item)),
		.camera_id = item->camera_id, .from_ns = item->from_ns, .to_ns = item->to_ns, .frames = FIELD_UNSET,
		.duration_ns = FIELD_UNSET, .bytes = item->bytes, .protected = item->protected, .finished = finished,
	};
}

static void look_into(struct recording_entry *entry)
{
	const char *name = strrchr(entry->file, '/') + 1;
	char *parent = strndup(entry->file, (size_t)(name - entry->file));
	int directory = open(parent, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct video_facts facts;

	free(parent);
	if (directory < 0)
		return;
	if (faccessat(directory, strrchr(entry->csv, '/') + 1, F_OK, AT_SYMLINK_NOFOLLOW)) {
		free(entry->csv);
		entry->csv = NULL;
	}
	if (entry->finished)
		video_facts_read(directory, name, &facts);
	close(directory);
	if (!entry->finished)
		return;
	entry->frames = facts.frames;
	entry->duration_ns = facts.duration_ns;
	if (facts.from_ns == FIELD_UNSET)
		return;
	entry->from_ns = facts.from_ns;
	if (facts.duration_ns != FIELD_UNSET)
		entry->to_ns = facts.from_ns + facts.duration_ns;
}

static void run_look_into(struct storage_task *task)
{
	struct listing *listing = (struct listing *)task;

	for (size_t i = 0; i < listing->reply.recordings.n; i++)
		look_into(&listing->entries[i]);
}

static void run_look_at_written(struct storage_task *task)
{
	struct listing *listing = (struct listing *)task;

	for (size_t i = 0; i < listing->written.n; i++)
		listing->items[i] = scan_file(((char **)listing->written.items)[i]);
}

static void count_item(struct listing *listing, const struct catalogue_item *item, bool finished)
{
	struct recordings *reply = &listing->reply;
	int64_t at = reply->total;

	if (!is_asked_for(&listing->args, item))
		return;
	reply->total++;
	reply->bytes += item->used_bytes;
	if (at < listing->args.offset || (int64_t)reply->recordings.n >= listing->args.limit)
		return;
	fill_entry(&listing->entries[reply->recordings.n++], item, finished);
}

/* Behind the scan. */
static void choose(struct storage_task *task)
{
	struct listing *listing = (struct listing *)task;
	const struct catalogue *catalogue = storage_catalogue(task->storage);

	listing->entries = xcalloc((size_t)listing->args.limit, sizeof(*listing->entries));
	listing->reply.recordings.items = listing->entries;
	for (size_t i = 0; i < catalogue->n; i++)
		count_item(listing, catalogue->items[i], !catalogue->items[i]->live);
	for (size_t i = 0; i < listing->written.n; i++)
		if (listing->items[i] && !catalogue_find(catalogue, listing->items[i]->path))
			count_item(listing, listing->items[i], false);
	listing->task.run = run_look_into;
	listing->task.after = answer_list;
	storage_queue(task->storage, task);
}

void archive_list(struct storage *storage, const struct list_recordings_args *args, session_done_fn done, void *user)
{
	struct listing *listing = xcalloc(1, sizeof(*listing));
	size_t bytes = args->camera_id.n * sizeof(int64_t);

	*listing = (struct listing){ .task = { .run = run_look_at_written, .after = choose }, .args = *args, .done = done, .user = user };
	listing->args.session = args->session ? xstrdup(args->session) : NULL;
	listing->args.camera_id.items = args->camera_id.items ? xcalloc(1, bytes + 1) : NULL;
	if (bytes)
		memcpy(listing->args.camera_id.items, args->camera_id.items, bytes);
	storage_list_written(storage, &listing->written);
	listing->items = xcalloc(listing->written.n + 1, sizeof(*listing->items));
	storage_queue(storage, &listing->task);
}

/* ---- protect, unprotect, delete_recording ---- */

struct changing {
	struct storage_task task;
	enum archive_change change;
	char *output_dir, *own;
	struct list files;		/* of texts */
	struct syncer *syncer;
	struct list done_files;		/* of texts: absolute */
	struct error *errors;		/* one a file; code ERR_NONE: done */
	session_done_fn done;
	void *user;
};

static bool delete_video(const struct changing *changing, const struct confined *at, struct error *err)
{
	bool own = erase_is_in_session(at, changing->own);

	if (syncer_is_claimed(changing->syncer, at->path))
		return error_set(err, ERR_BUSY, "%s is being recorded; stop the recording first", at->path);
	if (!erase_video(at, own, err))
		return false;
	if (!own)
		erase_empty_session(changing->output_dir, at);
	return true;
}

static void change_one(struct changing *changing, const char *file, struct error *err)
{
	struct confined at;
	bool good;

	*err = (struct error){ 0 };
	if (strlen(file) >= PATH_MAX) {
		error_set_argument(err, "file", "file: a path has less than %d bytes", PATH_MAX);
		return;
	}
	if (!erase_find(changing->output_dir, file, &at, err))
		return;
	if (changing->change == ARCHIVE_DELETE)
		good = delete_video(changing, &at, err);
	else
		good = erase_protect(&at, changing->change == ARCHIVE_PROTECT, err);
	if (good)
		fields_add_text(&changing->done_files, at.path);
	confine_finish(&at);
}

static void run_change(struct storage_task *task)
{
	struct changing *changing = (struct changing *)task;

	for (size_t i = 0; i < changing->files.n; i++)
		change_one(changing, ((char **)changing->files.items)[i], &changing->errors[i]);
}

static void account_for(struct changing *changing, const char *path)
{
	struct catalogue *catalogue = storage_catalogue(changing->task.storage);
	struct catalogue_item *item = catalogue_find(catalogue, path);

	if (changing->change == ARCHIVE_DELETE)
		storage_note_deleted(changing->task.storage, path, "command");
	else if (item)
		catalogue_set_protected(catalogue, item, changing->change == ARCHIVE_PROTECT);
}

static void free_changing(struct changing *changing)
{
	fields_free_texts(&changing->files);
	fields_free_texts(&changing->done_files);
	free(changing->errors);
	free(changing->output_dir);
	free(changing->own);
	free(changing);
}

static void after_change(struct storage_task *task)
{
	struct changing *changing = (struct changing *)task;
	struct failed_file *failed = xcalloc(changing->files.n, sizeof(*failed));
	struct files_changed reply = { .files = changing->done_files };

	for (size_t i = 0; i < changing->done_files.n; i++)
		account_for(changing, ((char **)changing->done_files.items)[i]);
	for (size_t i = 0; i < changing->files.n; i++)
		if (changing->errors[i].code)
			failed[reply.failed.n++] = (struct failed_file){
				.file = ((char **)changing->files.items)[i], .code = (char *)error_code_name(changing->errors[i].code),
				.message = changing->errors[i].text,
			};
	reply.failed.items = reply.failed.n ? failed : NULL;
	if (reply.files.n)
		changing->done(changing->user, &reply, NULL);
	else
		changing->done(changing->user, NULL, &changing->errors[0]);
	free(failed);
	free_changing(changing);
}

void archive_change(struct storage *storage, enum archive_change change, const struct list *files, session_done_fn done, void *user)
{
	struct session *session = storage_session(storage);
	struct changing *changing;
	struct error err;

	if (!files->n) {
		error_set_argument(&err, "file", "file: the list is empty");
		done(user, NULL, &err);
		return;
	}
	changing = xcalloc(1, sizeof(*changing));
	*changing = (struct changing){
		.task = { .run = run_change, .after = after_change }, .change = change, .done = done, .user = user,
		.output_dir = xstrdup(session_config(session)->output_dir), .errors = xcalloc(files->n, sizeof(struct error)),
		.syncer = session_syncer(session),
		.own = session_label(session) ? xstrdup(session_label(session)) : NULL,
	};
	for (size_t i = 0; i < files->n; i++)
		fields_add_text(&changing->files, ((char **)files->items)[i]);
	storage_queue(storage, &changing->task);
}
