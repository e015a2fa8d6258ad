/*
 * Hardware H.264 by V4L2's stateful memory-to-memory interface: bcm2835-codec of the Raspberry Pis up to 4, and whatever else
 * a board has. ports (m2m_port) do the driver's part; here is what happens to frames.
 *
 * Nothing relies on one packet coming for one frame, nor on when a raw picture comes back: rate control swallows frames and
 * tells nobody. Both queues are served for themselves, and a packet finds its frame by the time that V4L2 carries along.
 *
 * A forced key frame is the next one that is *encoded*; to hit a given frame, it waits until the encoder has taken all
 * before it. Whether it came, the bitstream says, and it is asked for again until it does.
 */
#include "camd/encode/m2m.h"

#include "camd/encode/request.h"
#include "camd/m2m_coded.h"
#include "camd/m2m_port.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WAITING 4
#define PATIENCE 2		/* periods that a frame waits for its turn to become a key frame */
#define MAX_FRUITLESS 100	/* errors that poll() reports and nothing else does, in a row */
#define DRAIN_NS NS_PER_S

struct waiting {
	struct frame *frame;
	bool key;
	int64_t since_ns;
};

struct m2m_encoder {
	struct encoder base;
	struct m2m_port port;
	struct m2m_coded coded;
	struct waiting waiting[MAX_WAITING];	/* the first goes next */
	int n_waiting;

	bool fresh;		/* nothing went in since it began: what goes in first becomes a key frame anyway */
	bool restarts;		/* key frames are had by beginning anew */
	bool hopeless;		/* nor that way */
	bool must_copy;		/* import has failed: as soon as nothing is inside, go on with copies */
	bool finishing;		/* told to give out all that is inside; nothing goes in */
	bool hurry;		/* draining: no more waiting for the right moment */
	int fruitless;
	uint64_t n_taken;	/* buffers that came back, of both sides */
};

static bool is_empty(const struct m2m_encoder *encoder)
{
	return !encoder->port.input.queue.n_queued && m2m_coded_is_empty(&encoder->coded);
}

static void begin_anew(struct m2m_encoder *encoder)
{
	m2m_coded_begin_anew(&encoder->coded);
	encoder->fresh = true;
	encoder->finishing = false;
}

/* 0 or an errno. */
static int on_coded(struct m2m_encoder *encoder, const struct m2m_done *done)
{
	struct m2m_queue *queue = &encoder->port.capture;

	encoder->n_taken++;
	m2m_coded_take(&encoder->coded, done, &queue->buffers[done->index]);
	return encoder->coded.last ? 0 : m2m_queue_put_empty(queue, done->index);
}

/* all: until there are no more; otherwise the one that poll() has seen, which saves a call that would be refused. */
static bool take_coded(struct m2m_encoder *encoder, bool all, struct error *err)
{
	struct m2m_done done;
	int rc;

	do {
		rc = m2m_queue_take(&encoder->port.capture, &done);
		if (!rc)
			rc = on_coded(encoder, &done);
	} while (!rc && !encoder->coded.last && (all || m2m_coded_expects_more(&encoder->coded)));
	if (rc == EPIPE)
		encoder->coded.last = true;
	return !rc || rc == EAGAIN || rc == EPIPE || m2m_port_fail(&encoder->port, rc, "taking a packet", err);
}

static bool take_raw(struct m2m_encoder *encoder, bool all, struct error *err)
{
	int64_t time_us;
	int rc = 0;

	while (!rc && encoder->port.input.queue.n_queued) {
		rc = m2m_input_take(&encoder->port.input, &time_us);
		if (!rc)
			m2m_coded_on_raw_back(&encoder->coded, time_us);
		encoder->n_taken += !rc;
		if (!all)
			break;
	}
	return !rc || rc == EAGAIN || m2m_port_fail(&encoder->port, rc, "taking a picture back", err);
}

