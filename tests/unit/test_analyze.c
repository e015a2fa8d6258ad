/* What is motion and what isn't, where it is, and when it is over; on pictures that are made here. */
#include "camd/analyze/analyzer.h"

#include "common/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WIDTH 320
#define HEIGHT 240
#define FPS 10

struct fixture {
	struct analyzer_settings settings;
	void *motion;
	struct grey picture;
	int noise;			/* of pixels, up and down */
	int light;			/* added to all */
	uint32_t random;
	int x, y, size;			/* of a square that is brighter; 0: there is none */
	int n_news;
	struct analyzer_news news[8];
};

static int setup(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));

	fixture->settings = (struct analyzer_settings){
		.fps = FPS, .motion = true, .sensitivity = 60, .min_area = 0.3, .hold_ns = 2 * NS_PER_S,
	};
	fixture->motion = analyzer_motion.create();
	fixture->picture = (struct grey){ .width = WIDTH, .height = HEIGHT, .sensor_ns = NS_PER_S };
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	analyzer_motion.destroy(fixture->motion);
	free(fixture);
	return 0;
}

static int noise(struct fixture *fixture)
{
	fixture->random = fixture->random * 1664525 + 1013904223;
	return fixture->noise ? (int)(fixture->random >> 16) % (2 * fixture->noise + 1) - fixture->noise : 0;
}

static void paint(struct fixture *fixture)
{
	for (int y = 0; y < HEIGHT; y++)
		for (int x = 0; x < WIDTH; x++) {
			bool inside = x >= fixture->x && x < fixture->x + fixture->size && y >= fixture->y && y < fixture->y + fixture->size;
			int level = 40 + x / 4 + y / 4 + fixture->light + (inside ? 60 : 0) + noise(fixture);

			fixture->picture.pixels[y * WIDTH + x] = (uint8_t)MIN(MAX(level, 0), 255);
		}
}

/* So many pictures; the square moves so far with each. */
static void show(struct fixture *fixture, int n, int dx)
{
	for (int i = 0; i < n; i++) {
		struct analyzer_news news;

		fixture->x += dx;
		paint(fixture);
		fixture->picture.sensor_ns += NS_PER_S / FPS;
		if (!analyzer_motion.look(fixture->motion, &fixture->settings, &fixture->picture, &news))
			continue;
		assert_true(fixture->n_news < (int)ARRAY_LEN(fixture->news));
		fixture->news[fixture->n_news++] = news;
	}
}

static void test_walk(void **state)
{
	struct fixture *fixture = *state;
	const struct analyzer_news *news = fixture->news;
	int64_t began_ns;

	fixture->noise = 3;
	show(fixture, 30, 0);
	assert_int_equal(fixture->n_news, 0);
	began_ns = fixture->picture.sensor_ns + NS_PER_S / FPS;
	fixture->size = 24;
	fixture->y = 100;
	show(fixture, 40, 5);
	assert_int_equal(fixture->n_news, 1);
	assert_true(news[0].begun);
	assert_int_equal(news[0].since_ns, began_ns);
	assert_true(news[0].box.y <= 100.0 / HEIGHT && news[0].box.y + news[0].box.height >= 124.0 / HEIGHT);
	assert_true(news[0].box.height < 0.25 && news[0].box.width < 0.25);
	assert_true(news[0].area > 100.0 * 24 * 24 / (WIDTH * HEIGHT) * 0.8 && news[0].area < 3);
	fixture->size = 0;
	show(fixture, 60, 0);
	assert_int_equal(fixture->n_news, 2);
	assert_false(news[1].begun);
	assert_true(news[1].until_ns - began_ns >= 39 * NS_PER_S / FPS && news[1].until_ns - began_ns <= 45 * NS_PER_S / FPS);
	assert_true(news[1].box.x < 0.1 && news[1].box.width > 0.5);
}

static void test_too_small(void **state)
{
	struct fixture *fixture = *state;

	fixture->settings.min_area = 5;
	show(fixture, 30, 0);
	fixture->size = 24;
	fixture->y = 100;
	show(fixture, 40, 5);
	assert_int_equal(fixture->n_news, 0);
}

static void test_noise(void **state)
{
	struct fixture *fixture = *state;

	for (fixture->noise = 2; fixture->noise <= 40; fixture->noise += 2)
		show(fixture, 20, 0);
	assert_int_equal(fixture->n_news, 0);
}

