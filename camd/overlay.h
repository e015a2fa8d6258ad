/*
 * One camera's overlay: text drawn into its pictures, in place, touching nothing but the boxes that the text covers.
 *
 * Pictures that can be painted as they lie are, by the source's thread, before anybody else has them (camd/drawing.h); of the
 * others (MJPEG, Y10) whatever they are converted to, by whom that is done. Previews are scaled down, so they get a text of their
 * own, with time and rates. Glyphs are made when a size is seen first; per frame nothing is allocated.
 *
 * What is not said otherwise may be called by any thread.
 */
#pragma once

#include "camd/overlay_font.h"

#define OVERLAY_TEMPLATE_BYTES 512	/* with its NUL, as those below */
#define OVERLAY_FONT_BYTES 1024

struct overlay_look {
	bool enabled;
	char text[OVERLAY_TEMPLATE_BYTES];	/* as overlay_text_write() takes it */
	char font[OVERLAY_FONT_BYTES];		/* path; empty: there is none, and nothing is drawn */
	int position;				/* index in overlay_positions */
	int capital;				/* height of capital letters in pixels; 0: as the picture's size suggests */
	int thickness;				/* glyphs_request.thickness */
	struct rgba colour, background;	/* background.alpha 0: none, and an edge makes the text stand out */
	int margin;				/* pixels between text and the picture's side; -1: half a capital */
	int line_y;				/* from the picture's edge to the nearest line's foot; -1: by the margin */
};

struct overlay;

struct overlay *overlay_create(int camera_id, const struct overlay_look *look);
void overlay_destroy(struct overlay *overlay);		/* NULL is allowed */

/* Main thread. */
void overlay_set_look(struct overlay *overlay, const struct overlay_look *look);
const struct overlay_look *overlay_look(const struct overlay *overlay);

bool overlay_is_on(const struct overlay *overlay);

/* Pictures like this will come: makes the glyphs for them. */
void overlay_prepare(struct overlay *overlay, const struct frame_format *format);

/* Draws into a picture that paint_can() and that is written by this thread alone; what is said is of the frame itself. */
void overlay_draw(struct overlay *overlay, struct frame *picture);

/* Draws into what was converted from a frame that could not be painted itself; without effect on others. */
void overlay_draw_converted(struct overlay *overlay, const struct frame *frame, struct frame *converted);

/* Draws into a picture scaled down from a frame: the same text, time and rates, and over what is left there of the frame's own. */
void overlay_draw_preview(struct overlay *overlay, struct frame *scaled, const struct frame *frame);