static bool restart(struct m2m_encoder *encoder, struct error *err)
{
	begin_anew(encoder);
	return m2m_port_restart(&encoder->port, err);
}

/* Whether to wait for the encoder to become empty: some always keep a few frames, which only further ones drive out. */
static bool is_patient(const struct m2m_encoder *encoder)
{
	double waited_s = (double)(clock_now_ns() - encoder->waiting[0].since_ns) / (double)NS_PER_S;

	return encoder->n_waiting < MAX_WAITING && waited_s * encoder->port.order.wish.fps < PATIENCE;
}

/* The key frame that the encoder can't be made to give comes by itself, every so many frames. */
static void give_up_keys(struct m2m_encoder *encoder)
{
	log_warning("%s: gives key frames only when it likes", encoder->base.name);
	encoder->hopeless = true;
}

/* Asks for a key frame by beginning anew, as soon as nothing is inside. *ready: the next frame may go in. */
static bool restart_for_key(struct m2m_encoder *encoder, bool *ready, struct error *err)
{
	int rc;

	*ready = is_empty(encoder);
	if (*ready)
		return restart(encoder, err);
	if (is_patient(encoder))
		return true;
	rc = m2m_port_finish(&encoder->port);
	if (!rc || rc == EBUSY) {
		encoder->finishing = true;
		return true;
	}
	/* without that command: what is not inside any more and did not come out was swallowed */
	*ready = true;
	if (!encoder->port.input.queue.n_queued)
		return restart(encoder, err);
	give_up_keys(encoder);
	return true;
}

static bool force_key(struct m2m_encoder *encoder, bool *ready, struct error *err)
{
	int rc;

	*ready = !encoder->port.input.queue.n_queued || encoder->hurry || !is_patient(encoder);
	if (!*ready)
		return true;
	rc = m2m_controls_force_key(&encoder->port.controls);
	if (rc == ENODEV || rc == EIO)
		return m2m_port_fail(&encoder->port, rc, "asking for a key frame", err);
	if (rc) {
		log_warning("%s: refuses to make a key frame: %s", encoder->base.name, strerror(rc));
		encoder->restarts = true;
		*ready = false;
	}
	return true;
}

static void learn_about_keys(struct m2m_encoder *encoder)
{
	if (!encoder->coded.asks_in_vain || encoder->restarts)
		return;
	log_warning("%s: does not heed it when a key frame is asked for", encoder->base.name);
	encoder->restarts = true;
}

/* Makes sure that the next frame that goes in becomes a key frame, if it is to. *ready: it may go in. */
static bool prepare_key(struct m2m_encoder *encoder, bool *ready, struct error *err)
{
	*ready = true;
	if (encoder->fresh || encoder->hopeless || !(encoder->waiting[0].key || encoder->coded.keys.due))
		return true;
	learn_about_keys(encoder);
	if (!encoder->restarts && !force_key(encoder, ready, err))
		return false;
	if (!encoder->restarts)
		return true;
	*ready = true;
	return encoder->hurry || restart_for_key(encoder, ready, err);
}

static void drop_first_waiting(struct m2m_encoder *encoder)
{
	frame_unref(encoder->waiting[0].frame);
	memmove(encoder->waiting, encoder->waiting + 1, (size_t)--encoder->n_waiting * sizeof(*encoder->waiting));
}

/* Gives the first that waits to the driver. 0 or an errno. */
static int submit(struct m2m_encoder *encoder)
{
	const struct waiting *first = &encoder->waiting[0];
	int64_t time_us = m2m_records_time(&encoder->coded.records, first->frame);
	uint64_t copied_before = encoder->port.input.copied_bytes;
	int rc = m2m_input_put(&encoder->port.input, first->frame, time_us);

	encoder->base.copied_bytes += encoder->port.input.copied_bytes - copied_before;
	if (rc)
		return rc;
	m2m_records_enter(&encoder->coded.records, first->frame, time_us);
	if (encoder->coded.h264 && (first->key || encoder->coded.keys.due || encoder->fresh))
		m2m_keys_ask(&encoder->coded.keys, first->key, time_us);
	encoder->fresh = false;
	drop_first_waiting(encoder);
	return 0;
}

