#include "camd/overlay.h"

#include "camd/overlay_text.h"
#include "common/log.h"
#include "common/util.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LINES 16
#define PREVIEW_LINES "\n%Y-%m-%d %H:%M:%S\n"

struct box {
	int x, y, width, height;
};

struct placed {
	const struct glyph *glyph;
	int x, y;			/* of the pen, on the baseline */
};

/* One of the two ways in which the text is drawn. */
struct pen {
	pthread_mutex_t lock;		/* guards what follows; look is written by the main thread alone */
	struct overlay_look look;
	struct glyphs *glyphs;		/* NULL: none yet, or none can be had */
	int capital;			/* that they, or the attempt to make them, are for; 0: none */
	struct frame_format format;	/* last seen */
	char text[OVERLAY_TEXT_BYTES];
	struct placed placed[OVERLAY_TEXT_BYTES];
	int n_placed;
	struct box covered;		/* by the last text drawn */
};

struct overlay {
	int camera_id;
	atomic_bool on;
	struct pen frames, previews;
};

/* ---- glyphs ---- */

/* Readable in every size, and not in the way. */
static int usual_capital(const struct frame_format *format)
{
	int capital = MAX(format->height / 34, MIN(10, format->height / 6));

	return MAX(MIN(capital, format->width / 19), 4);
}

static struct glyphs *make_glyphs(const struct overlay_look *look, int capital)
{
	struct glyphs_request request = { .path = look->font, .capital = capital, .thickness = look->thickness, .text = look->text };
	struct glyphs *glyphs;
	struct error err;

	if (!look->font[0])
		return NULL;
	glyphs = glyphs_create(&request, &err);
	if (!glyphs)
		log_warning("overlay: %s", err.text);
	return glyphs;
}

static int capital_for(const struct overlay_look *look, const struct frame_format *format)
{
	return look->capital ? look->capital : usual_capital(format);
}

/* With the lock. False: it can't draw. */
static bool make_ready(struct pen *pen, const struct frame_format *format)
{
	int capital = capital_for(&pen->look, format);

	pen->format = *format;
	if (capital != pen->capital) {
		glyphs_destroy(pen->glyphs);
		pen->glyphs = make_glyphs(&pen->look, capital);
		pen->capital = capital;
	}
	return pen->glyphs;
}

/* The glyphs are made before the lock is taken: frames don't wait for them. */
static void set_look(struct pen *pen, const struct overlay_look *look)
{
	struct frame_format format;
	struct glyphs *glyphs = NULL, *old;
	int capital = 0;

	pthread_mutex_lock(&pen->lock);
	format = pen->format;
	pthread_mutex_unlock(&pen->lock);
	if (look->enabled && format.width) {
		capital = capital_for(look, &format);
		glyphs = make_glyphs(look, capital);
	}
	pthread_mutex_lock(&pen->lock);
	old = pen->glyphs;
	pen->look = *look;
	pen->glyphs = glyphs;
	pen->capital = capital;
	pthread_mutex_unlock(&pen->lock);
	glyphs_destroy(old);
}

/* ---- where the text goes ---- */

/* Places a line's glyphs from x = 0 on; returns its width. *at steps behind it. */
static int place_line(struct pen *pen, const char **at, int y)
{
	int x = 0;

	while (**at && **at != '\n') {
		const struct glyph *glyph = glyphs_find(pen->glyphs, glyphs_next_code(at));

		pen->placed[pen->n_placed++] = (struct placed){ glyph, x, y };
		x += glyph->advance;
	}
	*at += **at == '\n';
	return x;
}

static int count_lines(const char *text)
{
	int n = 1;

	for (; *text; text++)
		n += *text == '\n';
	return MIN(n, MAX_LINES);
}

static int even(int value)
{
	return value & ~1;
}

/* Left edge of a line. */
static int align(const struct pen *pen, int width, int margin)
{
	switch (pen->look.position % 3) {
	case 0:
		return even(margin);
	case 1:
		return even((pen->format.width - width) / 2);
	default:
		return even(pen->format.width - margin - width);
	}
}

