/*
 * How dark it was: the score of a picture, as night is decided by it, and whether it was night for its camera; for the tables of
 * pictures. Pure functions on what they are given; any thread.
 */
#pragma once

#include "camd/grey.h"

#include <stdio.h>

#define NIGHTS_KEPT 32
#define NIGHT_UNKNOWN (-1)

/* When night fell and ended for a camera, of late; its main thread has it, others have copies. */
struct nights {
	struct {
		int64_t from_ns;	/* sensor time */
		int night;		/* 1, or 0: day, or NIGHT_UNKNOWN: nobody looks */
	} changes[NIGHTS_KEPT];
	size_t n;
};

/* From then on. What is no change, or no later than the last one, is left out. */
void nights_note(struct nights *nights, int64_t from_ns, int night);
int nights_now(const struct nights *nights);
int nights_at(const struct nights *nights, int64_t sensor_ns);

struct shade {
	double score;			/* mean brightness from 0 to 255, whatever the picture's range is; NAN: it shows nothing */
	int night;
};

/* Of a picture that may be read. scratch is for its small copy. */
struct shade shade_of(struct grey *scratch, const struct frame *frame, const struct nights *nights);

/* Two fields of a CSV, what is unknown is empty. */
#define SHADE_COLUMNS "dark_score,night"
void shade_print(const struct shade *shade, FILE *to);
