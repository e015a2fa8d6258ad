#include "camd/encoding_run.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"

#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FAILURES 3			/* in a row, until an encoder is given up */
#define STEADY_NS (60 * NS_PER_S)	/* what worked for so long was all right: failures are counted anew */
#define SILENT_NS NS_PER_S		/* a hardware encoder that has frames and says nothing for so long has hung up */
#define SILENT_PERIODS 4
#define LAST_NS (NS_PER_S / 2)		/* how long the last frames of a recording are waited for before the encoder is drained */

/* ---- what comes out ---- */

void encoding_run_count_swallowed(struct encoding *encoding, uint64_t n)
{
	if (!encoding->recording)
		return;
	encoding->swallowed += n;
	atomic_fetch_add(&encoding->recording->lost_encoder, n);
}

void encoding_run_want_key(struct encoding *encoding, bool for_storage)
{
	encoding->need_key = true;
	encoding->key_asked = false;
	encoding->need_key_for_storage = for_storage;
}

static void drop_unstored(struct encoding *encoding)
{
	encoding->unstored++;
	atomic_fetch_add(&encoding->recording->lost_storage, 1);
}

/* Without the key frame that it refers to a picture is of no use; it counts for whatever made the key frame necessary. */
static void drop_before_key(struct encoding *encoding)
{
	if (encoding->need_key_for_storage)
		drop_unstored(encoding);
	else
		encoding_run_count_swallowed(encoding, 1);
}

static bool hand_on(struct encoding *encoding, struct packet *packet, const struct inside_frame *found)
{
	if (encoding->need_key && !packet->key) {
		drop_before_key(encoding);
		return false;
	}
	packet->lost_sensor = found->lost_sensor;
	packet->lost_starved = found->lost_starved;
	packet->lost_encoder = found->refused + encoding->swallowed;
	packet->lost_storage = encoding->unstored;
	if (writing_offer(encoding->writing, encoding->recording, packet, &encoding->format)) {
		encoding->need_key = false;
		return true;
	}
	/* all up to the next key frame refer to what is lost now */
	encoding_run_want_key(encoding, true);
	drop_unstored(encoding);
	return false;
}

static void on_packet(void *user, struct packet *packet)
{
	struct encoding_run *run = user;
	struct encoding *encoding = run->encoding;
	struct inside_frame found;
	size_t swallowed;
	bool known, taken = false;

	pthread_mutex_lock(&encoding->lock);
	if (!run->abandoned) {
		encoding->heard_ns = run->now_ns;
		known = inside_leave(&encoding->inside, packet->camera_frame, &found, &swallowed);
		encoding_run_count_swallowed(encoding, swallowed);
		if (known && encoding->recording)
			taken = hand_on(encoding, packet, &found);
	}
	pthread_mutex_unlock(&encoding->lock);
	if (!taken)
		packet_unref(packet);
}

/* ---- calls into encoders: without the lock, and watched ---- */

static void enter(struct encoding_run *run)
{
	if (!run->encoder || run->encoder->hardware)
		atomic_store(&run->called_ns, run->now_ns);
	pthread_mutex_unlock(&run->encoding->lock);
}

/* False: it took so long that another run has taken over. */
static bool leave(struct encoding_run *run)
{
	int64_t since_ns = atomic_exchange(&run->called_ns, 0);

	run->now_ns = clock_now_ns();
	pthread_mutex_lock(&run->encoding->lock);
	if (run->abandoned)
		return false;
	/* an encoder whose driver held us up could not be heard meanwhile */
	if (since_ns && run->now_ns - since_ns > SILENT_NS / 10)
		run->encoding->heard_ns = run->now_ns;
	return true;
}

void encoding_run_destroy_encoder(struct encoding_run *run)
{
	if (run->encoder)
		run->encoder->impl->destroy(run->encoder);
	run->encoder = NULL;
}

bool encoding_run_close(struct encoding_run *run)
{
	struct encoding *encoding = run->encoding;

	encoding_run_count_swallowed(encoding, inside_clear(&encoding->inside));
	encoding->name[0] = '\0';
	converter_destroy(encoding->converter);
	encoding->converter = NULL;
	if (!run->encoder)
		return true;
	enter(run);
	encoding_run_destroy_encoder(run);
	return leave(run);
}

