#include "camd/writing.h"

#include "common/queue.h"
#include "common/util.h"

#include <stdlib.h>

/* At 10 Mb/s more than half a minute: SD cards pause for seconds. */
#define MAX_BYTES (48u << 20)
#define MAX_PACKETS 4096

struct writing {
	struct syncer *syncer;
	struct queue queue;
	pthread_t thread;
	int camera_id;
};

struct item {
	struct recording *recording;
	struct packet *packet;		/* NULL: the recording ends */
	struct frame_format format;
};

static void write_one(struct writing *writing, struct item *item)
{
	size_t bytes = item->packet->bytes;

	recording_write(item->recording, item->packet, &item->format, writing->syncer);
	packet_unref(item->packet);
	queue_release(&writing->queue, bytes);
}

static void *run(void *argument)
{
	struct writing *writing = argument;
	struct item item;
	char name[16];

	snprintf(name, sizeof(name), "out%d", writing->camera_id);
	pthread_setname_np(pthread_self(), name);
	while (queue_pop(&writing->queue, &item)) {
		if (item.packet) {
			write_one(writing, &item);
			continue;
		}
		recording_finish(item.recording);
	}
	return NULL;
}

struct writing *writing_create(int camera_id, struct syncer *syncer)
{
	struct writing *writing = xcalloc(1, sizeof(*writing));

	writing->camera_id = camera_id;
	writing->syncer = syncer;
	queue_init(&writing->queue, sizeof(struct item), MAX_PACKETS, MAX_BYTES);
	xthread(&writing->thread, run, writing);
	return writing;
}

void writing_destroy(struct writing *writing)
{
	if (!writing)
		return;
	queue_close(&writing->queue);
	pthread_join(writing->thread, NULL);
	queue_finish(&writing->queue);
	free(writing);
}

bool writing_offer(struct writing *writing, struct recording *recording, struct packet *packet, const struct frame_format *format)
{
	struct item item = { .recording = recording, .packet = packet, .format = *format };

	return queue_push(&writing->queue, &item, packet->bytes);
}

void writing_end(struct writing *writing, struct recording *recording)
{
	struct item item = { .recording = recording };

	queue_push_force(&writing->queue, &item);
}
