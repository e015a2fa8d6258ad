/* The MP4 that another program made of a recording, as it is looked at again. Most of what runs here is FFmpeg's. */
#include "tests/fuzz/fuzz.h"

#include "camd/libav.h"
#include "camd/mp4times.h"

#include <fcntl.h>
#include <libavutil/log.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	int64_t sensor_ns[16];
	struct mp4places places = { .n = 0 };
	struct error err;
	int fd;

	libav_install();
	av_log_set_level(AV_LOG_QUIET);
	for (size_t i = 0; i < 16; i++)
		sensor_ns[i] = INT64_C(1000000000) + (int64_t)i * 100000000;
	fd = open(fuzz_file("x.mp4", data, bytes), O_RDONLY | O_CLOEXEC);
	for (size_t n = 6; n <= 16; n += 10) {
		mp4times_check(fd, sensor_ns, n, 1000000000, &places, &err);
		mp4places_finish(&places);
	}
	close(fd);
	return 0;
}
