/* Recovery of files and directories: repeated, killed, without room; timing tables; files that are not its own. */
#include "tests/unit/recovery.h"

#include "camd/untold.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void test_undamaged_file_ends_as_if_finished(void **state)
{
	struct fixture *fixture = *state;
	const char *path = plant(fixture, fixture->open, fixture->open_bytes, fixture->rows_at[N]);
	struct recover_report report = recover(path);

	assert_int_equal(report.state, RECOVER_DONE);
	assert_int_equal(report.frames, N);
	assert_int_equal(report.bytes_cut, 0);
	assert_int_equal(report.damaged_frames, 0);
	assert_false(report.table.changed);
	assert_true(file_is(path, fixture->whole, fixture->whole_bytes));
	check_prefix(fixture, path, N);
	/* and again: nothing to do */
	report = recover(path);
	assert_int_equal(report.state, RECOVER_FINISHED);
	assert_true(file_is(path, fixture->whole, fixture->whole_bytes));
}

/*
 * Killed while finishing or recovering: part of the index is there, or all of it, but the slot still says "unfinished".
 */
static void test_killed_while_finishing(void **state)
{
	struct fixture *fixture = *state;
	uint8_t *video = xcalloc(fixture->whole_bytes, 1);

	memcpy(video, fixture->whole, fixture->whole_bytes);
	memcpy(video, fixture->open, HEAD);
	for (size_t bytes = fixture->open_bytes, step; bytes <= fixture->whole_bytes; bytes += step) {
		const char *path = plant(fixture, video, bytes, fixture->rows_at[N]);
		struct demuxed found;

		step = bytes + 61 <= fixture->whole_bytes ? 61 : 1;
		demux_file(&found, path);	/* plays as it is, too */
		assert_true(demux_matches(&found, fixture->clip, NULL, N));
		demux_free(&found);
		assert_int_equal(recover(path).bytes_cut, bytes - fixture->open_bytes);
		assert_true(file_is(path, fixture->whole, fixture->whole_bytes));
	}
	free(video);
}

/*
 * The slot says "finished", but the index is not there, in part or at all, or zeros are; nor, perhaps, the last frames: what a power
 * cut on a file system that writes where it likes may leave.
 */
static void test_finished_without_an_index(void **state)
{
	struct fixture *fixture = *state;
	uint8_t *video = xcalloc(fixture->whole_bytes, 1);
	const char *path;

	for (size_t bytes = fixture->open_bytes; bytes < fixture->whole_bytes; bytes += 997) {
		path = plant(fixture, fixture->whole, bytes, fixture->rows_at[N]);
		assert_int_equal(recover(path).state, RECOVER_DONE);
		assert_true(file_is(path, fixture->whole, fixture->whole_bytes));
	}
	memcpy(video, fixture->whole, fixture->open_bytes);
	path = plant(fixture, video, fixture->whole_bytes, fixture->rows_at[N]);
	assert_int_equal(recover(path).frames, N);
	assert_true(file_is(path, fixture->whole, fixture->whole_bytes));
	path = plant(fixture, fixture->whole, fixture->starts[N / 2] + 5, fixture->rows_at[N]);
	assert_int_equal(recover(path).frames, N / 2);
	check_prefix(fixture, path, N / 2);
	/* nothing but the head */
	path = plant(fixture, fixture->whole, HEAD, fixture->rows_at[0]);
	assert_int_equal(recover(path).state, RECOVER_EMPTY);
	assert_true(file_is(path, fixture->whole, HEAD));
	free(video);
}

/*
 * A recovery that runs out of room, for which the kernel's limit on file sizes stands, leaves the file good, and can be
 * repeated.
 */
