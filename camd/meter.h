/*
 * How the disk takes footage: bytes, and how long writes and syncs took. Two readings of the clock a write; the figures are atomics,
 * for all output threads add to one, and anybody may read them.
 */
#pragma once

#include "protocol/messages.h"

#include <stdatomic.h>
#include <stddef.h>

/* A stall is a write or a sync of a tenth of a second or more; they are counted by how long they were. */
#define METER_N_STALLS 5

struct meter {
	_Atomic int64_t written_bytes;
	_Atomic int64_t slowest_write_ns, slowest_sync_ns;
	_Atomic int64_t stalls[METER_N_STALLS];
};

void meter_note_write(struct meter *meter, int64_t bytes, int64_t took_ns);
void meter_note_sync(struct meter *meter, int64_t took_ns);

void meter_fill_status(const struct meter *meter, struct storage_status *status);