static void note_copies(struct encoding_run *run)
{
	if (!run->encoder)
		return;
	atomic_fetch_add(&run->encoding->copied_bytes, run->encoder->copied_bytes - run->copied_bytes);
	run->copied_bytes = run->encoder->copied_bytes;
}

static bool service(struct encoding_run *run, short revents, struct error *err)
{
	bool good;

	enter(run);
	good = run->encoder->impl->service(run->encoder, revents, err);
	if (!leave(run))
		return true;
	note_copies(run);
	return good;
}

/* ---- opening ---- */

static struct encoder_request request_of(const struct encoding *encoding, const struct frame_format *format)
{
	const struct encoding_settings *settings = &encoding->settings;

	return (struct encoder_request){
		.format = *format, .layout = encoding->layout,
		.max_held = encoding->layout.n_buffers ? MAX(2, encoding->layout.n_buffers - QUEUE_FRAMES - 2) : 0, .fps = settings->fps, .bitrate_bps = settings->bitrate_bps,
		.intra = MAX(1, (int)lround((double)settings->intra_ns * settings->fps / 1e9)), .preset = settings->preset, .threads = settings->threads,
		.profile = settings->profile, .level = settings->level,
	};
}

static void note_opened(struct encoding_run *run, const struct encoder_request *request)
{
	struct encoding *encoding = run->encoding;
	const struct encoder *encoder = run->encoder;

	run->copied_bytes = 0;
	encoding->made_for = *request;
	encoding->opened_ns = encoding->heard_ns = run->now_ns;
	snprintf(encoding->name, sizeof(encoding->name), "%s", encoder->name);
	log_info("camera %d: %s encodes %dx%d %s%s", encoding->camera_id, encoder->name, encoder->takes.width, encoder->takes.height,
		 pixel_format_names[encoder->takes.pixels], encoder->hardware && encoder->copies ? "; each frame is copied into its memory" :
		 encoder->hardware ? "; it reads the camera's buffers" : "");
	if (encoding->recording)
		recording_set_encoder(encoding->recording, encoding->name);
	if (encoding->last_name[0] && strcmp(encoding->last_name, encoding->name))
		encoding->owner.on_changed(encoding->owner.user, encoding->last_name, encoding->name);
	snprintf(encoding->last_name, sizeof(encoding->last_name), "%s", encoding->name);
}

static bool open_with(struct encoding_run *run, const struct encoder_impl *impl, const struct encoder_request *request, struct error *err)
{
	struct encoder *encoder;

	enter(run);
	encoder = impl->create(request, on_packet, run, err);
	run->encoder = encoder;
	if (!leave(run))
		return true;
	if (encoder)
		note_opened(run, request);
	return encoder;
}

static bool wants_hardware(const struct encoding *encoding)
{
	return encoding->settings.choice != ENCODER_SOFTWARE && !encoding->hardware_failed;
}

static void note_no_hardware(struct encoding *encoding, struct error *err)
{
	encoding->hardware_failed = true;	/* there is no need to look again for each recording */
	if (err->code == ERR_NOT_FOUND && !encoding->failures) {
		log_debug("camera %d: no hardware encoder", encoding->camera_id);	/* the session says so once */
		return;
	}
	error_wrap(err, "camera %d: the hardware encoder can't be used, so software encodes", encoding->camera_id);
	encoding->owner.on_trouble(encoding->owner.user, err);
}

bool encoding_run_open_hardware(struct encoding_run *run, const struct frame_format *format, struct error *err)
{
	struct encoding *encoding = run->encoding;
	struct encoder_request request = request_of(encoding, format);

	if (wants_hardware(encoding)) {
		if (open_with(run, &encoder_m2m, &request, err))
			return true;
		if (encoding->settings.choice == ENCODER_AUTO) {
			note_no_hardware(encoding, err);
			return true;
		}
	} else if (encoding->settings.choice == ENCODER_M2M) {
		error_set(err, ERR_ENCODER_FAILED, "it has failed too often");
	} else {
		return true;
	}
	return error_wrap(err, "the hardware encoder, and `encoder = m2m` allows no other");
}

