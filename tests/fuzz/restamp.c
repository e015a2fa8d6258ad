/* A raw stream that remux gives times to. Most of what reads it is FFmpeg's. */
#include "tests/fuzz/fuzz.h"

#include "camd/restamp.h"

#include <fcntl.h>
#include <libavutil/log.h>
#include <unistd.h>

static bool on_nut(void *user, const void *data, size_t bytes, struct error *err)
{
	(void)data;
	*(size_t *)user += bytes;
	return *(size_t *)user < 1 << 24 || error_set(err, ERR_STORAGE_FULL, "enough");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	size_t written = 0;
	struct restamp_request request = { .path = "x.h264", .write = on_nut, .user = &written };
	struct restamp *restamp;
	struct error err;
	int n = 0;

	av_log_set_level(AV_LOG_QUIET);
	request.fd = open(fuzz_file("x.h264", data, bytes), O_RDONLY | O_CLOEXEC);
	restamp = restamp_create(&request, &err);
	while (restamp && restamp_copy(restamp, n * 33366700LL, &err) == RESTAMP_FRAME && n++ < 1000)
		if (n % 4 == 3 && restamp_skip(restamp, &err) != RESTAMP_FRAME)
			break;
	if (restamp && restamp_finish(restamp, &err))
		must(written > 0, "nothing was written");
	restamp_destroy(restamp);
	close(request.fd);
	return 0;
}
