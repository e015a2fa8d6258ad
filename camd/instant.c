#include "camd/instant.h"

#include "common/clock.h"
#include "common/util.h"

int64_t instant_choose(struct camera *const *cameras, size_t n, int64_t limit_ns)
{
	int64_t now_ns = clock_now_ns(), instant_ns = now_ns;
	size_t running = 0;

	for (size_t i = 0; i < n; i++) {
		int64_t next_ns = camera_next_frame_ns(cameras[i], now_ns);

		running += camera_state(cameras[i]) == CAMERA_RUNNING;
		if (next_ns - now_ns <= limit_ns)
			instant_ns = MAX(instant_ns, next_ns);
	}
	return running > 1 ? instant_ns : 0;
}

int64_t instant_skew_us(int64_t sensor_ns, int64_t first_ns)
{
	int64_t skew_ns = sensor_ns - first_ns;

	return (skew_ns + (skew_ns < 0 ? -500 : 500)) / 1000;
}
