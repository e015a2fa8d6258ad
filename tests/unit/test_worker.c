/* Workers: away from the loop, back in it, again from there, and when there is no thread for them. */
#include "camd/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct fixture {
	uv_loop_t loop;
	struct worker worker;
	pthread_t loops, done_in;
	int worked, after, wanted;
};

static void work(struct worker *worker)
{
	struct fixture *fixture = worker->data;

	fixture->done_in = pthread_self();
	fixture->worked++;
}

static void after(struct worker *worker)
{
	struct fixture *fixture = worker->data;

	assert_true(pthread_equal(pthread_self(), fixture->loops));
	assert_int_equal(++fixture->after, fixture->worked);
	if (fixture->after < fixture->wanted)
		worker_start(&fixture->loop, worker, work, after);
}

static void run(struct fixture *fixture, int times)
{
	*fixture = (struct fixture){ .loops = pthread_self(), .wanted = times };
	fixture->worker.data = fixture;
	assert_int_equal(uv_loop_init(&fixture->loop), 0);
	worker_start(&fixture->loop, &fixture->worker, work, after);
	assert_int_equal(uv_run(&fixture->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&fixture->loop), 0);
	assert_int_equal(fixture->after, times);
}

static void test_a_thread_each(void **state)
{
	struct fixture fixture;

	(void)state;
	run(&fixture, 20);
	assert_false(pthread_equal(fixture.done_in, fixture.loops));
}

static void test_no_thread_left(void **state)
{
	struct fixture fixture;
	pthread_attr_t usual, larger_than_any;

	(void)state;
	assert_int_equal(pthread_getattr_default_np(&usual), 0);
	assert_int_equal(pthread_attr_init(&larger_than_any), 0);
	assert_int_equal(pthread_attr_setstacksize(&larger_than_any, (size_t)1 << 60), 0);
	assert_int_equal(pthread_setattr_default_np(&larger_than_any), 0);
	run(&fixture, 3);
	assert_int_equal(pthread_setattr_default_np(&usual), 0);
	assert_true(pthread_equal(fixture.done_in, fixture.loops));
	pthread_attr_destroy(&usual);
	pthread_attr_destroy(&larger_than_any);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_thread_each),
		cmocka_unit_test(test_no_thread_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
