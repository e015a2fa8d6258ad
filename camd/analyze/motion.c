/*
 * Something moves: pixels that differ from a running mean of themselves by more than their own usual deviation, enough of them close
 * together, in several pictures on end. When most of the picture changes at once, somebody has switched a light: the mean is learnt
 * anew, and that is no motion.
 */
#include "camd/analyze/analyzer.h"

#include "common/clock.h"
#include "common/util.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N_PIXELS (GREY_MAX_WIDTH * GREY_MAX_HEIGHT)
#define CELL 8				/* pixels a side */
#define CELLS_ACROSS (GREY_MAX_WIDTH / CELL)
#define CELLS_DOWN (GREY_MAX_HEIGHT / CELL)
#define N_CELLS (CELLS_ACROSS * CELLS_DOWN)
#define ONE 7				/* bits after the point of means and deviations: a picture's 8 and these fit 16 with a sign */
#define LEARN 4				/* how fast means follow: a 2^4th of the difference a picture */
#define LEARN_MOVED 6			/* where something has moved: what stays becomes background in a quarter of a minute or so */
#define LEARN_NOISE 5
#define DEVIATIONS 4			/* a change is more than so many of them, and more than the sensitivity's */
#define LEAST_IN_CELL 8			/* pixels that must have changed in a cell, of 64 */
#define LIVELY_IN_CELL 4		/* that differ from the picture before, too: what stands is no motion, nor is the gap that it left */
#define LIVELY_SHARE 8			/* of a patch's cells, one in so many must be lively */
#define LIGHT_SHARE 0.5			/* of the watched cells that change at once when a light does */
#define MOST_FOLLOWED (16 << (ONE - 3))	/* what a pixel says of the light as a whole: what moves should say little */
#define CONFIRM 3			/* pictures in which it must be seen */
#define SETTLE_NS NS_PER_S		/* to learn a scene, and for a camera to get used to another light */
#define PAUSE_NS (5 * NS_PER_S)		/* after that it is another scene */

struct motion {
	int width, height, across, down;	/* of the picture, in pixels and in cells */
	int16_t mean[N_PIXELS], deviation[N_PIXELS];
	uint8_t before[N_PIXELS];		/* the last picture */
	uint8_t moved[N_PIXELS], lively[N_PIXELS];	/* 1 where it differs from the mean, and from the last picture */
	bool watched[N_CELLS], changed[N_CELLS], is_lively[N_CELLS];
	int n_watched;
	struct region regions[REGIONS_MAX];
	int n_regions;
	int64_t last_ns, settled_ns;		/* the last picture; not before this is anything told */
	int seen;				/* pictures on end in which something moved */
	int64_t seen_ns;			/* the first of them */
	bool moves;				/* and that has been told */
	struct analyzer_news now;			/* since when, where, how much */
};

/* ---- where to look ---- */

static bool is_inside(const struct region *region, double x, double y)
{
	return x >= region->x && x < region->x + region->width && y >= region->y && y < region->y + region->height;
}

static bool is_watched(const struct motion *motion, double x, double y)
{
	bool some = false, inside = false;

	for (int i = 0; i < motion->n_regions; i++) {
		bool here = is_inside(&motion->regions[i], x, y);

		if (motion->regions[i].ignored && here)
			return false;
		some = some || !motion->regions[i].ignored;
		inside = inside || (here && !motion->regions[i].ignored);
	}
	return inside || !some;
}

/* A cell counts as its middle does. */
static void mark_watched(struct motion *motion, const struct analyzer_settings *settings)
{
	motion->n_regions = settings->n_regions;
	memcpy(motion->regions, settings->regions, sizeof(motion->regions));
	motion->n_watched = 0;
	for (int i = 0; i < motion->across * motion->down; i++) {
		double x = (i % motion->across + 0.5) / motion->across, y = (i / motion->across + 0.5) / motion->down;

		motion->watched[i] = is_watched(motion, x, y);
		motion->n_watched += motion->watched[i];
	}
}

/* ---- the background ---- */

static void learn_anew(struct motion *motion, const struct grey *picture)
{
	int n = picture->width * picture->height;

	memcpy(motion->before, picture->pixels, (size_t)n);
	for (int i = 0; i < n; i++)
		motion->mean[i] = (int16_t)(picture->pixels[i] << ONE);
	motion->settled_ns = picture->sensor_ns + SETTLE_NS;
	motion->seen = 0;
}

static void begin_scene(struct motion *motion, const struct grey *picture, const struct analyzer_settings *settings)
{
	motion->width = picture->width;
	motion->height = picture->height;
	motion->across = MAX(picture->width / CELL, 1);
	motion->down = MAX(picture->height / CELL, 1);
	memset(motion->deviation, 0, sizeof(motion->deviation));
	mark_watched(motion, settings);
	learn_anew(motion, picture);
}