static void test_recovery_without_room(void **state)
{
	struct fixture *fixture = *state;
	const char *path = plant(fixture, fixture->open, fixture->open_bytes, fixture->rows_at[3]);
	struct recover_report report;
	struct rlimit old, limit;
	struct error err;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	/* none for the table's rows: then the video waits, too */
	limit = (struct rlimit){ .rlim_cur = fixture->rows_at[3] + 1000, .rlim_max = old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_false(recover_file(path, &report, &err));
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(err.code, ERR_STORAGE_FULL);
	assert_true(file_is(path, fixture->open, fixture->open_bytes));
	for (size_t room = 0; room < fixture->whole_bytes - fixture->open_bytes; room += 97) {
		limit = (struct rlimit){ .rlim_cur = fixture->open_bytes + room, .rlim_max = old.rlim_max };
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		assert_false(recover_file(path, &report, &err));
		setrlimit(RLIMIT_FSIZE, &old);
		assert_int_equal(err.code, ERR_STORAGE_FULL);
		assert_int_equal(report.state, RECOVER_FAILED);
		assert_true(file_is(path, fixture->open, fixture->open_bytes));
	}
	assert_int_equal(recover(path).state, RECOVER_DONE);
	assert_true(file_is(path, fixture->whole, fixture->whole_bytes));
	check_prefix(fixture, path, N);
}

/* Killed for good, at moments that chance chooses; whatever is left must end as the whole file. */
static void test_killed_recoveries(void **state)
{
	struct fixture *fixture = *state;

	for (int round = 0; round < 100; round++) {
		const char *path = plant(fixture, fixture->open, fixture->open_bytes, round % 2 ? fixture->rows_at[5] : SIZE_MAX);
		pid_t child = fork();

		if (!child) {
			struct recover_report report;

			recover_file(path, &report, NULL);
			_exit(0);
		}
		usleep(chance(fixture, 6000));
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		recover(path);
		assert_true(file_is(path, fixture->whole, fixture->whole_bytes));
		check_prefix(fixture, path, N);
	}
}

static void expect_untouched(const struct fixture *fixture, const void *video, size_t bytes, enum recover_state expected)
{
	const char *path = plant(fixture, video, bytes, SIZE_MAX);

	assert_int_equal(recover(path).state, expected);
	assert_true(file_is(path, video, bytes));
	assert_int_equal(access(scratch_path(fixture->directory, "cam0_test_frame_timing.csv"), F_OK), -1);
}

static void test_foreign_files_are_not_touched(void **state)
{
	struct fixture *fixture = *state;
	static uint8_t foreign[20000];

	expect_untouched(fixture, "", 0, RECOVER_EMPTY);
	expect_untouched(fixture, "ftyp", 4, RECOVER_FOREIGN);
	expect_untouched(fixture, foreign, sizeof(foreign), RECOVER_EMPTY);
	expect_untouched(fixture, foreign, 100, RECOVER_FOREIGN);
	for (size_t i = 0; i < sizeof(foreign); i++)
		foreign[i] = (uint8_t)chance(fixture, 256);
	expect_untouched(fixture, foreign, sizeof(foreign), RECOVER_FOREIGN);
	/* another program's fragmented file: same brands, no slot of ours */
	memcpy(foreign, fixture->open, 32);
	expect_untouched(fixture, foreign, sizeof(foreign), RECOVER_FOREIGN);
	/* only our head, and a damaged one */
	memcpy(foreign, fixture->open, 100);
	expect_untouched(fixture, foreign, sizeof(foreign), RECOVER_EMPTY);
}

static void test_tables(void **state)
{
	struct fixture *fixture = *state;
	char *rows = xcalloc(fixture->rows_at[N] + 1000, 1);
	const char *table = scratch_path(fixture->directory, "cam0_test_frame_timing.csv");
	const char *path;
	struct recover_report report;

	/* a row torn */
	path = plant(fixture, fixture->open, fixture->open_bytes, fixture->rows_at[100] + 7);
	report = recover(path);
	assert_true(report.table.changed);
	assert_int_equal(report.table.rows_added, N - 101);
	check_prefix(fixture, path, N);
	/* nothing but part of the header; nothing at all */
	for (size_t bytes = 0; bytes < 40; bytes += 39) {
		path = plant(fixture, fixture->open, fixture->open_bytes, bytes);
		assert_int_equal(recover(path).table.rows_added, N);
		check_prefix(fixture, path, N);
	}
	/* zeros where rows were */
	memcpy(rows, fixture->rows, fixture->rows_at[N]);
	memset(rows + fixture->rows_at[N] - 500, 0, 500);
	path = plant(fixture, fixture->open, fixture->open_bytes, SIZE_MAX);
	spill(table, rows, fixture->rows_at[N]);
	assert_true(recover(path).table.changed);
	check_prefix(fixture, path, N);
	/* somebody else's columns */
	path = plant(fixture, fixture->open, fixture->open_bytes, SIZE_MAX);
	spill(table, "time,what\n1,2\n", 14);
	report = recover(path);
	assert_true(report.table.foreign);
	assert_true(file_is(table, "time,what\n1,2\n", 14));
	assert_int_equal(report.state, RECOVER_DONE);
	/* a directory in its place does not hold up the video */
	path = plant(fixture, fixture->open, fixture->open_bytes, SIZE_MAX);
	unlink(table);
	mkdir(table, 0755);
	assert_true(recover_file(path, &report, NULL));
	assert_int_equal(report.state, RECOVER_DONE);
	assert_int_not_equal(report.table_error.code, ERR_NONE);
	rmdir(table);
	free(rows);
}

static void test_raw_streams(void **state)
{
	struct fixture *fixture = *state;
	const char *path = scratch_path(fixture->directory, "cam1_raw.h264");
	const char *table = scratch_path(fixture->directory, "cam1_raw_frame_timing.csv");
	static const char torn[] = "a,b\n1,2\n3,4\n\0\0\0\0", hole[] = "a,b\n1,2\n\0\0\0\n5,6\n";
	struct recover_report report;

	spill(path, fixture->clip->packets[0].data, fixture->clip->packets[0].bytes);
	unlink(table);
	report = recover(path);
	assert_int_equal(report.state, RECOVER_RAW);
	assert_false(report.table.changed);
	spill(table, torn, sizeof(torn) - 1);
	report = recover(path);
	assert_true(report.table.changed);
	assert_int_equal(report.frames, 2);
	assert_true(file_is(table, torn, 12));
	assert_false(recover(path).table.changed);
	spill(table, hole, sizeof(hole) - 1);
	report = recover(path);
	assert_false(report.table.changed);
	assert_int_equal(report.frames, 2);
	spill(table, "a,b\n1,2", 7);
	assert_int_equal(recover(path).table.rows_cut, 1);
	assert_true(file_is(table, "a,b\n", 4));
	assert_true(file_is(path, fixture->clip->packets[0].data, fixture->clip->packets[0].bytes));
}

struct calls {
	size_t n, stop_at;
};

static bool on_file(void *user, const char *path, const struct recover_report *report, const struct error *err)
{
	struct calls *calls = user;

	assert_null(err);
	assert_non_null(strstr(path, "/cam"));
	assert_int_equal(report->state, RECOVER_DONE);
	return ++calls->n < calls->stop_at;
}

static void plant_in(const struct fixture *fixture, const char *session, const char *name)
{
	char *path = xasprintf("%s/out/%s", fixture->directory, session), *file = xasprintf("%s/%s", path, name);

	mkdir(path, 0755);
	spill(file, fixture->open, fixture->open_bytes);
	free(path);
	free(file);
}

static void test_directories(void **state)
{
	struct fixture *fixture = *state;
	const char *out = scratch_path(fixture->directory, "out"), *elsewhere = scratch_path(fixture->directory, "elsewhere.mp4");
	struct calls calls = { .stop_at = 2 };
	int lock;

	mkdir(out, 0755);
	plant_in(fixture, "session_a", "cam0_a.mp4");
	plant_in(fixture, "session_a", "cam12_a.mp4");
	plant_in(fixture, "session_a", "camera.mp4");
	plant_in(fixture, "session_a", "cam0_a.mkv");
	plant_in(fixture, "session_b", "cam0_b.mp4");
	plant_in(fixture, "session_c", "cam0_c.mp4");
	plant_in(fixture, ".hidden", "cam0_d.mp4");
	/* links: to a video, and to a session's directory */
	spill(elsewhere, fixture->open, fixture->open_bytes);
	assert_int_equal(symlink(elsewhere, scratch_path(out, "session_a/cam5_link.mp4")), 0);
	assert_int_equal(symlink(scratch_path(out, ".hidden"), scratch_path(out, "session_link")), 0);
	/* a camd has session_b */
	lock = open(scratch_path(out, "session_b"), O_RDONLY | O_DIRECTORY);
	assert_int_equal(flock(lock, LOCK_EX), 0);
	assert_int_equal(recover_directory(out, on_file, &calls), 2);
	assert_int_equal(calls.n, 2);
	calls.stop_at = 100;
	assert_int_equal(recover_directory(out, on_file, &calls), 1);	/* session_c, left over by the stop */
	assert_int_equal(calls.n, 2 + 3);				/* nobody was told of session_a's so far */
	untold_forget(scratch_path(out, "session_a"));
	untold_forget(scratch_path(out, "session_c"));
	assert_true(file_is(scratch_path(out, "session_c/cam0_c.mp4"), fixture->whole, fixture->whole_bytes));
	assert_true(file_is(scratch_path(out, "session_b/cam0_b.mp4"), fixture->open, fixture->open_bytes));
	assert_true(file_is(scratch_path(out, "session_a/camera.mp4"), fixture->open, fixture->open_bytes));
	assert_true(file_is(elsewhere, fixture->open, fixture->open_bytes));
	assert_true(file_is(scratch_path(out, ".hidden/cam0_d.mp4"), fixture->open, fixture->open_bytes));
	close(lock);
	assert_int_equal(recover_directory(out, on_file, &calls), 1);
	untold_forget(scratch_path(out, "session_b"));
	assert_int_equal(recover_directory(out, on_file, &calls), 0);
	assert_int_equal(recover_directory(scratch_path(out, "nowhere"), on_file, &calls), 0);
	assert_int_equal(calls.n, 5 + 1);
}

/* A link is refused, with a word about it, and what it points to stays as it is. */
static void test_links_are_not_followed(void **state)
{
	struct fixture *fixture = *state;
	const char *target = scratch_path(fixture->directory, "target.mp4"), *link = scratch_path(fixture->directory, "cam7_l.mp4");
	struct recover_report report;
	struct error err;

	spill(target, fixture->open, fixture->open_bytes);
	assert_int_equal(symlink(target, link), 0);
	assert_false(recover_file(link, &report, &err));
	assert_non_null(strstr(err.text, link));
	assert_true(file_is(target, fixture->open, fixture->open_bytes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_undamaged_file_ends_as_if_finished),
		cmocka_unit_test(test_killed_while_finishing),
		cmocka_unit_test(test_finished_without_an_index),
		cmocka_unit_test(test_recovery_without_room),
		cmocka_unit_test(test_killed_recoveries),
		cmocka_unit_test(test_foreign_files_are_not_touched),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_raw_streams),
		cmocka_unit_test(test_directories),
		cmocka_unit_test(test_links_are_not_followed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
