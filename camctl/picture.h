/* A picture of a preview_frame message: base64, in it a JPEG, in it pixels. One thread a decoder. */
#pragma once

#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

struct picture {
	int width, height;
	uint8_t *rgba;		/* rows without gaps, opaque */
};

struct picture_decoder;

struct picture_decoder *picture_decoder_create(void);
void picture_decoder_destroy(struct picture_decoder *decoder);	/* NULL is allowed */

/* Replaces what the picture held; on failure it holds what it did. */
bool picture_decode(struct picture_decoder *decoder, struct picture *picture, const char *base64, struct error *err);
void picture_clear(struct picture *picture);
