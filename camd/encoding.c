#include "camd/encoding.h"

#include "camd/convert.h"
#include "camd/encode/encoder.h"
#include "common/log.h"
#include "common/queue.h"
#include "common/util.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_FRAMES 3
#define MAX_INSIDE 64		/* frames that an encoder may hold */
#define MAX_REOPENED 3		/* times in a row that a broken encoder is made anew */

struct item {
	struct recording *recording;
	struct frame *frame;		/* NULL: the recording begins or ends */
	void (*on_ready)(void *user, struct recording *recording);	/* NULL: it ends */
	void *user;
	struct frame_format format;	/* of the frames to come */
	uint64_t lost_sensor, lost_starved, refused;	/* of the recording, as of this frame */
};

/* A frame that is inside the encoder: its totals go onto its packet. */
struct inside {
	uint64_t number, lost_sensor, lost_starved, refused;
};

struct encoding {
	int camera_id;
	struct writing *writing;
	struct queue queue;
	pthread_t thread;

	/* the encoder thread's, for the recording under way */
	struct recording *recording;
	struct encoder *encoder;
	struct converter *converter;
	struct frame_format format;	/* what the encoder was made for */
	struct inside inside[MAX_INSIDE];
	size_t first_inside, n_inside;
	uint64_t swallowed, unstored;
	int reopened;
	bool need_key, broken;
};

static void count_swallowed(struct encoding *encoding, uint64_t n)
{
	encoding->swallowed += n;
	atomic_fetch_add(&encoding->recording->lost_encoder, n);
}

static void enter(struct encoding *encoding, const struct item *item)
{
	if (encoding->n_inside == MAX_INSIDE) {
		encoding->first_inside = (encoding->first_inside + 1) % MAX_INSIDE;
		encoding->n_inside--;
		count_swallowed(encoding, 1);
	}
	encoding->inside[(encoding->first_inside + encoding->n_inside++) % MAX_INSIDE] = (struct inside){
		.number = item->frame->number, .lost_sensor = item->lost_sensor, .lost_starved = item->lost_starved,
		.refused = item->refused,
	};
}

/* Takes out the entry of a packet's frame; those before it will never come. False: the encoder made up a packet. */
static bool leave(struct encoding *encoding, uint64_t number, struct inside *found)
{
	while (encoding->n_inside) {
		*found = encoding->inside[encoding->first_inside];
		if (found->number > number)
			return false;
		encoding->first_inside = (encoding->first_inside + 1) % MAX_INSIDE;
		encoding->n_inside--;
		if (found->number == number)
			return true;
		count_swallowed(encoding, 1);
	}
	return false;
}

static void drop_unstored(struct encoding *encoding, struct packet *packet)
{
	/* all up to the next key frame refer to what is lost now */
	encoding->need_key = true;
	encoding->unstored++;
	atomic_fetch_add(&encoding->recording->lost_storage, 1);
	packet_unref(packet);
}

static void on_packet(void *user, struct packet *packet)
{
	struct encoding *encoding = user;
	struct inside found;

	if (!leave(encoding, packet->number, &found)) {
		log_warning("camera %d: the encoder gave a packet for frame %" PRIu64 " that it was not given", encoding->camera_id,
			    packet->number);
		packet_unref(packet);
		return;
	}
	packet->lost_sensor = found.lost_sensor;
	packet->lost_starved = found.lost_starved;
	packet->lost_encoder = found.refused + encoding->swallowed;
	packet->lost_storage = encoding->unstored;
	if (encoding->need_key && !packet->key) {
		drop_unstored(encoding, packet);
		return;
	}
	if (writing_offer(encoding->writing, encoding->recording, packet, &encoding->format))
		encoding->need_key = false;
	else
		drop_unstored(encoding, packet);
}

static bool open_encoder(struct encoding *encoding, const struct frame_format *format, struct error *err)
{
	const struct recording_request *wanted = &encoding->recording->request;
	struct encoder_request request = {
		.format = *format, .fps = wanted->fps, .bitrate_bps = wanted->bitrate_bps, .intra = wanted->intra,
		.preset = wanted->preset, .threads = wanted->threads,
	};

	encoding->encoder = encoder_avcodec.create(&request, on_packet, encoding, err);
	if (!encoding->encoder)
		return false;
	encoding->format = *format;
	recording_set_encoder(encoding->recording, encoding->encoder->name);
	log_info("camera %d: encoding %dx%d %s with %s", encoding->camera_id, format->width, format->height,
		 pixel_format_names[format->pixels], encoding->encoder->name);
	return true;
}

static void close_encoder(struct encoding *encoding)
{
	if (encoding->encoder)
		encoding->encoder->impl->destroy(encoding->encoder);
	encoding->encoder = NULL;
	count_swallowed(encoding, encoding->n_inside);
	encoding->n_inside = 0;
}

/* The frame in a form that the encoder takes; a new reference either way. */
static struct frame *prepared(struct encoding *encoding, struct frame *frame, struct error *err)
{
	if (encoder_avcodec.takes(frame->format.pixels))
		return frame_ref(frame);
	if (!encoding->converter)
		encoding->converter = converter_create(QUEUE_FRAMES + 2);
	return converter_run(encoding->converter, frame, err);
}

