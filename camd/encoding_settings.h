/* What is asked of an encoder, whichever it will be. Plain data. */
#pragma once

#include <stdint.h>

enum encoder_choice {
	ENCODER_AUTO,		/* the board's hardware; software where there is none, or where it fails */
	ENCODER_M2M,		/* hardware or nothing */
	ENCODER_SOFTWARE,
};

enum h264_profile { H264_PROFILE_AUTO, H264_PROFILE_BASELINE, H264_PROFILE_MAIN, H264_PROFILE_HIGH };

struct encoding_settings {
	int choice;		/* enum encoder_choice */
	double fps;		/* nominal, > 0 */
	int64_t bitrate_bps;
	int64_t intra_ns;	/* longest time between key frames; 0: each frame is one */
	int profile;		/* enum h264_profile; auto: the encoder's best */
	int level;		/* times ten; 0: what the stream needs */
	const char *preset;	/* of the software encoder; static */
	int threads;		/* of the software encoder; 0: as many as fit */
};
