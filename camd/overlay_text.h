/*
 * The overlay's text: a template, and what it says of one frame. It allocates nothing. Pure functions; any thread.
 */
#pragma once

#include "camd/frame.h"

#define OVERLAY_TEXT_BYTES 1024		/* of a text with its NUL; what is longer is cut off */

/*
 * Writes the text of a frame: %frame %fps %dropped %camera %exposure %gain %temp, %f for the microseconds of the wall time
 * at which it was exposed, all other conversions as in strftime(3) for that time; "\n" begins a new line, written as one or as two characters. What is not
 * known is "-".
 */
void overlay_text_write(const char *template, const struct frame *facts, int camera_id, char text[OVERLAY_TEXT_BYTES]);
