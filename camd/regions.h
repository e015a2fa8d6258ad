/* Parts of a picture that are watched, or left out. Pure functions; any thread. */
#pragma once

#include <stdbool.h>

#define REGIONS_MAX 16

/* A rectangle as parts of the picture. */
struct region {
	double x, y, width, height;
	bool ignored;			/* else it is one of those that are watched, and what is in none of them isn't */
};

/* NULL, or in words what a list of regions looks like. regions: room for REGIONS_MAX, or NULL. */
const char *regions_parse(const char *text, struct region *regions, int *n);
