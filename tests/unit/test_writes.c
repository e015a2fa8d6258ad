/*
 * What files look like when the disk is full, slow to take bytes, or failing: system calls of the outputs go through
 * here (linked with --wrap) and fail as the test says; two tests ask a real kernel.
 */
#include "camd/framelog.h"
#include "common/util.h"
#include "tests/unit/demux.h"
#include "tests/unit/scratch.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* What goes wrong, and what was called: w append, p patch of 16 bytes, s fdatasync, f fsync, t ftruncate. */
static struct {
	long room;		/* bytes that can still be written; -1: any number */
	size_t at_most;		/* bytes a write; 0: all */
	bool interrupt;		/* each call fails once with EINTR first */
	bool interrupted;
	int sync_errno, truncate_errno;
	char calls[64];
	size_t n_calls;
} disk;

ssize_t __wrap_pwritev(int fd, const struct iovec *pieces, int n, off_t at);
ssize_t __wrap_pwritev64(int fd, const struct iovec *pieces, int n, off_t at);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);
int __wrap_ftruncate(int fd, off_t bytes);
int __wrap_ftruncate64(int fd, off_t bytes);
int __real_ftruncate64(int fd, off64_t bytes);
ssize_t __wrap_getrandom(void *data, size_t bytes, unsigned flags);

static void heal(void)
{
	memset(&disk, 0, sizeof(disk));
	disk.room = -1;
}

static bool interrupted(char call)
{
	if (disk.interrupt && !disk.interrupted) {
		disk.interrupted = true;
		errno = EINTR;
		return true;
	}
	disk.interrupted = false;
	if (disk.n_calls + 1 < sizeof(disk.calls))
		disk.calls[disk.n_calls++] = call;
	return false;
}

static bool fails(int number)
{
	errno = number;
	return number != 0;
}

ssize_t __wrap_pwritev(int fd, const struct iovec *pieces, int n, off_t at)
{
	uint8_t *bytes;
	size_t total = 0, limit;
	ssize_t result;

	assert_in_range(n, 1, 1024);
	for (int i = 0; i < n; i++)
		total += pieces[i].iov_len;
	if (interrupted(total == 16 && at == 32 ? 'p' : 'w'))
		return -1;
	limit = disk.at_most ? MIN(total, disk.at_most) : total;
	limit = disk.room >= 0 ? MIN(limit, (size_t)disk.room) : limit;
	if (!limit)
		return fails(ENOSPC) ? -1 : 0;
	if (disk.room >= 0)
		disk.room -= (long)limit;
	bytes = xcalloc(limit, 1);
	for (size_t i = 0, used = 0; used < limit; used += pieces[i++].iov_len)
		memcpy(bytes + used, pieces[i].iov_base, MIN(pieces[i].iov_len, limit - used));
	result = lseek(fd, at, SEEK_SET) == at ? write(fd, bytes, limit) : -1;
	free(bytes);
	return result;
}

ssize_t __wrap_pwritev64(int fd, const struct iovec *pieces, int n, off_t at)
{
	return __wrap_pwritev(fd, pieces, n, at);
}

int __wrap_fdatasync(int fd)
{
	(void)fd;
	return interrupted('s') || fails(disk.sync_errno) ? -1 : 0;
}

int __wrap_fsync(int fd)
{
	(void)fd;
	return interrupted('f') || fails(disk.sync_errno) ? -1 : 0;
}

int __wrap_ftruncate(int fd, off_t bytes)
{
	return interrupted('t') || fails(disk.truncate_errno) ? -1 : __real_ftruncate64(fd, bytes);
}

int __wrap_ftruncate64(int fd, off_t bytes)
{
	return __wrap_ftruncate(fd, bytes);
}

/* The same file each time. */
ssize_t __wrap_getrandom(void *data, size_t bytes, unsigned flags)
{
	(void)flags;
	memset(data, 0x5a, bytes);
	return (ssize_t)bytes;
}

struct fixture {
	char *directory;
	struct clip *clip;
	uint8_t *open, *whole;		/* the file as it ought to be, unfinished and finished */
	size_t open_bytes, whole_bytes;
};

