/*
 * What footage there is in the output directory, of all sessions, oldest first: a video with its timing table and its mark of
 * protection is one item. Made by a scan, kept by accounting: what this camd finishes is added, what it deletes is taken out, and a
 * further scan is merged in.
 *
 * What a scan found comes in the order of the times in the names; what this camd finished itself comes behind all that, in the order of
 * finishing, whatever the wall clock did meanwhile. Main thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct catalogue_item {
	char *path;			/* absolute */
	const char *session, *name;	/* the last two parts of path; session's ends at the slash */
	int64_t camera_id;
	int64_t from_ns;		/* wall time: of the name */
	int64_t to_ns;			/* wall time: when the video was last written to */
	int64_t bytes;			/* of the video */
	int64_t used_bytes;		/* on the disk, all files of the item */
	bool protected;
	bool live;			/* another camd's session, which runs: not to be deleted */
	bool own;			/* this camd's session folder */
	bool doomed;			/* is being deleted */
	int64_t not_before_ns;		/* CLOCK_MONOTONIC: could not be deleted; when to try again */
	int64_t order;			/* 0: found by a scan */
	int64_t ended_ns;		/* CLOCK_MONOTONIC: when this camd finished it */
};

struct catalogue {
	struct catalogue_item **items;
	size_t n, capacity;
	int64_t used_bytes, protected_bytes;
	int64_t last_order;
};

void catalogue_finish(struct catalogue *catalogue);
void catalogue_free_item(struct catalogue_item *item);

/* A new item of that path, which is copied, and is ROOT/SESSION/NAME. */
struct catalogue_item *catalogue_make_item(const char *path);

/* The item becomes the catalogue's; one of the same path goes. newest: this camd has just finished it. */
void catalogue_add(struct catalogue *catalogue, struct catalogue_item *item, bool newest);
struct catalogue_item *catalogue_find(const struct catalogue *catalogue, const char *path);
void catalogue_remove(struct catalogue *catalogue, struct catalogue_item *item);
void catalogue_set_protected(struct catalogue *catalogue, struct catalogue_item *item, bool protected);

/*
 * Takes over the items that a scan found; the array stays the caller's. What it did not find goes, but for what was added since
 * began_ns (CLOCK_MONOTONIC). Of this camd's own folder only what is known already counts: the rest is being written.
 */
void catalogue_merge(struct catalogue *catalogue, struct catalogue_item **found, size_t n, int64_t began_ns);