static void test_light(void **state)
{
	struct fixture *fixture = *state;

	fixture->noise = 4;
	show(fixture, 30, 0);
	fixture->light = 60;
	show(fixture, 50, 0);
	fixture->light = -30;
	show(fixture, 50, 0);
	for (int i = 0; i < 30; i++) {		/* sunrise */
		fixture->light += 3;
		show(fixture, 2, 0);
	}
	assert_int_equal(fixture->n_news, 0);
	fixture->size = 30;			/* and it sees as before */
	show(fixture, 20, 5);
	assert_int_equal(fixture->n_news, 1);
}

/* What is put down and stays is no motion any more, nor is the gap that it leaves when it is taken away. */
static void test_left(void **state)
{
	struct fixture *fixture = *state;

	show(fixture, 30, 0);
	fixture->size = 40;
	show(fixture, 10, 5);
	show(fixture, 30, 0);
	assert_int_equal(fixture->n_news, 2);
	assert_false(fixture->news[1].begun);
	show(fixture, 400, 0);
	fixture->size = 0;
	show(fixture, 400, 0);
	assert_int_equal(fixture->n_news, 2);
}

static void test_regions(void **state)
{
	struct fixture *fixture = *state;

	assert_null(regions_parse("0,0,1,0.4 -0.5,0,0.5,1", fixture->settings.regions, &fixture->settings.n_regions));
	assert_int_equal(fixture->settings.n_regions, 2);
	show(fixture, 30, 0);
	fixture->size = 24;
	fixture->y = 150;			/* below what is watched */
	show(fixture, 30, 5);
	fixture->x = 170;			/* ignored */
	fixture->y = 20;
	show(fixture, 20, 5);
	assert_int_equal(fixture->n_news, 0);
	fixture->x = 0;
	show(fixture, 20, 5);
	assert_int_equal(fixture->n_news, 1);
}

static void test_bad_regions(void **state)
{
	static const char *const bad[] = { "1", "0,0,1", "0,0,2,1", "0.5,0,0.6,1", "0,0,0,1", "x", "0,0,1,1 nan,0,1,1", "--0.1,0,0.5,1" };
	char many[17 * 8 + 1] = "";
	int n;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_non_null(regions_parse(bad[i], NULL, &n));
	for (int i = 0; i < 17; i++)
		strcat(many, "0,0,1,1 ");
	assert_non_null(regions_parse(many, NULL, &n));
	many[16 * 8] = '\0';
	assert_null(regions_parse(many, NULL, &n));
	assert_int_equal(n, 16);
	assert_null(regions_parse(" ", NULL, &n));
	assert_int_equal(n, 0);
}

/* A camera that stops, another size, and pictures that are smaller than one cell. */
static void test_ends(void **state)
{
	struct fixture *fixture = *state;
	struct analyzer_news news;

	show(fixture, 30, 0);
	fixture->size = 30;
	show(fixture, 10, 5);
	assert_int_equal(fixture->n_news, 1);
	assert_true(analyzer_motion.look(fixture->motion, &fixture->settings, NULL, &news) && !news.begun);
	assert_false(analyzer_motion.look(fixture->motion, &fixture->settings, NULL, &news));
	fixture->picture.width = 6;
	fixture->picture.height = 2;
	show(fixture, 30, 0);
	assert_int_equal(fixture->n_news, 1);
}

/* ---- night ---- */

struct dusk {
	struct analyzer_settings settings;
	void *darkness;
	struct grey picture;
	int n_news;
	struct analyzer_news last;
};

static void light(struct dusk *dusk, int level, int n)
{
	memset(dusk->picture.pixels, level, (size_t)(dusk->picture.width * dusk->picture.height));
	for (int i = 0; i < n; i++) {
		dusk->picture.sensor_ns += NS_PER_S / FPS;
		dusk->n_news += analyzer_darkness.look(dusk->darkness, &dusk->settings, &dusk->picture, &dusk->last);
	}
}

