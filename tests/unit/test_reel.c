/* Footage read off files that are damaged, or lie: an error that names the file, or the frames that are sound. */
#include "camd/gather.h"
#include "camd/movie.h"
#include "camd/reel.h"
#include "tests/unit/recovery.h"

#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>

#define SESSION "session_1"
#define NAME "cam0_640x480.mp4"
#define SLOT_BYTES_AT 40	/* how long the mdat of a finished file is */

static const char *plant_video(const struct fixture *fixture, const void *video, size_t bytes)
{
	const char *path = scratch_path(fixture->directory, SESSION "/" NAME);

	mkdir(scratch_path(fixture->directory, SESSION), 0777);
	spill(path, video, bytes);
	return path;
}

static void check_error(const struct error *err, const char *path)
{
	assert_int_not_equal(err->code, ERR_NONE);
	if (!strstr(err->text, path))
		fail_msg("'%s' does not name %s", err->text, path);
}

/* All that can be asked of a reel. Returns how many frames are sound. */
static size_t examine(const char *path)
{
	char *parent = strndup(path, (size_t)(strrchr(path, '/') - path));
	int directory = open(parent, O_RDONLY | O_DIRECTORY);
	const int64_t moments[] = { INT64_MIN, 0, 1, INT64_MAX };
	struct reel reel;
	struct error err = { 0 };
	size_t sound = 0, found;

	free(parent);
	if (reel_open(&reel, directory, path, &err) && reel_index(&reel, &err)) {
		struct fragment frame;
		uint64_t start;

		for (size_t k = 0; k < reel.n; k++) {
			if (reel_frame(&reel, k, &frame, &start, &err))
				sound++;
			else
				check_error(&err, path);
		}
		for (size_t i = 0; i < ARRAY_LEN(moments); i++) {
			if (reel_find(&reel, moments[i], &found, &err))
				assert_true(found <= reel.n);
			else
				check_error(&err, path);
		}
	} else {
		check_error(&err, path);
	}
	reel_finish(&reel);
	close(directory);
	return sound;
}


static void on_row(void *user, const struct framelog_row *row, uint64_t before)
{
	char text[FRAMELOG_ROW_BYTES];

	assert_true(framelog_format_row(text, row, (struct framelog_place){ before, 0 }) < sizeof(text));
	++*(size_t *)user;
}

static void on_gap(void *user, int64_t from_ns, int64_t to_ns)
{
	(void)user;
	(void)from_ns;
	(void)to_ns;
}

static bool is_cancelled(void *user)
{
	(void)user;
	return false;
}

/* As an export does it. Returns how many frames would be in it. */
static size_t gather_all(const struct fixture *fixture, int64_t from_ns, int64_t to_ns, const char *path)
{
	size_t rows = 0, n = 0;
	struct gather_request request = {
		.root = open(fixture->directory, O_RDONLY | O_DIRECTORY), .root_path = fixture->directory, .from_ns = from_ns, .to_ns = to_ns,
		.is_cancelled = is_cancelled, .on_row = on_row, .on_gap = on_gap, .user = &rows,
	};
	struct gathered gathered;
	struct mp4box front = { 0 };
	struct error err = { 0 };

	if (gather(&gathered, &request, &err)) {
		n = rows;
		assert_int_equal(gathered.movie.n - gathered.movie.first_shown, n);
		movie_write_front(&gathered.movie, &front);
		mp4box_finish(&front);
	} else if (err.code != ERR_NOT_FOUND) {
		check_error(&err, path);
	}
	gathered_finish(&gathered);
	close(request.root);
	return n;
}

static size_t look(const struct fixture *fixture, const void *video, size_t bytes)
{
	const char *path = plant_video(fixture, video, bytes);
	size_t sound = examine(path), n = gather_all(fixture, INT64_MIN, INT64_MAX, path);

	assert_true(n <= sound);
	return sound;
}

static void test_sound_files(void **state)
{
	const struct fixture *fixture = *state;

	assert_int_equal(look(fixture, fixture->open, fixture->open_bytes), N);
	assert_int_equal(look(fixture, fixture->whole, fixture->whole_bytes), N);
	assert_int_equal(gather_all(fixture, INT64_MIN, INT64_MAX, ""), N);
	assert_int_equal(gather_all(fixture, -9000000000 * NS_PER_S, 9000000000 * NS_PER_S, ""), N);
}

