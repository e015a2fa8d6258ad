#include "camctl/progress.h"

#include "camctl/human.h"
#include "camctl/screen.h"
#include "common/clock.h"
#include "common/util.h"

#include <langinfo.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MOST_BAR 40
#define LEAST_BAR 8
#define QUIET_NS (10 * NS_PER_S)	/* between lines, where they stay */
#define SURE_NS (2 * NS_PER_S)		/* nothing is said of what is left before that */

struct progress {
	FILE *to;
	char *what;
	struct screen *screen;
	bool blocks;
	int64_t began_ns, said_ns;
	int tenths;			/* that were said */
};

/* "42 %", or "42 %, 1:12 left". */
static char *figures(double part, int64_t lasted_ns)
{
	char left[HUMAN_BYTES];

	if (part <= 0 || part >= 1 || lasted_ns < SURE_NS)
		return xasprintf("%3.0f %%", part * 100);
	return xasprintf("%3.0f %%, %s left", part * 100, human_clock((int64_t)((double)lasted_ns * (1 - part) / part), left));
}

char *progress_text(const char *what, double part, int64_t lasted_ns, int columns, bool blocks)
{
	char *numbers, bar[MOST_BAR * 3 + 1] = "", *text;
	int width, full;

	part = part > 0 ? MIN(part, 1) : 0;	/* and what is no number */
	numbers = figures(part, lasted_ns);
	width = MIN(columns - human_width(what) - human_width(numbers) - 4, MOST_BAR);
	full = (int)(part * width + 0.5);
	for (int i = 0; i < width && width >= LEAST_BAR; i++)
		strcat(bar, i < full ? (blocks ? "█" : "#") : blocks ? "░" : ".");
	text = width >= LEAST_BAR ? xasprintf("%s [%s] %s", what, bar, numbers) : xasprintf("%s %s", what, numbers);
	free(numbers);
	return text;
}

struct progress *progress_create(FILE *to, const char *what)
{
	struct progress *progress = xcalloc(1, sizeof(*progress));

	progress->to = to;
	progress->what = xstrdup(what);
	progress->screen = screen_create(to);
	progress->blocks = !strcmp(nl_langinfo(CODESET), "UTF-8");
	progress->began_ns = progress->said_ns = clock_now_ns();
	return progress;
}

static void say(struct progress *progress, double part, int64_t now_ns)
{
	char *text;

	if ((int)(part * 10) <= progress->tenths || now_ns - progress->said_ns < QUIET_NS)
		return;
	progress->tenths = (int)(part * 10);
	progress->said_ns = now_ns;
	text = figures(part, now_ns - progress->began_ns);
	fprintf(progress->to, "%s: %s\n", progress->what, text + strspn(text, " "));
	fflush(progress->to);
	free(text);
}

void progress_show(struct progress *progress, double part)
{
	int64_t now_ns = clock_now_ns();
	char *text;

	if (!screen_is_live(progress->screen)) {
		say(progress, part, now_ns);
		return;
	}
	text = progress_text(progress->what, part, now_ns - progress->began_ns, screen_columns(progress->to) - 1, progress->blocks);
	screen_begin(progress->screen);
	screen_add(progress->screen, SCREEN_PLAIN, text);
	screen_show(progress->screen);
	free(text);
}

void progress_destroy(struct progress *progress)
{
	if (!progress)
		return;
	screen_clear(progress->screen);
	screen_destroy(progress->screen);
	free(progress->what);
	free(progress);
}