/* The driver has refused a picture: does something about it, or fails. */
static bool on_refused(struct m2m_encoder *encoder, int rc, struct error *err)
{
	if (rc == ESRCH && encoder->fresh) {
		begin_anew(encoder);
		if (!m2m_port_raise_level(&encoder->port, err))
			return false;
		encoder->base.copies = !encoder->port.input.imports;
		return true;
	}
	if (!encoder->port.input.imports || rc == EIO || rc == ENODEV)
		return m2m_port_fail(&encoder->port, rc, "giving it a picture", err);
	log_info("%s: can't import the camera's pictures (%s): they will be copied", encoder->base.name, strerror(rc));
	encoder->must_copy = true;
	return true;
}

/* *ready: pictures are copied from now on; false: there is still one inside that was imported. */
static bool start_copying(struct m2m_encoder *encoder, bool *ready, struct error *err)
{
	*ready = !encoder->port.input.queue.n_queued;
	if (!*ready)
		return true;
	encoder->must_copy = false;
	encoder->base.copies = true;
	return m2m_port_stop_importing(&encoder->port, err);
}

/* Gives the driver what waits, as far as it may go in. */
static bool pump(struct m2m_encoder *encoder, struct error *err)
{
	bool ready = true;
	int rc;

	while (encoder->n_waiting && !encoder->finishing && m2m_input_room(&encoder->port.input) > 0) {
		if (encoder->must_copy && !start_copying(encoder, &ready, err))
			return false;
		if (ready && !prepare_key(encoder, &ready, err))
			return false;
		if (!ready)
			return true;
		rc = submit(encoder);
		if (rc && !on_refused(encoder, rc, err))
			return false;
	}
	return true;
}

static bool m2m_has_room(const struct encoder *base)
{
	const struct m2m_encoder *encoder = (const struct m2m_encoder *)base;

	return encoder->n_waiting < MAX_WAITING && m2m_input_room(&encoder->port.input) > encoder->n_waiting;
}

static bool check_frame(const struct m2m_encoder *encoder, const struct frame *frame, struct error *err)
{
	const struct frame_format *is = &frame->format, *wanted = &encoder->base.takes;

	if (is->pixels != wanted->pixels || is->width != wanted->width || is->height != wanted->height)
		return error_set(err, ERR_ENCODER_FAILED, "%s: was made for %dx%d %s and got %dx%d %s", encoder->base.name,
				 wanted->width, wanted->height, pixel_format_names[wanted->pixels], is->width, is->height,
				 pixel_format_names[is->pixels]);
	for (int i = 0; i < frame->n_planes; i++)
		if (frame->planes[i].stride < frame_plane_row_bytes(is, i))
			return error_set(err, ERR_ENCODER_FAILED, "%s: plane %d of a %dx%d frame has rows of %d bytes",
					 encoder->base.name, i, is->width, is->height, frame->planes[i].stride);
	return true;
}

static bool m2m_push(struct encoder *base, struct frame *frame, bool key, struct error *err)
{
	struct m2m_encoder *encoder = (struct m2m_encoder *)base;

	if (!check_frame(encoder, frame, err))
		return false;
	if (encoder->n_waiting == MAX_WAITING) {
		/* nobody asked has_room(); it shows as a frame that was swallowed */
		log_warning("%s: full, frame %llu is lost", base->name, (unsigned long long)frame->camera_frame);
		return true;
	}
	encoder->waiting[encoder->n_waiting++] = (struct waiting){
		.frame = frame_ref(frame), .key = key, .since_ns = clock_now_ns(),
	};
	return pump(encoder, err);
}

/*
 * With one picture inside, its packet is all that is waited for: the picture itself is back by then, as a rule. With more, a
 * swallowed one must not block the way.
 */
