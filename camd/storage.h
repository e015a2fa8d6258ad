/*
 * Rolling storage: keeps the footage of all sessions below storage_cap, storage_reserve bytes of the disk free, and nothing longer than
 * keep_for, by deleting the oldest finished videos that are not protected, before the room is needed. Never one that is being written, by
 * this camd or another, never one that somebody reads, never an export. All of it is off unless it is set.
 *
 * What counts is videos, their timing tables, and what is being written; snapshots, logs and exports do not, but they take of what
 * storage_reserve looks at.
 *
 * What touches the disk is a task, one at a time in a worker: recordings and the loop never wait for it. Main thread.
 */
#pragma once

#include "camd/catalogue.h"
#include "camd/session.h"

struct storage;

/* Some work on the disk. */
struct storage_task {
	void (*run)(struct storage_task *task);		/* in a worker */
	void (*after)(struct storage_task *task);	/* in the main thread; frees it */
	struct storage *storage;
	struct storage_task *next;
};

struct storage *storage_create(struct session *session);

/* Begins with the scan; from then on tick is due a few times a second. */
void storage_begin(struct storage *storage);
void storage_tick(struct storage *storage, int64_t now_ns);

/* No further footage is deleted or looked for; tasks that masters wait for are still carried out. */
void storage_stop(struct storage *storage);
bool storage_is_idle(const struct storage *storage);
void storage_destroy(struct storage *storage);	/* must be idle; NULL is allowed */

/*
 * A file of footage is complete, or never will be, by its absolute path. What recordings write is known without a word; of what else is
 * written, such as clips, begun() tells.
 */
void storage_file_begun(struct storage *storage, const char *video);
void storage_file_ended(struct storage *storage, const char *video);

void storage_list_written(struct storage *storage, struct list *paths);	/* adds the paths of all that are being written */
bool storage_is_written(struct storage *storage, const char *video);

/* Settings were changed by set_config. */
void storage_config_changed(struct storage *storage);

void storage_fill_status(struct storage *storage, struct storage_status *status);

/* False: what is left of the disk is storage_reserve's, and nothing may be deleted for it. */
bool storage_may_record(const struct storage *storage, struct error *err);

/* ---- for archive.c ---- */

/* Carried out in turn; the first is the scan. */
void storage_queue(struct storage *storage, struct storage_task *task);

struct catalogue *storage_catalogue(struct storage *storage);
struct session *storage_session(const struct storage *storage);

/* A video is gone from the disk: takes it out of the catalogue and tells so. cause: cap, reserve, age, command. */
void storage_note_deleted(struct storage *storage, const char *path, const char *cause);
