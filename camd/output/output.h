/*
 * Where packets go: one file a recording. One implementation a container: fmp4 (`.mp4`), annexb (`.h264`).
 *
 * An output knows no cameras. It is used by one thread, the camera's output thread, but for push() and sync(), which the
 * durability thread calls. What write() has returned true for survives the death of camd; what sync() has returned true
 * for, after that, survives the loss of power.
 */
#pragma once

#include "camd/frame.h"
#include "camd/packet.h"
#include "common/error.h"

struct output;

struct output_request {
	const char *path;	/* must not exist: created with O_EXCL */
	int width, height;
	struct colour colour;
	double fps;		/* nominal; for the last frame's duration and where a container wants one */
	const char *encoder;	/* what encoded it, written into the file's metadata */
	const char *title;	/* for people: camera model and number */
};

struct output_impl {
	const char *name;	/* of the setting container: "mp4", "h264" */
	const char *suffix;	/* ".mp4" */

	/* Makes the file with what must stand at its head. first is its first packet, a key frame. */
	struct output *(*create)(const struct output_request *request, const struct packet *first, struct error *err);

	/*
	 * Appends one packet with one system call where possible. With the first one, file and directory are synced, so that a power cut
	 * leaves no file without a frame. False: nothing of it is in the file (it was cut back to where it was) and err says why.
	 */
	bool (*write)(struct output *output, const struct packet *packet, struct error *err);

	/* Drops what stands behind so many bytes, a place between two packets; nothing is written to it any more. For a file whose sync failed. */
	bool (*cut)(struct output *output, uint64_t bytes, struct error *err);

	/* Starts what sync() would do, and does not wait. Any thread, while the output exists. */
	void (*push)(struct output *output);

	/* fdatasync. Any thread, while the output exists. */
	bool (*sync)(struct output *output, struct error *err);

	/* Makes the file whole, syncs it. encoder: what encoded it, where that has changed since create(); NULL: it has not. */
	bool (*finish)(struct output *output, const char *encoder, struct error *err);
	void (*destroy)(struct output *output);	/* closes; without finish() the file stays as after a crash. NULL is allowed */
};

struct output {
	const struct output_impl *impl;
	uint64_t bytes;		/* in the file so far */
	int64_t next_ns;	/* set before finish(): sensor time of the frame that another file goes on with; 0: none does */
};

extern const struct output_impl output_fmp4, output_annexb;
