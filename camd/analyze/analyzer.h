/*
 * What looks at a camera's pictures and notices when something begins and when it ends. One implementation a kind of thing: motion,
 * darkness. It is shown pictures, some a second, by one thread, and knows no cameras.
 */
#pragma once

#include "camd/grey.h"
#include "camd/regions.h"

#define NIGHT_SETTLE_NS (2 * (int64_t)1000000000)	/* what a camera takes to show what was changed at its exposure */

enum night_mode { NIGHT_OFF, NIGHT_STILL, NIGHT_SLOW_VIDEO };

struct analyzer_settings {
	double fps;			/* pictures a second that are looked at, at most */
	bool motion;
	double sensitivity;		/* 0 to 100 */
	double min_area;		/* of the picture, in percent */
	struct region regions[REGIONS_MAX];
	int n_regions;
	int64_t hold_ns;		/* without motion, until it is over */
	int night_mode;			/* enum night_mode */
	double dark, bright;		/* scores */
	bool lifts;			/* by night something is set that makes pictures brighter */
	int64_t min_dark;		/* pictures */
};

/* News: it has begun, or it is over. */
struct analyzer_news {
	bool begun;
	int64_t since_ns, until_ns;	/* sensor times of the pictures in which it was seen first and last */
	struct region box;		/* of what moves, when it begins; while it lasted, when it ends */
	double area;			/* of the picture, in percent; the most there was, when it ends */
	double score;
};

struct analyzer_impl {
	const char *name;
	void *(*create)(void);
	bool (*is_wanted)(const struct analyzer_settings *settings);
	/* picture: NULL when there have been none for a while. False: there are no news. */
	bool (*look)(void *analyzer, const struct analyzer_settings *settings, const struct grey *picture, struct analyzer_news *finding);
	double (*score)(const void *analyzer);		/* of the last picture */
	void (*destroy)(void *analyzer);
};

enum analyzer_kind { ANALYZER_MOTION, ANALYZER_DARKNESS, N_ANALYZERS };

extern const struct analyzer_impl analyzer_motion, analyzer_darkness;
