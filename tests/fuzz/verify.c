/* Whatever lies in a directory of recordings: the first two bytes say how long the table is, the third what is whose, the rest is a video. */
#include "tests/fuzz/fuzz.h"

#include "camctl/verify.h"
#include "common/util.h"

#include <stdlib.h>
#include <unistd.h>

static void on_file(void *user, const struct verify_file *file)
{
	char *line = fields_print_json(verify_file_fields, file);

	verify_print(file, user);
	must((file->verdict == VERIFY_SOUND) == !file->problems.n, "a verdict without a reason");
	must(file->verdict != VERIFY_SOUND || file->rows == FIELD_UNSET || file->rows == file->frames, "rows and frames differ, and that is sound");
	free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct verify_summary summary = { 0 };
	const char *table, *video;
	size_t table_bytes;
	FILE *nowhere;

	if (bytes < 3)
		return 0;
	table_bytes = MIN((size_t)(data[0] | data[1] << 8), bytes - 3);
	table = fuzz_file(data[2] & 1 ? "clip_cam0_x_frame_timing.csv" : "cam0_x_frame_timing.csv", data + 3, table_bytes);
	video = fuzz_file(data[2] & 2 ? "cam0_x.h264" : data[2] & 1 ? "clip_cam0_x.mp4" : "cam0_x.mp4", data + 3 + table_bytes, bytes - 3 - table_bytes);
	if (data[2] & 4)
		unlink(table);
	nowhere = fopen("/dev/null", "we");
	verify_path(fuzz_directory(), false, &summary, on_file, nowhere);
	must(summary.recordings == summary.sound + summary.missing + summary.unknown, "the sums are wrong");
	fclose(nowhere);
	unlink(table);
	unlink(video);
	return 0;
}
