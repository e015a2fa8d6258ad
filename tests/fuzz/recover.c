/* A video as a crash may have left it, or as somebody made it: recovery, and what then reads its work. */
#include "tests/fuzz/fuzz.h"

#include "camd/framelog.h"
#include "camd/recover.h"
#include "camd/reel.h"
#include "camd/timetable.h"
#include "camd/video_facts.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME "cam0_x.mp4"
#define TABLE "cam0_x_frame_timing.csv"

/* The finished file has the frames that the report says. */
static void check_frames(int directory, const char *path, const struct recover_report *report)
{
	struct video_facts facts;
	struct fragment fragment;
	struct error err = { 0 };
	struct reel reel;
	uint64_t start;

	video_facts_read(directory, NAME, &facts);
	must((uint64_t)facts.frames == report->frames, "the index has other frames than the report");
	if (report->frames) {
		must(reel_open(&reel, directory, path, &err) || !strstr(err.text, "index"), err.text);
		if (reel.finished && reel_index(&reel, &err)) {
			must(reel.n == report->frames, "the reel has other frames than the report");
			for (size_t k = 0; k < reel.n; k++)
				must(reel_frame(&reel, k, &fragment, &start, &err), err.text);
		}
		reel_finish(&reel);
	}
}

/* Its table has a row a frame. */
static void check_table(const char *path, const struct recover_report *report)
{
	size_t bytes, rows = 0;
	uint8_t *text;

	if (report->table.foreign || report->table_error.code)
		return;
	text = fuzz_slurp(path, &bytes);
	for (size_t i = 0; i < bytes; i++)
		rows += text[i] == '\n';
	must(rows == report->frames + 1, "the table has other rows than the report has frames");
	free(text);
}

static void check(const char *path, const char *table, const struct recover_report *report)
{
	int directory = open(fuzz_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct recover_report again;
	struct error err = { 0 };

	must(recover_file(path, &again, &err), err.text);
	must(again.state == RECOVER_FINISHED, "a recovered file is not finished");
	check_frames(directory, path, report);
	check_table(table, report);
	close(directory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	const char *path = fuzz_file(NAME, data, bytes), *table = fuzz_file(TABLE, "", 0);
	struct recover_report report;
	struct error err = { 0 };
	bool ok = recover_file(path, &report, &err);

	must(ok == (report.state != RECOVER_FAILED), "the report contradicts the result");
	if (ok && report.state == RECOVER_DONE) {
		check(path, table, &report);
	} else {
		size_t found_bytes;
		uint8_t *found = fuzz_slurp(path, &found_bytes);

		must(found_bytes == bytes && !memcmp(found, data, bytes), "a file was changed that was not recovered");
		free(found);
	}
	return 0;
}
