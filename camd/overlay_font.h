/*
 * A font's glyphs at one size as coverage, made once by FreeType, and looked up for each frame.
 *
 * FreeType is open only while glyphs are being made. Any thread; what was made is read-only.
 */
#pragma once

#include "camd/overlay_paint.h"
#include "common/error.h"

/*
 * The font that is to be used: the file wanted, if there is one in it that can be drawn at any size, else (or if wanted is NULL)
 * the first there is of those that distributions install. *path borrows, or is NULL: there is none. False: err says what is
 * amiss, and what to do.
 */
bool overlay_font_choose(const char *wanted, const char **path, struct error *err);

struct glyph {
	uint32_t code;			/* Unicode */
	int advance;			/* to the next glyph, pixels, even */
	struct shape stroke, outline;	/* the glyph itself, and with an edge around it; placed by the pen on the baseline */
};

struct glyphs;

/* What is drawn how: glyphs are made anew if any of it is another. */
struct glyphs_request {
	const char *path;
	int capital;			/* height of a capital letter in pixels */
	int thickness;			/* 1: the font's own strokes, each further one makes them a pixel wider */
	const char *text;		/* whose characters beyond ASCII are needed, too */
};

struct glyphs *glyphs_create(const struct glyphs_request *request, struct error *err);
void glyphs_destroy(struct glyphs *glyphs);		/* NULL is allowed */

/* A question mark for what the font doesn't have. */
const struct glyph *glyphs_find(const struct glyphs *glyphs, uint32_t code);

/* Decodes one character of UTF-8 and steps behind it; what is none counts as '?'. The text ends with NUL. */
uint32_t glyphs_next_code(const char **text);
