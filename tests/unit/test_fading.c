/* What counts as fading, and when it is told. */
#include "camd/fading.h"

#include "common/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define AFTER_NS (5 * NS_PER_S)

struct fixture {
	struct fading fading;
	struct fading_facts facts;
	struct frame *frame;
	int64_t bytes_per_s;
	bool moves;
	int n_told;
	struct fading_news told[16];
	int told_at[16];	/* seconds */
};

static int setup(void **state)
{
	static const struct frame_format format = { .pixels = PIXEL_I420, .width = 320, .height = 240, .colour = { 6, 6, 6, false } };
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));

	fixture->frame = frame_create(&format);
	memset(fixture->frame->planes[0].data, 120, fixture->frame->planes[0].bytes);
	fixture->facts = (struct fading_facts){ .now_ns = NS_PER_S, .fps = 30, .wanted_fps = 30, .recording = fixture };
	fixture->bytes_per_s = 500000;
	fixture->moves = true;
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	frame_unref(fixture->frame);
	free(fixture);
	return 0;
}

/* A second of a camera's life: thirty frames, then a look from the main thread. */
static void live(struct fixture *fixture, int seconds)
{
	for (int s = 0; s < seconds; s++) {
		struct fading_news news[N_FADING];
		int n;

		for (int i = 0; i < 30; i++) {
			fixture->frame->sensor_ns = fixture->facts.now_ns + i * NS_PER_S / 30;
			if (fixture->moves)
				fixture->frame->planes[0].data[0]++;
			fading_look(&fixture->fading, fixture->frame);
		}
		fixture->facts.now_ns += NS_PER_S;
		fixture->facts.bytes += fixture->bytes_per_s;
		n = fading_check(&fixture->fading, &fixture->facts, AFTER_NS, news);
		for (int i = 0; i < n; i++) {
			assert_true(fixture->n_told < 16);
			fixture->told_at[fixture->n_told] = (int)(fixture->facts.now_ns / NS_PER_S);
			fixture->told[fixture->n_told++] = news[i];
		}
	}
}

static void expect(struct fixture *fixture, int at, enum fading_reason reason, bool degraded)
{
	const struct fading_news *news = &fixture->told[at];

	assert_true(at < fixture->n_told);
	assert_string_equal(fading_reason_names[news->reason], fading_reason_names[reason]);
	assert_int_equal(news->degraded, degraded);
	assert_true(news->seconds >= 5);
}

static void test_all_is_well(void **state)
{
	struct fixture *fixture = *state;

	live(fixture, 100);
	assert_int_equal(fixture->n_told, 0);
	assert_null(fading_reason(&fixture->fading));
}

static void test_rate(void **state)
{
	struct fixture *fixture = *state;

	live(fixture, 3);
	fixture->facts.fps = 23;
	live(fixture, 4);
	fixture->facts.fps = 30;	/* not for long enough */
	live(fixture, 1);
	fixture->facts.fps = 23;
	live(fixture, 20);
	assert_int_equal(fixture->n_told, 1);
	expect(fixture, 0, FADING_RATE, true);
	assert_int_equal(fixture->told_at[0], 1 + 3 + 4 + 1 + 6);
	assert_true(fixture->told[0].measured == 23 && fixture->told[0].expected == 30);
	assert_string_equal(fading_reason(&fixture->fading), "rate");
	fixture->facts.fps = 29;
	live(fixture, 1);
	assert_int_equal(fixture->n_told, 2);
	expect(fixture, 1, FADING_RATE, false);
	assert_null(fading_reason(&fixture->fading));
}

static void test_no_fixed_rate(void **state)
{
	struct fixture *fixture = *state;

	fixture->facts.wanted_fps = 0;
	fixture->facts.fps = 1;
	live(fixture, 30);
	assert_int_equal(fixture->n_told, 0);
}

static void test_frozen(void **state)
{
	struct fixture *fixture = *state;

	live(fixture, 10);
	fixture->moves = false;
	live(fixture, 20);
	assert_int_equal(fixture->n_told, 1);
	expect(fixture, 0, FADING_FROZEN, true);
	fixture->moves = true;
	live(fixture, 1);
	assert_int_equal(fixture->n_told, 2);
	expect(fixture, 1, FADING_FROZEN, false);
}

static void test_black(void **state)
{
	struct fixture *fixture = *state;

	live(fixture, 10);
	memset(fixture->frame->planes[0].data, 16, fixture->frame->planes[0].bytes);
	fixture->moves = false;
	live(fixture, 20);
	assert_int_equal(fixture->n_told, 1);	/* and not frozen, too */
	expect(fixture, 0, FADING_BLACK, true);
	assert_true(fixture->told[0].measured == 16);
	/* a lamp in the dark is a picture */
	memset(fixture->frame->planes[0].data + 40 * fixture->frame->planes[0].stride, 230, 64);
	fixture->moves = true;
	live(fixture, 1);
	assert_int_equal(fixture->n_told, 2);
	expect(fixture, 1, FADING_BLACK, false);
}

static void test_bitrate(void **state)
{
	struct fixture *fixture = *state;

	live(fixture, 60);
	fixture->bytes_per_s = 20000;
	live(fixture, 120);
	assert_int_equal(fixture->n_told, 1);
	expect(fixture, 0, FADING_BITRATE, true);
	assert_true(fixture->told[0].measured == 160000 && fixture->told[0].expected == 4e6);
	/* a new recording begins at nothing: that is no collapse */
	fixture->bytes_per_s = 500000;
	fixture->facts.bytes = 0;
	live(fixture, 2);
	assert_int_equal(fixture->n_told, 2);
	expect(fixture, 1, FADING_BITRATE, false);
	fixture->facts.recording = NULL;
	fixture->bytes_per_s = 0;
	live(fixture, 20);
	assert_int_equal(fixture->n_told, 2);
}

static void test_reset(void **state)
{
	struct fixture *fixture = *state;

	fixture->facts.fps = 1;
	live(fixture, 4);
	fading_reset(&fixture->fading);
	live(fixture, 5);
	assert_int_equal(fixture->n_told, 0);
	live(fixture, 1);
	assert_int_equal(fixture->n_told, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_is_well, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_fixed_rate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_frozen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_black, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bitrate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reset, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
