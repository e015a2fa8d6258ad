#include "camd/writing.h"

#include "camd/ring.h"
#include "common/clock.h"
#include "common/queue.h"
#include "common/util.h"

#include <stdlib.h>
#include <string.h>

/* At 10 Mb/s more than half a minute: SD cards pause for seconds. */
#define MAX_BYTES (48u << 20)
#define MAX_PACKETS 4096

enum write_kind { WRITE_PACKET, WRITE_END, WRITE_RING, WRITE_TRIGGER, WRITE_CLIP_END, WRITE_MARK, WRITE_CHECK, WRITE_SYNC_FAILED, WRITE_LAST_CLIPS };

/* Waits for its frame. */
struct mark {
	char text[MARK_BYTES];
	int64_t at_ns;
	const struct recording *recording;	/* whose frames it waits for; not to be looked into */
	struct mark *next;
};

struct writing {
	struct syncer *syncer;
	struct queue queue;
	pthread_t thread;
	int camera_id;
	struct writing_owner owner;
	_Atomic int64_t busy_since_ns;	/* of what it is at; 0: it waits */
	/* the output thread's */
	struct recording *recording;	/* the last packet's, until it has ended */
	struct ring ring;
	struct clips clips;
	bool last_clips;		/* they end with the recording */
	struct mark *marks;		/* the oldest first */
};

struct item {
	enum write_kind kind;
	struct recording *recording;
	struct packet *packet;
	struct frame_format format;
	struct clip_request *trigger;
	struct mark *mark;
	int64_t ns;			/* WRITE_RING, WRITE_CHECK, WRITE_CLIP_END */
	int64_t trigger_id;		/* WRITE_CLIP_END */
	uint64_t bytes;			/* WRITE_RING */
};

/* ---- the output thread ---- */

/* The packet takes the mark that has waited longest, if that waits for it. NULL: none does. */
static struct mark *take_mark(struct writing *writing, struct packet *packet)
{
	struct mark *mark = writing->marks;

	if (!mark || packet->sensor_ns < mark->at_ns)
		return NULL;
	writing->marks = mark->next;
	memcpy(packet->mark, mark->text, sizeof(packet->mark));
	return mark;
}

static void tell_mark(struct writing *writing, struct mark *mark, struct recording *recording, const struct packet *packet)
{
	struct mark_done done = {
		.path = recording_current(recording), .number = packet->number, .camera_frame = packet->camera_frame,
		.sensor_ns = packet->sensor_ns,
	};

	memcpy(done.text, mark->text, sizeof(done.text));
	writing->owner.on_mark(writing->owner.user, &done);
	free(mark);
}

/* The packet is lost: the next one takes it. */
static void give_mark_back(struct writing *writing, struct mark *mark, struct packet *packet)
{
	if (!mark)
		return;
	packet->mark[0] = '\0';
	mark->next = writing->marks;
	writing->marks = mark;
}

static void write_one(struct writing *writing, struct item *item)
{
	struct mark *mark = take_mark(writing, item->packet);
	size_t bytes = item->packet->bytes;
	struct packet *kept;

	writing->recording = item->recording;
	if (!recording_write(item->recording, item->packet, &item->format, writing->syncer))
		give_mark_back(writing, mark, item->packet);
	else if (mark)
		tell_mark(writing, mark, item->recording, item->packet);
	kept = ring_add(&writing->ring, item->packet, &item->format);
	clips_add(&writing->clips, kept ? kept : item->packet, &item->format);
	packet_unref(item->packet);
	queue_release(&writing->queue, bytes);
}

static void add_mark(struct writing *writing, struct mark *mark)
{
	struct mark **at = &writing->marks;

	while (*at)
		at = &(*at)->next;
	*at = mark;
}

static void give_up_mark(struct writing *writing, struct mark *mark)
{
	struct mark_done done = { 0 };

	memcpy(done.text, mark->text, sizeof(done.text));
	writing->owner.on_mark(writing->owner.user, &done);
	free(mark);
}

/* Marks that have waited for its next frame wait for that of its follower; without one, for nothing. */
static void pass_marks_on(struct writing *writing, const struct recording *ended)
{
	for (struct mark **at = &writing->marks, *mark; (mark = *at);) {
		if (mark->recording == ended)
			mark->recording = ended->follower;
		if (mark->recording) {
			at = &mark->next;
			continue;
		}
		*at = mark->next;
		give_up_mark(writing, mark);
	}
}

/* Once nothing more comes that could be in them. */
static void end_last_clips(struct writing *writing)
{
	if (writing->last_clips && !writing->recording)
		clips_end(&writing->clips);
}