/* A cloud, or a camera that adjusts itself, makes everything a little brighter or darker: the background goes along. */
static void follow_light(struct motion *restrict motion, const uint8_t *restrict pixels, int n)
{
	int16_t *restrict mean = motion->mean;
	int32_t sum = 0;
	int16_t step;

	for (int i = 0; i < n; i++) {
		int16_t off = (int16_t)(((pixels[i] << ONE) - mean[i]) >> 3);

		sum += MIN(MAX(off, -MOST_FOLLOWED), MOST_FOLLOWED);
	}
	step = (int16_t)(sum / n * 8);
	for (int i = 0; i < n; i++)
		mean[i] = (int16_t)MIN(MAX(mean[i] + step, 0), INT16_MAX);
}

/* Notes which pixels have changed, and learns. 16 bits throughout and without branches, for the sake of vector units. */
static void compare(struct motion *restrict motion, const uint8_t *restrict pixels, int n, int16_t least)
{
	int16_t *restrict mean = motion->mean, *restrict deviation = motion->deviation;
	uint8_t *restrict moved = motion->moved, *restrict lively = motion->lively, *restrict before = motion->before;

	for (int i = 0; i < n; i++) {
		int16_t off = (int16_t)((pixels[i] << ONE) - mean[i]);
		int16_t size = (int16_t)(off < 0 ? -off : off);
		int16_t usual = (int16_t)MIN(deviation[i], INT16_MAX / DEVIATIONS - (60 << ONE) / DEVIATIONS);
		int16_t moves = (int16_t)-(size > (int16_t)(least + DEVIATIONS * usual));
		int16_t slow = (int16_t)((off + (1 << (LEARN_MOVED - 1))) >> LEARN_MOVED), fast = (int16_t)((off + (1 << (LEARN - 1))) >> LEARN);
		int16_t noise = (int16_t)((size - deviation[i] + (1 << (LEARN_NOISE - 1))) >> LEARN_NOISE);

		mean[i] = (int16_t)(mean[i] + ((slow & moves) | (fast & ~moves)));
		deviation[i] = (int16_t)(deviation[i] + (noise & ~moves));
		moved[i] = (uint8_t)(moves & 1);
		off = (int16_t)((pixels[i] - before[i]) * (1 << ONE));
		size = (int16_t)(off < 0 ? -off : off);
		lively[i] = size > (int16_t)(least / 2 + DEVIATIONS * usual);
		before[i] = pixels[i];
	}
}

/* While a scene is learnt everything is background. */
static void learn_noise(struct motion *restrict motion, const uint8_t *restrict pixels, int n)
{
	memcpy(motion->before, pixels, (size_t)n);
	for (int i = 0; i < n; i++) {
		int16_t off = (int16_t)((pixels[i] << ONE) - motion->mean[i]);
		int16_t size = (int16_t)(off < 0 ? -off : off);

		motion->mean[i] = (int16_t)(motion->mean[i] + ((off + 2) >> 2));
		motion->deviation[i] = (int16_t)(motion->deviation[i] + ((size - motion->deviation[i] + 4) >> 3));
	}
}

/* ---- what has moved ---- */

/* Returns how many of the watched cells have changed. */
static int count_cells(struct motion *motion)
{
	int n = 0;

	for (int cell = 0; cell < motion->across * motion->down; cell++) {
		int x = cell % motion->across * CELL, y = cell / motion->across * CELL, count = 0, lively = 0;

		for (int row = y; row < MIN(y + CELL, motion->height); row++)
			for (int column = x; column < MIN(x + CELL, motion->width); column++) {
				count += motion->moved[row * motion->width + column];
				lively += motion->lively[row * motion->width + column];
			}
		motion->changed[cell] = count >= LEAST_IN_CELL && motion->watched[cell];
		motion->is_lively[cell] = motion->changed[cell] && lively >= LIVELY_IN_CELL;
		n += motion->changed[cell];
	}
	return n;
}

struct patch {
	int left, top, right, bottom;	/* in cells, inclusive */
	int n, n_lively;
};

/* Takes the cells that hang together with one of them, corners too. */
static struct patch take_patch(struct motion *motion, int first)
{
	int16_t stack[N_CELLS];
	int depth = 0, across = motion->across;
	struct patch patch = { first % across, first / across, first % across, first / across, 0, 0 };

	motion->changed[first] = false;
	stack[depth++] = (int16_t)first;
	while (depth) {
		int x = stack[--depth] % across, y = stack[depth] / across;

		patch = (struct patch){
			MIN(patch.left, x), MIN(patch.top, y), MAX(patch.right, x), MAX(patch.bottom, y), patch.n + 1,
			patch.n_lively + motion->is_lively[y * across + x],
		};
		for (int v = MAX(y - 1, 0); v <= MIN(y + 1, motion->down - 1); v++)
			for (int u = MAX(x - 1, 0); u <= MIN(x + 1, across - 1); u++)
				if (motion->changed[v * across + u]) {
					motion->changed[v * across + u] = false;
					stack[depth++] = (int16_t)(v * across + u);
				}
	}
	return patch;
}

