#include "common/clock.h"

#include "common/util.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool use_utc;	/* written once at start, before any thread */

static int64_t now(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

int64_t clock_now_ns(void)
{
	return now(CLOCK_MONOTONIC);
}

int64_t clock_wall_ns(void)
{
	return now(CLOCK_REALTIME);
}

void clock_sleep_until(int64_t monotonic_ns)
{
	struct timespec t = { .tv_sec = monotonic_ns / NS_PER_S, .tv_nsec = monotonic_ns % NS_PER_S };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

void clock_use_utc(bool utc)
{
	use_utc = utc;
}

void clock_broken_down(int64_t wall_ns, struct tm *tm)
{
	time_t seconds = wall_ns / NS_PER_S;

	if (use_utc)
		gmtime_r(&seconds, tm);
	else
		localtime_r(&seconds, tm);
}

const char *clock_iso(int64_t wall_ns, char buffer[CLOCK_ISO_BYTES])
{
	struct tm tm;
	size_t used;
	long east_minutes;

	clock_broken_down(wall_ns, &tm);
	east_minutes = tm.tm_gmtoff / 60;
	used = strftime(buffer, CLOCK_ISO_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buffer + used, CLOCK_ISO_BYTES - used, ".%06d%c%02d:%02d", (int)(wall_ns % NS_PER_S / 1000),
		 east_minutes < 0 ? '-' : '+', (int)(labs(east_minutes) / 60 % 100), (int)(labs(east_minutes) % 60));
	return buffer;
}

const char *clock_stamp(int64_t wall_ns, char buffer[CLOCK_STAMP_BYTES])
{
	struct tm tm;

	clock_broken_down(wall_ns, &tm);
	strftime(buffer, CLOCK_STAMP_BYTES, "%Y%m%d_%H%M%S", &tm);
	return buffer;
}

/* ---- reading ---- */

/* So many digits. */
static bool read_digits(const char **at, int n, int *value)
{
	*value = 0;
	for (; n; n--, ++*at) {
		if (!isdigit((unsigned char)**at))
			return false;
		*value = *value * 10 + (**at - '0');
	}
	return true;
}

static bool skip(const char **at, const char *any_of)
{
	if (!**at || !strchr(any_of, **at))
		return false;
	++*at;
	return true;
}

static int64_t read_fraction_ns(const char **at)
{
	int64_t ns = 0, unit = NS_PER_S / 10;

	for (; isdigit((unsigned char)**at); ++*at, unit /= 10)
		ns += (**at - '0') * unit;
	return ns;
}

/* Z, +01:00, +0100 or +01, or nothing; *given: there is one at all. */
static bool read_zone(const char **at, bool *given, int *east_s)
{
	int sign, hours, minutes = 0;

	*given = **at;
	*east_s = 0;
	if (!*given || skip(at, "Zz"))
		return true;
	sign = **at == '-' ? -1 : 1;
	if (!skip(at, "+-") || !read_digits(at, 2, &hours))
		return false;
	if (**at && (skip(at, ":"), !read_digits(at, 2, &minutes)))
		return false;
	*east_s = sign * (hours * 3600 + minutes * 60);
	return hours < 24 && minutes < 60;
}

/* Both ways of writing, up to the zone. */
static bool read_date_and_time(const char **at, struct tm *tm, int64_t *fraction_ns)
{
	bool stamp;

	if (!read_digits(at, 4, &tm->tm_year))
		return false;
	stamp = !skip(at, "-");
	if (!read_digits(at, 2, &tm->tm_mon) || (!stamp && !skip(at, "-")) || !read_digits(at, 2, &tm->tm_mday))
		return false;
	tm->tm_year -= 1900;
	tm->tm_mon--;
	if (!**at && !stamp)
		return true;
	if (!skip(at, stamp ? "_" : "Tt ") || !read_digits(at, 2, &tm->tm_hour) || (!stamp && !skip(at, ":")) || !read_digits(at, 2, &tm->tm_min))
		return false;
	if (stamp)
		return read_digits(at, 2, &tm->tm_sec) && !**at;
	if (!skip(at, ":"))
		return true;
	if (!read_digits(at, 2, &tm->tm_sec))
		return false;
	*fraction_ns = skip(at, ".,") ? read_fraction_ns(at) : 0;
	return true;
}

static bool is_in_calendar(const struct tm *tm)
{
	return tm->tm_mon >= 0 && tm->tm_mon < 12 && tm->tm_mday >= 1 && tm->tm_mday <= 31 && tm->tm_hour < 24 && tm->tm_min < 60 &&
	       tm->tm_sec <= 60;
}

static bool read_seconds(const char *text, int64_t *wall_ns)
{
	char *end;
	double seconds = strtod(text, &end);

	if (*end || end == text || text[strspn(text, "0123456789.eE+")] || !isfinite(seconds) || seconds > 9e9)
		return false;
	/* a double has no more digits for today's times */
	*wall_ns = (int64_t)seconds * NS_PER_S + llround((seconds - floor(seconds)) * 1e6) * NS_PER_US;
	return true;
}

bool clock_read(const char *text, int64_t *wall_ns)
{
	struct tm tm = { .tm_isdst = -1 };
	int64_t fraction_ns = 0;
	bool zoned = false;
	int east_s = 0;
	time_t seconds;

	if (!text[strspn(text, "0123456789.eE+")])
		return read_seconds(text, wall_ns);
	if (!read_date_and_time(&text, &tm, &fraction_ns) || !read_zone(&text, &zoned, &east_s) || *text || !is_in_calendar(&tm))
		return false;
	seconds = zoned || use_utc ? timegm(&tm) - east_s : mktime(&tm);
	/* beyond what nanoseconds can count */
	if (seconds < -9000000000 || seconds > 9000000000)
		return false;
	*wall_ns = seconds * NS_PER_S + fraction_ns;
	return true;
}
