/* Salvage of recordings that were cut off, torn, holed, overwritten or forged. */
#include "tests/unit/recovery.h"

static void cut_at(struct fixture *fixture, uint64_t at, bool check_all)
{
	size_t n = complete(fixture, at), rows = MIN(n + 1, (size_t)N);
	const char *path = plant(fixture, fixture->open, at, fixture->rows_at[rows]);
	struct recover_report report = recover(path);

	assert_int_equal(report.state, RECOVER_DONE);
	assert_int_equal(report.frames, n);
	assert_int_equal(report.bytes_cut, at - fixture->starts[n]);
	assert_int_equal(report.table.rows_cut, rows - n);
	if (check_all)
		check_prefix(fixture, path, n);
}

static void test_cut_at_each_byte_of_some_fragments(void **state)
{
	static const size_t which[] = { 0, 1, 100, N - 1 };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < ARRAY_LEN(which); i++)
		for (uint64_t at = fixture->starts[which[i]]; at <= fixture->starts[which[i] + 1]; at++)
			cut_at(fixture, at, at % 16 == 0 || at == fixture->starts[which[i] + 1]);
}

static void test_cut_at_random_bytes(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < 400; i++)
		cut_at(fixture, HEAD + chance(fixture, (uint32_t)(fixture->open_bytes - HEAD)), true);
}

/* What a power cut leaves: the size is new, the last blocks are not. */
static void test_zero_and_garbage_tails(void **state)
{
	struct fixture *fixture = *state;
	uint8_t *video = xcalloc(fixture->open_bytes + 300000, 1);

	for (int i = 0; i < 200; i++) {
		uint64_t at = HEAD + chance(fixture, (uint32_t)(fixture->open_bytes - HEAD));
		size_t bytes = i % 2 ? fixture->open_bytes : at + 300000, n;
		const char *path;

		memcpy(video, fixture->open, at);
		for (size_t k = at; k < bytes; k++)
			video[k] = i % 4 < 2 ? 0 : (uint8_t)chance(fixture, 256);
		/* zeros may be what was there */
		for (n = complete(fixture, at); n < N && !memcmp(video + at, fixture->open + at, fixture->starts[n + 1] - at);)
			n++;
		path = plant(fixture, video, bytes, fixture->rows_at[N / 2]);
		assert_int_equal(recover(path).frames, n);
		check_prefix(fixture, path, n);
	}
	free(video);
}

/* Blocks in the middle that became zeros, garbage, or an older part of the same file. */
static void make_hole(struct fixture *fixture, uint8_t *video, size_t *at, size_t *bytes, int kind)
{
	size_t blocks = fixture->open_bytes / 4096;

	*bytes = 4096 * (1 + chance(fixture, 8));
	*at = 4096 * (1 + chance(fixture, (uint32_t)(blocks - 9)));
	for (size_t i = 0; kind < 2 && i < *bytes; i++)
		video[*at + i] = kind ? (uint8_t)chance(fixture, 256) : 0;
	if (kind == 2)
		memcpy(video + *at, fixture->open + 4096 * chance(fixture, (uint32_t)(*at / 4096)), *bytes);
}

/* The k-th frame must have the k-th row, and what is missing must be accounted for. */
static void check_rows(const struct fixture *fixture, const size_t *picks, size_t n)
{
	char *table = read_table(fixture), *at = table + strlen(FRAMELOG_HEADER);
	struct framelog_place before = { 0, 0 };

	for (size_t i = 0; i < n; i++) {
		struct framelog_row row = framelog_row_of(&fixture->clip->packets[picks[i]]);
		char text[FRAMELOG_ROW_BYTES];
		size_t bytes;

		row.lost_storage = picks[i] - i;
		assert_int_equal(row.number - 1 - i, row.lost_sensor + row.lost_starved + row.lost_encoder + row.lost_storage);
		bytes = framelog_format_row(text, &row, before);
		assert_memory_equal(at, text, bytes);
		at += bytes;
		before = framelog_place_of(&row);
	}
	assert_int_equal(*at, '\0');
	free(table);
}

