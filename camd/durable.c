#include "camd/durable.h"

void durable_init(struct durable *durable)
{
	pthread_mutex_init(&durable->lock, NULL);
}

void durable_finish(struct durable *durable)
{
	pthread_mutex_destroy(&durable->lock);
}

void durable_note_written(struct durable *durable, uint64_t number, int64_t sensor_ns)
{
	pthread_mutex_lock(&durable->lock);
	durable->written = (struct durable_point){ durable->written.rows + 1, number, sensor_ns };
	if (!durable->waiting_ns)
		durable->waiting_ns = sensor_ns;
	pthread_mutex_unlock(&durable->lock);
}

struct durable_point durable_begin_sync(struct durable *durable)
{
	struct durable_point point;

	pthread_mutex_lock(&durable->lock);
	point = durable->written;
	/* what a sync before has failed to push is older */
	if (!durable->syncing_ns)
		durable->syncing_ns = durable->waiting_ns;
	durable->waiting_ns = 0;
	pthread_mutex_unlock(&durable->lock);
	return point;
}

void durable_end_sync(struct durable *durable, const struct durable_point *point)
{
	pthread_mutex_lock(&durable->lock);
	durable->synced = *point;
	durable->syncing_ns = 0;
	pthread_mutex_unlock(&durable->lock);
}

struct durable_point durable_synced(struct durable *durable)
{
	struct durable_point point;

	pthread_mutex_lock(&durable->lock);
	point = durable->synced;
	pthread_mutex_unlock(&durable->lock);
	return point;
}

int64_t durable_oldest_ns(struct durable *durable)
{
	int64_t oldest_ns;

	pthread_mutex_lock(&durable->lock);
	oldest_ns = durable->syncing_ns ? durable->syncing_ns : durable->waiting_ns;
	pthread_mutex_unlock(&durable->lock);
	return oldest_ns;
}
