/*
 * What turns frames into H.264. One implementation a way of encoding: avcodec (later m2m).
 *
 * An encoder knows no cameras and no files. It is used by one thread, the camera's encoder thread. No reordering: packets
 * come in the order of the frames. Each packet carries the facts of its frame; a frame that the encoder swallowed shows as
 * a step in packet->number and is counted by whoever compares.
 */
#pragma once

#include "camd/frame.h"
#include "camd/packet.h"
#include "common/error.h"

struct encoder;

struct encoder_request {
	struct frame_format format;	/* of the frames to come */
	double fps;			/* nominal, > 0 */
	int64_t bitrate_bps;
	int intra;			/* a key frame at least every so many frames, >= 1 */
	const char *preset;		/* of the software encoder: "superfast"… */
	int threads;			/* of the software encoder; 0: as many as fit this machine */
};

/* Receives each packet; takes over the caller's reference. Called within push() and drain(), or from the encoder's own thread. */
typedef void (*encoder_packet_fn)(void *user, struct packet *packet);

struct encoder_impl {
	const char *name;

	/* Whether frames of this kind can be given as they are. */
	bool (*takes)(enum pixel_format pixels);
	struct encoder *(*create)(const struct encoder_request *request, encoder_packet_fn on_packet, void *user, struct error *err);

	/*
	 * Encodes one frame; borrows it (an encoder that needs it longer takes a reference). key: make this one an IDR picture.
	 * False: the encoder is broken and must be made anew; the frame counts as lost.
	 */
	bool (*push)(struct encoder *encoder, struct frame *frame, bool key, struct error *err);

	/* Gives out all that is inside. The encoder can't be pushed to any more. */
	bool (*drain)(struct encoder *encoder, struct error *err);
	void (*destroy)(struct encoder *encoder);	/* NULL is allowed */
};

struct encoder {
	const struct encoder_impl *impl;
	char name[64];		/* for people and files: "libx264 superfast (software)" */
};

extern const struct encoder_impl encoder_avcodec;
