/*
 * One encoded picture, counted: an H.264 access unit in Annex B form with the facts of the frame that it came from.
 *
 * Made by the encoder's thread, read-only afterwards. packet_ref()/packet_unref(): any thread.
 */
#pragma once

#include "camd/frame.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct packet {
	atomic_int references;
	const uint8_t *data;		/* NAL units behind start codes */
	size_t bytes;
	bool key;			/* holds an IDR picture */

	int64_t sensor_ns;		/* CLOCK_MONOTONIC */
	int64_t wall_ns;		/* CLOCK_REALTIME at capture */
	uint64_t number;		/* in the recording, from 1, lost frames included */
	uint64_t before;		/* number of the recording's packet before; 0: none. Filled by the output thread */
	uint64_t camera_frame;
	struct exposure exposure;
	/* totals since the start of the recording, as they stood when this frame was captured or encoded */
	uint64_t lost_sensor, lost_starved, lost_encoder;
	/* and how many packets the storage was too slow or too full for; filled by the output thread before it writes */
	uint64_t lost_storage;
	char mark[MARK_BYTES];		/* what somebody noted about the moment; "": nothing. Filled by the output thread */

	void (*release)(struct packet *packet, void *owner);
	void *owner;
};

/* One of its own, with its own memory. */
struct packet *packet_copy(const struct packet *packet);

struct packet *packet_ref(struct packet *packet);
void packet_unref(struct packet *packet);	/* NULL is allowed */
