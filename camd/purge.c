#include "camd/purge.h"

#include "camd/erase.h"
#include "camd/storage.h"
#include "camd/tell.h"
#include "common/clock.h"
#include "common/util.h"

#include <stdlib.h>
#include <string.h>

#define AGAIN_NS (5 * NS_PER_S)	/* what could not be deleted is tried again */
#define MAX_AT_ONCE 64			/* deletions in one task */

struct purge {
	struct storage *storage;
	bool busy, failure_told;
};

struct purge *purge_create(struct storage *storage)
{
	struct purge *purge = xcalloc(1, sizeof(*purge));

	purge->storage = storage;
	return purge;
}

void purge_destroy(struct purge *purge)
{
	free(purge);
}

bool purge_is_busy(const struct purge *purge)
{
	return purge->busy;
}

enum fate {
	FATE_KEPT,
	FATE_DELETED,
	FATE_VANISHED,		/* somebody else has deleted it */
	FATE_PROTECTED,		/* somebody else has protected it */
};

struct deletion {
	struct storage_task task;
	struct purge *purge;
	char *output_dir, *own;
	const char *cause;
	struct list paths;
	enum fate *fates;	/* of each */
	struct error error;	/* of the last that could not be deleted */
};

static enum fate delete_one(struct deletion *deletion, const char *path)
{
	struct confined at;
	struct error err;
	enum fate fate;
	bool own;

	if (!erase_find(deletion->output_dir, path, &at, &err)) {
		deletion->error = err;
		return err.code == ERR_NOT_FOUND ? FATE_VANISHED : FATE_KEPT;
	}
	own = erase_is_in_session(&at, deletion->own);
	if (erase_video(&at, own, &err))
		fate = FATE_DELETED;
	else
		fate = erase_is_protected(&at) ? FATE_PROTECTED : FATE_KEPT;
	if (fate == FATE_DELETED && !own)
		erase_empty_session(deletion->output_dir, &at);
	if (fate == FATE_KEPT)
		deletion->error = err;
	confine_finish(&at);
	return fate;
}

static void run_deletion(struct storage_task *task)
{
	struct deletion *deletion = (struct deletion *)task;

	for (size_t i = 0; i < deletion->paths.n; i++)
		deletion->fates[i] = delete_one(deletion, ((char **)deletion->paths.items)[i]);
}

static void tell_failure(struct purge *purge, const struct error *err)
{
	if (err->code == ERR_BUSY)
		return;
	if (!purge->failure_told)
		tell_trouble(session_control(storage_session(purge->storage)), err);
	purge->failure_told = true;
}

static void note_fate(struct deletion *deletion, const char *path, enum fate fate)
{
	struct purge *purge = deletion->purge;
	struct catalogue *catalogue = storage_catalogue(purge->storage);
	struct catalogue_item *item = catalogue_find(catalogue, path);

	if (fate == FATE_DELETED) {
		storage_note_deleted(purge->storage, path, deletion->cause);
		purge->failure_told = false;
	} else if (item && fate == FATE_VANISHED) {
		catalogue_remove(catalogue, item);
	} else if (item && fate == FATE_PROTECTED) {
		item->doomed = false;
		catalogue_set_protected(catalogue, item, true);
	} else if (item) {
		/* a reader may go, a disk may become writable again */
		item->doomed = false;
		item->not_before_ns = clock_now_ns() + AGAIN_NS;
		tell_failure(purge, &deletion->error);
	}
}

static void after_deletion(struct storage_task *task)
{
	struct deletion *deletion = (struct deletion *)task;

	deletion->purge->busy = false;
	for (size_t i = 0; i < deletion->paths.n; i++)
		note_fate(deletion, ((char **)deletion->paths.items)[i], deletion->fates[i]);
	fields_free_texts(&deletion->paths);
	free(deletion->fates);
	free(deletion->output_dir);
	free(deletion->own);
	free(deletion);
}

static bool may_go(struct storage *storage, const struct catalogue_item *item, int64_t now_ns)
{
	return !item->protected && !item->live && !item->doomed && now_ns >= item->not_before_ns && !storage_is_written(storage, item->path);
}

/* Whatever the wall clock did since: what this camd finished is at least as old as that is ago. */
static bool is_older_than(const struct catalogue_item *item, int64_t age_ns, int64_t now_ns)
{
	return clock_wall_ns() - item->to_ns > age_ns && (!item->ended_ns || now_ns - item->ended_ns > age_ns);
}

static void begin(struct deletion *deletion)
{
	struct purge *purge = deletion->purge;
	struct session *session = storage_session(purge->storage);

	deletion->fates = xcalloc(deletion->paths.n, sizeof(*deletion->fates));
	deletion->output_dir = xstrdup(session_config(session)->output_dir);
	deletion->own = session_label(session) ? xstrdup(session_label(session)) : NULL;
	purge->busy = true;
	storage_queue(purge->storage, &deletion->task);
}

bool purge_oldest(struct purge *purge, int64_t bytes, int64_t age_ns, const char *cause, int64_t now_ns)
{
	const struct catalogue *catalogue = storage_catalogue(purge->storage);
	struct deletion *deletion = xcalloc(1, sizeof(*deletion));

	*deletion = (struct deletion){ .task = { .run = run_deletion, .after = after_deletion }, .purge = purge, .cause = cause };
	for (size_t i = 0; i < catalogue->n && bytes > 0 && deletion->paths.n < MAX_AT_ONCE; i++) {
		struct catalogue_item *item = catalogue->items[i];

		if (!may_go(purge->storage, item, now_ns) || (age_ns && !is_older_than(item, age_ns, now_ns)))
			continue;
		item->doomed = true;
		bytes -= item->used_bytes;
		fields_add_text(&deletion->paths, item->path);
	}
	if (!deletion->paths.n) {
		free(deletion);
		return false;
	}
	begin(deletion);
	return true;
}