static const char *fresh(const struct fixture *fixture)
{
	const char *path = scratch_path(fixture->directory, "video.mp4");

	unlink(path);
	heal();
	return path;
}

static int set_up(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));
	const char *path;
	struct output *output;
	struct error err;

	fixture->directory = scratch_create();
	fixture->clip = clip_create(10, 320, 180, 0);
	path = fresh(fixture);
	output = clip_write(fixture->clip, &output_fmp4, path, fixture->clip->n);
	fixture->open = slurp(path, &fixture->open_bytes);
	assert_true(output_fmp4.finish(output, NULL, &err));
	fixture->whole = slurp(path, &fixture->whole_bytes);
	output_fmp4.destroy(output);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	heal();
	scratch_remove(fixture->directory);
	clip_destroy(fixture->clip);
	free(fixture->open);
	free(fixture->whole);
	free(fixture);
	return 0;
}

static bool is(const char *path, const uint8_t *expected, size_t bytes)
{
	size_t found_bytes;
	uint8_t *found = slurp(path, &found_bytes);
	bool same = found_bytes == bytes && !memcmp(found, expected, bytes);

	free(found);
	return same;
}

static void test_one_call_a_frame(void **state)
{
	struct fixture *fixture = *state;
	struct output *output = clip_write(fixture->clip, &output_fmp4, fresh(fixture), 0);
	struct error err;

	assert_string_equal(disk.calls, "w");	/* head */
	for (size_t i = 0; i < fixture->clip->n; i++) {
		heal();
		assert_true(output_fmp4.write(output, &fixture->clip->packets[i], &err));
		assert_string_equal(disk.calls, i ? "w" : "wff");	/* with the first: file, directory */
	}
	heal();
	assert_true(output_fmp4.finish(output, NULL, &err));
	assert_string_equal(disk.calls, "wffps");	/* moov, onto the disk with its directory, the slot, onto the disk */
	assert_false(output_fmp4.cut(output, 1000, &err));	/* no frame goes from a file that has its index */
	output_fmp4.destroy(output);
}

static void test_interrupts_and_short_writes(void **state)
{
	struct fixture *fixture = *state;

	for (size_t at_most = 1; at_most < 5000; at_most = at_most * 3 + 1) {
		const char *path = fresh(fixture);
		struct output *output;
		struct error err;

		disk.interrupt = true;
		disk.at_most = at_most;
		output = clip_write(fixture->clip, &output_fmp4, path, fixture->clip->n);
		assert_true(is(path, fixture->open, fixture->open_bytes));
		assert_true(output_fmp4.sync(output, &err));
		assert_true(output_fmp4.finish(output, NULL, &err));
		assert_true(is(path, fixture->whole, fixture->whole_bytes));
		output_fmp4.destroy(output);
	}
}

static void test_full_disk_leaves_no_trace(void **state)
{
	struct fixture *fixture = *state;
	const char *path = fresh(fixture);
	struct output *output = clip_write(fixture->clip, &output_fmp4, path, 4);
	uint64_t before = output->bytes;
	struct error err;

	for (long room = 0; room < (long)fixture->clip->packets[4].bytes; room += room < 300 ? 1 : 97) {
		disk.room = room;
		assert_false(output_fmp4.write(output, &fixture->clip->packets[4], &err));
		assert_int_equal(err.code, ERR_STORAGE_FULL);
		assert_non_null(strstr(err.text, path));
		assert_int_equal(output->bytes, before);
		assert_true(is(path, fixture->open, before));
	}
	heal();
	for (size_t i = 4; i < fixture->clip->n; i++)
		assert_true(output_fmp4.write(output, &fixture->clip->packets[i], &err));
	assert_true(output_fmp4.finish(output, NULL, &err));
	assert_true(is(path, fixture->whole, fixture->whole_bytes));
	output_fmp4.destroy(output);
}

