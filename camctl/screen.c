#include "camctl/screen.h"

#include "camctl/human.h"
#include "camctl/pen.h"
#include "common/util.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NO_TERMINAL_COLUMNS 100
#define MAX_KEPT_BYTES ((size_t)256 << 10)	/* for a terminal that stands still; what is said then stands in session.log */
#define FLUSH_MS 1000
#define USUAL_LINES 2
#define SAYING_SHARE 8		/* of the terminal's rows, one in so many is left to what is said */

struct line {
	char *text;
	enum screen_colour colour;
};

/* What is on the terminal. */
struct drawn {
	int *widths;		/* of each row */
	size_t n;
	int columns, rows;	/* of the terminal then */
	int layout;		/* of the art; 0: none */
	char *wipe;		/* takes its sprites away */
};

struct screen {
	FILE *to;
	struct pen *pen;	/* NULL: it may be waited for */
	FILE *draft;		/* gathers what is to be written */
	char *text;
	size_t text_bytes;
	bool live, coloured;
	bool stale;		/* a redrawing was left out */
	struct line *lines;
	size_t n_lines;
	struct screen_art *art;
	bool art_is_new;
	struct drawn drawn;
};

static bool get_size(FILE *to, struct winsize *size)
{
	return isatty(fileno(to)) && !ioctl(fileno(to), TIOCGWINSZ, size) && size->ws_col && size->ws_row;
}

int screen_columns(FILE *to)
{
	struct winsize size;

	return get_size(to, &size) ? size.ws_col : NO_TERMINAL_COLUMNS;
}

struct screen *screen_create(FILE *to)
{
	struct screen *screen = xcalloc(1, sizeof(*screen));
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");

	screen->to = to;
	screen->draft = open_memstream(&screen->text, &screen->text_bytes);
	screen->live = isatty(fileno(to)) && term && strcmp(term, "dumb");
	screen->coloured = screen->live && !(no_color && *no_color);
	return screen;
}

static void forget_lines(struct screen *screen)
{
	for (size_t i = 0; i < screen->n_lines; i++)
		free(screen->lines[i].text);
	screen->n_lines = 0;
}

void screen_destroy(struct screen *screen)
{
	if (!screen)
		return;
	forget_lines(screen);
	screen_art_destroy(screen->art);
	fclose(screen->draft);
	free(screen->text);
	free(screen->lines);
	free(screen->drawn.widths);
	free(screen->drawn.wipe);
	free(screen);
}

bool screen_is_live(const struct screen *screen)
{
	return screen->live;
}

bool screen_is_coloured(const struct screen *screen)
{
	return screen->coloured;
}

/* ---- writing ---- */

static void emit(struct screen *screen)
{
	fflush(screen->draft);
	if (screen->pen) {
		pen_write(screen->pen, screen->text, screen->text_bytes);
	} else {
		fwrite(screen->text, 1, screen->text_bytes, screen->to);
		fflush(screen->to);
	}
	rewind(screen->draft);
}

static void on_drained(void *user)
{
	struct screen *screen = user;

	if (screen->stale)
		screen_show(screen);
}

void screen_attach(struct screen *screen, uv_loop_t *loop)
{
	if (screen->live)
		screen->pen = pen_create(loop, fileno(screen->to), on_drained, screen);
}

void screen_detach(struct screen *screen)
{
	if (screen->pen)
		pen_flush(screen->pen, FLUSH_MS);
	pen_destroy(screen->pen);
	screen->pen = NULL;
}

bool screen_is_busy(const struct screen *screen)
{
	return screen->pen && pen_kept(screen->pen);
}

/* ---- drawing ---- */

static void to_top(struct screen *screen, int rows)
{
	fputc('\r', screen->draft);
	if (rows > 1)
		fprintf(screen->draft, "\033[%dA", rows - 1);
}

/*
 * Puts the cursor at the block's start and clears from there. A terminal that has become narrower has broken longer lines
 * into several rows; those are counted.
 */
static void erase(struct screen *screen)
{
	struct drawn *drawn = &screen->drawn;
	int columns = screen_columns(screen->to), rows = 0;

	if (!drawn->n)
		return;
	for (size_t i = 0; i < drawn->n; i++)
		rows += MAX(1, (drawn->widths[i] + columns - 1) / columns);
	to_top(screen, rows);
	fprintf(screen->draft, "\033[J%s", drawn->wipe ? drawn->wipe : "");
	free(drawn->wipe);
	drawn->wipe = NULL;
	drawn->n = 0;
	drawn->layout = 0;
}

/* A row was written; the next one, if any, begins. */
static void end_row(struct screen *screen, size_t row, size_t n_rows, int width)
{
	if (row + 1 < n_rows)
		fputc('\n', screen->draft);
	screen->drawn.widths[row] = width;
}

static void draw_line(struct screen *screen, const struct line *line, int columns, size_t row, size_t n_rows)
{
	static const char *const starts[] = { "", "\033[2m", "\033[32m", "\033[1;31m" };
	char *text = xstrdup(line->text);
	const char *start = screen->coloured ? starts[line->colour] : "";

	human_cut(text, columns - 1);	/* a full row would leave the cursor in doubt */
	fprintf(screen->draft, "%s%s%s\033[K", start, text, *start ? "\033[m" : "");
	end_row(screen, row, n_rows, human_width(text));
	free(text);
}

