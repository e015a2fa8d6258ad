/* The crash-safe MP4 and the raw stream: what is in the files, unfinished, cut off at any block, and finished. */
#include "camd/framelog.h"
#include "common/fragment.h"
#include "common/util.h"
#include "tests/unit/demux.h"
#include "tests/unit/scratch.h"

#include <pthread.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define N 300

struct fixture {
	char *directory;
	struct clip *clip;	/* N pictures, with a gap */
	struct clip *small;	/* 40, without one */
};

static int set_up(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));

	fixture->directory = scratch_create();
	fixture->clip = clip_create(N, 640, 480, CLIP_GAP);
	fixture->small = clip_create(40, 320, 180, 0);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	scratch_remove(fixture->directory);
	clip_destroy(fixture->clip);
	clip_destroy(fixture->small);
	free(fixture);
	return 0;
}

/* Writes a clip; returns the path. ends[k], if wanted, is where fragment k ends. */
static const char *record(const struct fixture *fixture, const struct clip *clip, const char *name, bool finish, uint64_t *ends)
{
	const char *path = scratch_path(fixture->directory, name);
	struct output_request request = clip_request(clip, path);
	struct error err;
	struct output *output = output_fmp4.create(&request, &clip->packets[0], &err);

	assert_non_null(output);
	for (size_t i = 0; i < clip->n; i++) {
		assert_true(output_fmp4.write(output, &clip->packets[i], &err));
		if (ends)
			ends[i] = output->bytes;
	}
	assert_true(output_fmp4.sync(output, &err));
	if (finish)
		assert_true(output_fmp4.finish(output, NULL, &err));
	output_fmp4.destroy(output);
	return path;
}

static void check_facts(const struct demuxed *found, const struct clip *clip)
{
	assert_int_equal(found->width, clip->width);
	assert_int_equal(found->height, clip->height);
	assert_int_equal(found->primaries, 1);
	assert_int_equal(found->transfer, 1);
	assert_int_equal(found->matrix, 1);
	assert_int_equal(found->range, 1);	/* limited */
	assert_string_equal(found->encoder, "libx264 ultrafast (software)");
	assert_string_equal(found->title, "synthetic camera 0");
	assert_memory_equal(found->comment, "camd ", 5);
	assert_string_equal(found->created, "2023-11-14T22:13:20.000000Z");
	assert_in_range(found->duration_ns, 1, INT64_MAX);
}

static void test_unfinished_file_is_exact(void **state)
{
	struct fixture *fixture = *state;
	struct demuxed found;

	demux_file(&found, record(fixture, fixture->clip, "unfinished.mp4", false, NULL));
	assert_true(demux_matches(&found, fixture->clip, NULL, N));
	assert_int_equal(found.pts_ns[0], 0);
	assert_int_equal(found.units_per_s, 1000000000);
	check_facts(&found, fixture->clip);
	demux_free(&found);
}

static void test_finished_file_is_exact(void **state)
{
	struct fixture *fixture = *state;
	const struct clip *clip = fixture->small;
	struct demuxed found;

	demux_file(&found, record(fixture, clip, "finished.mp4", true, NULL));
	assert_true(demux_matches(&found, clip, NULL, clip->n));
	assert_int_equal(found.units_per_s, 1000000000);
	assert_int_equal(found.duration_ns, clip->packets[clip->n - 1].sensor_ns - clip->packets[0].sensor_ns + 33333333);
	check_facts(&found, clip);
	demux_free(&found);
}

static void test_gap_makes_microseconds(void **state)
{
	struct fixture *fixture = *state;
	struct demuxed found;

	demux_file(&found, record(fixture, fixture->clip, "gap.mp4", true, NULL));
	assert_int_equal(found.units_per_s, 1000000);
	assert_true(demux_matches(&found, fixture->clip, NULL, N));
	demux_free(&found);
}

