/*
 * It is night: the mean brightness of the picture, its score, has been below a threshold for some pictures. A camera that is then set
 * to see more shows a brighter picture of the same night: once that has settled, the darkest that it shows tells by how much, and the
 * brighter threshold is lifted as far.
 */
#include "camd/analyze/analyzer.h"

#include "common/clock.h"
#include "common/util.h"

#include <stdlib.h>

#define MIN_BRIGHT 4			/* pictures in which it must be bright again */
#define WHITE 240			/* day, whatever the thresholds say: the picture is burnt out, and night's was not */
#define LIFTED 1.5			/* more than noise: the picture has become so many times as bright by what was set */
#define RISE 1.25			/* then it must have risen by that, at least */

struct darkness {
	double score;			/* of the last picture */
	bool night;
	int64_t n;			/* pictures on end that were dark; by night, bright */
	int64_t first_ns;		/* of those */
	int64_t settled_ns;		/* by night: until then its score is not known yet */
	double before;			/* score when night fell */
	double darkest;			/* since then */
	struct analyzer_news now;
};

static bool note_dusk(struct darkness *darkness, int64_t at_ns, struct analyzer_news *finding)
{
	darkness->night = true;
	darkness->n = 0;
	darkness->before = darkness->score;
	darkness->darkest = 255;
	darkness->settled_ns = at_ns + NIGHT_SETTLE_NS;
	darkness->now = (struct analyzer_news){ .begun = true, .since_ns = darkness->first_ns, .until_ns = at_ns, .score = darkness->score };
	*finding = darkness->now;
	return true;
}

static bool note_dawn(struct darkness *darkness, int64_t at_ns, struct analyzer_news *finding)
{
	darkness->night = false;
	darkness->n = 0;
	*finding = darkness->now;
	finding->begun = false;
	finding->until_ns = at_ns;
	finding->score = darkness->score;
	return true;
}

/* The score at which night ends. */
static double find_day(const struct darkness *darkness, const struct analyzer_settings *settings)
{
	double lift = MAX(darkness->darkest / MAX(darkness->before, 1), 1), day = MAX(settings->bright, settings->dark) * lift;

	if (!settings->lifts)
		return MAX(settings->bright, settings->dark);
	if (lift > LIFTED)
		day = MAX(day, darkness->darkest * RISE);
	return MIN(day, MAX(WHITE, (darkness->darkest + 255) / 2));
}

static bool darkness_look(void *analyzer, const struct analyzer_settings *settings, const struct grey *picture, struct analyzer_news *finding)
{
	struct darkness *darkness = analyzer;
	bool matters;

	if (!picture)
		return false;
	darkness->score = grey_mean(picture);
	if (darkness->night && settings->lifts && picture->sensor_ns < darkness->settled_ns)
		return false;
	darkness->darkest = MIN(darkness->darkest, darkness->score);
	matters = darkness->night ? darkness->score >= find_day(darkness, settings) : darkness->score < settings->dark;
	if (!matters) {
		darkness->n = 0;
		return false;
	}
	if (!darkness->n++)
		darkness->first_ns = picture->sensor_ns;
	if (darkness->n < (darkness->night ? MIN_BRIGHT : settings->min_dark))
		return false;
	return darkness->night ? note_dawn(darkness, picture->sensor_ns, finding) : note_dusk(darkness, picture->sensor_ns, finding);
}

static void *darkness_create(void)
{
	return xcalloc(1, sizeof(struct darkness));
}

static bool darkness_is_wanted(const struct analyzer_settings *settings)
{
	return settings->night_mode != NIGHT_OFF;
}

static double darkness_score(const void *analyzer)
{
	return ((const struct darkness *)analyzer)->score;
}

const struct analyzer_impl analyzer_darkness = {
	.name = "darkness",
	.create = darkness_create,
	.is_wanted = darkness_is_wanted,
	.look = darkness_look,
	.score = darkness_score,
	.destroy = free,
};
