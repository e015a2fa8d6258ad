/* Coded pictures put together from pieces, and looking for key frames that were asked for. */
#include "camd/m2m_keys.h"
#include "camd/m2m_pictures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define START 0, 0, 0, 1
#define SPS START, 0x67, 0x64, 0, 40, 0xac
#define PPS START, 0x68, 0xee, 0x3c, 0x80
#define AUD START, 0x09, 0x10
#define SEI START, 0x06, 5, 1, 0x77, 0x80
#define FILLER START, 0x0c, 0xff, 0xff, 0x80
#define IDR START, 0x65, 0x88, 0x84, 1, 2, 3
#define SLICE START, 0x41, 0x9a, 4, 5, 6

#define BYTES(...) ((const uint8_t[]){ __VA_ARGS__ }), sizeof((const uint8_t[]){ __VA_ARGS__ })

static bool add(struct m2m_pictures *pictures, int64_t time_us, const uint8_t *data, size_t bytes)
{
	uint8_t *copy = malloc(bytes);
	bool ok;

	/* of exactly that size, so that a reader beyond it is caught */
	assert_non_null(copy);
	memcpy(copy, data, bytes);
	ok = m2m_pictures_add(pictures, &(struct m2m_piece){ .data = copy, .bytes = bytes, .time_us = time_us });
	free(copy);
	return ok;
}

static void check(struct m2m_pictures *pictures, int64_t time_us, bool key, const uint8_t *data, size_t bytes)
{
	struct packet *packet;
	int64_t pending_us;

	assert_true(m2m_pictures_pending(pictures, &pending_us));
	assert_int_equal(pending_us, time_us);
	packet = m2m_pictures_take(pictures);
	assert_int_equal(packet->bytes, bytes);
	assert_memory_equal(packet->data, data, bytes);
	assert_int_equal(packet->key, key);
	packet_unref(packet);
	assert_false(m2m_pictures_pending(pictures, &pending_us));
}

static void check_none(const struct m2m_pictures *pictures)
{
	int64_t ignored;

	assert_false(m2m_pictures_pending(pictures, &ignored));
}

static void test_whole_pictures(void **state)
{
	struct m2m_pictures *pictures = m2m_pictures_create(true);

	(void)state;
	assert_true(add(pictures, 10, BYTES(SPS, PPS, IDR)));
	check(pictures, 10, true, BYTES(SPS, PPS, IDR));
	assert_true(add(pictures, 20, BYTES(AUD, SLICE)));
	check(pictures, 20, false, BYTES(AUD, SLICE));
	assert_true(add(pictures, 30, BYTES(SEI, SLICE, FILLER)));
	check(pictures, 30, false, BYTES(SEI, SLICE, FILLER));
	m2m_pictures_destroy(pictures);
}

static void test_sets_by_themselves(void **state)
{
	struct m2m_pictures *pictures = m2m_pictures_create(true);

	(void)state;
	assert_true(add(pictures, 0, BYTES(SPS, PPS)));
	check_none(pictures);
	assert_true(add(pictures, 10, BYTES(IDR)));
	check(pictures, 10, true, BYTES(SPS, PPS, IDR));
	m2m_pictures_destroy(pictures);
}

static void test_each_set_by_itself(void **state)
{
	struct m2m_pictures *pictures = m2m_pictures_create(true);

	(void)state;
	assert_true(add(pictures, 10, BYTES(SPS)));
	assert_true(add(pictures, 10, BYTES(PPS)));
	assert_true(add(pictures, 10, BYTES(AUD)));
	check_none(pictures);
	assert_true(add(pictures, 10, BYTES(IDR)));
	check(pictures, 10, true, BYTES(SPS, PPS, IDR));
	m2m_pictures_destroy(pictures);
}

static void test_sets_only_once(void **state)
{
	struct m2m_pictures *pictures = m2m_pictures_create(true);

	(void)state;
	assert_true(add(pictures, 10, BYTES(SPS, PPS, IDR)));
	check(pictures, 10, true, BYTES(SPS, PPS, IDR));
	assert_true(add(pictures, 20, BYTES(IDR)));
	check(pictures, 20, true, BYTES(SPS, PPS, IDR));
	/* a delimiter stays the first */
	assert_true(add(pictures, 30, BYTES(AUD, SEI, IDR)));
	check(pictures, 30, true, BYTES(AUD, SPS, PPS, SEI, IDR));
	assert_true(add(pictures, 40, BYTES(SLICE)));
	check(pictures, 40, false, BYTES(SLICE));
	m2m_pictures_destroy(pictures);
}