static int m2m_poll_fd(const struct encoder *base, short *events)
{
	const struct m2m_encoder *encoder = (const struct m2m_encoder *)base;
	int n_raw = encoder->port.input.queue.n_queued;
	bool hold_up = encoder->n_waiting || m2m_coded_is_pending(&encoder->coded);

	/* once the last is out, the device says for ever that there is something to take */
	if ((is_empty(encoder) && !encoder->finishing) || encoder->coded.last)
		return -1;
	*events = POLLIN | (n_raw > 1 || (n_raw && hold_up) ? POLLOUT : 0);
	return encoder->port.device.fd;
}

/* An idle queue reports errors to poll(), so that they mean nothing by themselves; but they must not go on for ever. */
static bool bear_error(struct m2m_encoder *encoder, uint64_t n_taken_before, struct error *err)
{
	if (encoder->n_taken != n_taken_before)
		encoder->fruitless = 0;
	else if (++encoder->fruitless > MAX_FRUITLESS)
		return m2m_port_fail(&encoder->port, EIO, "waiting for it", err);
	return true;
}

/* What was inside is out. */
static bool on_last(struct m2m_encoder *encoder, struct error *err)
{
	m2m_coded_give_out(&encoder->coded);
	return encoder->hurry || restart(encoder, err);
}

static bool m2m_service(struct encoder *base, short revents, struct error *err)
{
	struct m2m_encoder *encoder = (struct m2m_encoder *)base;
	bool trouble = revents & (POLLERR | POLLHUP | POLLNVAL);
	bool all = trouble || !(revents & (POLLIN | POLLOUT));
	uint64_t n_taken = encoder->n_taken;

	/* a packet's raw picture comes back with it, see m2m_poll_fd() */
	if ((all || revents & POLLOUT || encoder->port.input.queue.n_queued == 1) && !take_raw(encoder, all, err))
		return false;
	if ((all || revents & POLLIN) && !encoder->coded.last && !take_coded(encoder, all, err))
		return false;
	m2m_coded_give_out_whole(&encoder->coded);
	if (encoder->coded.last && !on_last(encoder, err))
		return false;
	if (trouble && !bear_error(encoder, n_taken, err))
		return false;
	return pump(encoder, err);
}

static bool m2m_set_bitrate(struct encoder *base, int64_t bitrate_bps)
{
	struct m2m_encoder *encoder = (struct m2m_encoder *)base;

	return m2m_controls_set_bitrate(&encoder->port.controls, bitrate_bps);
}

/* Waits for the device, and takes what is ready. False: broken. */
static bool drain_step(struct m2m_encoder *encoder, int64_t until_ns, struct error *err)
{
	struct pollfd poll_fd = { .fd = encoder->port.device.fd, .events = POLLIN | POLLOUT };
	int64_t left_ms = (until_ns - clock_now_ns() + NS_PER_MS - 1) / NS_PER_MS;

	if (!encoder->port.input.queue.n_queued)
		poll_fd.events = POLLIN;
	if (poll(&poll_fd, 1, (int)MAX(left_ms, 0)) > 0)
		return m2m_service(&encoder->base, poll_fd.revents, err);
	return true;
}

static bool m2m_drain(struct encoder *base, struct error *err)
{
	struct m2m_encoder *encoder = (struct m2m_encoder *)base;
	int64_t until_ns = clock_now_ns() + DRAIN_NS;
	bool told = false;

	/* it may be in the middle of beginning anew: what waits goes in afterwards */
	while (encoder->finishing && clock_now_ns() < until_ns)
		if (!drain_step(encoder, until_ns, err))
			return false;
	encoder->hurry = true;
	if (!pump(encoder, err))
		return false;
	while (!encoder->coded.last && (encoder->n_waiting || !is_empty(encoder)) && clock_now_ns() < until_ns) {
		if (!told && !encoder->n_waiting) {
			/* without that command all comes out by itself, if later */
			m2m_port_finish(&encoder->port);
			told = true;
		}
		if (!drain_step(encoder, until_ns, err))
			return false;
	}
	m2m_coded_give_out(&encoder->coded);
	if (encoder->coded.last || is_empty(encoder))
		return true;
	return error_set(err, ERR_TIMEOUT, "%s: did not give out its last frames: %zu", base->name,
			 encoder->coded.records.n + (size_t)encoder->n_waiting);
}

