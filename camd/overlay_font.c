#include "camd/overlay_font.h"

#include "common/utf8.h"
#include "common/util.h"

#include <ft2build.h>
#include FT_FREETYPE_H
#include FT_OUTLINE_H
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_CODE 32
#define N_ASCII 95
#define MAX_EXTRA 96			/* characters beyond ASCII */
#define ROW 16
#define EDGE 14				/* the edge of an outline is a capital's height divided by this wide */

struct glyphs {
	int n;
	struct glyph items[N_ASCII + MAX_EXTRA];	/* ASCII at its place, then the others */
};

struct face {
	FT_Library library;
	FT_Face face;
};

/* Where Debian, Raspberry Pi OS, Fedora and Arch put fonts in which all digits are equally wide. */
static const char *const usual[] = {
	"/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf",
	"/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
	"/usr/share/fonts/truetype/liberation/LiberationMono-Regular.ttf",
	"/usr/share/fonts/truetype/liberation2/LiberationMono-Regular.ttf",
	"/usr/share/fonts/truetype/freefont/FreeMono.ttf",
	"/usr/share/fonts/truetype/noto/NotoSansMono-Regular.ttf",
	"/usr/share/fonts/truetype/piboto/Piboto-Regular.ttf",
	"/usr/share/fonts/dejavu-sans-mono-fonts/DejaVuSansMono.ttf",
	"/usr/share/fonts/TTF/DejaVuSansMono.ttf",
};

/* ---- files ---- */

static void face_close(struct face *face)
{
	if (face->face)
		FT_Done_Face(face->face);
	if (face->library)
		FT_Done_FreeType(face->library);
}

static bool face_open(struct face *face, const char *path, struct error *err)
{
	struct stat about;

	*face = (struct face){ 0 };
	if (stat(path, &about) || access(path, R_OK))
		return error_set_errno(err, errno, "font %s", path);
	if (!S_ISREG(about.st_mode))
		return error_set(err, ERR_UNSUPPORTED, "font %s: it is no file", path);
	if (FT_Init_FreeType(&face->library))
		return error_set(err, ERR_INTERNAL, "FreeType does not start");
	if (!FT_New_Face(face->library, path, 0, &face->face) && FT_IS_SCALABLE(face->face) && FT_Get_Char_Index(face->face, '0'))
		return true;
	face_close(face);
	return error_set(err, ERR_UNSUPPORTED, "font %s: it is no font that has digits and can be drawn at any size", path);
}

static bool is_usable(const char *path, struct error *err)
{
	struct face face;

	if (!face_open(&face, path, err))
		return false;
	face_close(&face);
	return true;
}

static const char *find_usual(void)
{
	struct error ignored;

	for (size_t i = 0; i < ARRAY_LEN(usual); i++)
		if (is_usable(usual[i], &ignored))
			return usual[i];
	return NULL;
}

bool overlay_font_choose(const char *wanted, const char **path, struct error *err)
{
	bool good = !wanted || is_usable(wanted, err);

	*path = wanted && good ? wanted : find_usual();
	if (good && !*path)
		return error_set(err, ERR_NOT_FOUND, "no font, so nothing is drawn into the pictures: install fonts-dejavu-core, name a "
				 "font's file by overlay_font, or set show_frame_number = false");
	return good || error_wrap(err, *path ? "overlay_font, another one is used" : "overlay_font, and no other was found");
}

/* ---- glyphs ---- */

static int even_down(int value)
{
	return value & ~1;
}

/* FreeType's bitmap with room for an edge, its corner on an even pixel; rows are filled up to what is blended at once. */
static void take_bitmap(struct shape *shape, const FT_GlyphSlot slot, int edge)
{
	const FT_Bitmap *bitmap = &slot->bitmap;
	int width = (int)bitmap->width, rows = (int)bitmap->rows;
	int left = even_down(slot->bitmap_left - edge), top = -even_down(-(slot->bitmap_top + edge));
	int across = slot->bitmap_left - left, down = top - slot->bitmap_top;
	size_t pixels;

	*shape = (struct shape){
		.left = left, .top = top, .width = (across + width + edge + ROW - 1) / ROW * ROW, .height = (down + rows + edge + 1) & ~1,
	};
	pixels = (size_t)shape->width * (size_t)shape->height;
	shape->coverage[GRID_PIXEL] = xcalloc(pixels + 1, 2);	/* all three grids: a whole, a half and a quarter */
	shape->coverage[GRID_PAIR] = shape->coverage[GRID_PIXEL] + pixels;
	shape->coverage[GRID_SQUARE] = shape->coverage[GRID_PAIR] + pixels / 2;
	for (int y = 0; y < rows; y++)
		memcpy(shape->coverage[GRID_PIXEL] + (ptrdiff_t)(down + y) * shape->width + across,
		       bitmap->buffer + (ptrdiff_t)y * bitmap->pitch, (size_t)width);
}

/* The most of n values around each of a row or column; step: bytes from one to the next. */
static void widen_line(const uint8_t *in, uint8_t *out, int n, int step, int edge)
{
	for (int i = 0; i < n; i++) {
		uint8_t most = 0;

		for (int j = MAX(0, i - edge); j <= MIN(n - 1, i + edge); j++)
			most = MAX(most, in[j * step]);
		out[i * step] = most;
	}
}