static void test_holes(void **state)
{
	struct fixture *fixture = *state;
	uint8_t *video = xcalloc(fixture->open_bytes, 1);

	for (int round = 0; round < 300; round++) {
		size_t at, bytes, picks[N], n = 0, doubtful = 0;
		struct recover_report report;
		struct demuxed found;
		const char *path;
		bool after_hole = false;

		memcpy(video, fixture->open, fixture->open_bytes);
		make_hole(fixture, video, &at, &bytes, round % 3);
		for (size_t i = 0; i < N; i++) {
			if (memcmp(video + fixture->starts[i], fixture->open + fixture->starts[i],
				   fixture->starts[i + 1] - fixture->starts[i])) {
				after_hole = true;
				continue;
			}
			after_hole = after_hole && !fixture->clip->packets[i].key;
			doubtful += after_hole;
			picks[n++] = i;
		}
		path = plant(fixture, video, fixture->open_bytes, round % 2 ? fixture->rows_at[N] : SIZE_MAX);
		report = recover(path);
		assert_int_equal(report.frames, n);
		assert_int_equal(report.damaged_frames, n && picks[n - 1] >= n ? picks[n - 1] + 1 - n : 0);
		assert_int_equal(report.doubtful_frames, doubtful);
		demux_file(&found, path);
		assert_true(demux_matches(&found, fixture->clip, picks, n));
		demux_free(&found);
		check_rows(fixture, picks, n);
	}
	free(video);
}

static void test_damaged_head_is_rebuilt(void **state)
{
	struct fixture *fixture = *state;
	uint8_t *video = xcalloc(fixture->open_bytes, 1);

	for (int kind = 0; kind < 3; kind++) {
		struct recover_report report;
		struct demuxed found;
		const char *path;

		memcpy(video, fixture->open, fixture->open_bytes);
		memset(video + (kind == 0 ? 0 : kind == 1 ? 512 : 44), 0, kind == 0 ? HEAD : kind == 1 ? 512 : 4);
		path = plant(fixture, video, fixture->open_bytes, SIZE_MAX);
		report = recover(path);
		assert_true(report.head_rebuilt);
		assert_int_equal(report.frames, N);
		check_prefix(fixture, path, N);
		demux_file(&found, path);
		assert_int_equal(found.width, 320);
		assert_int_equal(found.height, 180);
		assert_int_equal(found.primaries, 1);
		assert_string_equal(found.created, "2023-11-14T22:13:20.000000Z");
		demux_free(&found);
		assert_int_equal(recover(path).state, RECOVER_FINISHED);
	}
	free(video);
}

/* Frames of another file of camd's in this one's blocks. */
static void test_another_files_frames_are_not_taken(void **state)
{
	struct fixture *fixture = *state;
	const char *path = scratch_path(fixture->directory, "other.mp4");
	struct output *output = clip_write(fixture->clip, &output_fmp4, path, N);
	size_t bytes, half = fixture->starts[N / 2];
	uint8_t *other;

	output_fmp4.destroy(output);
	other = slurp(path, &bytes);
	assert_int_equal(bytes, fixture->open_bytes);
	memcpy(other, fixture->open, half);
	path = plant(fixture, other, bytes, fixture->rows_at[N]);
	assert_int_equal(recover(path).frames, N / 2);
	check_prefix(fixture, path, N / 2);
	free(other);
}

static void test_hostile_lengths(void **state)
{
	struct fixture *fixture = *state;
	uint8_t *video = xcalloc(fixture->open_bytes, 1);

	for (int round = 0; round < 3000; round++) {
		size_t start = (size_t)fixture->starts[1 + chance(fixture, N - 1)];
		struct recover_report report;

		memcpy(video, fixture->open, fixture->open_bytes);
		/* anywhere in the head of a fragment, in the file's own head now and then */
		if (round % 8 == 7)
			start = 0;
		for (uint32_t n = 1 + chance(fixture, 8), i = 0; i < n; i++)
			video[start + chance(fixture, start ? 292 : HEAD)] = (uint8_t)(round % 3 ? chance(fixture, 256) : 255);
		recover_file(plant(fixture, video, fixture->open_bytes, SIZE_MAX), &report, NULL);
	}
	free(video);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_at_each_byte_of_some_fragments),
		cmocka_unit_test(test_cut_at_random_bytes),
		cmocka_unit_test(test_zero_and_garbage_tails),
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_damaged_head_is_rebuilt),
		cmocka_unit_test(test_another_files_frames_are_not_taken),
		cmocka_unit_test(test_hostile_lengths),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
