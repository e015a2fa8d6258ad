/* The overlay: what its text says, that it stands where it should, touches nothing else, and costs no memory; fonts that are none. */
#include "camd/convert.h"
#include "camd/drawing.h"
#include "camd/overlay.h"
#include "camd/overlay_text.h"
#include "common/clock.h"
#include "common/util.h"
#include "tests/unit/pictures.h"
#include "tests/unit/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define GREY 90
#define BLOCK "\u2588"		/* as large as a letter can be, and full */

/* ---- every allocation of camd's own code ---- */

static int allocations;

void *__real_calloc(size_t n, size_t size);
void *__real_malloc(size_t bytes);
void *__real_realloc(void *old, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);

void *__wrap_calloc(size_t n, size_t size)
{
	allocations++;
	return __real_calloc(n, size);
}

void *__wrap_malloc(size_t bytes)
{
	allocations++;
	return __real_malloc(bytes);
}

void *__wrap_realloc(void *old, size_t bytes)
{
	allocations++;
	return __real_realloc(old, bytes);
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
	allocations++;
	return __real_aligned_alloc(alignment, bytes);
}

/* ---- helpers ---- */

static struct overlay_look usual_look(const char *text)
{
	struct overlay_look look = {
		.enabled = true, .thickness = 1, .colour = { 255, 255, 255, 255, true }, .margin = -1, .line_y = -1,
	};
	const char *font;
	struct error err;

	if (!overlay_font_choose(NULL, &font, &err))
		fail_msg("%s", err.text);
	snprintf(look.font, sizeof(look.font), "%s", font);
	snprintf(look.text, sizeof(look.text), "%s", text);
	return look;
}

struct bounds {
	int left, top, right, bottom;
};

/* Of all samples of an I420 picture that are not as picture_create_flat() made them, in pixels. */
static struct bounds find_changed(const struct frame *frame)
{
	struct bounds bounds = { frame->format.width, frame->format.height, -1, -1 };

	for (int p = 0; p < 3; p++) {
		int unit = p ? 2 : 1;

		for (int y = 0; y < frame_plane_rows(&frame->format, p); y++) {
			for (int x = 0; x < frame_plane_row_bytes(&frame->format, p); x++) {
				if (frame->planes[p].data[y * frame->planes[p].stride + x] == (p ? 128 : GREY))
					continue;
				bounds.left = MIN(bounds.left, x * unit);
				bounds.top = MIN(bounds.top, y * unit);
				bounds.right = MAX(bounds.right, x * unit + unit - 1);
				bounds.bottom = MAX(bounds.bottom, y * unit + unit - 1);
			}
		}
	}
	return bounds;
}

static struct frame *draw(const struct overlay_look *look, int width, int height)
{
	struct frame_format format = { PIXEL_I420, width, height, bt709_limited };
	struct frame *frame = picture_create_flat(&format, GREY);
	struct overlay *overlay = overlay_create(3, look);

	frame->number = 1234;
	overlay_draw(overlay, frame);
	overlay_destroy(overlay);
	return frame;
}

static struct bounds where(const struct overlay_look *look, int width, int height)
{
	struct frame *frame = draw(look, width, height);
	struct bounds bounds = find_changed(frame);

	frame_unref(frame);
	return bounds;
}

/* ---- the text ---- */

static const char *text_of(const char *template, const struct frame *facts)
{
	static char text[OVERLAY_TEXT_BYTES];

	overlay_text_write(template, facts, 3, text);
	return text;
}

static void test_text(void **state)
{
	struct frame unknown = { 0 };
	struct frame facts = {
		.number = 1234, .lost = 5, .kept_mfps = 29970, .wall_ns = 1700000000 * NS_PER_S + 7089123,
		.exposure = { EXPOSURE_TIME | EXPOSURE_ANALOGUE_GAIN | EXPOSURE_DIGITAL_GAIN | EXPOSURE_TEMPERATURE, 8333, 2, 1.5, 0, 41.25 },
	};

	struct frame late = {
		.wall_ns = 1700000000 * NS_PER_S + 10 * NS_PER_MS, .arrived_ns = 50 * NS_PER_S + 20 * NS_PER_MS, .sensor_ns = 50 * NS_PER_S,
	};

	(void)state;
	clock_use_utc(true);
	assert_string_equal(text_of("Frame: %frame", &facts), "Frame: 1234");
	assert_string_equal(text_of("%fps|%dropped|%camera|%exposure|%gain|%temp", &facts), "30.0|5|3|8.33|3.00|41.2");
	assert_string_equal(text_of("%frame|%fps|%dropped|%exposure|%gain|%temp", &unknown), "-|-|-|-|-|-");
	assert_string_equal(text_of("%Y-%m-%d %H:%M:%S.%f", &facts), "2023-11-14 22:13:20.007089");
	/* when it was exposed, not when it came: on the other side of a second, here */
	assert_string_equal(text_of("%H:%M:%S.%f", &late), "22:13:19.990000");
	assert_string_equal(text_of("a\\nb\nc", &facts), "a\nb\nc");
	assert_string_equal(text_of("100%% %%frame %-d", &facts), "100% %frame 14");
	assert_string_equal(text_of("50%", &facts), "50%");
	assert_string_equal(text_of("", &facts), "");
	clock_use_utc(false);
}

