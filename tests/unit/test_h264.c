/* NAL units, parameter sets, avcC: on right streams and on garbage. */
#include "camd/avcc.h"
#include "camd/h264.h"
#include "camd/stsd.h"
#include "common/util.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/*
 * As x264 writes them: High profile, 4:2:0, 8 bits; and High 4:4:4 Predictive with an emulation prevention byte in its
 * start.
 */
static const uint8_t sps_high[] = { 0x67, 0x64, 0x00, 0x1e, 0xac, 0xd9, 0x40, 0xa0, 0x3d, 0xa1 };
static const uint8_t pps[] = { 0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0 };

static size_t count(const uint8_t *data, size_t bytes)
{
	struct nal nal;
	size_t n = 0;

	for (size_t at = 0; h264_next_nal(data, bytes, &at, &nal);) {
		assert_true(nal.data >= data && nal.bytes && nal.data + nal.bytes <= data + bytes);
		assert_int_equal(nal.type, nal.data[0] & 31);
		n++;
	}
	return n;
}

static void test_start_codes_of_both_lengths(void **state)
{
	static const uint8_t stream[] = { 0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x68, 3, 0, 0, 0, 1, 0x65, 4, 5, 0, 0 };
	struct nal nal;
	size_t at = 0;

	(void)state;
	assert_true(h264_next_nal(stream, sizeof(stream), &at, &nal));
	assert_int_equal(nal.type, NAL_SPS);
	assert_int_equal(nal.bytes, 3);
	assert_ptr_equal(nal.data, stream + 4);
	assert_true(h264_next_nal(stream, sizeof(stream), &at, &nal));
	assert_int_equal(nal.type, NAL_PPS);
	assert_int_equal(nal.bytes, 2);
	assert_true(h264_next_nal(stream, sizeof(stream), &at, &nal));
	assert_int_equal(nal.type, NAL_IDR);
	assert_int_equal(nal.bytes, 3);
	assert_false(h264_next_nal(stream, sizeof(stream), &at, &nal));
	assert_false(h264_next_nal(stream, sizeof(stream), &at, &nal));
}

static void test_no_nal_units(void **state)
{
	static const uint8_t none[] = { 1, 2, 3, 0, 0, 2, 0, 1 }, bare[] = { 0, 0, 1 };
	static const uint8_t empty[] = { 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 1 };

	(void)state;
	assert_int_equal(count(none, 0), 0);
	assert_int_equal(count(none, sizeof(none)), 0);
	assert_int_equal(count(bare, sizeof(bare)), 0);
	assert_int_equal(count(empty, sizeof(empty)), 0);
}

static void test_garbage_before_the_first(void **state)
{
	static const uint8_t stream[] = { 7, 7, 0, 0, 7, 0, 0, 0, 0, 1, 0x41, 9 };

	(void)state;
	assert_int_equal(count(stream, sizeof(stream)), 1);
	assert_false(h264_has_idr(stream, sizeof(stream)));
}

static void test_parameter_sets(void **state)
{
	static const uint8_t stream[] = {
		0, 0, 1, 9, 0x10, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x68, 3, 0, 0, 1, 0x65, 8,
	};
	struct nal sps, found;

	(void)state;
	assert_true(h264_has_idr(stream, sizeof(stream)));
	assert_true(h264_find_parameter_sets(stream, sizeof(stream), &sps, &found));
	assert_ptr_equal(sps.data, stream + 8);
	assert_ptr_equal(found.data, stream + 13);
	assert_false(h264_find_parameter_sets(stream, 10, &sps, &found));
}

static void test_garbage_is_never_read_past(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t bytes = round % 64;
		/* allocated as large as it is, so that a sanitiser sees each byte too many */
		uint8_t *data = xcalloc(bytes, 1);

		for (size_t i = 0; i < bytes; i++) {
			seed = seed * 1664525 + 1013904223;
			data[i] = seed >> 24 < 170 ? 0 : seed >> 24 < 230 ? 1 : (uint8_t)(seed >> 16);
		}
		count(data, bytes);
		free(data);
	}
}

