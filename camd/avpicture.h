/*
 * FFmpeg's pictures as camd's: which formats go on as they are, what colour they have, and the conversion of all others.
 * Any thread.
 */
#pragma once

#include "camd/frame.h"
#include "common/error.h"

#include <libavutil/frame.h>

struct SwsContext;

/*
 * How a decoded picture goes on: in its own layout if camd has that, as I420 otherwise; with odd sizes trimmed by one pixel;
 * with the colour that it states. Where it states none, the matrix is what every player assumes: BT.709 from 1280 columns
 * or 577 rows on, BT.601 below. False: too small to be a picture.
 */
bool avpicture_format(const AVFrame *picture, struct frame_format *format);

/* Whether a picture is as the format says, so that avpicture_planes() can show it without a copy. */
bool avpicture_fits(const AVFrame *picture, const struct frame_format *format);

/* A copy, converted and scaled, that fits the format; NULL on failure. *scaler is kept for the next one, sws_freeContext()ed at last. */
AVFrame *avpicture_convert(struct SwsContext **scaler, const AVFrame *picture, const struct frame_format *format,
			   struct error *err);

/* Points a frame's planes at a picture that fits its format. */
void avpicture_planes(struct frame *frame, const AVFrame *picture);
