/*
 * What turns frames into H.264. One implementation a way of encoding: m2m (a board's hardware), avcodec (software).
 *
 * An encoder knows no cameras and no files. It is used by one thread, the camera's encoder thread. No reordering: packets
 * come in the order of the frames. Each packet carries the facts of its frame; a frame that the encoder swallowed shows as
 * a step in packet->camera_frame and is counted by whoever compares.
 *
 * A software encoder has done its work when push() returns. A hardware encoder works on by itself: the thread waits for its
 * file descriptor beside everything else, and calls service(). None of these calls waits for the device, but drivers have
 * been seen that hold a call for seconds: so an encoder shares nothing with others, and may be left to itself in mid-call.
 */
#pragma once

#include "camd/encoding_settings.h"
#include "camd/frame.h"
#include "camd/packet.h"
#include "common/error.h"
#include "common/field.h"

struct encoder;

struct encoder_request {
	struct frame_format format;	/* of the camera's frames */
	struct frame_layout layout;	/* and how they lie in memory */
	int max_held;			/* how many of the camera's buffers it may keep at once, lest the camera starves; 0: any */
	double fps;			/* nominal, > 0 */
	int64_t bitrate_bps;
	int intra;			/* a key frame at least every so many frames, >= 1 */
	int profile;			/* enum h264_profile */
	int level;			/* times ten; 0: what the stream needs */
	const char *preset;		/* of the software encoder: "superfast"… */
	int threads;			/* of the software encoder; 0: as many as fit this machine */
};

/* Receives each packet; takes over the caller's reference. Called within push(), service() and drain(). */
typedef void (*encoder_packet_fn)(void *user, struct packet *packet);

struct encoder_impl {
	const char *name;	/* as the setting `encoder` has it */

	/*
	 * NULL: no such encoder here (ERR_NOT_FOUND), it can't do this (ERR_UNSUPPORTED), or it failed; err says why, for people.
	 * ERR_BAD_ARGUMENT for what no encoder could do.
	 */
	struct encoder *(*create)(const struct encoder_request *request, encoder_packet_fn on_packet, void *user, struct error *err);

	/* Whether a frame can be pushed now. NULL: always. */
	bool (*has_room)(const struct encoder *encoder);

	/*
	 * Encodes one frame, of encoder->takes; keeps a reference as long as it needs it. key: make this one an IDR picture.
	 * False: the encoder is broken and must be made anew; the frame counts as lost.
	 */
	bool (*push)(struct encoder *encoder, struct frame *frame, bool key, struct error *err);

	/* What to poll for now: a descriptor, its events in *events; -1: nothing is under way. NULL: never anything. */
	int (*poll_fd)(const struct encoder *encoder, short *events);

	/* Takes what has become ready, whatever revents says. False: broken, as with push(). */
	bool (*service)(struct encoder *encoder, short revents, struct error *err);

	/* From the next frames on. False: it can't without being made anew. NULL: never can. */
	bool (*set_bitrate)(struct encoder *encoder, int64_t bitrate_bps);

	/* Gives out all that is inside, within about a second. The encoder can't be pushed to any more. */
	bool (*drain)(struct encoder *encoder, struct error *err);
	void (*destroy)(struct encoder *encoder);	/* NULL is allowed */
};

struct encoder {
	const struct encoder_impl *impl;
	char name[64];			/* for people and files: "libx264 superfast (software)", "bcm2835-codec /dev/video11 (hardware)" */
	struct frame_format takes;	/* what push() wants: the request's format, or what it must be converted to */
	bool hardware;			/* stays open between recordings, and costs nothing while nothing is pushed */
	bool copies;			/* a hardware encoder that could not import the frames: the processor copies each into its memory */
	uint64_t copied_bytes;		/* so far */
};

extern const struct encoder_impl encoder_m2m, encoder_avcodec;

/* Names of the encoders that this machine has, best first: "bcm2835-codec /dev/video11 (hardware)", "software". Allocated texts. */
void encoder_list(struct list *names);