static void carry_out(struct writing *writing, struct item *item)
{
	switch (item->kind) {
	case WRITE_PACKET:
		write_one(writing, item);
		break;
	case WRITE_END:
		if (writing->recording == item->recording)
			writing->recording = NULL;
		pass_marks_on(writing, item->recording);
		recording_finish(item->recording);
		end_last_clips(writing);
		break;
	case WRITE_RING:
		ring_set(&writing->ring, item->ns, item->bytes);
		break;
	case WRITE_TRIGGER:
		clips_begin(&writing->clips, item->trigger, &writing->ring);
		break;
	case WRITE_CLIP_END:
		clips_set_end(&writing->clips, item->trigger_id, item->ns);
		break;
	case WRITE_MARK:
		add_mark(writing, item->mark);
		break;
	case WRITE_CHECK:
		clips_check(&writing->clips, item->ns);
		break;
	case WRITE_SYNC_FAILED:
		if (writing->recording)
			recording_check_sync(writing->recording);
		break;
	case WRITE_LAST_CLIPS:
		writing->last_clips = true;
		end_last_clips(writing);
		break;
	}
}

static void *run(void *argument)
{
	struct writing *writing = argument;
	struct item item;
	char name[16];

	snprintf(name, sizeof(name), "out%d", writing->camera_id);
	pthread_setname_np(pthread_self(), name);
	while (queue_pop(&writing->queue, &item)) {
		atomic_store(&writing->busy_since_ns, clock_now_ns());
		carry_out(writing, &item);
		atomic_store(&writing->busy_since_ns, 0);
	}
	clips_end(&writing->clips);
	return NULL;
}

/* ---- for the camera ---- */

struct writing *writing_create(int camera_id, struct syncer *syncer, const struct writing_owner *owner)
{
	struct writing *writing = xcalloc(1, sizeof(*writing));

	writing->camera_id = camera_id;
	writing->syncer = syncer;
	writing->owner = *owner;
	writing->clips = (struct clips){
		.camera_id = camera_id, .syncer = syncer, .owner = { .user = owner->user, .on_begun = owner->on_clip_begun, .on_done = owner->on_clip },
	};
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
	ring_finish(&writing->ring);
	for (struct mark *mark; (mark = writing->marks);) {
		writing->marks = mark->next;
		give_up_mark(writing, mark);
	}
	free(writing);
}

bool writing_offer(struct writing *writing, struct recording *recording, struct packet *packet, const struct frame_format *format)
{
	struct item item = { .kind = WRITE_PACKET, .recording = recording, .packet = packet, .format = *format };

	return queue_push(&writing->queue, &item, packet->bytes);
}

size_t writing_queued_bytes(struct writing *writing)
{
	return queue_bytes(&writing->queue);
}

void writing_end(struct writing *writing, struct recording *recording)
{
	struct item item = { .kind = WRITE_END, .recording = recording };

	queue_push_force(&writing->queue, &item);
}

int64_t writing_busy_ns(const struct writing *writing, int64_t now_ns)
{
	int64_t since_ns = atomic_load(&writing->busy_since_ns);

	return since_ns ? now_ns - since_ns : 0;
}

void writing_set_ring(struct writing *writing, int64_t length_ns, uint64_t max_bytes)
{
	struct item item = { .kind = WRITE_RING, .ns = length_ns, .bytes = max_bytes };

	queue_push_force(&writing->queue, &item);
}

int64_t writing_ring_from_ns(const struct writing *writing)
{
	return ring_from_ns(&writing->ring);
}

uint64_t writing_ring_bytes(const struct writing *writing)
{
	return ring_bytes(&writing->ring);
}

void writing_trigger(struct writing *writing, struct clip_request *request)
{
	struct item item = { .kind = WRITE_TRIGGER, .trigger = request };

	queue_push_force(&writing->queue, &item);
}

void writing_set_clip_end(struct writing *writing, int64_t trigger_id, int64_t to_ns)
{
	struct item item = { .kind = WRITE_CLIP_END, .trigger_id = trigger_id, .ns = to_ns };

	queue_push_force(&writing->queue, &item);
}

void writing_mark(struct writing *writing, const struct recording *recording, const char *text, int64_t at_ns)
{
	struct item item = { .kind = WRITE_MARK, .mark = xcalloc(1, sizeof(struct mark)) };

	snprintf(item.mark->text, sizeof(item.mark->text), "%s", text);
	item.mark->at_ns = at_ns;
	item.mark->recording = recording;
	queue_push_force(&writing->queue, &item);
}

void writing_sync_failed(struct writing *writing)
{
	struct item item = { .kind = WRITE_SYNC_FAILED };

	queue_push_force(&writing->queue, &item);
}

void writing_end_clips(struct writing *writing)
{
	struct item item = { .kind = WRITE_LAST_CLIPS };

	queue_push_force(&writing->queue, &item);
}

void writing_check(struct writing *writing, int64_t now_ns)
{
	struct item item = { .kind = WRITE_CHECK, .ns = now_ns };

	queue_push_force(&writing->queue, &item);
}
