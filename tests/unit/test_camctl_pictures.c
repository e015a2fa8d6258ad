/* What camctl makes of preview pictures before anybody sees them: decoding, and how several share a terminal. */
#include "camctl/mosaic.h"
#include "camctl/picture.h"
#include "common/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* 8x8 pixels of 255,0,0; made by ffmpeg -f lavfi -i color=red:s=8x8 -frames:v 1 */
static const char red[] =
	"/9j/4AAQSkZJRgABAgAAAQABAAD/2wBDAAgEBAQEBAUFBQUFBQYGBgYGBgYGBgYGBgYHBwcICAgHBwcGBgcHCAgICAkJCQgICAgJCQoKCgwMCw"
	"sODg4RERT/xABMAAEBAAAAAAAAAAAAAAAAAAAABgEBAQAAAAAAAAAAAAAAAAAABgcQAQAAAAAAAAAAAAAAAAAAAAARAQAAAAAAAAAAAAAAAAAA"
	"AAD/wAARCAAIAAgDASIAAhEAAxEA/9oADAMBAAIRAxEAPwCLAFF/f//Z";

static bool decodes(const char *base64, struct picture *picture)
{
	struct picture_decoder *decoder = picture_decoder_create();
	struct error err;
	bool done = picture_decode(decoder, picture, base64, &err);

	if (!done)
		assert_non_null(strstr(err.text, "preview"));
	picture_decoder_destroy(decoder);
	return done;
}

static void decodes_a_picture(void **state)
{
	struct picture picture = { 0 };

	(void)state;
	assert_true(decodes(red, &picture));
	assert_int_equal(picture.width, 8);
	assert_int_equal(picture.height, 8);
	for (int i = 0; i < 64; i++) {
		const uint8_t *pixel = picture.rgba + i * 4;

		assert_true(pixel[0] > 245 && pixel[1] < 10 && pixel[2] < 10 && pixel[3] == 255);
	}
	picture_clear(&picture);
}

/* A damaged one leaves what was there. */
static void refuses_what_is_none(void **state)
{
	static const char *const wrong[] = { "", "=", "!", "AAAA", "/9j/", "/9j/4AAQSkZJRg==", "\xff\xff" };
	struct picture picture = { 0 };
	char *cut = xstrdup(red);

	(void)state;
	assert_true(decodes(red, &picture));
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_false(decodes(wrong[i], &picture));
	for (size_t n = strlen(cut); n > 0; n--) {
		struct picture other = { 0 };

		cut[n - 1] = '\0';
		decodes(cut, &other);
		picture_clear(&other);
	}
	assert_int_equal(picture.width, 8);
	picture_clear(&picture);
	free(cut);
}

static struct mosaic arrange(int columns, int rows, size_t n, int width, int height)
{
	struct screen_room room = { .columns = columns, .rows = rows };

	return mosaic_arrange(&room, n, (struct size){ width, height }, 120);
}

static void fits_the_room(void **state)
{
	(void)state;
	for (int columns = 0; columns <= 200; columns += 7) {
		for (int rows = 0; rows <= 60; rows += 5) {
			for (size_t n = 1; n <= 9; n++) {
				struct mosaic mosaic = arrange(columns, rows, n, 320, 240);

				if (!mosaic.across)
					continue;
				assert_true((size_t)(mosaic.across * mosaic.down) >= n);
				assert_true(mosaic.across * (mosaic.columns + 1) - 1 <= columns);
				assert_true(mosaic.down * mosaic.rows <= rows);
				/* cells are taken for 8x16: four to three is 8 columns to 3 rows */
				assert_true(abs(mosaic.columns * 3 - mosaic.rows * 8) <= 8);
			}
		}
	}
}

static void takes_the_largest(void **state)
{
	struct mosaic one = arrange(79, 30, 1, 320, 240), beside = arrange(161, 30, 2, 320, 240), under = arrange(60, 50, 2, 320, 240);

	(void)state;
	assert_int_equal(one.columns, 79);
	assert_true(one.rows == 29 || one.rows == 30);
	assert_int_equal(beside.across, 2);
	assert_int_equal(beside.columns, 80);
	assert_int_equal(under.across, 1);
	assert_int_equal(under.down, 2);
	assert_int_equal(arrange(300, 100, 1, 320, 240).columns, 120);
	assert_int_equal(arrange(7, 30, 1, 320, 240).across, 0);
	assert_int_equal(arrange(80, 2, 1, 320, 240).across, 0);
	assert_int_equal(arrange(0, 0, 3, 320, 240).across, 0);
}

/* One of other proportions than the tile's. */
static void fits_the_tile(void **state)
{
	struct screen_room room = { .columns = 80, .rows = 30, .cell_width = 10, .cell_height = 20 };
	struct mosaic mosaic = mosaic_arrange(&room, 1, (struct size){ 320, 240 }, 120);
	struct size wide = mosaic_fit(&room, &mosaic, (struct size){ 640, 100 }), high = mosaic_fit(&room, &mosaic, (struct size){ 10, 1000 });

	(void)state;
	assert_int_equal(wide.width, mosaic.columns);
	assert_int_equal(wide.height, (mosaic.columns * 10 * 100 / 640 + 10) / 20);
	assert_int_equal(high.height, mosaic.rows);
	assert_true(high.width >= 1 && high.width <= 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_a_picture), cmocka_unit_test(refuses_what_is_none), cmocka_unit_test(fits_the_room),
		cmocka_unit_test(takes_the_largest), cmocka_unit_test(fits_the_tile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
