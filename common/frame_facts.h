/*
 * What is known of a recorded frame besides its picture: it travels with the frame, stands in a row of the timing table, and in the
 * video itself. Plain data.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MARK_BYTES 128	/* with its NUL */

/* Colour as ITU-T H.273 code points, so that they go into a bitstream as they are. 2 is "unspecified". */
struct colour {
	uint8_t primaries;	/* 1: BT.709, 5: BT.601-625, 6: BT.601-525 */
	uint8_t transfer;	/* 1: BT.709, 6: BT.601, 13: sRGB */
	uint8_t matrix;		/* 0: none, it is RGB; 1: BT.709, 5 and 6: BT.601 */
	bool full_range;	/* true: 0-255, as in JPEG; false: 16-235 */
};

/* What a sensor said about an exposure: the members whose bit is in known, the others are unknown. */
enum exposure_fact {
	EXPOSURE_TIME = 1 << 0,
	EXPOSURE_ANALOGUE_GAIN = 1 << 1,
	EXPOSURE_DIGITAL_GAIN = 1 << 2,
	EXPOSURE_LUX = 1 << 3,
	EXPOSURE_TEMPERATURE = 1 << 4,
};

struct exposure {
	unsigned known;		/* bits of enum exposure_fact */
	int32_t time_us;
	float analogue_gain, digital_gain;	/* factors */
	float lux;
	float temperature_c;	/* of the sensor */
};

/* The facts of one frame, as far as the table has them. */
struct framelog_row {
	uint64_t number;		/* in the recording, from 1, lost frames included */
	int64_t wall_ns;		/* CLOCK_REALTIME; 0: unknown, printed as an empty field */
	int64_t sensor_ns;		/* CLOCK_MONOTONIC */
	uint64_t before;		/* number of the recording's row before, which may be in another file; 0: none */
	uint64_t camera_frame;
	uint64_t lost_sensor, lost_starved, lost_encoder, lost_storage;
	struct exposure exposure;	/* what is unknown is printed as empty fields */
	char mark[MARK_BYTES];
};
