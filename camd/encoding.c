#include "camd/encoding.h"

#include "camd/encoding_run.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_CONVERTED 20			/* frames of its own that the converter lends to an encoder that keeps some */
#define STUCK_NS (5 * NS_PER_S)		/* a call into a driver that has taken so long may never end */
#define LEAVE_S 3			/* how long the end waits for a thread that may be stuck */

/* ---- what the items want, in the encoder's thread ---- */

static void open_camera(struct encoding_run *run, const struct item *item)
{
	struct encoding *encoding = run->encoding;
	struct error err;

	encoding->open = true;
	encoding->camera_format = item->format;
	encoding->layout = item->layout;
	if (!encoding->recording)
		encoding->settings = item->settings;
	encoding->hardware_failed = encoding->stuck;
	encoding->failures = 0;
	if (run->encoder)
		return;		/* software goes on with the recording of a camera that comes back */
	if (!encoding_run_open_hardware(run, &item->format, &err) && !run->abandoned)
		encoding->owner.on_trouble(encoding->owner.user, &err);
}

static void close_camera(struct encoding_run *run)
{
	struct encoding *encoding = run->encoding;

	encoding->open = false;
	if (!encoding_run_empty(run) && !run->abandoned)
		encoding_run_drain(run);
	if (run->abandoned)
		return;
	if (run->encoder && run->encoder->hardware)
		encoding_run_close(run);
	if (encoding->recording)
		encoding_run_want_key(encoding, false);
}

static void prepare(struct encoding_run *run, struct recording *recording)
{
	struct encoding *encoding = run->encoding;
	struct error err;
	bool open;

	encoding->recording = recording;
	encoding->settings = recording->request.encoding;
	encoding->captured = (struct frame_format){ 0 };
	encoding_run_want_key(encoding, false);
	encoding_run_adapt(run);
	if (run->abandoned)
		return;
	open = run->encoder || encoding_run_open(run, &encoding->camera_format, &err);
	if (run->abandoned)
		return;
	if (!open) {
		encoding_run_fail_recording(encoding, &err);
		return;
	}
	recording_set_encoder(recording, encoding->name);
	encoding->owner.on_ready(encoding->owner.user, recording);
}

/* The frame in a form that the encoder takes; a new reference either way. */
static struct frame *prepared(struct encoding_run *run, struct frame *frame, struct error *err)
{
	struct encoding *encoding = run->encoding;
	struct frame *converted;

	if (frame->format.pixels == run->encoder->takes.pixels)
		return frame_ref(frame);
	if (!encoding->converter)
		encoding->converter = converter_create(run->encoder->hardware ? MAX_CONVERTED : QUEUE_FRAMES);
	pthread_mutex_unlock(&encoding->lock);
	frame_begin_read(frame);
	converted = converter_run(encoding->converter, frame, err);
	frame_end_read(frame);
	if (converted) {
		overlay_draw_converted(encoding->overlay, frame, converted);
		atomic_fetch_add(&encoding->copied_bytes, frame_bytes(converted));
	}
	pthread_mutex_lock(&encoding->lock);
	return converted;
}

/* One recording is one file is one size: a camera that comes back different ends it. */
static bool check_same(struct encoding *encoding, const struct frame_format *format, struct error *err)
{
	const struct frame_format *was = &encoding->captured;

	if (!was->width)
		encoding->captured = *format;
	if (was->width == format->width && was->height == format->height && !memcmp(&was->colour, &format->colour, sizeof(was->colour)))
		return true;
	return error_set(err, ERR_UNSUPPORTED, "the camera's pictures changed to %dx%d %s in mid-recording", format->width,
			 format->height, pixel_format_names[format->pixels]);
}

/* Sees to it that there is an encoder that can take the frame, or what it is converted to. False: the frame is lost. */
static bool make_ready(struct encoding_run *run, const struct frame_format *format, struct error *err)
{
	struct encoding *encoding = run->encoding;

	if (encoding->broken)
		return false;
	if (!check_same(encoding, format, err)) {
		encoding_run_fail_recording(encoding, err);
		return false;
	}
	if (run->encoder && encoding->made_for.format.pixels != format->pixels) {
		encoding_run_want_key(encoding, false);
		if (!encoding_run_close(run))
			return false;
	}
	if (run->encoder || encoding_run_open(run, format, err))
		return !run->abandoned;
	encoding_run_broken(run, err);
	return false;
}

/* Files are cut at key frames: one that is not asked for comes up to `intra` late. */
static void note_slot(struct encoding *encoding, const struct frame *frame)
{
	uint64_t slot = recording_slot(encoding->recording, frame->sensor_ns);

	encoding->cut_due = slot != encoding->slot;
	encoding->slot = slot;
}