static void test_cut_off(void **state)
{
	struct fixture *fixture = *state;

	for (int round = 0; round < 200; round++) {
		size_t bytes = chance(fixture, (uint32_t)fixture->open_bytes);

		assert_int_equal(look(fixture, fixture->open, bytes), complete(fixture, bytes));
		/* a finished one without its index is none */
		assert_int_equal(look(fixture, fixture->whole, bytes), 0);
	}
	for (size_t bytes = 0; bytes < 100; bytes++)
		assert_int_equal(look(fixture, fixture->whole, fixture->whole_bytes - bytes - 1), 0);
}

/* Random bytes changed from one place to another of a copy. */
static void damage(struct fixture *fixture, uint8_t *data, size_t from, size_t to)
{
	static const uint8_t favourites[] = { 0, 1, 0x7f, 0x80, 0xff };
	size_t at = from + chance(fixture, (uint32_t)(to - from)), bytes = 1 + chance(fixture, 8);
	bool random = chance(fixture, 2);
	uint8_t favourite = favourites[chance(fixture, ARRAY_LEN(favourites))];

	for (size_t i = at; i < MIN(at + bytes, to); i++)
		data[i] = random ? (uint8_t)chance(fixture, 256) : favourite;
}

static void damage_often(struct fixture *fixture, const uint8_t *video, size_t bytes, size_t from, size_t to, int rounds)
{
	uint8_t *copy = xcalloc(bytes, 1);

	for (int round = 0; round < rounds; round++) {
		memcpy(copy, video, bytes);
		for (uint32_t i = 0; i <= chance(fixture, 3); i++)
			damage(fixture, copy, from, to);
		assert_true(look(fixture, copy, bytes) <= N);
	}
	free(copy);
}

static void test_damaged_anywhere(void **state)
{
	struct fixture *fixture = *state;
	size_t index = fixture->open_bytes;	/* where that of the finished one begins */

	damage_often(fixture, fixture->whole, fixture->whole_bytes, 0, HEAD, 100);
	damage_often(fixture, fixture->whole, fixture->whole_bytes, index, fixture->whole_bytes, 600);
	damage_often(fixture, fixture->whole, fixture->whole_bytes, HEAD, index, 50);
	damage_often(fixture, fixture->open, fixture->open_bytes, 0, HEAD, 100);
	damage_often(fixture, fixture->open, fixture->open_bytes, HEAD, index, 50);
}

static void test_zeroed_blocks(void **state)
{
	struct fixture *fixture = *state;
	uint8_t *copy = xcalloc(fixture->whole_bytes, 1);

	for (size_t at = 0; at < fixture->whole_bytes; at += FRAGMENT_BLOCK * 7) {
		memcpy(copy, fixture->whole, fixture->whole_bytes);
		memset(copy + at, 0, MIN((size_t)FRAGMENT_BLOCK, fixture->whole_bytes - at));
		look(fixture, copy, fixture->whole_bytes);
		look(fixture, copy, fixture->open_bytes);
	}
	free(copy);
}

/* ---- lies ---- */

static uint8_t *find(uint8_t *data, size_t bytes, const char *type)
{
	uint8_t *found = memmem(data, bytes, type, 4);

	assert_non_null(found);
	return found;
}

static void put64(uint8_t *at, uint64_t value)
{
	mp4box_put32(at, (uint32_t)(value >> 32));
	mp4box_put32(at + 4, (uint32_t)value);
}

static void test_lying_index(void **state)
{
	static const uint64_t lies[] = {
		0, 1, 7, 8, 32, 4096, 0x7fffffff, 0x80000000, UINT32_MAX, INT64_MAX, INT64_MAX - 31, UINT64_MAX, UINT64_MAX - 31, UINT64_MAX - 4096,
	};
	static const char *const boxes[] = { "moov", "mvhd", "trak", "mdia", "minf", "stbl", "stsd", "avc1", "avcC", "stsz", "co64" };
	struct fixture *fixture = *state;
	size_t bytes = fixture->whole_bytes, index = fixture->open_bytes;
	uint8_t *copy = xcalloc(bytes, 1);

	for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
		memcpy(copy, fixture->whole, bytes);
		put64(copy + SLOT_BYTES_AT, lies[i]);
		look(fixture, copy, bytes);
		for (size_t k = 0; k < ARRAY_LEN(boxes); k++) {
			memcpy(copy, fixture->whole, bytes);
			mp4box_put32(find(copy + index, bytes - index, boxes[k]) - 4, (uint32_t)lies[i]);
			look(fixture, copy, bytes);
			/* and how many there are in it, or what the first of these is */
			for (size_t at = 4; at <= 16; at += 4) {
				memcpy(copy, fixture->whole, bytes);
				mp4box_put32(find(copy + index, bytes - index, boxes[k]) + at, (uint32_t)lies[i]);
				look(fixture, copy, bytes);
			}
		}
		for (size_t k = 0; k < N; k += 17) {
			memcpy(copy, fixture->whole, bytes);
			put64(find(copy + index, bytes - index, "co64") + 12 + 8 * k, lies[i]);
			assert_true(look(fixture, copy, bytes) >= N - 2);
		}
	}
	free(copy);
}

