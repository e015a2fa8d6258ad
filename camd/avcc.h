/*
 * The avcC box: the parameter sets of an H.264 stream as an MP4 file wants them (ISO 14496-15). Pure functions; any
 * thread.
 */
#pragma once

#include "camd/h264.h"
#include "camd/mp4box.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Appends an avcC box made of the parameter sets among nals; others are passed over. False, with nothing appended, if
 * there is no SPS or no PPS, or more than the box can hold.
 */
bool avcc_write(struct mp4box *box, const struct nal *nals, size_t n);
