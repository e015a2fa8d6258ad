/*
 * camctl's readers: a session of a table and a video. The first two bytes say how long the table is; the video is the rest.
 */
#include "tests/fuzz/fuzz.h"

#include "camctl/doctor_csv.h"
#include "camctl/mp4sizes.h"
#include "camctl/recap.h"
#include "common/util.h"

#include <stdlib.h>

static void read_sizes(const char *video)
{
	struct mp4sizes sizes;
	struct error err;
	int64_t frame;

	if (!mp4sizes_open(&sizes, video, &err))
		return;
	/* a table may say that there are billions, all of one size */
	for (int i = 0; i < 100000 && mp4sizes_next(&sizes, &frame); i++)
		must(frame >= 0, "a frame of less than nothing");
	mp4sizes_close(&sizes);
}

static void report(void)
{
	FILE *nowhere = fopen("/dev/null", "we");
	struct recap recap;
	struct error err;

	if (recap_read(&recap, fuzz_directory(), &err)) {
		recap_print(&recap, 80, true, nowhere);
		recap_draw(&recap, nowhere);
	}
	recap_clear(&recap);
	fclose(nowhere);
}

static void examine(const char *table)
{
	struct doctor_csv csv;
	struct error err;
	char name[64];
	size_t n;

	doctor_csv_read(table, &csv, &err);
	free(doctor_csv_column(table, "exposure", name, &n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	size_t table_bytes = bytes < 2 ? 0 : MIN((size_t)(data[0] | data[1] << 8), bytes - 2);
	const char *table, *video;

	if (bytes < 2)
		return 0;
	table = fuzz_file("cam0_x_frame_timing.csv", data + 2, table_bytes);
	video = fuzz_file("cam0_x.mp4", data + 2 + table_bytes, bytes - 2 - table_bytes);
	read_sizes(video);
	examine(table);
	report();
	return 0;
}