static void m2m_destroy(struct encoder *base)
{
	struct m2m_encoder *encoder = (struct m2m_encoder *)base;

	if (!encoder)
		return;
	m2m_port_close(&encoder->port);
	while (encoder->n_waiting)
		drop_first_waiting(encoder);
	m2m_coded_finish(&encoder->coded);
	free(encoder);
}

static struct m2m_order make_order(const struct encoder_request *request, unsigned coded)
{
	return (struct m2m_order){
		.wish = { .format = request->format, .layout = request->layout, .fps = request->fps, .coded = coded },
		.rate = {
			.width = request->format.width, .height = request->format.height, .fps = request->fps,
			.bitrate_bps = request->bitrate_bps, .intra = request->intra,
			.profile = request->profile, .level = request->level,
		},
		.n_camera = request->layout.n_buffers, .max_held = request->max_held,
	};
}

/* The first device that takes the request. */
static bool open_any(struct m2m_encoder *encoder, const struct m2m_order *order, struct error *err)
{
	char **paths;
	size_t n_denied, n = m2m_device_find(order->wish.coded, &paths, &n_denied);
	bool opened = false;

	if (n_denied)
		error_set(err, ERR_PERMISSION_DENIED, "no hardware encoder to be found, but %zu of /dev/video* may not be "
			  "opened: " ERROR_JOIN_VIDEO, n_denied);
	else
		error_set(err, ERR_NOT_FOUND, "this machine has no hardware encoder: no /dev/video* gives H.264");
	for (size_t i = 0; i < n; i++) {
		opened = opened || m2m_port_open(&encoder->port, paths[i], order, err);
		free(paths[i]);
	}
	free(paths);
	return opened;
}

struct encoder *m2m_create_coded(const struct encoder_request *request, unsigned coded, encoder_packet_fn on_packet, void *user,
				 struct error *err)
{
	struct m2m_order order = make_order(request, coded);
	struct m2m_encoder *encoder;

	if (!encoder_request_check(request, err))
		return NULL;
	encoder = xcalloc(1, sizeof(*encoder));
	encoder->fresh = true;
	if (!open_any(encoder, &order, err)) {
		free(encoder);
		return NULL;
	}
	m2m_coded_init(&encoder->coded, encoder->base.name, coded == V4L2_PIX_FMT_H264, on_packet, user);
	encoder->restarts = !encoder->port.controls.can_force_key;
	encoder->base.impl = &encoder_m2m;
	encoder->base.hardware = true;
	encoder->base.takes = encoder->port.setup.takes;
	encoder->base.copies = !encoder->port.input.imports;
	snprintf(encoder->base.name, sizeof(encoder->base.name), "%.20s %.30s (hardware)", encoder->port.device.name,
		 encoder->port.device.path);
	return &encoder->base;
}

static struct encoder *m2m_create(const struct encoder_request *request, encoder_packet_fn on_packet, void *user,
				  struct error *err)
{
	return m2m_create_coded(request, V4L2_PIX_FMT_H264, on_packet, user, err);
}

const struct encoder_impl encoder_m2m = {
	.name = "m2m",
	.create = m2m_create,
	.has_room = m2m_has_room,
	.push = m2m_push,
	.poll_fd = m2m_poll_fd,
	.service = m2m_service,
	.set_bitrate = m2m_set_bitrate,
	.drain = m2m_drain,
	.destroy = m2m_destroy,
};
