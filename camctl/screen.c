#include "camctl/screen.h"

#include "camctl/human.h"
#include "common/util.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NO_TERMINAL_COLUMNS 100

struct line {
	char *text;
	enum screen_colour colour;
};

struct screen {
	FILE *to;
	bool live, coloured;
	struct line *lines;
	size_t n_lines;
	int *drawn;		/* the columns of each line of the block that is on the terminal */
	size_t n_drawn;
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
	free(screen->lines);
	free(screen->drawn);
	free(screen);
}

bool screen_is_live(const struct screen *screen)
{
	return screen->live;
}

/*
 * Puts the cursor at the block's start and clears from there. A terminal that has become narrower has broken longer lines
 * into several rows; those are counted.
 */
static void erase(struct screen *screen)
{
	int columns = screen_columns(screen->to), rows = 0;

	if (!screen->n_drawn)
		return;
	for (size_t i = 0; i < screen->n_drawn; i++)
		rows += MAX(1, (screen->drawn[i] + columns - 1) / columns);
	fputc('\r', screen->to);
	if (rows > 1)
		fprintf(screen->to, "\033[%dA", rows - 1);
	fputs("\033[J", screen->to);
	screen->n_drawn = 0;
}

static void draw_line(struct screen *screen, const struct line *line, int columns, bool last)
{
	static const char *const starts[] = { "", "\033[2m", "\033[32m", "\033[1;31m" };
	char *text = xstrdup(line->text);
	const char *start = screen->coloured ? starts[line->colour] : "";

	human_cut(text, columns - 1);	/* a full row would leave the cursor in doubt */
	fprintf(screen->to, "%s%s%s%s", start, text, *start ? "\033[m" : "", last ? "" : "\n");
	screen->drawn = xrealloc(screen->drawn, screen->n_drawn + 1, sizeof(*screen->drawn));
	screen->drawn[screen->n_drawn++] = human_width(text);
	free(text);
}

static void draw(struct screen *screen)
{
	struct winsize size;
	size_t n = screen->n_lines;

	if (!screen->live || !n || !get_size(screen->to, &size))
		return;
	n = MIN(n, MAX(size.ws_row - 1, 1));	/* the last lines go first: the cameras stand at the top */
	for (size_t i = 0; i < n; i++)
		draw_line(screen, &screen->lines[i], size.ws_col, i + 1 == n);
}

void screen_say(struct screen *screen, const char *text)
{
	erase(screen);
	fprintf(screen->to, "%s\n", text);
	draw(screen);
	fflush(screen->to);
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
	erase(screen);
	draw(screen);
	fflush(screen->to);
}

void screen_clear(struct screen *screen)
{
	erase(screen);
	forget_lines(screen);
	fflush(screen->to);
}
