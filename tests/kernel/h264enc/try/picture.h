/*
 * Pictures to encode, and what a decoder makes of the stream. A picture is planar 4:2:0 without gaps. Any thread, one
 * per decoder.
 */
#ifndef TRY_PICTURE_H
#define TRY_PICTURE_H

#include "tests/kernel/h264enc/try/client.h"

struct decoder;

/* What the stream says of itself. */
struct facts {
	unsigned width, height;
	int profile, level;
	double fps;
};

size_t picture_size(unsigned width, unsigned height);

/* Picture number n: noise, zeros as in start codes, and a part that is different in each. The caller frees. */
uint8_t *picture_make(unsigned width, unsigned height, unsigned n);
/* Puts it into an OUTPUT buffer of the client's format; what is around it is filled with something else. */
void picture_store(const struct client *client, int index, const uint8_t *picture);

struct decoder *decoder_create(void);
void decoder_destroy(struct decoder *decoder);
/* Decodes one access unit. The picture is the decoder's, until the next call; NULL if there was none. */
const uint8_t *decoder_decode(struct decoder *decoder, const uint8_t *data, size_t size);
struct facts decoder_facts(const struct decoder *decoder);

/* The types of the NAL units in it, as digits: 7 SPS, 8 PPS, 5 key frame, 1 other frame. The caller frees. */
char *nal_types(const uint8_t *data, size_t size);

/* What decoders hardly look at, but must be right: from the header of the first slice in it. */
struct slice {
	unsigned frame_num, idr_pic_id;
};
bool nal_slice(const uint8_t *data, size_t size, struct slice *slice);

#endif
