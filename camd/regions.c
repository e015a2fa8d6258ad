#include "camd/regions.h"

#include "camd/picture.h"

#include <stdio.h>

const char *regions_parse(const char *text, struct region *regions, int *n)
{
	static const char form[] = "regions x,y,width,height as parts of the picture, spaces between them, a - before those to ignore, such as "
		"0,0.5,1,0.5 -0.8,0.5,0.2,0.5; 16 at most";
	char one[100];
	int at = 0, used;

	for (*n = 0; sscanf(text + at, " %99s%n", one, &used) == 1; at += used, (*n)++) {
		double numbers[4];
		bool ignored = one[0] == '-';

		if (*n == REGIONS_MAX || picture_parse_roi(one + ignored, numbers))
			return form;
		if (regions)
			regions[*n] = (struct region){ numbers[0], numbers[1], numbers[2], numbers[3], ignored };
	}
	return NULL;
}
