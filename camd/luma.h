/* What luma is made of, by the matrix that a picture's colour names (ITU-T H.273). Pure; any thread. */
#pragma once

#include <stdint.h>

/* Luma's share of red and blue; that of green is the rest to 1. */
struct luma_weights {
	double red, blue;
};

struct luma_weights luma_weights_of(uint8_t matrix);