/* Times an hour apart, and two months. */
static void test_longer_gaps(void **state)
{
	static const struct {
		int64_t gap_ns;
		int units_per_s;
	} cases[] = { { 4 * NS_PER_S, 1000000000 }, { 3600 * NS_PER_S, 1000000 }, { 4300 * NS_PER_S, 1000 },
		      { 60 * 86400 * NS_PER_S, 1 } };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct clip clip = *fixture->small;
		struct demuxed found;
		const char *path;

		clip.packets = xcalloc(clip.n, sizeof(*clip.packets));
		memcpy(clip.packets, fixture->small->packets, clip.n * sizeof(*clip.packets));
		for (size_t k = 20; k < clip.n; k++)
			clip.packets[k].sensor_ns += cases[i].gap_ns;
		path = record(fixture, &clip, "long.mp4", false, NULL);
		demux_file(&found, path);
		assert_true(demux_matches(&found, &clip, NULL, clip.n));
		demux_free(&found);
		unlink(path);
		path = record(fixture, &clip, "long.mp4", true, NULL);
		demux_file(&found, path);
		assert_int_equal(found.units_per_s, cases[i].units_per_s);
		assert_true(demux_matches(&found, &clip, NULL, clip.n));
		demux_free(&found);
		unlink(path);
		free(clip.packets);
	}
}

static size_t complete(const uint64_t *ends, uint64_t bytes)
{
	size_t n = 0;

	while (n < N && ends[n] <= bytes)
		n++;
	return n;
}

/* A cut or zeroed file may show one more, damaged frame; never one less, and no wrong time. */
static void check_prefix(const struct demuxed *found, const struct clip *clip, size_t n)
{
	struct demuxed whole = *found;

	assert_true(found->opened);
	assert_in_range(found->n, n, n + 1);
	whole.n = n;
	assert_true(!n || demux_matches(&whole, clip, NULL, n));
}

static void test_cut_or_zeroed_at_each_block(void **state)
{
	struct fixture *fixture = *state;
	uint64_t ends[N];
	size_t bytes;
	uint8_t *data = slurp(record(fixture, fixture->clip, "cut.mp4", false, ends), &bytes);

	for (size_t at = bytes / 4096 * 4096; at >= 4096; at -= 4096) {
		struct demuxed found;

		demux_memory(&found, data, at);
		check_prefix(&found, fixture->clip, complete(ends, at));
		demux_free(&found);
		memset(data + at, 0, bytes - at);
		demux_memory(&found, data, bytes);
		check_prefix(&found, fixture->clip, complete(ends, at));
		demux_free(&found);
	}
	free(data);
}

/* What players parse stays in one block; prft is right before its moof. */
static void test_layout(void **state)
{
	struct fixture *fixture = *state;
	uint64_t ends[N], at = 4096;
	size_t bytes;
	uint8_t *data = slurp(record(fixture, fixture->clip, "layout.mp4", false, ends), &bytes);

	for (size_t i = 0; i < N; i++) {
		size_t record_bytes = mp4box_get32(data + at), first = at + record_bytes, last = first + 32 + 100 + 8 - 1;

		assert_memory_equal(data + at + 4, "free", 4);
		assert_memory_equal(data + at + 8, FRAGMENT_MAGIC, FRAGMENT_MAGIC_BYTES);
		assert_memory_equal(data + first + 4, "prft", 4);
		assert_memory_equal(data + first + 32 + 4, "moof", 4);
		assert_memory_equal(data + last - 3, "mdat", 4);
		assert_int_equal(first / 4096, last / 4096);
		at = ends[i];
	}
	assert_int_equal(at, bytes);
	free(data);
}

