#include "camd/meter.h"

#include "common/clock.h"
#include "common/util.h"

#include <math.h>

static const int64_t bounds_ns[METER_N_STALLS] = {
	100 * NS_PER_MS, 300 * NS_PER_MS, NS_PER_S, 3 * NS_PER_S, 10 * NS_PER_S,
};

static void raise_to(_Atomic int64_t *highest, int64_t value)
{
	int64_t so_far = atomic_load(highest);

	while (value > so_far && !atomic_compare_exchange_weak(highest, &so_far, value))
		;
}

static void note_stall(struct meter *meter, int64_t took_ns)
{
	for (size_t i = METER_N_STALLS; i--;)
		if (took_ns >= bounds_ns[i]) {
			atomic_fetch_add(&meter->stalls[i], 1);
			return;
		}
}

void meter_note_write(struct meter *meter, int64_t bytes, int64_t took_ns)
{
	atomic_fetch_add(&meter->written_bytes, bytes);
	raise_to(&meter->slowest_write_ns, took_ns);
	note_stall(meter, took_ns);
}

void meter_note_sync(struct meter *meter, int64_t took_ns)
{
	raise_to(&meter->slowest_sync_ns, took_ns);
	note_stall(meter, took_ns);
}

static double ms(int64_t ns)
{
	return round(ns / 1e3) / 1e3;
}

void meter_fill_status(const struct meter *meter, struct storage_status *status)
{
	status->written_bytes = atomic_load(&meter->written_bytes);
	status->slowest_write_ms = ms(atomic_load(&meter->slowest_write_ns));
	status->slowest_sync_ms = ms(atomic_load(&meter->slowest_sync_ns));
	status->stalls = (struct stalls){
		atomic_load(&meter->stalls[0]), atomic_load(&meter->stalls[1]), atomic_load(&meter->stalls[2]),
		atomic_load(&meter->stalls[3]), atomic_load(&meter->stalls[4]),
	};
}