static void test_endless_text(void **state)
{
	char template[4096];
	struct frame facts = { .number = UINT64_MAX };

	(void)state;
	for (size_t i = 0; i + 6 < sizeof(template); i += 6)
		memcpy(template + i, "%frame", 7);
	assert_int_equal(strlen(text_of(template, &facts)), OVERLAY_TEXT_BYTES - 1);
	memset(template, '%', sizeof(template) - 1);
	template[sizeof(template) - 1] = '\0';
	assert_true(strlen(text_of(template, &facts)) < OVERLAY_TEXT_BYTES);
}

static void test_utf8(void **state)
{
	static const char *const broken[] = { "\xff", "\xc3", "\xe2\x82", "\x80", "\xf0\x9f\x98", "\xc3(" };
	const char *at = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";

	(void)state;
	assert_int_equal(glyphs_next_code(&at), 'a');
	assert_int_equal(glyphs_next_code(&at), 0xe9);
	assert_int_equal(glyphs_next_code(&at), 0x20ac);
	assert_int_equal(glyphs_next_code(&at), 0x1f600);
	assert_int_equal(*at, '\0');
	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		at = broken[i];
		assert_int_equal(glyphs_next_code(&at), '?');
		assert_true(at <= broken[i] + strlen(broken[i]));
	}
}

/* ---- where it stands ---- */

/* Nothing outside of the text's box is touched, whatever the size. */
static void test_box(void **state)
{
	static const struct size sizes[] = { { 1456, 1088 }, { 320, 240 }, { 640, 360 } };
	struct overlay_look look = usual_look("Frame: %frame");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		int capital = MAX(sizes[i].height / 34, 10);
		struct bounds box = where(&look, sizes[i].width, sizes[i].height);

		assert_in_range(box.left, capital / 4, capital);
		assert_in_range(box.top, capital / 4, capital);
		assert_in_range(box.right - box.left, 8 * capital, 11 * capital);
		assert_in_range(box.bottom - box.top, capital, capital + capital / 2);
	}
}

static void test_positions(void **state)
{
	struct overlay_look look = usual_look("%frame\n%frame %frame");

	(void)state;
	look.capital = 20;
	for (look.position = 0; look.position < 6; look.position++) {
		struct bounds box = where(&look, 640, 480);
		int middle = (box.left + box.right) / 2;

		assert_true(look.position < 3 ? box.bottom < 80 : box.top > 400);
		assert_in_range(box.bottom - box.top, 48, 60);
		if (look.position % 3 == 1)
			assert_in_range(middle, 316, 324);
		else
			assert_true(look.position % 3 ? box.right > 620 : box.left < 20);
	}
}

static void test_margins(void **state)
{
	struct overlay_look look = usual_look("H");
	struct bounds box;

	(void)state;
	look.capital = 40;
	look.margin = 101;
	look.line_y = 201;
	box = where(&look, 640, 480);
	assert_in_range(box.left, 98, 106);
	assert_in_range(box.bottom, 199, 204);		/* the foot, and the edge below it */
	assert_in_range(box.top, 155, 162);
	look.position = 5;
	box = where(&look, 640, 480);
	assert_in_range(box.right, 533, 541);
	assert_in_range(box.bottom, 278, 284);
}

/* Larger than the picture, and outside of it: whatever lies in it is drawn, and memory is guarded. */
static void test_edges(void **state)
{
	static const enum pixel_format formats[] = { PIXEL_I420, PIXEL_NV12, PIXEL_I422, PIXEL_YUYV, PIXEL_RGB24, PIXEL_GREY };
	struct overlay_look look = usual_look("Frame: %frame\nMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM\nq");

	(void)state;
	look.capital = 60;
	look.background = (struct rgba){ 0, 0, 255, 100, true };
	for (size_t i = 0; i < ARRAY_LEN(formats) * 6 * 5; i++) {
		static const int places[][2] = { { -1, -1 }, { 0, 0 }, { 90, 3 }, { 16384, 16384 }, { 40, 74 } };
		struct frame_format format = { formats[i % 6], 98, 76, bt709_limited };
		struct frame *frame = picture_create_flat(&format, GREY);
		struct overlay *overlay;

		look.position = (int)(i / 6 % 6);
		look.margin = places[i / 36][0];
		look.line_y = places[i / 36][1];
		overlay = overlay_create(0, &look);
		overlay_draw(overlay, frame);
		overlay_destroy(overlay);
		frame_unref(frame);
	}
}

