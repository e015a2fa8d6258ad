/* What of a recording is kept until it is on the disk: from which packet on, and how much of it at most. */
#include "camd/tail.h"
#include "common/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static size_t alive;	/* packets that somebody holds */

static void release(struct packet *packet, void *owner)
{
	(void)owner;
	alive--;
	free(packet);
}

static void add(struct tail *tail, uint64_t number, bool key, size_t bytes)
{
	struct packet *packet = xcalloc(1, sizeof(*packet));
	struct footage_mark mark = { .frames = number - 1 };

	atomic_init(&packet->references, 1);
	packet->number = number;
	packet->key = key;
	packet->bytes = bytes;
	packet->release = release;
	alive++;
	tail_add(tail, packet, &mark);
	packet_unref(packet);
}

/* Key frames at 1, 4, 7 … */
static struct tail make(uint64_t n, size_t bytes)
{
	struct tail tail = { 0 };

	for (uint64_t i = 1; i <= n; i++)
		add(&tail, i, i % 3 == 1, bytes);
	return tail;
}

static void test_begins_with_a_key_frame_before_what_is_not_down(void **state)
{
	(void)state;
	for (uint64_t durable = 0; durable <= 12; durable++) {
		struct tail tail = make(12, 100);
		/* the first that is not down, or the last there is: the next one may refer to it */
		uint64_t first = MIN(durable + 1, 12);

		tail_trim(&tail, durable);
		assert_int_equal(tail.entries[0].packet->number, (first - 1) / 3 * 3 + 1);
		assert_int_equal(tail.entries[0].mark.frames, tail.entries[0].packet->number - 1);
		assert_int_equal(tail.entries[tail.n - 1].packet->number, 12);
		assert_int_equal(tail.bytes, 100 * tail.n);
		assert_int_equal(alive, tail.n);
		tail_finish(&tail);
		assert_int_equal(alive, 0);
	}
}

static void test_numbers_with_gaps(void **state)
{
	struct tail tail = { 0 };

	(void)state;
	add(&tail, 1, true, 10);
	add(&tail, 5, false, 10);
	add(&tail, 9, true, 10);
	tail_trim(&tail, 5);
	assert_int_equal(tail.n, 1);
	tail_trim(&tail, 20);
	assert_int_equal(tail.n, 1);
	tail_finish(&tail);
}

static void test_bound(void **state)
{
	struct tail tail = make(300, 1 << 20);

	(void)state;
	assert_in_range(tail.bytes, 13u << 20, 16u << 20);
	assert_true(tail.entries[0].packet->key);
	assert_int_equal(tail.entries[tail.n - 1].packet->number, 300);
	/* a group that is too much by itself is of no use, nor is what follows of it */
	tail_clear(&tail);
	add(&tail, 301, true, 10 << 20);
	add(&tail, 302, false, 7 << 20);
	assert_int_equal(tail.n, 0);
	add(&tail, 303, false, 1);
	assert_int_equal(tail.n, 0);
	tail_trim(&tail, 302);
	add(&tail, 304, true, 1);
	assert_int_equal(tail.n, 1);
	tail_finish(&tail);
	assert_int_equal(alive, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_begins_with_a_key_frame_before_what_is_not_down),
		cmocka_unit_test(test_numbers_with_gaps),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
