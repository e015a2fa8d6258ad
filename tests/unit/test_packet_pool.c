/* Packets whose memory goes round. */
#include "camd/packet_pool.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct packet *take(struct packet_pool *pool, size_t bytes)
{
	struct packet *packet = packet_pool_take(pool, bytes);

	assert_true(packet_pool_room(packet) >= bytes);
	memset(packet_pool_memory(packet), 0x5a, packet_pool_room(packet));
	return packet;
}

static void test_memory_comes_back(void **state)
{
	struct packet_pool *pool = packet_pool_create(1 << 20);
	struct packet *first = take(pool, 50000), *again;

	(void)state;
	first->key = true;
	first->camera_frame = 7;
	packet_unref(first);
	again = take(pool, 49000);
	assert_ptr_equal(again, first);
	assert_false(again->key);
	assert_int_equal(again->camera_frame, 0);
	packet_unref(again);
	packet_pool_close(pool);
}

static void test_rooms_are_not_wasted(void **state)
{
	struct packet_pool *pool = packet_pool_create(0);

	(void)state;
	for (size_t bytes = 1; bytes < 3000000; bytes = bytes * 9 / 8 + 1) {
		struct packet *packet = take(pool, bytes);

		assert_true(bytes <= 4096 || packet_pool_room(packet) <= bytes + bytes / 4);
		packet_unref(packet);
	}
	packet_pool_close(pool);
}

/* A small packet must not sit in the memory of a large one, which may be needed, for as long as it is kept. */
static void test_small_does_not_take_large(void **state)
{
	struct packet_pool *pool = packet_pool_create(1 << 24);
	struct packet *large = take(pool, 1000000), *small;

	(void)state;
	packet_unref(large);
	small = take(pool, 5000);
	assert_ptr_not_equal(small, large);
	assert_true(packet_pool_room(small) < 10000);
	packet_unref(small);
	assert_ptr_equal(take(pool, 1000000), large);
	packet_unref(large);
	packet_pool_close(pool);
}

static void test_packets_outlive_the_pool(void **state)
{
	struct packet_pool *pool = packet_pool_create(1 << 20);
	struct packet *packet = take(pool, 100000), *other = take(pool, 100);

	(void)state;
	packet_unref(other);
	packet_pool_close(pool);
	memset(packet_pool_memory(packet), 1, packet_pool_room(packet));
	packet_unref(packet);
	packet_pool_close(NULL);
}

#define N_PACKETS 20000

static void *let_go(void *argument)
{
	struct packet **packets = argument;

	for (int i = 0; i < N_PACKETS; i++) {
		struct packet *packet;

		while (!(packet = __atomic_exchange_n(&packets[i % 8], NULL, __ATOMIC_ACQ_REL)))
			;
		assert_int_equal(packet_pool_memory(packet)[0], 0x5a);
		packet_unref(packet);
	}
	return NULL;
}

static void test_let_go_in_another_thread(void **state)
{
	struct packet_pool *pool = packet_pool_create(100000);
	struct packet *packets[8] = { NULL };
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, let_go, packets), 0);
	for (int i = 0; i < N_PACKETS; i++) {
		struct packet *packet = take(pool, 100 + (size_t)(i * 37 % 9000)), *none = NULL;

		while (!__atomic_compare_exchange_n(&packets[i % 8], &none, packet, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			none = NULL;
	}
	packet_pool_close(pool);
	pthread_join(thread, NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_comes_back), cmocka_unit_test(test_rooms_are_not_wasted),
		cmocka_unit_test(test_small_does_not_take_large), cmocka_unit_test(test_packets_outlive_the_pool),
		cmocka_unit_test(test_let_go_in_another_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