static void test_avcc_of_high_profile(void **state)
{
	static const uint8_t expected[] = {
		0, 0, 0, 39, 'a', 'v', 'c', 'C', 1, 0x64, 0x00, 0x1e, 0xff, 0xe1,
		0, 10, 0x67, 0x64, 0x00, 0x1e, 0xac, 0xd9, 0x40, 0xa0, 0x3d, 0xa1,
		1, 0, 6, 0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0, 0xfd, 0xf8, 0xf8, 0,
	};
	const struct nal nals[] = {
		{ .data = (const uint8_t *)"\6\5\1", .bytes = 3, .type = NAL_SEI },
		{ .data = sps_high, .bytes = sizeof(sps_high), .type = NAL_SPS },
		{ .data = pps, .bytes = sizeof(pps), .type = NAL_PPS },
	};
	struct mp4box box = { 0 };

	(void)state;
	assert_true(avcc_write(&box, nals, ARRAY_LEN(nals)));
	assert_int_equal(box.bytes, sizeof(expected));
	assert_memory_equal(box.data, expected, sizeof(expected));
	mp4box_finish(&box);
}

static void test_avcc_of_444(void **state)
{
	/* id 0, chroma format 3 (00100), no separate planes, depths 8: 1 00100 0 1 1 … */
	static const uint8_t sps[] = { 0x67, 244, 0, 30, 0x91, 0x80 };
	const struct nal nals[] = {
		{ .data = sps, .bytes = sizeof(sps), .type = NAL_SPS },
		{ .data = pps, .bytes = sizeof(pps), .type = NAL_PPS },
	};
	static const uint8_t tail[] = { 0xff, 0xf8, 0xf8, 0 };
	struct mp4box box = { 0 };

	(void)state;
	assert_true(avcc_write(&box, nals, ARRAY_LEN(nals)));
	assert_memory_equal(box.data + box.bytes - 4, tail, 4);
	mp4box_finish(&box);
}

static void test_avcc_refuses(void **state)
{
	static const uint8_t short_sps[] = { 0x67, 0x64, 0 };
	struct nal nals[40];
	struct mp4box box = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(nals); i++)
		nals[i] = (struct nal){ .data = sps_high, .bytes = sizeof(sps_high), .type = NAL_SPS };
	assert_false(avcc_write(&box, nals, 0));
	assert_false(avcc_write(&box, nals, 1));
	nals[39] = (struct nal){ .data = pps, .bytes = sizeof(pps), .type = NAL_PPS };
	assert_false(avcc_write(&box, nals, 40));
	assert_true(avcc_write(&box, nals + 9, 31));
	nals[38] = (struct nal){ .data = short_sps, .bytes = sizeof(short_sps), .type = NAL_SPS };
	assert_false(avcc_write(&box, nals + 38, 2));
	nals[38] = (struct nal){ .data = sps_high, .bytes = 70000, .type = NAL_SPS };
	assert_false(avcc_write(&box, nals + 38, 2));
	mp4box_finish(&box);
}

/* ---- several encoders ---- */

/* Baseline, level 4, id 0, and its PPS, id 0; High, level 3, id 1, and its PPS, id 1. */
static const uint8_t sps_baseline[] = { 0x67, 0x42, 0xc0, 0x28, 0xd9, 0x40 }, pps_0[] = { 0x68, 0xce, 0x38 };
static const uint8_t sps_1[] = { 0x67, 0x64, 0x00, 0x1e, 0x5a, 0xd9 }, pps_1[] = { 0x68, 0x5a, 0xe3 };

static void write_avcc(struct mp4box *box, const uint8_t *sps, size_t sps_bytes, const uint8_t *set, size_t set_bytes)
{
	const struct nal nals[] = { { .data = sps, .bytes = sps_bytes, .type = NAL_SPS }, { .data = set, .bytes = set_bytes, .type = NAL_PPS } };

	assert_true(avcc_write(box, nals, ARRAY_LEN(nals)));
}

/* As in a recording: the sets, and another box behind them. */
static void write_stsd(struct mp4box *stsd)
{
	size_t start = mp4box_open_full(stsd, "stsd", 0, 0), entry;

	mp4box_u32(stsd, 1);
	entry = mp4box_open(stsd, "avc1");
	mp4box_zeros(stsd, 78);
	write_avcc(stsd, sps_baseline, sizeof(sps_baseline), pps_0, sizeof(pps_0));
	mp4box_close(stsd, mp4box_open(stsd, "colr"));
	mp4box_close(stsd, entry);
	mp4box_close(stsd, start);
}

static void test_ids(void **state)
{
	struct nal nal = { .data = sps_1, .bytes = sizeof(sps_1), .type = NAL_SPS };

	(void)state;
	assert_int_equal(h264_set_id(&nal), 1);
	nal.bytes = 1;
	assert_true(h264_set_id(&nal) < UINT32_MAX);
	nal = (struct nal){ .data = pps_1, .bytes = sizeof(pps_1), .type = NAL_PPS };
	assert_int_equal(h264_set_id(&nal), 1);
	nal.data = pps_0;
	assert_int_equal(h264_set_id(&nal), 0);
}