static void test_record_gives_back_the_row(void **state)
{
	struct fixture *fixture = *state;
	uint64_t ends[N], at = 4096;
	size_t bytes;
	uint8_t *data = slurp(record(fixture, fixture->clip, "rows.mp4", false, ends), &bytes);

	for (size_t i = 0; i < N; i++) {
		struct framelog_row expected = framelog_row_of(&fixture->clip->packets[i]);
		struct fragment fragment;

		assert_int_not_equal(fragment_read(&fragment, data + at, bytes - at, at), 0);
		assert_memory_equal(&fragment.row, &expected, sizeof(expected));
		assert_int_equal(fragment.sequence, i + 1);
		/* a copy of it elsewhere in the file is none */
		assert_int_equal(fragment_read(&fragment, data + at, bytes - at, at + 4096), 0);
		at = ends[i];
	}
	free(data);
}

/* No byte of a fragment's head can change unseen. */
static void test_each_byte_of_the_head_counts(void **state)
{
	struct fixture *fixture = *state;
	size_t bytes, head;
	uint8_t *data = slurp(record(fixture, fixture->small, "bytes.mp4", false, NULL), &bytes);
	struct fragment fragment;
	uint32_t crc;

	head = fragment_read(&fragment, data + 4096, bytes - 4096, 4096);
	crc = fragment_crc_head(data + 4096, head);
	for (size_t i = 0; i < head; i++) {
		bool seen;

		data[4096 + i] ^= 4;
		seen = !fragment_read(&fragment, data + 4096, bytes - 4096, 4096) ||
		       fragment_crc_head(data + 4096, head) != crc || (i >= 16 && i < 20);
		assert_true(seen);
		data[4096 + i] ^= 4;
	}
	for (size_t n = 0; n < head; n++)
		assert_int_equal(fragment_read(&fragment, data + 4096, n, 4096), 0);
	free(data);
}

static void test_hundreds_of_slices(void **state)
{
	struct fixture *fixture = *state;
	struct clip *clip = clip_create(8, 640, 480, CLIP_SLICES);
	struct demuxed found;

	for (int finish = 0; finish < 2; finish++) {
		demux_file(&found, record(fixture, clip, finish ? "slices.mp4" : "slices-open.mp4", finish, NULL));
		assert_true(demux_matches(&found, clip, NULL, clip->n));
		demux_free(&found);
	}
	clip_destroy(clip);
}

static void test_refusals(void **state)
{
	static const uint8_t no_picture[] = { 0, 0, 0, 1, 6, 5, 1, 0x80 };
	struct fixture *fixture = *state;
	const struct clip *clip = fixture->small;
	struct output_request request = clip_request(clip, scratch_path(fixture->directory, "refused.mp4"));
	struct packet packet = clip->packets[1];
	struct output *output;
	struct error err;
	uint64_t bytes;

	/* not a key frame: no file */
	assert_null(output_fmp4.create(&request, &clip->packets[1], &err));
	assert_int_equal(err.code, ERR_ENCODER_FAILED);
	assert_int_equal(access(request.path, F_OK), -1);
	output = output_fmp4.create(&request, &clip->packets[0], &err);
	assert_non_null(output);
	/* one that is there is not overwritten */
	assert_null(output_fmp4.create(&request, &clip->packets[0], &err));
	assert_true(output_fmp4.write(output, &clip->packets[0], &err));
	bytes = output->bytes;
	packet.sensor_ns = clip->packets[0].sensor_ns;
	assert_false(output_fmp4.write(output, &packet, &err));
	packet.sensor_ns--;
	assert_false(output_fmp4.write(output, &packet, &err));
	packet.sensor_ns += 100;
	packet.data = no_picture;
	packet.bytes = sizeof(no_picture);
	assert_false(output_fmp4.write(output, &packet, &err));
	assert_int_equal(err.code, ERR_ENCODER_FAILED);
	packet.bytes = 0;
	assert_false(output_fmp4.write(output, &packet, &err));
	assert_int_equal(output->bytes, bytes);
	assert_true(output_fmp4.write(output, &clip->packets[1], &err));
	assert_true(output_fmp4.finish(output, NULL, &err));
	assert_true(output_fmp4.finish(output, NULL, &err));
	assert_false(output_fmp4.write(output, &clip->packets[2], &err));
	output_fmp4.destroy(output);
	output_fmp4.destroy(NULL);
	request.width = 70000;
	request.path = scratch_path(fixture->directory, "wide.mp4");
	assert_null(output_fmp4.create(&request, &clip->packets[0], &err));
	assert_int_equal(err.code, ERR_UNSUPPORTED);
}