static void test_newer_sets_count(void **state)
{
	struct m2m_pictures *pictures = m2m_pictures_create(true);

	(void)state;
	assert_true(add(pictures, 1, BYTES(START, 0x67, 1, 1, 1, PPS)));
	assert_true(add(pictures, 2, BYTES(START, 0x67, 2, 2, 2, 2, 2, PPS)));
	assert_true(add(pictures, 3, BYTES(IDR)));
	check(pictures, 3, true, BYTES(START, 0x67, 2, 2, 2, 2, 2, PPS, IDR));
	m2m_pictures_destroy(pictures);
}

/* Start codes may be short, and a continuation may look like anything. */
static void test_pieces(void **state)
{
	struct m2m_pictures *pictures = m2m_pictures_create(true);

	(void)state;
	assert_true(add(pictures, 10, BYTES(0, 0, 1, 0x65, 1, 2, 3, 0)));
	assert_true(add(pictures, 10, BYTES(0, 3, 9)));
	assert_true(add(pictures, 10, BYTES(START, 0x65, 7)));
	check(pictures, 10, true, BYTES(0, 0, 1, 0x65, 1, 2, 3, 0, 0, 3, 9, START, 0x65, 7));
	m2m_pictures_destroy(pictures);
}

static void test_large_pieces(void **state)
{
	struct m2m_pictures *pictures = m2m_pictures_create(true);
	static uint8_t whole[900000];
	struct packet *packet;

	(void)state;
	for (size_t i = 0; i < sizeof(whole); i++)
		whole[i] = (uint8_t)(i * 7 | 2);
	memcpy(whole, (const uint8_t[]){ START, 0x41 }, 5);
	for (size_t at = 0; at < sizeof(whole); at += 100000)
		assert_true(add(pictures, 10, whole + at, 100000));
	packet = m2m_pictures_take(pictures);
	assert_int_equal(packet->bytes, sizeof(whole));
	assert_memory_equal(packet->data, whole, sizeof(whole));
	assert_false(packet->key);
	packet_unref(packet);
	m2m_pictures_destroy(pictures);
}

static void test_full_buffers(void **state)
{
	struct m2m_pictures *pictures = m2m_pictures_create(true);
	static const uint8_t slice[] = { SLICE };
	struct m2m_piece piece = { .data = slice, .bytes = sizeof(slice), .fills = true, .time_us = 1 };

	(void)state;
	assert_true(m2m_pictures_add(pictures, &piece));
	assert_false(m2m_pictures_seems_whole(pictures));
	piece.fills = false;
	assert_true(m2m_pictures_add(pictures, &piece));
	assert_true(m2m_pictures_seems_whole(pictures));
	m2m_pictures_destroy(pictures);
}

static void test_late_pieces(void **state)
{
	struct m2m_pictures *pictures = m2m_pictures_create(true);

	(void)state;
	assert_true(add(pictures, 10, BYTES(SLICE)));
	check(pictures, 10, false, BYTES(SLICE));
	assert_false(add(pictures, 10, BYTES(7, 8, 9, 10)));
	assert_false(add(pictures, 10, BYTES(SLICE)));
	check_none(pictures);
	/* these belong to no picture */
	assert_true(add(pictures, 10, BYTES(FILLER)));
	assert_true(add(pictures, 10, BYTES(SPS, PPS)));
	check_none(pictures);
	assert_true(add(pictures, 20, BYTES(IDR)));
	check(pictures, 20, true, BYTES(SPS, PPS, IDR));
	m2m_pictures_destroy(pictures);
}

/* The first slice may be far behind the start, and sets too large to keep are no reason to crash. */
static void test_long_openings(void **state)
{
	struct m2m_pictures *pictures = m2m_pictures_create(true);
	static uint8_t data[6000];
	struct packet *packet;

	(void)state;
	memset(data, 0xaa, sizeof(data));
	memcpy(data, (const uint8_t[]){ SPS, PPS, START, 0x06 }, sizeof((const uint8_t[]){ SPS, PPS, START, 0x06 }));
	memcpy(data + 5000, (const uint8_t[]){ IDR }, sizeof((const uint8_t[]){ IDR }));
	assert_true(add(pictures, 10, data, sizeof(data)));
	check(pictures, 10, true, data, sizeof(data));
	data[4] = 0x67;
	memset(data + 5, 0xaa, 2000);
	assert_true(add(pictures, 20, data, sizeof(data)));
	packet = m2m_pictures_take(pictures);
	assert_true(packet->key);
	packet_unref(packet);
	m2m_pictures_destroy(pictures);
}