/* An edge all around. */
static void widen(struct shape *shape, int edge)
{
	int width = shape->width, height = shape->height;
	uint8_t *pixels = shape->coverage[GRID_PIXEL], *across = xcalloc((size_t)width * (size_t)height, 1);

	for (int y = 0; y < height; y++)
		widen_line(pixels + y * width, across + y * width, width, 1, edge);
	for (int x = 0; x < width; x++)
		widen_line(across + x, pixels + x, height, width, edge);
	free(across);
}

static void take_shapes(struct glyph *glyph, const FT_GlyphSlot slot, int edge)
{
	if (!slot->bitmap.width || !slot->bitmap.rows)
		return;		/* a space */
	take_bitmap(&glyph->stroke, slot, 0);
	take_bitmap(&glyph->outline, slot, edge);
	widen(&glyph->outline, edge);
	paint_fill_grids(&glyph->stroke);
	paint_fill_grids(&glyph->outline);
}

/* False: the font doesn't have it. */
static bool render(const struct face *face, uint32_t code, int thickness, int edge, struct glyph *glyph)
{
	FT_UInt index = FT_Get_Char_Index(face->face, code);
	FT_GlyphSlot slot = face->face->glyph;

	if (!index || FT_Load_Glyph(face->face, index, FT_LOAD_NO_BITMAP | FT_LOAD_TARGET_LIGHT))
		return false;
	if (thickness > 1 && slot->format == FT_GLYPH_FORMAT_OUTLINE)
		FT_Outline_Embolden(&slot->outline, (thickness - 1) * 64);
	if (FT_Render_Glyph(slot, FT_RENDER_MODE_NORMAL) || slot->bitmap.pixel_mode != FT_PIXEL_MODE_GRAY)
		return false;
	glyph->code = code;
	glyph->advance = (int)((slot->advance.x + 32) / 64 + thickness) & ~1;
	take_shapes(glyph, slot, edge);
	return true;
}

static bool set_size(const struct face *face, int capital)
{
	FT_Face its = face->face;
	double em = its->units_per_EM, height = em * 0.7;

	if (!FT_Load_Char(its, 'H', FT_LOAD_NO_SCALE) && its->glyph->metrics.height > em / 4)
		height = (double)its->glyph->metrics.height;
	return !FT_Set_Char_Size(its, 0, lround(capital * em / height * 64), 72, 72);
}

static bool is_known(const struct glyphs *glyphs, uint32_t code)
{
	for (int i = N_ASCII; i < glyphs->n; i++)
		if (glyphs->items[i].code == code)
			return true;
	return code < FIRST_CODE + N_ASCII;
}

static void render_all(struct glyphs *glyphs, const struct face *face, const struct glyphs_request *request)
{
	int edge = MAX(1, request->capital / EDGE);

	for (int i = 0; i < N_ASCII; i++)
		render(face, FIRST_CODE + (uint32_t)i, request->thickness, edge, &glyphs->items[i]);
	glyphs->n = N_ASCII;
	for (const char *at = request->text; *at && glyphs->n < N_ASCII + MAX_EXTRA;) {
		uint32_t code = glyphs_next_code(&at);

		if (!is_known(glyphs, code) && render(face, code, request->thickness, edge, &glyphs->items[glyphs->n]))
			glyphs->n++;
	}
}

struct glyphs *glyphs_create(const struct glyphs_request *request, struct error *err)
{
	struct glyphs *glyphs;
	struct face face;

	if (!face_open(&face, request->path, err))
		return NULL;
	if (!set_size(&face, request->capital)) {
		face_close(&face);
		error_set(err, ERR_UNSUPPORTED, "font %s: it can't be drawn at %d pixels", request->path, request->capital);
		return NULL;
	}
	glyphs = xcalloc(1, sizeof(*glyphs));
	render_all(glyphs, &face, request);
	face_close(&face);
	return glyphs;
}

void glyphs_destroy(struct glyphs *glyphs)
{
	for (int i = 0; glyphs && i < glyphs->n; i++) {
		free(glyphs->items[i].stroke.coverage[GRID_PIXEL]);
		free(glyphs->items[i].outline.coverage[GRID_PIXEL]);
	}
	free(glyphs);
}

const struct glyph *glyphs_find(const struct glyphs *glyphs, uint32_t code)
{
	if (code >= FIRST_CODE && code < FIRST_CODE + N_ASCII)
		return &glyphs->items[code - FIRST_CODE];
	for (int i = N_ASCII; i < glyphs->n; i++)
		if (glyphs->items[i].code == code)
			return &glyphs->items[i];
	return &glyphs->items['?' - FIRST_CODE];
}

uint32_t glyphs_next_code(const char **text)
{
	const unsigned char *at = (const unsigned char *)*text;
	size_t length = utf8_length(at, 4);
	uint32_t code = length > 1 ? *at & (0x7fu >> length) : *at;

	*text += MAX(length, 1);
	for (size_t i = 1; i < length; i++)
		code = code << 6 | (at[i] & 0x3f);
	return length ? code : '?';
}
