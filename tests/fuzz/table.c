/* A timing table as recovery finds it: trimmed, repaired, read back for a remux. */
#include "tests/fuzz/fuzz.h"

#include "camd/framelog.h"
#include "camd/framelog_repair.h"
#include "camd/timetable.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME "cam0_frame_timing.csv"
#define N_ROWS 3

static int open_directory(void)
{
	int fd = open(fuzz_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	must(fd >= 0, "the directory is gone");
	return fd;
}

static void read_times(const char *path)
{
	struct timetable times;
	struct error err;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (timetable_read(fd, path, &times, &err)) {
		must(times.n > 0, "a table without rows was read");
		for (size_t i = 1; i < times.n; i++)
			must(times.sensor_ns[i] > times.sensor_ns[i - 1], "times don't grow");
	}
	timetable_finish(&times);
	close(fd);
}

static void trim(int directory, const char *path)
{
	struct framelog_repair_report report;
	struct error err;

	must(framelog_repair_trim(directory, NAME, path, &report, &err), "the table can't be trimmed");
	must(framelog_repair_trim(directory, NAME, path, &report, &err) && !report.changed, "a trimmed table is trimmed again");
}

/* What ought to be in the file. */
static size_t add_rows(struct framelog_repair *repair, char text[(N_ROWS + 1) * FRAMELOG_ROW_BYTES])
{
	struct framelog_place before = { 0 };
	size_t at = strlen(FRAMELOG_HEADER);

	strcpy(text, FRAMELOG_HEADER);
	for (uint64_t i = 0; i < N_ROWS; i++) {
		struct framelog_row row = { .number = 1 + 2 * i, .wall_ns = 1700000000000000000 + (int64_t)i, .sensor_ns = (int64_t)(1000 + i),
			.before = i ? 2 * i - 1 : 0, .camera_frame = 5 + i, .lost_sensor = i, .mark = "a \"mark\", long" };

		framelog_repair_add(repair, &row);
		at += framelog_format_row(text + at, &row, before);
		before = framelog_place_of(&row);
	}
	return at;
}

static void repair(int directory, const char *path)
{
	char text[(N_ROWS + 1) * FRAMELOG_ROW_BYTES];
	struct framelog_repair_report report;
	struct framelog_repair *repair;
	struct error err = { 0 };
	size_t bytes, found_bytes;
	uint8_t *found;

	repair = framelog_repair_open(directory, NAME, path, &err);
	must(repair, err.text);
	bytes = add_rows(repair, text);
	must(framelog_repair_close(repair, &report, &err), err.text);
	framelog_repair_destroy(repair);
	found = fuzz_slurp(path, &found_bytes);
	must(report.foreign || (found_bytes == bytes && !memcmp(found, text, bytes)), "the table is not as it ought to be");
	free(found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	const char *path = fuzz_file(NAME, data, bytes);
	int directory = open_directory();

	read_times(path);
	repair(directory, path);
	path = fuzz_file(NAME, data, bytes);
	trim(directory, path);
	close(directory);
	return 0;
}
