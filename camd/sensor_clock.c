#include "camd/sensor_clock.h"

#include "common/util.h"

#include <stdbool.h>
#include <stdlib.h>

/* Clocks that are nearer to each other than this are one: the machine has not slept yet. */
#define SAME_NS (10 * NS_PER_MS)

/* So old can a picture be when it arrives, and so far ahead can its time be: some drivers claim the exposure's end. */
#define OLDEST_NS (10 * NS_PER_S)
#define AHEAD_NS NS_PER_S

static bool is_plausible(int64_t stamp_ns, int64_t now_ns)
{
	return stamp_ns > 0 && stamp_ns > now_ns - OLDEST_NS && stamp_ns < now_ns + AHEAD_NS;
}

void sensor_clock_init(struct sensor_clock *clock, int64_t stamp_ns, int64_t monotonic_ns, int64_t boottime_ns)
{
	bool monotonic = is_plausible(stamp_ns, monotonic_ns);
	bool boottime = is_plausible(stamp_ns, boottime_ns);

	*clock = (struct sensor_clock){ 0 };
	if (monotonic && llabs(boottime_ns - monotonic_ns) < SAME_NS) {
		clock->name = "CLOCK_MONOTONIC, or CLOCK_BOOTTIME, which is the same so far";
	} else if (monotonic && (!boottime || llabs(monotonic_ns - stamp_ns) <= llabs(boottime_ns - stamp_ns))) {
		clock->name = "CLOCK_MONOTONIC";
	} else if (boottime) {
		clock->name = "CLOCK_BOOTTIME";
		clock->offset_ns = monotonic_ns - boottime_ns;
	}
}

int64_t sensor_clock_map(const struct sensor_clock *clock, int64_t stamp_ns, int64_t arrived_ns)
{
	return clock->name && stamp_ns > 0 ? stamp_ns + clock->offset_ns : arrived_ns;
}
