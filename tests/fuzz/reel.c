/* A video that export and list_recordings look at. */
#include "tests/fuzz/fuzz.h"

#include "camd/reel.h"
#include "camd/video_facts.h"
#include "common/util.h"

#include <fcntl.h>
#include <unistd.h>

#define NAME "cam0_x.mp4"
#define FRAMES_MAX 1000

static void read_frames(struct reel *reel)
{
	struct fragment fragment;
	struct error err;
	uint64_t start;
	size_t k;

	for (k = 0; k < MIN(reel->n, (size_t)FRAMES_MAX); k++)
		if (reel_frame(reel, k, &fragment, &start, &err))
			must(start < reel->bytes && fragment.payload_bytes <= reel->bytes, "a frame lies outside of its file");
	if (reel_find(reel, reel->first_ns, &k, &err))
		must(k <= reel->n, "a frame was found behind the last one");
	reel_find(reel, INT64_MAX, &k, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	const char *path = fuzz_file(NAME, data, bytes);
	int directory = open(fuzz_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct video_facts facts;
	struct error err;
	struct reel reel;

	if (reel_open(&reel, directory, path, &err) && reel_index(&reel, &err))
		read_frames(&reel);
	reel_finish(&reel);
	video_facts_read(directory, NAME, &facts);
	close(directory);
	return 0;
}
