/* The levels of H.264 (ITU-T H.264, Table A-1): what a stream needs, which encoders want told beforehand. Pure functions. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * The lowest level, times ten (9 is 1b, 40 is 4.0), that allows pictures of this size at this rate with this bitrate. high:
 * for High profile, which may have a quarter more bits than Main and Baseline. 0: no level does.
 */
int h264_level_needed(int width, int height, double fps, int64_t bitrate_bps, bool high);
