/* When to try again what failed, with growing pauses: 1, 2, 5, 10 s. One thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct retry {
	int tries;		/* in a row */
	int64_t due_ns;		/* CLOCK_MONOTONIC; 0: at once */
	int64_t succeeded_ns;	/* when it last worked */
};

void retry_note_success(struct retry *retry);
void retry_note_failure(struct retry *retry);
bool retry_is_due(const struct retry *retry, int64_t now_ns);
