#include "camd/rate.h"

#include "common/util.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* 23.98 is as often written as 23.976. */
#define NTSC_TOLERANCE 0.0051

static struct rate reduced(int64_t num, int64_t den)
{
	int64_t a = num, b = den;

	while (b) {
		int64_t rest = a % b;

		a = b;
		b = rest;
	}
	return (struct rate){ .num = (int)(num / a), .den = (int)(den / a) };
}

/* The integer rate of which fps is the NTSC variant, or 0. Only rates that exist in that family: 9.99 is just 9.99. */
static int ntsc_base(double fps)
{
	int base = (int)lround(fps * 1.001);

	if (base < 12 || (base % 6 && base % 15) || fabs(base / 1.001 - fps) > NTSC_TOLERANCE)
		return 0;
	return base;
}

struct rate rate_from_fps(double fps)
{
	int base;

	if (!(fps >= RATE_MIN_FPS))
		fps = RATE_MIN_FPS;
	if (fps > RATE_MAX_FPS)
		fps = RATE_MAX_FPS;
	base = ntsc_base(fps);
	if (fabs(fps - round(fps)) > 1e-6 && base)
		return reduced(base * INT64_C(1000), 1001);
	return reduced(llround(fps * 1000), 1000);
}

static bool in_range(double fps)
{
	return fps >= RATE_MIN_FPS && fps <= RATE_MAX_FPS;
}

static bool parse_fraction(const char *text, const char *slash, struct rate *rate)
{
	char *end;
	long num = strtol(text, &end, 10), den;

	if (end != slash)
		return false;
	if (slash[1] < '0' || slash[1] > '9')
		return false;
	den = strtol(slash + 1, &end, 10);
	if (*end || num < 1 || den < 1 || num > 1000000 || den > 1000000 || !in_range((double)num / (double)den))
		return false;
	*rate = reduced(num, den);
	return true;
}

bool rate_parse(const char *text, struct rate *rate)
{
	const char *slash = NULL;
	char *end;
	double fps;

	if (*text < '0' || *text > '9')
		return false;
	for (const char *c = text; *c; c++) {
		if (*c == '/')
			slash = c;
		else if (*c != '.' && (*c < '0' || *c > '9'))
			return false;
	}
	if (slash)
		return parse_fraction(text, slash, rate);
	fps = strtod(text, &end);
	if (*end || !in_range(fps))
		return false;
	*rate = rate_from_fps(fps);
	return true;
}

double rate_fps(struct rate rate)
{
	return (double)rate.num / rate.den;
}

int64_t rate_period_ns(struct rate rate)
{
	return (NS_PER_S * rate.den + rate.num / 2) / rate.num;
}

int64_t rate_time_ns(struct rate rate, uint64_t n)
{
	/* Whole rounds of num frames take exactly den seconds; only the rest is divided, which keeps it within 64 bits. */
	uint64_t rounds = n / (uint64_t)rate.num, rest = n % (uint64_t)rate.num;

	return (int64_t)(rounds * (uint64_t)rate.den * NS_PER_S + rest * (uint64_t)rate.den * NS_PER_S / (uint64_t)rate.num);
}

int64_t rate_frames(struct rate rate, int64_t ns)
{
	/* Again in parts, whole seconds and the rest of one, each of which stays within 64 bits. */
	int64_t round_ns = rate.den * NS_PER_S, rest_ns = ns % round_ns, whole = rest_ns / NS_PER_S * rate.num;

	return ns / round_ns * rate.num + whole / rate.den + (whole % rate.den * NS_PER_S + rest_ns % NS_PER_S * rate.num) / round_ns;
}
