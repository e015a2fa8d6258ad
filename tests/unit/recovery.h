/* Fixture of the tests of recovery: an unfinished recording and its timing table, to be damaged and recovered. */
#pragma once

#include "camd/framelog.h"
#include "camd/recover.h"
#include "common/fragment.h"
#include "common/util.h"
#include "tests/unit/demux.h"
#include "tests/unit/scratch.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define N 240
#define HEAD 4096

struct fixture {
	char *directory;
	struct clip *clip;
	uint64_t starts[N + 1];		/* of the fragments; the last one is where they end */
	uint8_t *open, *whole;		/* the file unfinished, and finished by the output itself */
	size_t open_bytes, whole_bytes;
	char *rows;			/* the timing table */
	size_t rows_at[N + 1];		/* where its rows begin */
	uint32_t seed;
};

int set_up(void **state);
int tear_down(void **state);

/* A number from 0 to below - 1, the same ones on each run. */
uint32_t chance(struct fixture *fixture, uint32_t below);

/* A video and, unless rows is SIZE_MAX, a timing table of so many bytes. */
const char *plant(const struct fixture *fixture, const void *video, size_t bytes, size_t rows);
char *read_table(const struct fixture *fixture);

bool file_is(const char *path, const void *expected, size_t bytes);

/* How many frames are whole in the first bytes of the file. */
size_t complete(const struct fixture *fixture, uint64_t bytes);

/* recover_file(), which must succeed. */
struct recover_report recover(const char *path);

/* The first n frames are there, finished, and their rows and no others. */
void check_prefix(const struct fixture *fixture, const char *path, size_t n);