static void encode(struct encoding_run *run)
{
	struct encoding *encoding = run->encoding;
	struct frame *frame = encoding->current.frame, *form;
	struct error err = { 0 };

	encoding->recording = encoding->current.recording;
	note_slot(encoding, frame);
	if (!make_ready(run, &frame->format, &err)) {
		if (!run->abandoned)
			encoding_run_count_swallowed(encoding, 1);
		return;
	}
	form = prepared(run, frame, &err);
	if (!form) {
		/* a damaged picture, as a rule: lost like one that the sensor spoilt, but found out here */
		log_warning("camera %d: frame %" PRIu64 ": %s", encoding->camera_id, frame->number, err.text);
		/* in its turn: a packet of an earlier frame that is still inside must not tell of it */
		encoding_run_count_swallowed(encoding, encoding->inside.n ? inside_enter(&encoding->inside, &(struct inside_frame){
			.camera_frame = frame->camera_frame, .pushed_ns = run->now_ns }) : 1);
		return;
	}
	encoding->format = run->encoder->takes;
	if (!encoding_run_push(run, form, &err))
		encoding_run_broken(run, &err);
	frame_unref(form);
}

static void end(struct encoding_run *run)
{
	struct encoding *encoding = run->encoding;
	bool all_out = encoding_run_empty(run);

	if (run->abandoned)
		return;
	if (run->encoder && !(run->encoder->hardware && all_out && encoding->open)) {
		encoding_run_drain(run);
		if (run->abandoned || !encoding_run_close(run))
			return;
	}
	writing_end(encoding->writing, encoding->recording);
	encoding->recording = NULL;
	encoding->swallowed = encoding->unstored = 0;
	encoding->need_key = encoding->broken = false;
	encoding->slot = 0;
}

static void carry_out(struct encoding_run *run)
{
	struct encoding *encoding = run->encoding;
	struct item *item = &encoding->current;

	atomic_store(&encoding->busy_since_ns, clock_now_ns());
	switch (item->kind) {
	case ITEM_OPEN:
		open_camera(run, item);
		break;
	case ITEM_CLOSE:
		close_camera(run);
		break;
	case ITEM_PREPARE:
		prepare(run, item->recording);
		break;
	case ITEM_FRAME:
		encode(run);
		break;
	case ITEM_END:
		encoding->recording = item->recording;
		end(run);
		break;
	case ITEM_BITRATE:
		encoding_run_set_bitrate(run, item->bitrate_bps);
		break;
	}
	if (run->abandoned)
		return;		/* whoever took over goes on with it */
	frame_unref(item->frame);
	encoding->busy = encoding->entered = false;
	atomic_store(&encoding->busy_since_ns, 0);
}

/* ---- the thread ---- */

/* Puts the next item into current. False: there are no more, or another run has taken over. */
static bool next_item(struct encoding_run *run)
{
	struct encoding *encoding = run->encoding;
	struct error err;

	while (!run->abandoned) {
		bool room = encoding_run_has_room(run);

		if (room && queue_try_pop(&encoding->queue, &encoding->current)) {
			encoding->busy = true;
			return true;
		}
		if (room && queue_is_over(&encoding->queue))
			return false;
		if (!encoding_run_wait(run, room, &err))
			encoding_run_broken(run, &err);
	}
	return false;
}

static void unref(struct encoding *encoding)
{
	bool last;

	pthread_mutex_lock(&encoding->lock);
	last = --encoding->references == 0;
	pthread_mutex_unlock(&encoding->lock);
	if (!last)
		return;
	queue_finish(&encoding->queue);
	converter_destroy(encoding->converter);
	pthread_mutex_destroy(&encoding->lock);
	free(encoding);
}

static void *run_thread(void *argument)
{
	struct encoding_run *run = argument;
	struct encoding *encoding = run->encoding;
	char name[16];

	snprintf(name, sizeof(name), "enc%d", encoding->camera_id);
	pthread_setname_np(pthread_self(), name);
	pthread_mutex_lock(&encoding->lock);
	while (!run->abandoned && (encoding->busy || next_item(run)))
		carry_out(run);
	pthread_mutex_unlock(&encoding->lock);
	encoding_run_destroy_encoder(run);
	free(run);
	unref(encoding);
	return NULL;
}

static void start_run(struct encoding *encoding)
{
	struct encoding_run *run = xcalloc(1, sizeof(*run));

	run->encoding = encoding;
	run->now_ns = clock_now_ns();
	encoding->run = run;
	encoding->references++;
	xthread(&encoding->thread, run_thread, run);
}

/* ---- for the camera ---- */

struct encoding *encoding_create(int camera_id, struct writing *writing, struct overlay *overlay, const struct encoding_owner *owner,
				 struct error *err)
{
	struct encoding *encoding = xcalloc(1, sizeof(*encoding));

