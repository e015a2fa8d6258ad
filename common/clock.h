/*
 * Time. Inside camd there is one clock: CLOCK_MONOTONIC in int64 nanoseconds. Wall time is for names, messages, CSV and
 * overlays only. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int64_t clock_now_ns(void);		/* CLOCK_MONOTONIC */
int64_t clock_wall_ns(void);		/* CLOCK_REALTIME, since 1970 */

/* Sleeps until a CLOCK_MONOTONIC instant; returns at once if it has passed. */
void clock_sleep_until(int64_t monotonic_ns);

/* What names and messages are written in: local time by default, or UTC. Set once at start, before threads. */
void clock_use_utc(bool utc);

struct tm;
void clock_broken_down(int64_t wall_ns, struct tm *tm);		/* in that */

/*
 * Reads a wall time as people, messages and names of files write it: "2026-11-20T14:03:07.123456+01:00" (with a space for the T; seconds,
 * their fraction and the zone may be left out), "2026-11-20", "20261120_140307", or seconds since 1970. Without a zone it is as above.
 * False: it is none of these.
 */
bool clock_read(const char *text, int64_t *wall_ns);

#define CLOCK_ISO_BYTES 40
#define CLOCK_STAMP_BYTES 24

/* "2026-11-20T14:03:07.123456+01:00": six digits and a numeric offset, so that every ISO 8601 reader takes it. */
const char *clock_iso(int64_t wall_ns, char buffer[CLOCK_ISO_BYTES]);

/* "20261120_140307", for file names. */
const char *clock_stamp(int64_t wall_ns, char buffer[CLOCK_STAMP_BYTES]);
