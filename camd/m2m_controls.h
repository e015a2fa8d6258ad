/*
 * An encoder's controls. Each is asked for, kept within its range and set by itself: what a driver has not, or refuses, is
 * gone without. By the thread of the encoder's device.
 */
#pragma once

#include "camd/m2m_device.h"

#include <stdint.h>

struct m2m_rate_wish {
	int width, height;
	double fps;
	int64_t bitrate_bps;
	int intra;		/* a key frame at least every so many frames */
	int profile;		/* enum h264_profile */
	int level;		/* times ten; 0: what the stream needs */
	int least_level;	/* times ten; 0: no demand */
};

struct m2m_controls {
	const struct m2m_device *device;
	bool can_force_key;
	int level;		/* times ten, as the driver has it now; 0: it is not asked */
};

/* Sets all that is worth setting before there are buffers. The device is borrowed. */
void m2m_controls_apply(struct m2m_controls *controls, const struct m2m_device *device, const struct m2m_rate_wish *wish);

/* The next picture that is encoded is to be a key frame; which that is, the driver knows. 0 or an errno. */
int m2m_controls_force_key(const struct m2m_controls *controls);

bool m2m_controls_set_bitrate(const struct m2m_controls *controls, int64_t bitrate_bps);