/* Puts all glyphs at their places; the box is what they cover, with some space around. */
static struct box place(struct pen *pen)
{
	const struct overlay_look *look = &pen->look;
	int capital = pen->capital, n = count_lines(pen->text), line_height = even(capital * 8 / 5), pad = even(capital / 4 + 2);
	int margin = look->margin >= 0 ? look->margin : capital / 2, foot = look->line_y >= 0 ? look->line_y : margin + capital;
	int bottom_foot = look->line_y >= 0 ? look->line_y : margin;
	int y = even(look->position < 3 ? foot : pen->format.height - bottom_foot - (n - 1) * line_height);
	struct box box = { .x = pen->format.width, .y = y - even(capital) - pad, .height = even(capital) + pad * 2 };
	const char *at = pen->text;
	int right = 0;

	pen->n_placed = 0;
	for (int line = 0; line < n; line++) {
		int first = pen->n_placed, width = place_line(pen, &at, y + line * line_height), x = align(pen, width, margin);

		for (int i = first; i < pen->n_placed; i++)
			pen->placed[i].x += x;
		box.x = MIN(box.x, x - pad);
		right = MAX(right, x + width + pad);
	}
	box.width = right - box.x;
	box.height += (n - 1) * line_height;
	return box;
}

/* ---- drawing ---- */

/* What stands out against a colour. */
static struct rgba opposite(struct rgba colour)
{
	uint8_t level = colour.red * 2 + colour.green * 5 + colour.blue >= 128 * 8 ? 0 : 255;

	return (struct rgba){ level, level, level, 255, true };
}

static void paint_placed(const struct canvas *canvas, const struct placed *placed, const struct shape *shape, const struct paint *paint)
{
	paint_shape(canvas, placed->x + shape->left, placed->y - shape->top, shape, paint);
}

static void paint_text(struct pen *pen, struct frame *picture, const struct box *box, struct rgba background)
{
	const struct canvas canvas = paint_canvas(picture);
	const struct paint paint = paint_mix(pen->look.colour, &picture->format);
	struct paint behind = paint_mix(background, &picture->format);

	if (background.alpha)
		paint_box(&canvas, box->x, box->y, box->width, box->height, &behind);
	behind = paint_mix(opposite(pen->look.colour), &picture->format);
	/* all edges first, so that none lies over the letter beside it */
	for (int i = 0; i < pen->n_placed && !background.alpha; i++)
		paint_placed(&canvas, &pen->placed[i], &pen->placed[i].glyph->outline, &behind);
	for (int i = 0; i < pen->n_placed; i++)
		paint_placed(&canvas, &pen->placed[i], &pen->placed[i].glyph->stroke, &paint);
}

void overlay_prepare(struct overlay *overlay, const struct frame_format *format)
{
	if (!overlay_is_on(overlay))
		return;
	pthread_mutex_lock(&overlay->frames.lock);
	make_ready(&overlay->frames, format);
	pthread_mutex_unlock(&overlay->frames.lock);
}

void overlay_draw(struct overlay *overlay, struct frame *picture)
{
	struct pen *pen = &overlay->frames;

	if (!overlay_is_on(overlay))
		return;
	pthread_mutex_lock(&pen->lock);
	if (make_ready(pen, &picture->format)) {
		overlay_text_write(pen->look.text, picture, overlay->camera_id, pen->text);
		pen->covered = place(pen);
		paint_text(pen, picture, &pen->covered, pen->look.background);
	}
	pthread_mutex_unlock(&pen->lock);
}

void overlay_draw_converted(struct overlay *overlay, const struct frame *frame, struct frame *converted)
{
	if (!paint_can(frame->format.pixels))
		overlay_draw(overlay, converted);
}

/* ---- previews ---- */

/* Where the text that is in the frames lies once they are scaled; with no width if there is none. */
static struct box find_ghost(struct pen *frames, const struct frame_format *format)
{
	struct box box, ghost = { 0 };
	int width, height;

