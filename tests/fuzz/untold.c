/* The notes of what was recovered and told to nobody yet. */
#include "tests/fuzz/fuzz.h"

#include "camd/untold.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct untold untold = { 0 };
	struct recover_report report;

	untold_parse(&untold, (const char *)data, bytes);
	for (size_t i = 0; i < untold.n; i++) {
		const struct untold_video *video = &untold.videos[i];

		must(*video->name && !strpbrk(video->name, "/\n"), "no such name");
		must(video->report.state == RECOVER_DONE && video->report.duration_ns >= 0, "no such report");
		must(untold_find(&untold, video->name, &report), "it is not found");
	}
	untold_finish(&untold);
	return 0;
}