static void test_a_file_that_cannot_be_cut_is_dead(void **state)
{
	struct fixture *fixture = *state;
	struct output *output = clip_write(fixture->clip, &output_fmp4, fresh(fixture), 4);
	struct error err;

	disk.room = 100;
	disk.truncate_errno = EIO;
	assert_false(output_fmp4.write(output, &fixture->clip->packets[4], &err));
	heal();
	assert_false(output_fmp4.write(output, &fixture->clip->packets[4], &err));
	assert_int_equal(err.code, ERR_IO);
	assert_false(output_fmp4.sync(output, &err));
	assert_false(output_fmp4.finish(output, NULL, &err));
	assert_int_equal(disk.n_calls, 0);
	output_fmp4.destroy(output);
}

static void test_failed_sync_is_not_forgotten(void **state)
{
	struct fixture *fixture = *state;
	const struct output_impl *impls[] = { &output_fmp4, &output_annexb };

	for (size_t i = 0; i < ARRAY_LEN(impls); i++) {
		struct output *output = clip_write(fixture->clip, impls[i], fresh(fixture), 4);
		struct error err;

		disk.sync_errno = EIO;
		assert_false(impls[i]->sync(output, &err));
		assert_int_equal(err.code, ERR_IO);
		heal();		/* as the kernel does: success from now on, but the data is gone */
		assert_false(impls[i]->sync(output, &err));
		assert_false(impls[i]->write(output, &fixture->clip->packets[4], &err));
		assert_int_equal(err.code, ERR_IO);
		assert_false(impls[i]->finish(output, NULL, &err));
		assert_int_equal(disk.n_calls, 0);
		impls[i]->destroy(output);
	}
}

static void test_no_room_to_finish(void **state)
{
	struct fixture *fixture = *state;
	const char *path = fresh(fixture);
	struct output *output = clip_write(fixture->clip, &output_fmp4, path, fixture->clip->n);
	struct error err;

	for (long room = 0; room < (long)(fixture->whole_bytes - fixture->open_bytes); room += 7) {
		disk.room = room;
		assert_false(output_fmp4.finish(output, NULL, &err));
		assert_int_equal(err.code, ERR_STORAGE_FULL);
		assert_true(is(path, fixture->open, fixture->open_bytes));
	}
	heal();
	assert_true(output_fmp4.finish(output, NULL, &err));
	assert_true(is(path, fixture->whole, fixture->whole_bytes));
	output_fmp4.destroy(output);
}

static void test_finish_that_does_not_reach_the_disk(void **state)
{
	struct fixture *fixture = *state;
	const char *path = fresh(fixture);
	struct output *output = clip_write(fixture->clip, &output_fmp4, path, fixture->clip->n);
	struct error err;

	disk.sync_errno = EIO;
	assert_false(output_fmp4.finish(output, NULL, &err));
	assert_true(is(path, fixture->open, fixture->open_bytes));
	output_fmp4.destroy(output);
}

static void test_create_that_fails_leaves_no_file(void **state)
{
	struct fixture *fixture = *state;
	struct output_request request = clip_request(fixture->clip, fresh(fixture));
	struct error err;

	disk.room = 1000;
	assert_null(output_fmp4.create(&request, &fixture->clip->packets[0], &err));
	assert_int_equal(access(request.path, F_OK), -1);
}

static void test_first_frame_is_down_or_not_there(void **state)
{
	struct fixture *fixture = *state;
	const struct output_impl *impls[] = { &output_fmp4, &output_annexb };
	struct error err;

	for (size_t i = 0; i < ARRAY_LEN(impls); i++) {
		struct output_request request = clip_request(fixture->clip, fresh(fixture));
		struct output *output = impls[i]->create(&request, &fixture->clip->packets[0], &err);
		uint64_t bytes = output->bytes;
		struct stat status;

		disk.sync_errno = EIO;
		assert_false(impls[i]->write(output, &fixture->clip->packets[0], &err));
		assert_int_equal(stat(request.path, &status), 0);
		assert_int_equal(status.st_size, bytes);
		impls[i]->destroy(output);
	}
}

