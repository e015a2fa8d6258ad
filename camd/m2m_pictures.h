/*
 * Coded pictures, put together from what an encoder's buffers held, as packets. A picture may come in several buffers of the
 * same time; parameter sets may come by themselves, or only once.
 *
 * Whether a picture is a key frame, the bitstream says: not all drivers set flags, and some set wrong ones. For codecs other
 * than H.264 each buffer is a picture, and the flag is all there is.
 *
 * Belongs to the encoder's thread; the packets to anybody.
 */
#pragma once

#include "camd/packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct m2m_pictures;

/* What a buffer held. */
struct m2m_piece {
	const uint8_t *data;
	size_t bytes;
	bool fills;		/* to the brim, or nearly so: more of the picture may follow */
	bool key;		/* so the driver says */
	int64_t time_us;
};

struct m2m_pictures *m2m_pictures_create(bool h264);
void m2m_pictures_destroy(struct m2m_pictures *pictures);	/* NULL is allowed */

/* The time of the picture that is being put together. False: there is none. */
bool m2m_pictures_pending(const struct m2m_pictures *pictures, int64_t *time_us);

/* Whether it may well be whole: its last buffer had room left. */
bool m2m_pictures_seems_whole(const struct m2m_pictures *pictures);

/*
 * Adds what a buffer held: to the picture that is pending, which must then be of the same time, or to a new one. Nothing
 * becomes pending of parameter sets alone, which are kept. False: a further piece of the picture that was taken last: that
 * one was not whole, nor will any after it be up to the next key frame.
 */
bool m2m_pictures_add(struct m2m_pictures *pictures, const struct m2m_piece *piece);

/*
 * The pending picture, with data, bytes and key set; the caller's. Key frames begin with parameter sets, if any have been
 * seen so far.
 */
struct packet *m2m_pictures_take(struct m2m_pictures *pictures);

/* Forgets the pending picture. */
void m2m_pictures_drop(struct m2m_pictures *pictures);
