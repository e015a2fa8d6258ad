#include "camd/shade.h"

#include <math.h>
#include <string.h>

int nights_now(const struct nights *nights)
{
	return nights->n ? nights->changes[nights->n - 1].night : NIGHT_UNKNOWN;
}

void nights_note(struct nights *nights, int64_t from_ns, int night)
{
	if (night == nights_now(nights) || (nights->n && from_ns <= nights->changes[nights->n - 1].from_ns))
		return;
	if (nights->n == NIGHTS_KEPT)
		memmove(nights->changes, nights->changes + 1, --nights->n * sizeof(nights->changes[0]));
	nights->changes[nights->n].from_ns = from_ns;
	nights->changes[nights->n++].night = night;
}

int nights_at(const struct nights *nights, int64_t sensor_ns)
{
	for (size_t i = nights->n; i; i--)
		if (nights->changes[i - 1].from_ns <= sensor_ns)
			return nights->changes[i - 1].night;
	return NIGHT_UNKNOWN;
}

struct shade shade_of(struct grey *scratch, const struct frame *frame, const struct nights *nights)
{
	grey_take(scratch, frame);
	return (struct shade){ grey_decode(scratch) ? grey_mean(scratch) : NAN, nights_at(nights, frame->sensor_ns) };
}

void shade_print(const struct shade *shade, FILE *to)
{
	if (isfinite(shade->score))
		fprintf(to, "%.1f", shade->score);
	fputc(',', to);
	if (shade->night != NIGHT_UNKNOWN)
		fprintf(to, "%d", shade->night);
}
