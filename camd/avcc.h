/*
 * The avcC box: the parameter sets of an H.264 stream as an MP4 file wants them (ISO 14496-15). Pure functions; any
 * thread.
 */
#pragma once

#include "camd/h264.h"
#include "common/mp4box.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Appends an avcC box made of the parameter sets among nals; others are passed over. Where they are of several encoders, the box
 * asks for the highest profile and level. False, with nothing appended, if there is no SPS or no PPS, or more than the box can hold.
 */
bool avcc_write(struct mp4box *box, const struct nal *nals, size_t n);

/*
 * The parameter sets in what stands in an avcC box, which is not trusted, and for NAL units that have lengths of four bytes. They
 * point into data. False: it is damaged, or holds more than max.
 */
bool avcc_read(const uint8_t *data, size_t bytes, struct nal *nals, size_t max, size_t *n);
