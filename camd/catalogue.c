#include "camd/catalogue.h"

#include "common/clock.h"
#include "common/util.h"

#include <stdlib.h>
#include <string.h>

void catalogue_free_item(struct catalogue_item *item)
{
	free(item->path);
	free(item);
}

void catalogue_finish(struct catalogue *catalogue)
{
	for (size_t i = 0; i < catalogue->n; i++)
		catalogue_free_item(catalogue->items[i]);
	free(catalogue->items);
	*catalogue = (struct catalogue){ 0 };
}

struct catalogue_item *catalogue_make_item(const char *path)
{
	struct catalogue_item *item = xcalloc(1, sizeof(*item));

	item->path = xstrdup(path);
	item->name = strrchr(item->path, '/') + 1;
	item->session = item->name - 1;
	while (item->session > item->path && item->session[-1] != '/')
		item->session--;
	return item;
}

/* What a scan found first, by the times in the names; names settle what is left. */
static int compare_age(const struct catalogue_item *a, const struct catalogue_item *b)
{
	if (a->order != b->order)
		return a->order < b->order ? -1 : 1;
	if (a->from_ns != b->from_ns)
		return a->from_ns < b->from_ns ? -1 : 1;
	return strcmp(a->path, b->path);
}

static int compare_ages(const void *a, const void *b)
{
	return compare_age(*(struct catalogue_item *const *)a, *(struct catalogue_item *const *)b);
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp((*(struct catalogue_item *const *)a)->path, (*(struct catalogue_item *const *)b)->path);
}

static void count(struct catalogue *catalogue, const struct catalogue_item *item, int sign)
{
	catalogue->used_bytes += sign * item->used_bytes;
	catalogue->protected_bytes += item->protected ? sign * item->used_bytes : 0;
}

/* Puts it behind all that are not younger; new ones belong at the end, as a rule. */
static void insert(struct catalogue *catalogue, struct catalogue_item *item)
{
	size_t at = catalogue->n;

	if (catalogue->n == catalogue->capacity) {
		catalogue->capacity = catalogue->capacity ? catalogue->capacity * 2 : 64;
		catalogue->items = xrealloc(catalogue->items, catalogue->capacity, sizeof(*catalogue->items));
	}
	while (at && compare_age(catalogue->items[at - 1], item) > 0)
		at--;
	memmove(catalogue->items + at + 1, catalogue->items + at, (catalogue->n++ - at) * sizeof(*catalogue->items));
	catalogue->items[at] = item;
	count(catalogue, item, 1);
}

void catalogue_add(struct catalogue *catalogue, struct catalogue_item *item, bool newest)
{
	struct catalogue_item *before = catalogue_find(catalogue, item->path);

	if (before)
		catalogue_remove(catalogue, before);
	if (newest) {
		item->order = ++catalogue->last_order;
		item->ended_ns = clock_now_ns();
	}
	insert(catalogue, item);
}

struct catalogue_item *catalogue_find(const struct catalogue *catalogue, const char *path)
{
	/* who asks means a new one, as a rule */
	for (size_t i = catalogue->n; i--;)
		if (!strcmp(catalogue->items[i]->path, path))
			return catalogue->items[i];
	return NULL;
}

static void take_out(struct catalogue *catalogue, size_t at)
{
	count(catalogue, catalogue->items[at], -1);
	catalogue_free_item(catalogue->items[at]);
	memmove(catalogue->items + at, catalogue->items + at + 1, (--catalogue->n - at) * sizeof(*catalogue->items));
}

void catalogue_remove(struct catalogue *catalogue, struct catalogue_item *item)
{
	for (size_t i = 0; i < catalogue->n; i++) {
		if (catalogue->items[i] == item) {
			take_out(catalogue, i);
			return;
		}
	}
}

void catalogue_set_protected(struct catalogue *catalogue, struct catalogue_item *item, bool protected)
{
	count(catalogue, item, -1);
	item->protected = protected;
	count(catalogue, item, 1);
}

/* What a scan can't see. */
static void keep_knowledge(struct catalogue_item *item, const struct catalogue_item *before)
{
	item->order = before->order;
	item->ended_ns = before->ended_ns;
	item->not_before_ns = before->not_before_ns;
}

static struct catalogue_item *find_sorted(struct catalogue_item **sorted, size_t n, struct catalogue_item *like)
{
	struct catalogue_item **found = n ? bsearch(&like, sorted, n, sizeof(*sorted), compare_paths) : NULL;

	return found ? *found : NULL;
}

static struct catalogue_item **sort_by_path(struct catalogue_item **items, size_t n)
{
	struct catalogue_item **sorted = xcalloc(n + 1, sizeof(*sorted));

	for (size_t i = 0; i < n; i++)
		sorted[i] = items[i];
	qsort(sorted, n, sizeof(*sorted), compare_paths);
	return sorted;
}

void catalogue_merge(struct catalogue *catalogue, struct catalogue_item **found, size_t n, int64_t began_ns)
{
	struct catalogue_item **known = sort_by_path(catalogue->items, catalogue->n), **seen = sort_by_path(found, n);
	struct catalogue merged = { .last_order = catalogue->last_order };

	merged.items = xcalloc(n + catalogue->n + 1, sizeof(*merged.items));
	merged.capacity = n + catalogue->n + 1;
	for (size_t i = 0; i < n; i++) {
		const struct catalogue_item *before = find_sorted(known, catalogue->n, found[i]);

		if (before)
			keep_knowledge(found[i], before);
		if (before || !found[i]->own)
			merged.items[merged.n++] = found[i];
	}
	for (size_t i = 0; i < catalogue->n; i++) {
		struct catalogue_item *item = catalogue->items[i];

		if (item->ended_ns < began_ns || find_sorted(seen, n, item))
			continue;
		merged.items[merged.n++] = item;
		catalogue->items[i] = NULL;
	}
	for (size_t i = 0; i < merged.n; i++)
		count(&merged, merged.items[i], 1);
	/* only now: the sorted ones refer to them */
	for (size_t i = 0; i < n; i++)
		if (found[i]->own && !find_sorted(known, catalogue->n, found[i]))
			catalogue_free_item(found[i]);
	for (size_t i = 0; i < catalogue->n; i++)
		if (catalogue->items[i])
			catalogue_free_item(catalogue->items[i]);
	free(catalogue->items);
	free(known);
	free(seen);
	qsort(merged.items, merged.n, sizeof(*merged.items), compare_ages);
	*catalogue = merged;
}
