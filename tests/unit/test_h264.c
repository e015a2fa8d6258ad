/* NAL units, parameter sets, avcC: on right streams and on garbage. */
#include "camd/avcc.h"
#include "camd/h264.h"
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start_codes_of_both_lengths),
		cmocka_unit_test(test_no_nal_units),
		cmocka_unit_test(test_garbage_before_the_first),
		cmocka_unit_test(test_parameter_sets),
		cmocka_unit_test(test_garbage_is_never_read_past),
		cmocka_unit_test(test_avcc_of_high_profile),
		cmocka_unit_test(test_avcc_of_444),
		cmocka_unit_test(test_avcc_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
