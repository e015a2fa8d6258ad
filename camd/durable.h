/*
 * How far a recording surely is on the disk, across its files: what was written, and what of that a sync has pushed down since.
 *
 * Not a cost per frame worth naming: a lock that nobody else holds but for the durability thread, twice a sync, and who asks.
 */
#pragma once

#include <pthread.h>
#include <stdint.h>

/* A place in a recording, behind one of its rows. */
struct durable_point {
	uint64_t rows;			/* up to there; 0: there is none */
	uint64_t number;		/* of the last of them */
	int64_t sensor_ns;		/* of the last of them */
};

struct durable {
	pthread_mutex_t lock;		/* guards what follows */
	struct durable_point written, synced;
	int64_t waiting_ns;		/* sensor time of the first row that no sync under way covers; 0: there is none */
	int64_t syncing_ns;		/* of the first that one does, or has failed to */
};

void durable_init(struct durable *durable);
void durable_finish(struct durable *durable);

/* Output thread: a row more is in video and table. */
void durable_note_written(struct durable *durable, uint64_t number, int64_t sensor_ns);

/* Who syncs: the point that a sync which begins now covers; and it has succeeded. */
struct durable_point durable_begin_sync(struct durable *durable);
void durable_end_sync(struct durable *durable, const struct durable_point *point);

/* Any thread. */
struct durable_point durable_synced(struct durable *durable);
int64_t durable_oldest_ns(struct durable *durable);	/* sensor time of the first row that is not down; 0: all are */