static void test_night(void **state)
{
	static struct dusk dusk = {
		.settings = { .night_mode = NIGHT_STILL, .dark = 40, .bright = 60, .min_dark = 10, .lifts = true },
		.picture = { .width = 64, .height = 48, .sensor_ns = NS_PER_S },
	};

	(void)state;
	dusk.darkness = analyzer_darkness.create();
	light(&dusk, 50, 50);
	light(&dusk, 39, 9);		/* not long enough */
	light(&dusk, 41, 1);
	light(&dusk, 39, 9);
	assert_int_equal(dusk.n_news, 0);
	light(&dusk, 20, 2);
	assert_int_equal(dusk.n_news, 1);
	assert_true(dusk.last.begun && dusk.last.score < 40);
	light(&dusk, 40, 100);		/* the camera sees twice as much of the same night */
	light(&dusk, 70, 50);
	light(&dusk, 100, 3);
	assert_int_equal(dusk.n_news, 1);
	light(&dusk, 130, 4);
	assert_int_equal(dusk.n_news, 2);
	assert_false(dusk.last.begun);
	light(&dusk, 70, 50);
	light(&dusk, 10, 10);
	assert_int_equal(dusk.n_news, 3);
	light(&dusk, 255, 100);		/* burnt out as it is, it has no more to show; but it ends */
	light(&dusk, 255, 10);
	assert_int_equal(dusk.n_news, 4);
	light(&dusk, 20, 10);
	light(&dusk, 100, 100);		/* a lamp, before it has settled; when that is off, night is known again */
	light(&dusk, 20, 100);
	assert_int_equal(dusk.n_news, 5);
	light(&dusk, 70, 10);
	assert_int_equal(dusk.n_news, 6);
	dusk.settings.lifts = false;	/* nothing to wait for */
	light(&dusk, 20, 10);
	light(&dusk, 70, 4);
	assert_int_equal(dusk.n_news, 8);
	analyzer_darkness.destroy(dusk.darkness);
}

/* ---- what they look at ---- */

static void test_grey(void **state)
{
	static const enum pixel_format all[] = { PIXEL_I420, PIXEL_NV12, PIXEL_YUYV, PIXEL_UYVY, PIXEL_RGB24, PIXEL_GREY, PIXEL_Y10 };
	static struct grey grey;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct frame_format format = { .pixels = all[i], .width = 1456, .height = 1088, .colour = { 1, 1, 1, true } };
		struct frame *frame = frame_create(&format);

		for (int y = 0; y < format.height; y++) {
			uint8_t *row = frame->planes[0].data + (size_t)y * (size_t)frame->planes[0].stride;

			for (int x = 0; x < frame_plane_row_bytes(&format, 0); x++)
				row[x] = (uint8_t)(x * 199 / frame_plane_row_bytes(&format, 0));
			for (int x = 0; format.pixels == PIXEL_Y10 && x < format.width; x++) {
				row[2 * x] = (uint8_t)(x * 4 * 199 / format.width);
				row[2 * x + 1] = (uint8_t)(x * 4 * 199 / format.width >> 8);
			}
		}
		grey_take(&grey, frame);
		assert_true(grey_decode(&grey));
		assert_int_equal(grey.width, 291);
		assert_int_equal(grey.height, 217);
		for (int n = 0; n < grey.width * grey.height; n++)
			assert_in_range(grey.pixels[n] + 2 - n % grey.width * 199 / 291, 0, 4);
		frame_unref(frame);
	}
}

/* Black and white of both ranges, and sizes that don't divide. */
static void test_grey_range(void **state)
{
	static const struct { int width, height, level; bool full; int expected; } cases[] = {
		{ 320, 240, 16, false, 0 }, { 642, 482, 235, false, 255 }, { 64, 48, 16, true, 16 }, { 2, 2, 255, true, 255 },
		{ 5000, 2, 255, true, 255 }, { 1920, 1080, 255, true, 255 }, { 1280, 720, 8, false, 0 },
	};
	static struct grey grey;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct frame_format format = { .pixels = PIXEL_GREY, .width = cases[i].width, .height = cases[i].height };
		struct frame *frame;

		format.colour.full_range = cases[i].full;
		frame = frame_create(&format);
		memset(frame->planes[0].data, cases[i].level, frame->planes[0].bytes);
		grey_take(&grey, frame);
		assert_in_range(grey.width, 0, GREY_MAX_WIDTH);
		assert_in_range(grey.height, 0, GREY_MAX_HEIGHT);
		for (int n = 0; n < grey.width * grey.height; n++)
			assert_int_equal(grey.pixels[n], cases[i].expected);
		frame_unref(frame);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_walk, setup, teardown), cmocka_unit_test_setup_teardown(test_too_small, setup, teardown),
		cmocka_unit_test_setup_teardown(test_noise, setup, teardown), cmocka_unit_test_setup_teardown(test_light, setup, teardown),
		cmocka_unit_test_setup_teardown(test_left, setup, teardown), cmocka_unit_test_setup_teardown(test_regions, setup, teardown),
		cmocka_unit_test(test_bad_regions), cmocka_unit_test_setup_teardown(test_ends, setup, teardown), cmocka_unit_test(test_night),
		cmocka_unit_test(test_grey), cmocka_unit_test(test_grey_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