/* Of those that move. */
static struct patch find_largest(struct motion *motion)
{
	struct patch largest = { 0 };

	for (int i = 0; i < motion->across * motion->down; i++)
		if (motion->changed[i]) {
			struct patch patch = take_patch(motion, i);

			if (patch.n > largest.n && patch.n_lively * LIVELY_SHARE >= patch.n)
				largest = patch;
		}
	return largest;
}

static struct region box_of(const struct motion *motion, const struct patch *patch)
{
	return (struct region){
		.x = (double)patch->left / motion->across, .y = (double)patch->top / motion->down,
		.width = (double)(patch->right - patch->left + 1) / motion->across,
		.height = (double)(patch->bottom - patch->top + 1) / motion->down,
	};
}

static struct region unite(const struct region *a, const struct region *b)
{
	struct region both = { .x = MIN(a->x, b->x), .y = MIN(a->y, b->y) };

	both.width = MAX(a->x + a->width, b->x + b->width) - both.x;
	both.height = MAX(a->y + a->height, b->y + b->height) - both.y;
	return both;
}

/* ---- what it means ---- */

static bool note_end(struct motion *motion, struct analyzer_news *finding)
{
	motion->moves = false;
	motion->seen = 0;
	motion->now.begun = false;
	*finding = motion->now;
	return true;
}

/* Something moves in this picture: a patch of so much of it. */
static bool note_moving(struct motion *motion, int64_t at_ns, const struct patch *patch, struct analyzer_news *finding)
{
	struct region box = box_of(motion, patch);
	double area = 100.0 * patch->n / (motion->across * motion->down);

	if (!motion->seen++) {
		motion->seen_ns = at_ns;
		if (!motion->moves)
			motion->now = (struct analyzer_news){ .box = box };
	}
	motion->now.box = unite(&motion->now.box, &box);
	motion->now.area = MAX(motion->now.area, area);
	if (motion->moves)
		motion->now.until_ns = at_ns;
	if (motion->moves || motion->seen < CONFIRM)
		return false;
	motion->moves = true;
	motion->now.begun = true;
	motion->now.since_ns = motion->seen_ns;
	motion->now.until_ns = at_ns;
	*finding = motion->now;
	finding->box = box;
	finding->area = area;
	return true;
}

static bool note_still(struct motion *motion, const struct analyzer_settings *settings, int64_t at_ns, struct analyzer_news *finding)
{
	motion->seen = 0;
	return motion->moves && at_ns - motion->now.until_ns >= settings->hold_ns && note_end(motion, finding);
}

/* How far off a pixel must be, in grey levels: 6 to 42. */
static int16_t least_of(const struct analyzer_settings *settings)
{
	return (int16_t)(lround(42 - 0.36 * settings->sensitivity) << ONE);
}

static bool motion_look(void *analyzer, const struct analyzer_settings *settings, const struct grey *picture, struct analyzer_news *finding)
{
	struct motion *motion = analyzer;
	int64_t before_ns = motion->last_ns;
	struct patch patch;
	int n_changed;

	if (!picture)
		return motion->moves && note_end(motion, finding);
	motion->last_ns = picture->sensor_ns;
	if (!before_ns || picture->width != motion->width || picture->height != motion->height || picture->sensor_ns - before_ns > PAUSE_NS) {
		begin_scene(motion, picture, settings);
		return motion->moves && note_end(motion, finding);
	}
	if (settings->n_regions != motion->n_regions || memcmp(settings->regions, motion->regions, sizeof(motion->regions)))
		mark_watched(motion, settings);
	if (picture->sensor_ns < motion->settled_ns) {
		learn_noise(motion, picture->pixels, motion->width * motion->height);
		return note_still(motion, settings, picture->sensor_ns, finding);
	}
	follow_light(motion, picture->pixels, motion->width * motion->height);
	compare(motion, picture->pixels, motion->width * motion->height, least_of(settings));
	n_changed = count_cells(motion);
	if (n_changed > LIGHT_SHARE * motion->n_watched && n_changed > 1) {
		learn_anew(motion, picture);
		return note_still(motion, settings, picture->sensor_ns, finding);
	}
	patch = find_largest(motion);
	if (patch.n && 100.0 * patch.n >= settings->min_area * motion->across * motion->down)
		return note_moving(motion, picture->sensor_ns, &patch, finding);
	return note_still(motion, settings, picture->sensor_ns, finding);
}

static void *motion_create(void)
{
	return xcalloc(1, sizeof(struct motion));
}

static bool motion_is_wanted(const struct analyzer_settings *settings)
{
	return settings->motion;
}

/* How much of the picture moves, in percent; 0: nothing does. */
static double motion_score(const void *analyzer)
{
	const struct motion *motion = analyzer;

	return motion->moves ? motion->now.area : 0;
}

const struct analyzer_impl analyzer_motion = {
	.name = "motion",
	.create = motion_create,
	.is_wanted = motion_is_wanted,
	.look = motion_look,
	.score = motion_score,
	.destroy = free,
};
