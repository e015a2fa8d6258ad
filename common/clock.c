#include "common/clock.h"

#include "common/util.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
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