static void test_long_and_missing_names(void **state)
{
	struct fixture *fixture = *state;
	const struct clip *clip = fixture->small;
	struct output_request request = clip_request(clip, scratch_path(fixture->directory, "names.mp4"));
	struct error err;
	struct output *output;
	struct demuxed found;
	char title[5000];

	for (size_t i = 0; i + 1 < sizeof(title); i += 2)
		memcpy(title + i, "\xc3\xa4", 2);	/* ä */
	title[sizeof(title) - 2] = '\0';
	request.title = title;
	request.encoder = NULL;
	output = output_fmp4.create(&request, &clip->packets[0], &err);
	assert_non_null(output);
	assert_true(output_fmp4.write(output, &clip->packets[0], &err));
	output_fmp4.destroy(output);
	demux_file(&found, request.path);
	assert_string_equal(found.encoder, "");
	assert_int_equal(strlen(found.title), 254);
	assert_memory_equal(found.title, title, 254);
	demux_free(&found);
}

static void test_raw_stream(void **state)
{
	struct fixture *fixture = *state;
	const struct clip *clip = fixture->small;
	const char *path = scratch_path(fixture->directory, "raw.h264");
	struct output *output = clip_write(clip, &output_annexb, path, clip->n);
	size_t bytes, at = 0;
	struct error err;
	uint8_t *data;

	assert_false(output_annexb.write(output, &clip->packets[clip->n - 1], &err));
	assert_true(output_annexb.sync(output, &err));
	assert_true(output_annexb.finish(output, NULL, &err));
	data = slurp(path, &bytes);
	assert_int_equal(bytes, output->bytes);
	output_annexb.destroy(output);
	output_annexb.destroy(NULL);
	for (size_t i = 0; i < clip->n; at += clip->packets[i++].bytes)
		assert_memory_equal(data + at, clip->packets[i].data, clip->packets[i].bytes);
	assert_int_equal(at, bytes);
	free(data);
}

static void *keep_syncing(void *argument)
{
	struct output *output = argument;
	struct error err;
	bool ok = true;

	for (int i = 0; ok && i < 200; i++)
		ok = output->impl->sync(output, &err);
	return ok ? output : NULL;
}

/* As the durability thread does. */
static void test_sync_from_another_thread(void **state)
{
	struct fixture *fixture = *state;
	const struct output_impl *impls[] = { &output_fmp4, &output_annexb };

	for (size_t i = 0; i < ARRAY_LEN(impls); i++) {
		const char *path = scratch_path(fixture->directory, i ? "synced.h264" : "synced.mp4");
		struct output *output = clip_write(fixture->small, impls[i], path, 1);
		struct error err;
		pthread_t thread;
		void *result;

		assert_int_equal(pthread_create(&thread, NULL, keep_syncing, output), 0);
		for (size_t k = 1; k < fixture->small->n; k++)
			assert_true(impls[i]->write(output, &fixture->small->packets[k], &err));
		pthread_join(thread, &result);
		assert_ptr_equal(result, output);
		assert_true(impls[i]->finish(output, NULL, &err));
		impls[i]->destroy(output);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unfinished_file_is_exact),
		cmocka_unit_test(test_finished_file_is_exact),
		cmocka_unit_test(test_gap_makes_microseconds),
		cmocka_unit_test(test_longer_gaps),
		cmocka_unit_test(test_cut_or_zeroed_at_each_block),
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_record_gives_back_the_row),
		cmocka_unit_test(test_each_byte_of_the_head_counts),
		cmocka_unit_test(test_hundreds_of_slices),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_long_and_missing_names),
		cmocka_unit_test(test_raw_stream),
		cmocka_unit_test(test_sync_from_another_thread),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