/* ---- how it looks ---- */

static void test_colour(void **state)
{
	struct overlay_look look = usual_look(BLOCK);
	static const struct shade red = { 255, 0, 0 };
	struct frame *frame;
	struct bounds box;

	(void)state;
	look.capital = 40;
	look.colour = (struct rgba){ 255, 0, 0, 255, true };
	frame = draw(&look, 320, 240);
	box = find_changed(frame);
	assert_true(picture_distance(picture_rgb(frame, (box.left + box.right) / 2, (box.top + box.bottom) / 2), red) <= 4);
	frame_unref(frame);
}

static void test_background(void **state)
{
	struct overlay_look look = usual_look("i   i");
	struct frame *frame;
	struct bounds box;

	(void)state;
	look.capital = 30;
	look.background = (struct rgba){ 0, 0, 0, 255, true };
	frame = draw(&look, 320, 240);
	box = find_changed(frame);
	assert_int_equal(frame->planes[0].data[(box.top + box.bottom) / 2 * frame->planes[0].stride + (box.left + box.right) / 2], 16);
	look.background.alpha = 128;
	frame_unref(frame);
	frame = draw(&look, 320, 240);
	assert_in_range(frame->planes[0].data[(box.top + box.bottom) / 2 * frame->planes[0].stride + (box.left + box.right) / 2], 48, 58);
	frame_unref(frame);
}

/* Thicker strokes take more of the picture, and larger letters too. */
static void test_strokes(void **state)
{
	struct overlay_look look = usual_look("IIII");
	int before = 0;

	(void)state;
	look.capital = 40;
	for (look.thickness = 1; look.thickness <= 7; look.thickness += 2) {
		struct frame *frame = draw(&look, 640, 120);
		int n = 0;

		for (int i = 0; i < 640 * 120; i++)
			n += frame->planes[0].data[i / 640 * frame->planes[0].stride + i % 640] > 200;
		assert_true(n > before + 100);
		before = n;
		frame_unref(frame);
	}
}

/* ---- what it costs ---- */

static void test_no_allocation(void **state)
{
	struct overlay_look look = usual_look("Frame: %frame %H:%M:%S.%f %fps %exposure \xc3\xa9");
	struct frame_format format = { PIXEL_NV12, 640, 480, bt709_limited };
	struct frame *frame = picture_create_flat(&format, GREY);
	struct overlay *overlay = overlay_create(0, &look);

	(void)state;
	overlay_prepare(overlay, &format);
	assert_true(allocations > 0);		/* they are counted */
	overlay_draw(overlay, frame);
	allocations = 0;
	for (int i = 1; i < 100; i++) {
		frame->number = (uint64_t)i * 7919;
		frame->wall_ns = i * 33 * NS_PER_MS;
		overlay_draw(overlay, frame);
	}
	assert_int_equal(allocations, 0);
	overlay_destroy(overlay);
	frame_unref(frame);
}

/* ---- changes ---- */

static void test_changes(void **state)
{
	struct overlay_look look = usual_look("MMM");
	struct frame_format format = { PIXEL_I420, 320, 240, bt709_limited };
	struct overlay *overlay = overlay_create(0, &look);
	struct frame *frame = picture_create_flat(&format, GREY), *other;

	(void)state;
	overlay_draw(overlay, frame);
	assert_true(find_changed(frame).right > 0);
	look.enabled = false;
	overlay_set_look(overlay, &look);
	assert_false(overlay_is_on(overlay));
	other = picture_create_flat(&format, GREY);
	overlay_draw(overlay, other);
	assert_int_equal(find_changed(other).right, -1);
	look.enabled = true;
	look.capital = 60;
	look.text[1] = '\0';
	overlay_set_look(overlay, &look);
	overlay_draw(overlay, other);
	assert_in_range(find_changed(other).bottom - find_changed(other).top, 60, 72);
	look.font[0] = '\0';
	overlay_set_look(overlay, &look);
	assert_false(overlay_is_on(overlay));
	frame_unref(frame);
	frame_unref(other);
	overlay_destroy(overlay);
}

/* ---- previews ---- */