static bool push(struct encoding *encoding, struct frame *frame, struct error *err)
{
	/* one recording is one file is one size: a camera that comes back different ends it */
	if (encoding->format.width && memcmp(&encoding->format, &frame->format, sizeof(frame->format))) {
		encoding->reopened = MAX_REOPENED;
		return error_set(err, ERR_UNSUPPORTED, "the camera's pictures changed to %dx%d %s in mid-recording",
				 frame->format.width, frame->format.height, pixel_format_names[frame->format.pixels]);
	}
	if (!encoding->encoder && !open_encoder(encoding, &frame->format, err))
		return false;
	return encoding->encoder->impl->push(encoding->encoder, frame, encoding->need_key, err);
}

/* A broken encoder is made anew, which begins with a key frame; one that keeps breaking ends the recording. */
static void on_broken(struct encoding *encoding, struct error *err)
{
	close_encoder(encoding);
	encoding->need_key = true;
	if (++encoding->reopened < MAX_REOPENED && atomic_load(&encoding->recording->captured) > 1) {
		log_warning("camera %d: %s; opening the encoder again", encoding->camera_id, err->text);
		return;
	}
	encoding->broken = true;
	if (err->code == ERR_INTERNAL || err->code == ERR_IO)
		err->code = ERR_ENCODER_FAILED;
	recording_fail(encoding->recording, err);
}

static void encode(struct encoding *encoding, const struct item *item)
{
	struct error err = { 0 };
	struct frame *frame;

	encoding->recording = item->recording;
	if (encoding->broken) {
		count_swallowed(encoding, 1);
		return;
	}
	frame = prepared(encoding, item->frame, &err);
	if (!frame) {
		/* a damaged picture, as a rule: lost like one that the sensor spoilt, but found out here */
		log_warning("camera %d: frame %" PRIu64 ": %s", encoding->camera_id, item->frame->number, err.text);
		count_swallowed(encoding, 1);
		return;
	}
	enter(encoding, item);
	if (push(encoding, frame, &err))
		encoding->reopened = 0;
	else
		on_broken(encoding, &err);
	frame_unref(frame);
}

static void prepare(struct encoding *encoding, const struct item *item)
{
	struct frame_format format = item->format;
	struct error err;

	encoding->recording = item->recording;
	if (!encoder_avcodec.takes(format.pixels))
		format = convert_format(&format);
	if (!open_encoder(encoding, &format, &err))
		on_broken(encoding, &err);
	else
		item->on_ready(item->user, item->recording);
}

static void end(struct encoding *encoding, struct recording *recording)
{
	struct error err;

	encoding->recording = recording;
	if (encoding->encoder && !encoding->encoder->impl->drain(encoding->encoder, &err))
		log_warning("camera %d: %s", encoding->camera_id, err.text);
	close_encoder(encoding);
	writing_end(encoding->writing, recording);
	encoding->recording = NULL;
	encoding->swallowed = encoding->unstored = 0;
	encoding->reopened = 0;
	encoding->need_key = encoding->broken = false;
	encoding->format = (struct frame_format){ 0 };
}

static void *run(void *argument)
{
	struct encoding *encoding = argument;
	struct item item;
	char name[16];

	snprintf(name, sizeof(name), "enc%d", encoding->camera_id);
	pthread_setname_np(pthread_self(), name);
	while (queue_pop(&encoding->queue, &item)) {
		if (item.on_ready)
			prepare(encoding, &item);
		else if (item.frame)
			encode(encoding, &item);
		else
			end(encoding, item.recording);
		frame_unref(item.frame);
	}
	return NULL;
}

struct encoding *encoding_create(int camera_id, struct writing *writing)
{
	struct encoding *encoding = xcalloc(1, sizeof(*encoding));

	encoding->camera_id = camera_id;
	encoding->writing = writing;
	queue_init(&encoding->queue, sizeof(struct item), QUEUE_FRAMES, 0);
	xthread(&encoding->thread, run, encoding);
	return encoding;
}

void encoding_destroy(struct encoding *encoding)
{
	if (!encoding)
		return;
	queue_close(&encoding->queue);
	pthread_join(encoding->thread, NULL);
	queue_finish(&encoding->queue);
	converter_destroy(encoding->converter);
	free(encoding);
}

void encoding_prepare(struct encoding *encoding, struct recording *recording, const struct frame_format *format,
		      void (*on_ready)(void *user, struct recording *recording), void *user)
{
	struct item item = { .recording = recording, .on_ready = on_ready, .user = user, .format = *format };

	queue_push_force(&encoding->queue, &item);
}

bool encoding_offer(struct encoding *encoding, struct recording *recording, struct frame *frame)
{
	struct item item = {
		.recording = recording, .frame = frame_ref(frame), .lost_sensor = atomic_load(&recording->lost_sensor),
		.lost_starved = atomic_load(&recording->lost_starved), .refused = recording->refused,
	};

	if (queue_push(&encoding->queue, &item, 0))
		return true;
	frame_unref(frame);
	return false;
}

void encoding_end(struct encoding *encoding, struct recording *recording)
{
	struct item item = { .recording = recording };

	queue_push_force(&encoding->queue, &item);
}
