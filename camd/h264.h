/* Reading H.264 in Annex B form: NAL units, parameter sets. Pure functions on memory; any thread. */
#pragma once

#include "common/nal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nal {
	const uint8_t *data;	/* the NAL unit, without start code and trailing zeros */
	size_t bytes;
	int type;		/* enum nal_type, or another of the standard */
};

/*
 * Steps through the NAL units of data. *at is where to go on, 0 at first. False: no more. Start codes of three and four
 * bytes; garbage before the first is skipped.
 */
bool h264_next_nal(const uint8_t *data, size_t bytes, size_t *at, struct nal *nal);

/* Whether an access unit holds an IDR slice: the bitstream's word, not a flag's. */
bool h264_has_idr(const uint8_t *data, size_t bytes);

/* Finds the first SPS and PPS. False if either is missing. They point into data. */
bool h264_find_parameter_sets(const uint8_t *data, size_t bytes, struct nal *sps, struct nal *pps);

/* The number of an SPS or PPS, of whatever bytes; one that is cut off has a large one. */
uint32_t h264_set_id(const struct nal *set);

/* What an SPS says of chroma and of depth (bits - 8) in those profiles that say it. */
struct h264_chroma {
	uint32_t format, depth_luma, depth_chroma;
};
struct h264_chroma h264_chroma(const struct nal *sps);