static void test_garbage(void **state)
{
	struct m2m_pictures *pictures = m2m_pictures_create(true);
	uint8_t data[64];

	(void)state;
	srand(1);
	for (int i = 0; i < 20000; i++) {
		size_t bytes = (size_t)rand() % sizeof(data) + 1;

		for (size_t k = 0; k < bytes; k++)
			data[k] = (uint8_t)(rand() % 4 ? rand() % 3 : rand());
		add(pictures, 1 + i / 3, data, bytes);
		if (rand() % 2) {
			int64_t ignored;

			if (m2m_pictures_pending(pictures, &ignored))
				packet_unref(m2m_pictures_take(pictures));
		} else {
			m2m_pictures_drop(pictures);
		}
	}
	m2m_pictures_destroy(pictures);
	m2m_pictures_destroy(NULL);
}

static void test_other_codecs(void **state)
{
	struct m2m_pictures *pictures = m2m_pictures_create(false);
	struct m2m_piece piece = { .data = (const uint8_t *)"abc", .bytes = 3, .key = true, .time_us = 1 };

	(void)state;
	assert_true(m2m_pictures_add(pictures, &piece));
	check(pictures, 1, true, (const uint8_t *)"abc", 3);
	piece.key = false;
	piece.time_us = 2;
	assert_true(m2m_pictures_add(pictures, &piece));
	check(pictures, 2, false, (const uint8_t *)"abc", 3);
	m2m_pictures_destroy(pictures);
}

static void test_key_comes(void **state)
{
	struct m2m_keys keys = { 0 };

	(void)state;
	assert_false(m2m_keys_note(&keys, false, 10));
	assert_false(keys.due);
	m2m_keys_ask(&keys, true, 20);
	assert_false(m2m_keys_note(&keys, false, 19));
	assert_false(m2m_keys_note(&keys, true, 20));
	assert_false(keys.wanted || keys.due);
}

/* One that comes before the frame that it was meant for is asked for again with the next. */
static void test_key_comes_early(void **state)
{
	struct m2m_keys keys = { 0 };

	(void)state;
	m2m_keys_ask(&keys, true, 20);
	assert_false(m2m_keys_note(&keys, true, 19));
	assert_true(keys.wanted && keys.due);
	m2m_keys_ask(&keys, false, 21);
	assert_false(keys.due);
	assert_false(m2m_keys_note(&keys, false, 20));
	/* the first one at or after the frame that was meant */
	assert_false(m2m_keys_note(&keys, true, 21));
	assert_false(keys.wanted);
}

static void test_key_does_not_come(void **state)
{
	struct m2m_keys keys = { 0 };
	int n = 0;

	(void)state;
	m2m_keys_ask(&keys, true, 20);
	for (int64_t time_us = 20; !m2m_keys_note(&keys, false, time_us); time_us++, n++) {
		assert_true(n < 20);
		assert_int_equal(keys.due, (n + 1) % 3 == 0);
		if (keys.due)
			m2m_keys_ask(&keys, false, time_us + 1);
	}
	assert_int_equal(n, 8);
}

static void test_key_mends_a_loss(void **state)
{
	struct m2m_keys keys = { 0 };

	(void)state;
	m2m_keys_ask_soon(&keys, 30);
	assert_true(keys.wanted && keys.due);
	assert_false(m2m_keys_note(&keys, true, 30));
	assert_true(keys.wanted);
	assert_false(m2m_keys_note(&keys, true, 31));
	assert_false(keys.wanted || keys.due);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_pictures), cmocka_unit_test(test_sets_by_themselves),
		cmocka_unit_test(test_each_set_by_itself), cmocka_unit_test(test_sets_only_once),
		cmocka_unit_test(test_newer_sets_count), cmocka_unit_test(test_pieces), cmocka_unit_test(test_large_pieces),
		cmocka_unit_test(test_full_buffers), cmocka_unit_test(test_late_pieces), cmocka_unit_test(test_long_openings),
		cmocka_unit_test(test_garbage), cmocka_unit_test(test_other_codecs),
		cmocka_unit_test(test_key_comes), cmocka_unit_test(test_key_comes_early),
		cmocka_unit_test(test_key_does_not_come), cmocka_unit_test(test_key_mends_a_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
