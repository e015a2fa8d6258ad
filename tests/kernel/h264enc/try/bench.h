/*
 * An open encoder with a decoder behind it, and assertions about the two. Pictures are told apart by their numbers,
 * which are in their timestamps too. One thread per bench.
 */
#ifndef TRY_BENCH_H
#define TRY_BENCH_H

#include "tests/kernel/h264enc/try/picture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct bench {
	struct client client;
	struct decoder *decoder;
};

/* Every fault off, what was left open by a failed test closed: for setup and teardown. */
int bench_reset(void **state);

/* 96x80 YU12 in MMAP buffers, or NM12 where the driver has that. */
struct shape bench_shape(void);
/* At most three at once; reset closes them. */
struct bench *bench_open(void);
struct bench *bench_start(const struct shape *shape);
void bench_streamon(struct bench *bench);
void bench_close(struct bench *bench);

uint64_t bench_time(unsigned n);
/* Takes back what OUTPUT buffers are done, and puts picture n. */
void bench_put(struct bench *bench, unsigned n);
/* The next CAPTURE buffer, for which it waits; fails the test if none comes. */
struct coded bench_take(struct bench *bench);
/* It is picture n, whole and without an error, and decodes to what went in. */
void bench_check(struct bench *bench, const struct coded *coded, unsigned n);
/* bench_put, bench_take, bench_check */
void bench_pass(struct bench *bench, unsigned n);
/* No CAPTURE buffer comes. */
void bench_nothing(struct bench *bench);
/* The OUTPUT buffers that the driver still has. */
unsigned bench_busy(struct bench *bench);
void bench_assert_nals(const struct coded *coded, const char *types);
struct slice bench_slice(const struct coded *coded);

void fault(const char *name, long value);

#define TRY(function) cmocka_unit_test_setup_teardown(function, bench_reset, bench_reset)

/* The two groups of tests: how many failed. */
int try_stream(void);
int try_faults(void);

#endif
