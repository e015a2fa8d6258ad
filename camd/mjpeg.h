/* Whether a JPEG from a camera is all there: cables and hubs lose the ends of them. Pure; any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* It begins as a JPEG and has its end marker, after which there may be padding. */
bool mjpeg_is_whole(const uint8_t *data, size_t bytes);
