/*
 * How numbers are spread: extremes, mean, standard deviation exactly, any quantile as finely as a bin of 1/16384 octave, in a
 * bounded room however many numbers come. For times in nanoseconds between 8 us and 137 s; what lies beyond is in the
 * outermost bins. Pure functions; any thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct spread {
	int64_t n;
	double min, max, mean, squares;		/* squares: of the distances from the mean, summed */
	struct spread_bin *bins;		/* allocated with the first number */
};

/* For the extremes, the mean and the deviation alone; takes no room. */
void spread_note(struct spread *spread, double value);

void spread_add(struct spread *spread, double value);
void spread_clear(struct spread *spread);

double spread_deviation(const struct spread *spread);
double spread_quantile(const struct spread *spread, double part);	/* 0.5: the median; 0 if there is none */

/* How many numbers lie in each of so many equal bins from lo to hi, the last one with hi; those outside in none. */
void spread_histogram(const struct spread *spread, double lo, double hi, int64_t *counts, size_t n);