static void assert_same(const struct frame *a, const struct frame *b)
{
	for (int p = 0; p < a->n_planes; p++)
		for (int y = 0; y < frame_plane_rows(&a->format, p); y++)
			assert_memory_equal(a->planes[p].data + y * a->planes[p].stride, b->planes[p].data + y * b->planes[p].stride,
					    (size_t)frame_plane_row_bytes(&a->format, p));
}

/* What the frame's own text leaves in the small picture is not seen: with and without it, the preview is the same. */
static void test_preview(void **state)
{
	struct overlay_look look = usual_look("Frame: %frame");
	struct frame_format format = { PIXEL_I420, 1280, 960, bt709_limited };
	struct frame *frame = picture_create_flat(&format, GREY), *plain, *scaled;
	struct overlay *overlay;
	struct error err;

	(void)state;
	for (int i = 0; i < 12; i++) {
		look.position = i % 6;
		look.capital = i < 6 ? 0 : 120;
		overlay = overlay_create(0, &look);
		frame_unref(frame);
		frame = picture_create_flat(&format, GREY);
		frame->number = 77;
		plain = convert_scale(frame, 320, 240, &err);
		overlay_draw(overlay, frame);
		scaled = convert_scale(frame, 320, 240, &err);
		overlay_draw_preview(overlay, scaled, frame);
		overlay_draw_preview(overlay, plain, frame);
		assert_same(scaled, plain);
		assert_true(find_changed(plain).right > 0);
		frame_unref(plain);
		frame_unref(scaled);
		overlay_destroy(overlay);
	}
	frame_unref(frame);
}

/* ---- frames that others read ---- */

static void test_read_only(void **state)
{
	struct overlay_look look = usual_look("Frame: %frame");
	struct frame_format format = { PIXEL_NV12, 320, 240, bt709_limited };
	struct frame *original = picture_create_flat(&format, GREY), *frame, *same = picture_create_flat(&format, GREY);
	struct drawing drawing = { .overlay = overlay_create(0, &look) };

	(void)state;
	original->read_only = true;
	original->camera_frame = 9;
	for (int i = 0; i < 40; i++) {		/* more than the pool has */
		frame = frame_ref(original);
		assert_true(drawing_begin(&drawing, &frame));
		assert_ptr_not_equal(frame, original);
		assert_int_equal(frame->camera_frame, 9);
		drawing_end(&drawing, frame);
		assert_memory_not_equal(frame->planes[0].data, same->planes[0].data, 320 * 30);
		frame_unref(frame);
	}
	assert_false(original->touched);
	assert_memory_equal(original->planes[0].data, same->planes[0].data, original->planes[0].bytes);
	assert_int_equal(atomic_load(&drawing.copied_bytes), 40 * 320 * 240 * 3 / 2);
	original->read_only = false;
	frame = frame_ref(original);
	assert_true(drawing_begin(&drawing, &frame));
	assert_ptr_equal(frame, original);
	assert_true(frame->touched);
	drawing_end(&drawing, frame);
	frame_unref(frame);
	drawing_finish(&drawing);
	overlay_destroy(drawing.overlay);
	frame_unref(original);
	frame_unref(same);
}

/* ---- fonts ---- */

static void expect_refused(const char *path, const char *why)
{
	const char *font;
	struct error err = { 0 };

	assert_false(overlay_font_choose(path, &font, &err));
	assert_non_null(strstr(err.text, path));
	assert_non_null(strstr(err.text, why));
	assert_non_null(font);		/* the usual one instead */
}

static void test_fonts(void **state)
{
	char *directory = scratch_create();
	const char *fifo = scratch_path(directory, "fifo"), *text = scratch_path(directory, "text.ttf");
	FILE *file = fopen(text, "w");

	(void)state;
	assert_non_null(file);
	fputs("no font\n", file);
	fclose(file);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	expect_refused("/nowhere/at/all.ttf", "No such file");
	expect_refused(directory, "no file");
	expect_refused(fifo, "no file");
	expect_refused(text, "it is no font");
	scratch_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text), cmocka_unit_test(test_endless_text), cmocka_unit_test(test_utf8), cmocka_unit_test(test_box),
		cmocka_unit_test(test_positions), cmocka_unit_test(test_margins), cmocka_unit_test(test_edges), cmocka_unit_test(test_colour),
		cmocka_unit_test(test_background), cmocka_unit_test(test_strokes), cmocka_unit_test(test_no_allocation),
		cmocka_unit_test(test_changes), cmocka_unit_test(test_preview), cmocka_unit_test(test_read_only), cmocka_unit_test(test_fonts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
