#include "camctl/spread.h"

#include "common/util.h"

#include <math.h>
#include <stdlib.h>

#define LOWEST 13		/* 2^13 ns */
#define OCTAVES 24
#define PER_OCTAVE 16384
#define N_BINS ((size_t)OCTAVES * PER_OCTAVE)

struct spread_bin {
	int64_t n;
	double sum;
};

static size_t bin_of(double value)
{
	int exponent;
	double part = frexp(value, &exponent);	/* 0.5 to 1 */
	int64_t bin = (int64_t)(exponent - 1 - LOWEST) * PER_OCTAVE + (int64_t)((part - 0.5) * 2 * PER_OCTAVE);

	return value <= 0 ? 0 : (size_t)MIN(MAX(bin, 0), (int64_t)N_BINS - 1);
}

void spread_note(struct spread *spread, double value)
{
	double off = value - spread->mean;

	spread->min = spread->n ? MIN(spread->min, value) : value;
	spread->max = spread->n ? MAX(spread->max, value) : value;
	spread->n++;
	spread->mean += off / (double)spread->n;
	spread->squares += off * (value - spread->mean);
}

void spread_add(struct spread *spread, double value)
{
	struct spread_bin *bin;

	if (!spread->bins)
		spread->bins = xcalloc(N_BINS, sizeof(*spread->bins));
	spread_note(spread, value);
	bin = &spread->bins[bin_of(value)];
	bin->n++;
	bin->sum += value;
}

void spread_clear(struct spread *spread)
{
	free(spread->bins);
	*spread = (struct spread){ 0 };
}

double spread_deviation(const struct spread *spread)
{
	return spread->n ? sqrt(spread->squares / (double)spread->n) : 0;
}

double spread_quantile(const struct spread *spread, double part)
{
	int64_t rank = (int64_t)ceil(part * (double)spread->n), below = 0;

	for (size_t i = 0; spread->bins && i < N_BINS; i++) {
		below += spread->bins[i].n;
		if (below >= MAX(rank, 1))
			return spread->bins[i].sum / (double)spread->bins[i].n;
	}
	return 0;
}

void spread_histogram(const struct spread *spread, double lo, double hi, int64_t *counts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		counts[i] = 0;
	for (size_t i = 0; spread->bins && i < N_BINS; i++) {
		const struct spread_bin *bin = &spread->bins[i];
		double value = bin->n ? bin->sum / (double)bin->n : lo - 1;

		if (value >= lo && value <= hi)
			counts[hi > lo ? MIN((size_t)((value - lo) / (hi - lo) * (double)n), n - 1) : 0] += bin->n;
	}
}