static void test_rows_are_whole(void **state)
{
	struct fixture *fixture = *state;
	const char *path = scratch_path(fixture->directory, "rows.csv");
	struct framelog *framelog;
	struct error err;
	size_t bytes;
	uint8_t *text;

	heal();
	framelog = framelog_create(path, &err);
	assert_non_null(framelog);
	assert_null(framelog_create(path, &err));
	for (size_t i = 0; i < 3; i++) {
		for (disk.room = 0; disk.room < 40; disk.room = disk.room + 1) {
			long room = disk.room;

			assert_false(framelog_write(framelog, &fixture->clip->packets[i], &err));
			assert_int_equal(err.code, ERR_STORAGE_FULL);
			disk.room = room;
		}
		heal();
		assert_true(framelog_write(framelog, &fixture->clip->packets[i], &err));
	}
	assert_true(framelog_sync(framelog, &err));
	framelog_destroy(framelog);
	framelog_destroy(NULL);
	text = slurp(path, &bytes);
	assert_string_equal((char *)text, FRAMELOG_HEADER
			    "1,1700000000.123457,987654321012345,0,0,101,0,0,0,0,,,,,,\n"
			    "2,1700000000.156834,987654354389736,0,0,102,0,0,0,0,,,,,,\n"
			    "3,1700000000.190199,987654387754491,0,0,103,0,0,0,0,,,,,,\n");
	free(text);
}

static void test_format_of_rows(void **state)
{
	const struct framelog_row first = { .number = 1, .sensor_ns = 5 };
	const struct framelog_row later = { .number = 9, .wall_ns = 1999999999, .sensor_ns = INT64_MAX, .camera_frame = 77,
		.lost_sensor = 1, .lost_starved = 2, .lost_encoder = 3, .lost_storage = 4,
		.exposure = { EXPOSURE_TIME | EXPOSURE_ANALOGUE_GAIN | EXPOSURE_LUX | EXPOSURE_TEMPERATURE, 33333, 1.5f, 2, INFINITY, -12.25f } };
	struct framelog_row largest = { UINT64_MAX, INT64_MAX, INT64_MIN, 0, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX,
		UINT64_MAX, { UINT32_MAX, INT32_MIN, -999999999.0f, -999999999.0f, -999999999.0f, -999999999.0f }, "" };
	const struct framelog_row marked = { .number = 5, .sensor_ns = 5, .before = 4, .mark = "a door, \"the\" door" };
	const struct framelog_row anew = { .number = 3, .sensor_ns = 5, .camera_frame = 208 };
	char text[FRAMELOG_ROW_BYTES];
	char *path;

	(void)state;
	framelog_format_row(text, &first, (struct framelog_place){ 0, 0 });
	assert_string_equal(text, "1,,5,0,0,0,0,0,0,0,,,,,,\n");
	framelog_format_row(text, &later, (struct framelog_place){ 3, 0 });
	assert_string_equal(text, "9,2.000000,9223372036854775807,5,1,77,1,2,3,4,33333,1.5000,,,-12.2500,\n");
	memset(largest.mark, '"', MARK_BYTES - 1);
	assert_in_range(framelog_format_row(text, &largest, (struct framelog_place){ 0, 0 }), 1, FRAMELOG_ROW_BYTES - 1);
	/* the row before is in another file; a new numbering; one of this table */
	framelog_format_row(text, &marked, (struct framelog_place){ 0, 0 });
	assert_string_equal(text, "5,,5,0,0,0,0,0,0,0,,,,,,\"a door, \"\"the\"\" door\"\n");
	framelog_format_row(text, &marked, (struct framelog_place){ 2, 0 });
	assert_non_null(strstr(text, "5,,5,2,"));
	framelog_format_row(text, &marked, (struct framelog_place){ 100, 0 });
	assert_non_null(strstr(text, "5,,5,0,"));
	/* a recording's first row behind one of another recording: what neither counts */
	framelog_format_row(text, &anew, (struct framelog_place){ 100, 200 });
	assert_non_null(strstr(text, "3,,5,7,"));
	framelog_format_row(text, &anew, (struct framelog_place){ 1, 200 });
	assert_non_null(strstr(text, "3,,5,7,"));
	framelog_format_row(text, &anew, (struct framelog_place){ 100, 0 });
	assert_non_null(strstr(text, "3,,5,2,"));
	path = framelog_path_of("/a.b/cam0_1.0fps.mp4");
	assert_string_equal(path, "/a.b/cam0_1.0fps_frame_timing.csv");
	free(path);
	path = framelog_path_of("/a.b/cam0");
	assert_string_equal(path, "/a.b/cam0_frame_timing.csv");
	free(path);
}