/* Rows that are as they were, or that sprites lie on, are stepped over. */
static void draw_art(struct screen *screen, bool in_place, size_t n_rows)
{
	const struct screen_art *art = screen->art;

	for (int i = 0; i < art->rows; i++) {
		if (art->lines && (screen->art_is_new || !in_place))
			fprintf(screen->draft, "%s\033[K", art->lines[i]);
		end_row(screen, (size_t)i, n_rows, art->lines ? art->columns : 0);
	}
}

static void draw_sprites(struct screen *screen, bool in_place, size_t n_rows)
{
	const struct screen_art *art = screen->art;

	for (size_t i = 0; i < art->n_sprites; i++) {
		const struct screen_sprite *sprite = &art->sprites[i];

		if (in_place && !(screen->art_is_new && sprite->fresh))
			continue;
		fprintf(screen->draft, "\0337\033[%dA\r", (int)n_rows - 1 - sprite->row);
		if (sprite->column)
			fprintf(screen->draft, "\033[%dC", sprite->column);
		fprintf(screen->draft, "%s\0338", sprite->draw);
	}
}

static char *join_wipes(const struct screen_art *art)
{
	char *all = xstrdup("");

	for (size_t i = 0; i < art->n_sprites; i++) {
		char *longer = xasprintf("%s%s", all, art->sprites[i].wipe);

		free(all);
		all = longer;
	}
	return all;
}

/* Over what is there if it has the same shape, else in its stead. */
static void draw_block(struct screen *screen, const struct winsize *size, size_t n_lines, size_t art_rows)
{
	struct drawn *drawn = &screen->drawn;
	int layout = art_rows ? screen->art->layout : 0;
	size_t n_rows = art_rows + n_lines;
	bool in_place = drawn->n == n_rows && drawn->layout == layout && drawn->columns == size->ws_col && drawn->rows == size->ws_row;

	if (in_place)
		to_top(screen, (int)n_rows);
	else
		erase(screen);
	drawn->widths = xrealloc(drawn->widths, n_rows, sizeof(*drawn->widths));
	drawn->n = n_rows;
	drawn->columns = size->ws_col;
	drawn->rows = size->ws_row;
	drawn->layout = layout;
	if (art_rows)
		draw_art(screen, in_place, n_rows);
	for (size_t i = 0; i < n_lines; i++)
		draw_line(screen, &screen->lines[i], size->ws_col, art_rows + i, n_rows);
	if (!art_rows)
		return;
	draw_sprites(screen, in_place, n_rows);
	free(drawn->wipe);
	drawn->wipe = join_wipes(screen->art);
	screen->art_is_new = false;
}

static void draw(struct screen *screen)
{
	struct winsize size;
	size_t n = screen->n_lines, art_rows = 0;

	if (!screen->live || !get_size(screen->to, &size))
		return;
	if (!n) {
		erase(screen);
		return;
	}
	n = MIN(n, MAX(size.ws_row - 1, 1));	/* the last lines go first: the cameras stand at the top */
	if (screen->art && screen->art->columns < size.ws_col && screen->art->rows + (int)n <= size.ws_row - 1)
		art_rows = (size_t)screen->art->rows;
	/* terminals that know this mode show nothing half drawn; it ends by itself, too */
	fputs(art_rows ? "\033[?2026h" : "", screen->draft);
	draw_block(screen, &size, n, art_rows);
	fputs(art_rows ? "\033[?2026l" : "", screen->draft);
}

void screen_say(struct screen *screen, const char *text)
{
	if (screen->pen && pen_kept(screen->pen) > MAX_KEPT_BYTES)
		return;
	erase(screen);
	fprintf(screen->draft, "%s\n", text);
	draw(screen);
	emit(screen);
}

void screen_bell(struct screen *screen)
{
	fputc('\a', screen->draft);
	emit(screen);
}

void screen_begin(struct screen *screen)
{
	forget_lines(screen);
}

void screen_add(struct screen *screen, enum screen_colour colour, const char *text)
{
	screen->lines = xrealloc(screen->lines, screen->n_lines + 1, sizeof(*screen->lines));
	screen->lines[screen->n_lines++] = (struct line){ xstrdup(text), colour };
}

void screen_show(struct screen *screen)
{
	screen->stale = screen_is_busy(screen);
	if (screen->stale)
		return;
	draw(screen);
	emit(screen);
}

void screen_clear(struct screen *screen)
{
	erase(screen);
	forget_lines(screen);
	screen_set_art(screen, NULL);
	emit(screen);
	if (screen->pen)
		pen_flush(screen->pen, FLUSH_MS);
}

/* ---- pictures ---- */

struct screen_room screen_room(const struct screen *screen)
{
	struct winsize size;
	int lines = (int)MAX(screen->n_lines, USUAL_LINES);

	if (!screen->live || !get_size(screen->to, &size))
		return (struct screen_room){ 0 };
	return (struct screen_room){
		.columns = size.ws_col - 1, .rows = MAX(size.ws_row - lines - MAX(size.ws_row / SAYING_SHARE, 1), 0),
		.cell_width = size.ws_xpixel / size.ws_col, .cell_height = size.ws_ypixel / size.ws_row,
	};
}

void screen_art_destroy(struct screen_art *art)
{
	if (!art)
		return;
	for (int i = 0; art->lines && i < art->rows; i++)
		free(art->lines[i]);
	for (size_t i = 0; i < art->n_sprites; i++) {
		free(art->sprites[i].draw);
		free(art->sprites[i].wipe);
	}
	free(art->lines);
	free(art->sprites);
	free(art);
}

void screen_set_art(struct screen *screen, struct screen_art *art)
{
	screen_art_destroy(screen->art);
	screen->art = art;
	screen->art_is_new = art;
}