	pthread_mutex_lock(&frames->lock);
	box = frames->covered;
	width = frames->format.width;
	height = frames->format.height;
	pthread_mutex_unlock(&frames->lock);
	if (!width || !box.width)
		return ghost;
	ghost.x = even((int)((int64_t)box.x * format->width / width));
	ghost.y = even((int)((int64_t)box.y * format->height / height));
	ghost.width = even((int)((int64_t)(box.x + box.width) * format->width / width) + 2) - ghost.x;
	ghost.height = even((int)((int64_t)(box.y + box.height) * format->height / height) + 2) - ghost.y;
	return ghost;
}

static struct box join(struct box a, struct box b)
{
	int right = MAX(a.x + a.width, b.x + b.width), bottom = MAX(a.y + a.height, b.y + b.height);

	if (!b.width)
		return a;
	a.x = MIN(a.x, b.x);
	a.y = MIN(a.y, b.y);
	a.width = right - a.x;
	a.height = bottom - a.y;
	return a;
}

static void write_preview(struct pen *pen, const struct frame *frame, int camera_id)
{
	char template[sizeof(pen->look.text) + sizeof(PREVIEW_LINES) + 64];

	snprintf(template, sizeof(template), "%s%scap %.1f rec %s", pen->look.text, PREVIEW_LINES, (double)frame->capture_mfps / 1000,
		 frame->number ? "%fps" : "-");
	overlay_text_write(template, frame, camera_id, pen->text);
}

void overlay_draw_preview(struct overlay *overlay, struct frame *scaled, const struct frame *frame)
{
	struct pen *pen = &overlay->previews;
	struct box box;

	if (!overlay_is_on(overlay))
		return;
	pthread_mutex_lock(&pen->lock);
	if (make_ready(pen, &scaled->format)) {
		write_preview(pen, frame, overlay->camera_id);
		box = join(place(pen), find_ghost(&overlay->frames, &scaled->format));
		paint_text(pen, scaled, &box, opposite(pen->look.colour));
	}
	pthread_mutex_unlock(&pen->lock);
}

/* ---- life ---- */

static bool draws(const struct overlay_look *look)
{
	return look->enabled && look->font[0];
}

/* Sizes in pixels are those of the frames: in a preview they are chosen anew. */
static struct overlay_look preview_look(const struct overlay_look *look)
{
	struct overlay_look preview = *look;

	preview.capital = 0;
	preview.thickness = 1;
	preview.margin = preview.line_y = -1;
	return preview;
}

struct overlay *overlay_create(int camera_id, const struct overlay_look *look)
{
	struct overlay *overlay = xcalloc(1, sizeof(*overlay));

	overlay->camera_id = camera_id;
	pthread_mutex_init(&overlay->frames.lock, NULL);
	pthread_mutex_init(&overlay->previews.lock, NULL);
	overlay->frames.look = *look;
	overlay->previews.look = preview_look(look);
	atomic_init(&overlay->on, draws(look));
	return overlay;
}

void overlay_destroy(struct overlay *overlay)
{
	if (!overlay)
		return;
	glyphs_destroy(overlay->frames.glyphs);
	glyphs_destroy(overlay->previews.glyphs);
	pthread_mutex_destroy(&overlay->frames.lock);
	pthread_mutex_destroy(&overlay->previews.lock);
	free(overlay);
}

void overlay_set_look(struct overlay *overlay, const struct overlay_look *look)
{
	struct overlay_look preview = preview_look(look);

	if (!memcmp(look, &overlay->frames.look, sizeof(*look)))
		return;		/* glyphs take some milliseconds to make */
	set_look(&overlay->frames, look);
	set_look(&overlay->previews, &preview);
	atomic_store(&overlay->on, draws(look));
}

const struct overlay_look *overlay_look(const struct overlay *overlay)
{
	return &overlay->frames.look;
}

bool overlay_is_on(const struct overlay *overlay)
{
	return atomic_load(&overlay->on);
}