bool encoding_run_open(struct encoding_run *run, const struct frame_format *format, struct error *err)
{
	struct encoder_request request = request_of(run->encoding, format);

	if (!encoding_run_open_hardware(run, format, err))
		return false;
	if (run->encoder || run->abandoned)
		return true;
	return open_with(run, &encoder_avcodec, &request, err);
}

/* False: abandoned, or it can't. */
static bool change_bitrate(struct encoding_run *run, int64_t bitrate_bps)
{
	bool good;

	if (!run->encoder->impl->set_bitrate)
		return false;
	enter(run);
	good = run->encoder->impl->set_bitrate(run->encoder, bitrate_bps);
	if (!leave(run) || !good)
		return false;
	run->encoding->made_for.bitrate_bps = bitrate_bps;
	return true;
}

void encoding_run_set_bitrate(struct encoding_run *run, int64_t bitrate_bps)
{
	struct encoding *encoding = run->encoding;

	encoding->settings.bitrate_bps = bitrate_bps;
	if (!run->encoder || encoding->made_for.bitrate_bps == bitrate_bps)
		return;
	if (change_bitrate(run, bitrate_bps))
		log_info("camera %d: %s: %lld bit/s from now on", encoding->camera_id, encoding->name, (long long)bitrate_bps);
	else if (!run->abandoned)
		log_info("camera %d: %s: the new bitrate waits for the next recording", encoding->camera_id, encoding->name);
}

/* An open encoder that was made for something else is adapted, or closed to be made anew. */
void encoding_run_adapt(struct encoding_run *run)
{
	struct encoding *encoding = run->encoding;
	const struct encoder_request *was = &encoding->made_for, now = request_of(encoding, &was->format);
	struct encoder *encoder = run->encoder;

	if (!encoder)
		return;
	if (encoder->hardware && wants_hardware(encoding) && was->fps == now.fps && was->intra == now.intra &&
	    was->profile == now.profile && was->level == now.level) {
		if (was->bitrate_bps == now.bitrate_bps || change_bitrate(run, now.bitrate_bps) || run->abandoned)
			return;
	}
	encoding_run_close(run);
}

bool encoding_run_push(struct encoding_run *run, struct frame *frame, struct error *err)
{
	struct encoding *encoding = run->encoding;
	const struct item *item = &encoding->current;
	bool key = (encoding->need_key && !encoding->key_asked) || encoding->cut_due, good;

	encoding_run_count_swallowed(encoding, inside_enter(&encoding->inside, &(struct inside_frame){
		.camera_frame = frame->camera_frame, .pushed_ns = run->now_ns, .lost_sensor = item->lost_sensor,
		.lost_starved = item->lost_starved, .refused = item->refused }));
	encoding->entered = true;
	encoding->key_asked = encoding->key_asked || key;
	enter(run);
	good = run->encoder->impl->push(run->encoder, frame, key, err);
	if (!leave(run))
		return true;
	note_copies(run);
	return good;
}

/* ---- trouble ---- */

void encoding_run_fail_recording(struct encoding *encoding, struct error *err)
{
	encoding->broken = true;
	if (err->code == ERR_INTERNAL || err->code == ERR_IO)
		err->code = ERR_ENCODER_FAILED;
	recording_fail(encoding->recording, err);
}

static void give_up_hardware(struct encoding *encoding, struct error *err)
{
	encoding->hardware_failed = true;
	encoding->failures = 0;
	error_wrap(err, "camera %d: the hardware encoder has failed too often: software takes over", encoding->camera_id);
	encoding->owner.on_trouble(encoding->owner.user, err);
}

/* A broken encoder is made anew, which begins with a key frame; after several times software takes over, or all ends. */
void encoding_run_broken(struct encoding_run *run, struct error *err)
{
	struct encoding *encoding = run->encoding;
	bool hardware = run->encoder && run->encoder->hardware;
	bool first = encoding->recording && atomic_load(&encoding->recording->captured) <= 1;

	if (!encoding_run_close(run))
		return;
	encoding_run_want_key(encoding, false);
	if (run->now_ns - encoding->opened_ns > STEADY_NS)
		encoding->failures = 0;
	encoding->opened_ns = run->now_ns;	/* one that can't be opened again has not worked since */
	if (++encoding->failures < MAX_FAILURES && (hardware || !first)) {
		error_wrap(err, "camera %d: the encoder is opened again", encoding->camera_id);
		encoding->owner.on_trouble(encoding->owner.user, err);
	} else if (hardware && encoding->settings.choice == ENCODER_AUTO) {
		give_up_hardware(encoding, err);
	} else if (encoding->recording && !encoding->broken) {
		encoding_run_fail_recording(encoding, err);
	}
}

