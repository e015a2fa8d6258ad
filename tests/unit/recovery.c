#include "tests/unit/recovery.h"

uint32_t chance(struct fixture *fixture, uint32_t below)
{
	fixture->seed = fixture->seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)fixture->seed * below >> 32);
}

static void write_rows(struct fixture *fixture)
{
	size_t at = strlen(FRAMELOG_HEADER);
	struct framelog_place before = { 0, 0 };

	fixture->rows = xcalloc(N + 2, FRAMELOG_ROW_BYTES);
	memcpy(fixture->rows, FRAMELOG_HEADER, at);
	for (size_t i = 0; i < N; i++) {
		struct framelog_row row = framelog_row_of(&fixture->clip->packets[i]);

		fixture->rows_at[i] = at;
		at += framelog_format_row(fixture->rows + at, &row, before);
		before = framelog_place_of(&row);
	}
	fixture->rows_at[N] = at;
}

int set_up(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));
	struct output *output;
	struct error err;
	const char *path;

	fixture->seed = 4711;
	fixture->directory = scratch_create();
	fixture->clip = clip_create(N, 320, 180, CLIP_GAP);
	path = scratch_path(fixture->directory, "made.mp4");
	output = clip_write(fixture->clip, &output_fmp4, path, 0);
	for (size_t i = 0; i < N; i++) {
		fixture->starts[i] = output->bytes;
		assert_true(output_fmp4.write(output, &fixture->clip->packets[i], &err));
	}
	fixture->starts[N] = output->bytes;
	fixture->open = slurp(path, &fixture->open_bytes);
	assert_true(output_fmp4.finish(output, NULL, &err));
	output_fmp4.destroy(output);
	fixture->whole = slurp(path, &fixture->whole_bytes);
	write_rows(fixture);
	*state = fixture;
	return 0;
}

int tear_down(void **state)
{
	struct fixture *fixture = *state;

	scratch_remove(fixture->directory);
	clip_destroy(fixture->clip);
	free(fixture->open);
	free(fixture->whole);
	free(fixture->rows);
	free(fixture);
	return 0;
}

const char *plant(const struct fixture *fixture, const void *video, size_t bytes, size_t rows)
{
	const char *path = scratch_path(fixture->directory, "cam0_test.mp4");
	const char *table = scratch_path(fixture->directory, "cam0_test_frame_timing.csv");

	spill(path, video, bytes);
	unlink(table);
	if (rows != SIZE_MAX)
		spill(table, fixture->rows, rows);
	return path;
}

char *read_table(const struct fixture *fixture)
{
	size_t bytes;

	return (char *)slurp(scratch_path(fixture->directory, "cam0_test_frame_timing.csv"), &bytes);
}

bool file_is(const char *path, const void *expected, size_t bytes)
{
	size_t found_bytes;
	uint8_t *found = slurp(path, &found_bytes);
	bool same = found_bytes == bytes && !memcmp(found, expected, bytes);

	free(found);
	return same;
}

size_t complete(const struct fixture *fixture, uint64_t bytes)
{
	size_t n = 0;

	while (n < N && fixture->starts[n + 1] <= bytes)
		n++;
	return n;
}

struct recover_report recover(const char *path)
{
	struct recover_report report;
	struct error err;

	if (!recover_file(path, &report, &err))
		fail_msg("%s", err.text);
	assert_int_equal(report.table_error.code, ERR_NONE);
	return report;
}

void check_prefix(const struct fixture *fixture, const char *path, size_t n)
{
	struct demuxed found;
	char *table = read_table(fixture);

	demux_file(&found, path);
	assert_true(n ? demux_matches(&found, fixture->clip, NULL, n) : found.opened && !found.n);
	demux_free(&found);
	assert_int_equal(strlen(table), fixture->rows_at[n]);
	assert_memory_equal(table, fixture->rows, fixture->rows_at[n]);
	free(table);
}