	encoding->camera_id = camera_id;
	encoding->writing = writing;
	encoding->overlay = overlay;
	encoding->owner = *owner;
	encoding->settings.fps = 30;
	encoding->references = 1;
	pthread_mutex_init(&encoding->lock, NULL);
	queue_init(&encoding->queue, sizeof(struct item), QUEUE_FRAMES, 0);
	if (!queue_open_wake_fd(&encoding->queue)) {
		error_set_errno(err, errno, "camera %d: eventfd", camera_id);
		unref(encoding);
		return NULL;
	}
	start_run(encoding);
	return encoding;
}

/* The thread is stuck: it keeps its encoder, and frees it if it ever comes back. With the lock held. */
static void abandon(struct encoding *encoding)
{
	encoding->run->abandoned = true;
	pthread_detach(encoding->thread);
	encoding->stuck = encoding->hardware_failed = true;
	encoding->failures = 0;
	encoding->name[0] = '\0';
	/* the frame of which it is not known whether it got in is among them */
	encoding_run_count_swallowed(encoding, inside_clear(&encoding->inside));
	encoding_run_want_key(encoding, false);
	if (encoding->busy && (encoding->entered || encoding->current.kind == ITEM_OPEN)) {
		frame_unref(encoding->current.frame);
		encoding->busy = encoding->entered = false;
		atomic_store(&encoding->busy_since_ns, 0);
	}
}

void encoding_destroy(struct encoding *encoding)
{
	struct timespec until;

	if (!encoding)
		return;
	queue_close(&encoding->queue);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LEAVE_S;
	if (pthread_timedjoin_np(encoding->thread, NULL, &until)) {
		log_error("camera %d: its encoder's driver does not come back from a call; it is left to itself", encoding->camera_id);
		pthread_mutex_lock(&encoding->lock);
		abandon(encoding);
		pthread_mutex_unlock(&encoding->lock);
	}
	unref(encoding);
}

void encoding_watch(struct encoding *encoding, int64_t now_ns)
{
	struct encoding_run *run;
	int64_t since_ns;
	struct error err;

	pthread_mutex_lock(&encoding->lock);
	run = encoding->run;
	since_ns = atomic_load(&run->called_ns);
	if (since_ns && now_ns - since_ns > STUCK_NS) {
		error_set(&err, ERR_ENCODER_FAILED, "camera %d: the driver of the hardware encoder has not come back from a call for %.0f s: "
			  "%s", encoding->camera_id, (double)(now_ns - since_ns) / 1e9, encoding->settings.choice == ENCODER_M2M ?
			  "it is given up, and `encoder = m2m` allows no other" : "software takes over");
		abandon(encoding);
		encoding->owner.on_trouble(encoding->owner.user, &err);
		start_run(encoding);
	}
	pthread_mutex_unlock(&encoding->lock);
}

void encoding_open(struct encoding *encoding, const struct frame_format *format, const struct frame_layout *layout,
		   const struct encoding_settings *settings)
{
	struct item item = { .kind = ITEM_OPEN, .format = *format, .layout = *layout, .settings = *settings };

	queue_push_force(&encoding->queue, &item);
}

void encoding_close(struct encoding *encoding)
{
	struct item item = { .kind = ITEM_CLOSE };

	queue_push_force(&encoding->queue, &item);
}

void encoding_prepare(struct encoding *encoding, struct recording *recording)
{
	struct item item = { .kind = ITEM_PREPARE, .recording = recording };

	queue_push_force(&encoding->queue, &item);
}

void encoding_set_bitrate(struct encoding *encoding, int64_t bitrate_bps)
{
	struct item item = { .kind = ITEM_BITRATE, .bitrate_bps = bitrate_bps };

	queue_push_force(&encoding->queue, &item);
}

bool encoding_offer(struct encoding *encoding, struct recording *recording, struct frame *frame)
{
	struct item item = {
		.kind = ITEM_FRAME, .recording = recording, .frame = frame_ref(frame),
		.lost_sensor = atomic_load(&recording->lost_sensor), .lost_starved = atomic_load(&recording->lost_starved),
		.refused = recording->refused,
	};

	if (queue_push(&encoding->queue, &item, 0))
		return true;
	frame_unref(frame);
	return false;
}

void encoding_end(struct encoding *encoding, struct recording *recording)
{
	struct item item = { .kind = ITEM_END, .recording = recording };

	queue_push_force(&encoding->queue, &item);
}

int64_t encoding_busy_ns(const struct encoding *encoding, int64_t now_ns)
{
	int64_t since_ns = atomic_load(&encoding->busy_since_ns);

	return since_ns ? now_ns - since_ns : 0;
}

void encoding_get_name(struct encoding *encoding, char name[ENCODER_NAME_BYTES])
{
	pthread_mutex_lock(&encoding->lock);
	memcpy(name, encoding->name, ENCODER_NAME_BYTES);
	pthread_mutex_unlock(&encoding->lock);
}

uint64_t encoding_copied_bytes(const struct encoding *encoding)
{
	return atomic_load(&encoding->copied_bytes);
}