/* The head of an unfinished one is signed, which anybody can do. */
static void test_lying_head(void **state)
{
	static const uint32_t lies[] = { 0, 1, 7, 8, 15, 16, 17, 85, 86, 93, 94, 102, 200, 4000, 4096, INT32_MAX, UINT32_MAX };
	static const char *const boxes[] = { "moov", "trak", "mdia", "minf", "stbl", "stsd", "avc1", "avcC", "colr", "udta", "tkhd", "trex" };
	struct fixture *fixture = *state;
	uint8_t *copy = xcalloc(fixture->open_bytes, 1);

	for (size_t i = 0; i < ARRAY_LEN(lies); i++)
		for (size_t k = 0; k < ARRAY_LEN(boxes); k++) {
			memcpy(copy, fixture->open, fixture->open_bytes);
			mp4box_put32(find(copy, HEAD, boxes[k]) - 4, lies[i]);
			mp4box_put32(copy + HEAD - 4, fragment_crc_payload(0, copy, HEAD - 4));
			look(fixture, copy, fixture->open_bytes);
		}
	free(copy);
}

/* Frames whose facts are signed, too, but can't be. */
static void test_lying_frames(void **state)
{
	static const int64_t times[] = { INT64_MIN, -1, 0, 1, NS_PER_S, INT64_MAX / 4, INT64_MAX / 2, INT64_MAX / 2 + 1, INT64_MAX };
	struct fixture *fixture = *state;
	uint8_t *copy = xcalloc(fixture->open_bytes, 1);
	struct mp4box head = { 0 };

	for (int round = 0; round < 300; round++) {
		memcpy(copy, fixture->open, fixture->open_bytes);
		for (uint32_t i = 0; i < 4; i++) {
			uint64_t at = fixture->starts[chance(fixture, N)];
			struct fragment frame;

			assert_true(fragment_read(&frame, fixture->open + at, FRAGMENT_HEAD_BYTES_MAX, at));
			if (chance(fixture, 4))
				frame.row.sensor_ns = times[chance(fixture, ARRAY_LEN(times))];
			if (chance(fixture, 2))
				frame.row.wall_ns = times[chance(fixture, ARRAY_LEN(times))];
			if (chance(fixture, 2))
				frame.frame_ns = chance(fixture, 2) ? 0 : UINT32_MAX;
			frame.row.exposure = (struct exposure){ .known = UINT32_MAX, .time_us = INT32_MIN, .lux = INFINITY, .temperature_c = NAN };
			frame.row.before = UINT64_MAX;
			frame.row.number = chance(fixture, 2) ? 0 : UINT64_MAX;
			frame.row.camera_frame = UINT64_MAX;
			fragment_write(&head, &frame);
			memcpy(copy + at, head.data, head.bytes);
		}
		look(fixture, copy, fixture->open_bytes);
		gather_all(fixture, times[chance(fixture, ARRAY_LEN(times))], times[chance(fixture, ARRAY_LEN(times))],
			   scratch_path(fixture->directory, SESSION "/" NAME));
	}
	mp4box_finish(&head);
	free(copy);
}

static void test_marks_of_several_lines(void **state)
{
	struct fragment frame = { .position = 4096, .payload_bytes = 10, .row = { .sensor_ns = 1, .wall_ns = 1 } };
	struct mp4box head = { 0 };

	(void)state;
	strcpy(frame.row.mark, "one line");
	fragment_write(&head, &frame);
	assert_int_equal(fragment_read(&frame, head.data, head.bytes, 4096), head.bytes);
	strcpy(frame.row.mark, "two\nlines");
	fragment_write(&head, &frame);
	assert_int_equal(fragment_read(&frame, head.data, head.bytes, 4096), 0);
	mp4box_finish(&head);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound_files),	cmocka_unit_test(test_cut_off),	     cmocka_unit_test(test_damaged_anywhere),
		cmocka_unit_test(test_zeroed_blocks),	cmocka_unit_test(test_lying_index),  cmocka_unit_test(test_lying_head),
		cmocka_unit_test(test_lying_frames),	cmocka_unit_test(test_marks_of_several_lines),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