/* ---- waiting ---- */

bool encoding_run_has_room(const struct encoding_run *run)
{
	const struct encoder *encoder = run->encoder;

	return !encoder || !encoder->impl->has_room || encoder->impl->has_room(encoder);
}

/* An encoder that has nothing under way has swallowed what is still inside. */
static void settle(struct encoding_run *run)
{
	const struct encoder *encoder = run->encoder;
	short events;

	if (encoder && encoder->hardware && run->encoding->inside.n && encoder->impl->poll_fd(encoder, &events) < 0)
		encoding_run_count_swallowed(run->encoding, inside_clear(&run->encoding->inside));
}

/* Since when a hardware encoder owes a packet, or room; 0: it does not. */
static int64_t owes_since_ns(const struct encoding_run *run)
{
	int64_t oldest_ns = inside_oldest_ns(&run->encoding->inside);

	if (!run->encoder || !run->encoder->hardware)
		return 0;
	/* one that is full owes something, too: its pictures back */
	return oldest_ns || !encoding_run_has_room(run) ? MAX(oldest_ns, run->encoding->heard_ns) : 0;
}

/* Sleeps without the lock. Returns the events of the encoder's descriptor. */
static short sleep_until(struct encoding_run *run, bool with_queue, int64_t due_ns)
{
	struct encoding *encoding = run->encoding;
	struct encoder *encoder = run->encoder;
	struct pollfd fds[2] = { { .fd = with_queue ? encoding->queue.wake_fd : -1, .events = POLLIN }, { .fd = -1 } };
	int timeout = due_ns ? (int)(MAX(due_ns - run->now_ns, 0) / NS_PER_MS) + 1 : -1, n;

	if (encoder && encoder->impl->poll_fd)
		fds[1].fd = encoder->impl->poll_fd(encoder, &fds[1].events);
	pthread_mutex_unlock(&encoding->lock);
	n = poll(fds, 2, timeout);
	if (n > 0 && fds[0].revents)
		queue_clear_wake_fd(&encoding->queue);
	run->now_ns = clock_now_ns();
	pthread_mutex_lock(&encoding->lock);
	return n > 0 ? fds[1].revents : 0;
}

static bool wait_for(struct encoding_run *run, bool with_queue, int64_t limit_ns, struct error *err)
{
	struct encoding *encoding = run->encoding;
	int64_t since_ns = owes_since_ns(run);
	short events = sleep_until(run, with_queue, since_ns ? since_ns + limit_ns : 0);

	if (run->abandoned)
		return true;
	if (events && !service(run, events, err))
		return false;
	if (run->abandoned)
		return true;
	settle(run);
	since_ns = owes_since_ns(run);
	if (!since_ns || run->now_ns - since_ns < limit_ns)
		return true;
	return error_set(err, ERR_ENCODER_FAILED, "%s has been silent for %.1f s with %zu frames inside", encoding->name,
			 (double)(run->now_ns - since_ns) / 1e9, encoding->inside.n);
}

bool encoding_run_wait(struct encoding_run *run, bool with_queue, struct error *err)
{
	return wait_for(run, with_queue, MAX(SILENT_NS, (int64_t)(SILENT_PERIODS * 1e9 / run->encoding->settings.fps)), err);
}

bool encoding_run_empty(struct encoding_run *run)
{
	struct encoding *encoding = run->encoding;
	struct error err;

	while (run->encoder && run->encoder->hardware && encoding->inside.n && !run->abandoned) {
		if (wait_for(run, false, LAST_NS, &err))
			continue;
		log_info("camera %d: %s; it is drained", encoding->camera_id, err.text);
		return false;
	}
	return true;
}

void encoding_run_drain(struct encoding_run *run)
{
	struct error err;
	bool good;

	if (!run->encoder)
		return;
	enter(run);
	good = run->encoder->impl->drain(run->encoder, &err);
	if (leave(run) && !good)
		log_warning("camera %d: %s", run->encoding->camera_id, err.text);
}

