/*
 * The times of a raw recording's frames: what its timing table (camd/framelog.h) says of them, read back. Tables of the
 * program that camd replaces, which have fewer columns, are read too; a last line without newline does not count.
 *
 * Whatever is in the file, memory stays within what the times need. Any one thread.
 */
#pragma once

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timetable {
	int64_t *sensor_ns;	/* of the k-th frame; growing */
	size_t n, capacity;
	int64_t first_wall_ns;	/* CLOCK_REALTIME of the first frame; 0: unknown */
};

/* Reads from a descriptor's place to its end. path is for messages. timetable_finish() is due also after a failure. */
bool timetable_read(int fd, const char *path, struct timetable *timetable, struct error *err);
void timetable_finish(struct timetable *timetable);	/* zeroed is allowed */

/* The longest time between two of the first n frames. */
int64_t timetable_longest_gap_ns(const struct timetable *timetable, size_t n);