static void test_sets_of_two_encoders_in_one_entry(void **state)
{
	struct mp4box stsd = { 0 }, more = { 0 };
	struct nal nals[4];
	const uint8_t *avcc, *colr;
	size_t bytes, n;

	(void)state;
	write_stsd(&stsd);
	write_avcc(&more, sps_1, sizeof(sps_1), pps_1, sizeof(pps_1));
	assert_true(stsd_is_plain(stsd.data, stsd.bytes));
	assert_int_equal(stsd_free_id(&stsd), 1);
	assert_true(stsd_add_sets(&stsd, more.data + 8, more.bytes - 8));
	assert_int_equal(stsd_free_id(&stsd), 2);
	assert_true(stsd_is_plain(stsd.data, stsd.bytes));
	assert_true(mp4box_find(stsd.data + 102, stsd.bytes - 102, "avcC", &avcc, &bytes));
	assert_true(mp4box_find(stsd.data + 102, stsd.bytes - 102, "colr", &colr, &n));
	/* the higher profile, the higher level, no constraint that one of them does not keep */
	assert_memory_equal(avcc + 8, "\1\x64\0\x28\xff\xe2", 6);
	assert_true(avcc_read(avcc + 8, bytes - 8, nals, 4, &n));
	assert_int_equal(n, 4);
	assert_memory_equal(nals[1].data, sps_1, sizeof(sps_1));
	assert_memory_equal(nals[3].data, pps_1, sizeof(pps_1));
	assert_false(avcc_read(avcc + 8, bytes - 8, nals, 3, &n));
	mp4box_finish(&stsd);
	mp4box_finish(&more);
}

static void test_entries_are_found_again(void **state)
{
	struct mp4box stsd = { 0 }, one = { 0 }, other = { 0 };

	(void)state;
	write_stsd(&one);
	write_stsd(&other);
	other.data[60] = 1;
	assert_int_equal(stsd_find(&stsd, &one), 0);
	assert_int_equal(stsd_find(&stsd, &other), 1);
	assert_int_equal(stsd_find(&stsd, &one), 0);
	assert_int_equal(mp4box_get32(stsd.data), stsd.bytes);
	assert_int_equal(mp4box_get32(stsd.data + 12), 2);
	assert_int_equal(stsd_free_id(&stsd), 1);
	mp4box_finish(&stsd);
	mp4box_finish(&one);
	mp4box_finish(&other);
}

/* Cut off anywhere, and with each byte changed. */
static void test_damaged_sets(void **state)
{
	struct mp4box stsd = { 0 };
	struct nal nals[4];
	size_t n;

	(void)state;
	write_stsd(&stsd);
	for (size_t bytes = 0; bytes < stsd.bytes; bytes++) {
		uint8_t *data = memcpy(xcalloc(bytes + 1, 1), stsd.data, bytes);

		assert_false(stsd_is_plain(data, bytes));
		if (bytes > 110)
			avcc_read(data + 110, bytes - 110, nals, 4, &n);
		free(data);
	}
	for (size_t at = 0; at < stsd.bytes * 4; at++) {
		struct mp4box damaged = { 0 };

		mp4box_bytes(&damaged, stsd.data, stsd.bytes);
		damaged.data[at / 4] = (uint8_t[]){ 0, 0xff, 0x7f, (uint8_t)(damaged.data[at / 4] ^ 1) }[at % 4];
		if (stsd_is_plain(damaged.data, damaged.bytes)) {
			stsd_free_id(&damaged);
			stsd_add_sets(&damaged, stsd.data + 110, 26);
		}
		mp4box_finish(&damaged);
	}
	mp4box_finish(&stsd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start_codes_of_both_lengths),
		cmocka_unit_test(test_no_nal_units),
		cmocka_unit_test(test_garbage_before_the_first),
		cmocka_unit_test(test_parameter_sets),
		cmocka_unit_test(test_garbage_is_never_read_past),
		cmocka_unit_test(test_avcc_of_high_profile),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_sets_of_two_encoders_in_one_entry),
		cmocka_unit_test(test_entries_are_found_again),
		cmocka_unit_test(test_damaged_sets),
		cmocka_unit_test(test_avcc_of_444),
		cmocka_unit_test(test_avcc_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