/* A real limit of the kernel's: the write is short, then fails with EFBIG. */
static void test_file_size_limit(void **state)
{
	struct fixture *fixture = *state;
	const char *path = fresh(fixture);
	struct output *output = clip_write(fixture->clip, &output_fmp4, path, 4);
	uint64_t before = output->bytes;
	struct rlimit old, limit;
	struct error err;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	for (uint64_t room = 0; room < 400; room += 39) {
		limit = (struct rlimit){ .rlim_cur = before + room, .rlim_max = old.rlim_max };
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		assert_false(output_fmp4.write(output, &fixture->clip->packets[4], &err));
		setrlimit(RLIMIT_FSIZE, &old);
		assert_int_equal(err.code, ERR_STORAGE_FULL);
		assert_true(is(path, fixture->open, before));
	}
	assert_true(output_fmp4.write(output, &fixture->clip->packets[4], &err));
	output_fmp4.destroy(output);
}

/* Fills a real file system of 64 KiB. Exit status 0: all was as it must be; 77: no file system could be mounted. */
static int fill_tmpfs(const struct fixture *fixture)
{
	struct output_request request = clip_request(fixture->clip, scratch_path(fixture->directory, "tiny/video.mp4"));
	const char *tiny = scratch_path(fixture->directory, "tiny");
	struct clip clip = *fixture->clip;
	struct output *output;
	struct error err = { 0 };
	struct stat status;
	struct demuxed found;
	size_t n = 0;
	bool matches;

	mkdir(tiny, 0755);
	if ((unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount("none", tiny, "tmpfs", 0, "size=64k") < 0)
		return 77;
	output = output_fmp4.create(&request, &clip.packets[0], &err);
	if (!output)
		return 1;
	while (n < clip.n && output_fmp4.write(output, &clip.packets[n], &err))
		n++;
	if (n == clip.n || err.code != ERR_STORAGE_FULL || stat(request.path, &status) < 0 ||
	    (uint64_t)status.st_size != output->bytes || n < 2)
		return 2;
	/* the room for the index was kept */
	if (!output_fmp4.finish(output, NULL, &err))
		return 4;
	output_fmp4.destroy(output);
	clip.n = n;
	demux_file(&found, request.path);
	matches = demux_matches(&found, &clip, NULL, n);
	demux_free(&found);
	return matches ? 0 : 3;
}

static void test_full_file_system(void **state)
{
	struct fixture *fixture = *state;
	pid_t child;
	int status;

	heal();
	child = fork();
	if (!child)
		_exit(fill_tmpfs(fixture));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77) {
		print_message("not allowed to mount a file system here\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_call_a_frame),
		cmocka_unit_test(test_interrupts_and_short_writes),
		cmocka_unit_test(test_full_disk_leaves_no_trace),
		cmocka_unit_test(test_a_file_that_cannot_be_cut_is_dead),
		cmocka_unit_test(test_failed_sync_is_not_forgotten),
		cmocka_unit_test(test_no_room_to_finish),
		cmocka_unit_test(test_finish_that_does_not_reach_the_disk),
		cmocka_unit_test(test_create_that_fails_leaves_no_file),
		cmocka_unit_test(test_first_frame_is_down_or_not_there),
		cmocka_unit_test(test_rows_are_whole),
		cmocka_unit_test(test_format_of_rows),
		cmocka_unit_test(test_file_size_limit),
		cmocka_unit_test(test_full_file_system),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
