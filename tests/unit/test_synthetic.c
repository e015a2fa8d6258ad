/* The synthetic camera: its options, exact times, colours, numbers, losses and faults. */
#include "camd/pattern.h"
#include "camd/source/source.h"
#include "camd/testcard.h"
#include "common/clock.h"
#include "common/util.h"
#include "tests/unit/frame_sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include <cmocka.h>

static const struct source_impl *const impl = &source_synthetic;

static struct source *open_good(const char *what)
{
	struct source_request request = { 0 };
	struct error err = { 0 };
	struct source *source = impl->open(what, &request, &err);

	if (!source)
		fail_msg("%s: %s", what, err.text);
	return source;
}

static struct frame_sink *start(struct source *source, bool keep)
{
	struct frame_sink *sink = frame_sink_create(keep);
	struct source_sink to = frame_sink_of(sink);
	struct error err;

	assert_true(impl->start(source, &to, &err));
	return sink;
}

static void test_good_specs(void **state)
{
	struct source_request request = { .size = { 320, 240 }, .fps = 59.94 };
	struct source *source;
	struct error err;

	(void)state;
	source = open_good("");
	assert_int_equal(source->format.width, 1456);
	assert_int_equal(source->format.height, 1088);
	assert_true(source->fps == 30 && source->fixed_rate);
	assert_string_equal(source->id, "synthetic");
	assert_true(source->format.colour.matrix == 1 && !source->format.colour.full_range);
	impl->close(source);

	source = impl->open(NULL, &request, &err);
	assert_int_equal(source->format.width, 320);
	assert_true(source->fps == 60000.0 / 1001);
	assert_int_equal(source->period_ns, 16683333);
	impl->close(source);

	source = impl->open("64x48@23.976?id=door-1&pixels=nv12&matrix=bt601&range=full", &request, &err);
	assert_int_equal(source->format.height, 48);
	assert_int_equal(source->format.pixels, PIXEL_NV12);
	assert_true(source->format.colour.matrix == 6 && source->format.colour.full_range);
	assert_true(source->fps == 24000.0 / 1001);
	assert_string_equal(source->id, "synthetic:door-1");
	impl->close(source);

	impl->close(open_good("8192x8192@0.1"));
	impl->close(open_good("?pixels=mjpeg"));
	impl->close(NULL);
}

static void test_bad_specs(void **state)
{
	static const char *const bad[] = {
		"x", "320", "320x", "320x240@", "320x240@0", "320x240@2000", "320x240@x", "321x240", "62x48", "64x46", "8194x64",
		"99999999999x240", "-320x240", "320x240 ", "320X240", "320x240?", "320x240?x=1", "320x240?id=", "?id=a b",
		"?id=0123456789012345678901234567890123", "?pixels=rgb", "?pixels", "?matrix=bt2020", "?range=", "?lose=0",
		"?lose=1", "?lose=-5", "?lose=3x", "?gap_after=5", "?gap_after=5:", "?gap_after=5:x", "?gap_after=:5",
		"?gap_after=5:1e99", "?freeze_after=0", "?stall_after=", "?fail_after=x", "?id=a&", "?&id=a", "0x0",
		"?pixels=mjpeg&range=limited", "?fail_after=99999999999999999999999", "@30",
	};
	struct source_request request = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct error err = { 0 };

		if (impl->open(bad[i], &request, &err))
			fail_msg("'%s' was accepted", bad[i]);
		assert_int_equal(err.code, ERR_BAD_ARGUMENT);
		assert_string_equal(err.argument, "camera");
		assert_true(*err.text);
	}
}

static void test_exact_times(void **state)
{
	struct source *source = open_good("64x48@119.88");
	struct frame_sink *sink = start(source, false);
	int64_t start_ns;

	(void)state;
	assert_true(frame_sink_wait(sink, 60, 0, 20));
	impl->stop(source);
	start_ns = sink->facts[0].sensor_ns - (int64_t)(sink->facts[0].sequence - 1) * 1001 * NS_PER_S / 120000;
	for (int i = 0; i < sink->n_frames; i++) {
		const struct frame *frame = &sink->facts[i];
		uint64_t n = frame->sequence - 1;

		assert_int_equal(frame->sensor_ns, start_ns + (int64_t)(n * 1001 * NS_PER_S / 120000));
		assert_true(llabs(frame->wall_ns - frame->sensor_ns - (clock_wall_ns() - clock_now_ns())) < NS_PER_S);
	}
	impl->close(source);
	frame_sink_destroy(sink);
}

/* Frames and losses must add up to the sequence, at every frame. */
static void check_ledger(const struct frame_sink *sink, uint32_t *sensor, uint32_t *starved)
{
	uint64_t sequence = 0;

	*sensor = *starved = 0;
	for (int i = 0; i < sink->n_frames; i++) {
		const struct frame *frame = &sink->facts[i];

		sequence += 1 + frame->gap.sensor + frame->gap.starved;
		assert_int_equal(frame->sequence, sequence);
		*sensor += frame->gap.sensor;
		*starved += frame->gap.starved;
		assert_true(!i || frame->sensor_ns > sink->facts[i - 1].sensor_ns);
	}
}

static void test_lose(void **state)
{
	struct source *source = open_good("64x48@200?lose=3");
	struct frame_sink *sink = start(source, false);
	uint32_t sensor, starved;

	(void)state;
	assert_true(frame_sink_wait(sink, 40, 0, 20));
	impl->stop(source);
	check_ledger(sink, &sensor, &starved);
	assert_true(sensor >= 18);
	for (int i = 0; i < sink->n_frames; i++)
		assert_true(sink->facts[i].sequence % 3);
	impl->close(source);
	frame_sink_destroy(sink);
}

/* Whoever holds all six buffers starves the sensor; frames held outlive the source. */
static void test_starvation(void **state)
{
	struct source *source = open_good("64x48@100");
	struct frame_sink *sink = start(source, true);
	uint32_t sensor, starved;
	uint64_t number;

	(void)state;
	assert_true(frame_sink_wait(sink, 6, 0, 20));
	clock_sleep_until(clock_now_ns() + 100 * NS_PER_MS);
	assert_int_equal(sink->n_frames, 6);
	pthread_mutex_lock(&sink->lock);
	frame_sink_let_go(sink);
	pthread_mutex_unlock(&sink->lock);
	assert_true(frame_sink_wait(sink, 9, 0, 20));
	impl->stop(source);
	check_ledger(sink, &sensor, &starved);
	assert_int_equal(sensor, 0);
	assert_true(starved >= 8);
	impl->close(source);
	for (int i = 6; i < sink->n_frames; i++) {
		const struct frame *frame = sink->held[i];

		assert_true(pattern_read(frame->planes[0].data, frame->planes[0].stride, 64, 48, &number));
		assert_int_equal(number, frame->sequence);
	}
	frame_sink_destroy(sink);
}

/* Slow rates, so that a busy machine doesn't add losses of its own. */
static void test_fail_after(void **state)
{
	struct source *source = open_good("64x48@20?fail_after=5");
	struct frame_sink *sink = start(source, false);

	(void)state;
	assert_true(frame_sink_wait(sink, 0, 1, 20));
	assert_true(sink->failed);
	assert_int_equal(sink->err.code, ERR_CAMERA_LOST);
	assert_in_range(sink->n_frames, 1, 5);
	assert_true(sink->facts[sink->n_frames - 1].sequence <= 5);
	impl->stop(source);
	assert_int_equal(sink->n_ends, 1);
	impl->close(source);
	frame_sink_destroy(sink);
}

static void test_stall_after(void **state)
{
	struct source *source = open_good("64x48@20?stall_after=4");
	struct frame_sink *sink = start(source, false);

	(void)state;
	clock_sleep_until(clock_now_ns() + 500 * NS_PER_MS);
	impl->stop(source);
	assert_in_range(sink->n_frames, 1, 4);
	assert_true(sink->facts[sink->n_frames - 1].sequence <= 4);
	assert_int_equal(sink->n_ends, 0);
	impl->close(source);
	frame_sink_destroy(sink);
}

static void test_gap_after(void **state)
{
	struct source *source = open_good("64x48@20?gap_after=3:0.25");
	struct frame_sink *sink = start(source, false);
	uint32_t sensor, starved;

	(void)state;
	assert_true(frame_sink_wait(sink, 5, 0, 20));
	impl->stop(source);
	check_ledger(sink, &sensor, &starved);
	for (int i = 1; i < sink->n_frames; i++) {
		int64_t since_ns = sink->facts[i].sensor_ns - sink->facts[0].sensor_ns;
		uint64_t first = sink->facts[0].sequence, n = sink->facts[i].sequence;

		assert_int_equal(since_ns, (int64_t)(n - first) * 50 * NS_PER_MS + (first <= 3 && n > 3 ? 250 * NS_PER_MS : 0));
	}
	impl->close(source);
	frame_sink_destroy(sink);
}

static void test_freeze(void **state)
{
	struct source *source = open_good("64x48@100?freeze_after=3");
	struct frame_sink *sink = start(source, true);
	uint64_t number;

	(void)state;
	assert_true(frame_sink_wait(sink, 6, 0, 20));
	impl->stop(source);
	for (int i = 0; i < 6; i++) {
		const struct plane *luma = &sink->held[i]->planes[0];

		assert_true(pattern_read(luma->data, luma->stride, 64, 48, &number));
		assert_int_equal(number, MIN(sink->held[i]->sequence, 3));
	}
	impl->close(source);
	frame_sink_destroy(sink);
}

static void test_stops_at_once(void **state)
{
	struct source *source = open_good("64x48@0.1");
	struct frame_sink *sink = start(source, false);
	int64_t before_ns;

	(void)state;
	assert_true(frame_sink_wait(sink, 1, 0, 20));
	before_ns = clock_now_ns();
	impl->stop(source);
	impl->stop(source);
	assert_true(clock_now_ns() - before_ns < NS_PER_S);
	impl->close(source);
	frame_sink_destroy(sink);
}

static void test_starts_again(void **state)
{
	struct source *source = open_good("64x48@100");
	struct frame_sink *first = start(source, true), *second;
	uint32_t sensor, starved;

	(void)state;
	assert_true(frame_sink_wait(first, 6, 0, 20));
	impl->stop(source);
	second = start(source, true);
	assert_true(frame_sink_wait(second, 6, 0, 20));
	impl->stop(source);
	check_ledger(second, &sensor, &starved);
	impl->close(source);
	frame_sink_destroy(second);
	frame_sink_destroy(first);
}

/* The pixel's Y'CbCr, wherever the format keeps it. */
static struct ycbcr pixel_at(const struct frame *frame, int x, int y)
{
	const struct plane *p = frame->planes;
	int down = frame->format.pixels == PIXEL_I422 ? 1 : 2;
	const uint8_t *at;

	switch (frame->format.pixels) {
	case PIXEL_YUYV:
		at = p[0].data + y * p[0].stride + x / 2 * 4;
		return (struct ycbcr){ at[x % 2 * 2], at[1], at[3] };
	case PIXEL_NV12:
		at = p[1].data + y / 2 * p[1].stride + x / 2 * 2;
		return (struct ycbcr){ p[0].data[y * p[0].stride + x], at[0], at[1] };
	default:
		return (struct ycbcr){
			p[0].data[y * p[0].stride + x], p[1].data[y / down * p[1].stride + x / 2],
			p[2].data[y / down * p[2].stride + x / 2],
		};
	}
}

static int to_level(double value)
{
	return value < 0 ? 0 : value > 1 ? 255 : (int)(value * 255 + 0.5);
}

static void assert_rgb(struct ycbcr colour, const struct colour *facts, struct rgb rgb, int tolerance)
{
	double kr = facts->matrix == 1 ? 0.2126 : 0.299, kb = facts->matrix == 1 ? 0.0722 : 0.114;
	double y = facts->full_range ? colour.y / 255.0 : (colour.y - 16) / 219.0;
	double cb = (colour.cb - 128) / (facts->full_range ? 255.0 : 224.0);
	double cr = (colour.cr - 128) / (facts->full_range ? 255.0 : 224.0);
	double r = y + 2 * (1 - kr) * cr, b = y + 2 * (1 - kb) * cb;
	double g = (y - kr * r - kb * b) / (1 - kr - kb);

	assert_in_range(to_level(r) + tolerance - rgb.r, 0, 2 * tolerance);
	assert_in_range(to_level(g) + tolerance - rgb.g, 0, 2 * tolerance);
	assert_in_range(to_level(b) + tolerance - rgb.b, 0, 2 * tolerance);
}

static void check_bars(const struct frame *frame, int tolerance)
{
	struct testcard card;

	testcard_init(&card, &frame->format);
	for (int i = 0; i < TESTCARD_BARS; i++) {
		struct rectangle at = card.bars[i];

		for (int y = at.y + 2; y < at.y + at.height - 2; y++)
			for (int x = at.x + 2; x < at.x + at.width - 2; x++)
				assert_rgb(pixel_at(frame, x, y), &frame->format.colour, testcard_bar_rgb[i], tolerance);
	}
}

static void check_number(const struct frame *frame, uint64_t expected)
{
	int width = frame->format.width, height = frame->format.height;
	uint8_t *luma = xcalloc((size_t)width, (size_t)height);
	uint64_t number = 0;

	for (int y = 0; y < height; y++)
		for (int x = 0; x < width; x++)
			luma[y * width + x] = pixel_at(frame, x, y).y;
	assert_true(pattern_read(luma, width, width, height, &number));
	assert_int_equal(number, expected);
	free(luma);
}

static struct frame *unpack_jpeg(const struct frame *jpeg)
{
	struct frame_format format = jpeg->format;
	int width, height, subsampling, space;
	tjhandle handle = tjInitDecompress();
	struct frame *frame;

	format.pixels = PIXEL_I422;
	frame = frame_create(&format);
	assert_int_equal(tjDecompressHeader3(handle, jpeg->planes[0].data, jpeg->planes[0].bytes, &width, &height, &subsampling,
					     &space), 0);
	assert_true(width == format.width && height == format.height && subsampling == TJSAMP_422);
	assert_int_equal(tjDecompressToYUVPlanes(handle, jpeg->planes[0].data, jpeg->planes[0].bytes,
						 (unsigned char *[]){ frame->planes[0].data, frame->planes[1].data,
								      frame->planes[2].data }, width,
						 (int[]){ frame->planes[0].stride, frame->planes[1].stride,
							  frame->planes[2].stride }, height, 0), 0);
	tjDestroy(handle);
	frame_copy_facts(frame, jpeg);
	return frame;
}

static void check_pictures(const char *what, int tolerance)
{
	struct source *source = open_good(what);
	struct frame_sink *sink = start(source, true);

	assert_true(frame_sink_wait(sink, 6, 0, 20));
	frame_sink_let_go(sink);
	assert_true(frame_sink_wait(sink, 12, 0, 20));
	impl->stop(source);
	for (int i = 6; i < sink->n_frames; i++) {
		struct frame *frame = sink->held[i];
		bool jpeg = frame->format.pixels == PIXEL_MJPEG;
		struct frame *raw = jpeg ? unpack_jpeg(frame) : frame_ref(frame);

		check_bars(raw, tolerance);
		check_number(raw, frame->sequence);
		frame_unref(raw);
	}
	impl->close(source);
	frame_sink_destroy(sink);
}

static void test_pictures(void **state)
{
	static const char *const pixels[] = { "i420", "nv12", "i422", "yuyv" };
	static const char *const colours[] = { "", "&range=full", "&matrix=bt601", "&matrix=bt601&range=full" };
	static const char *const sizes[] = { "64x48", "66x50", "320x180", "1456x1088" };
	char what[128];

	(void)state;
	for (size_t p = 0; p < ARRAY_LEN(pixels); p++) {
		for (size_t c = 0; c < ARRAY_LEN(colours); c++) {
			snprintf(what, sizeof(what), "%s@100?pixels=%s%s", sizes[c], pixels[p], colours[c]);
			check_pictures(what, 2);
		}
	}
	check_pictures("640x480@60?pixels=mjpeg", 3);
	check_pictures("64x48@60?pixels=mjpeg", 3);
}

/* The boxes leave nothing behind: what was drawn in steps equals what is drawn at once. */
static void test_drawing_in_steps(void **state)
{
	static const struct size sizes[] = { { 64, 48 }, { 322, 182 }, { 64, 2048 }, { 2048, 64 } };

	(void)state;
	for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
		struct frame_format format = { .pixels = PIXEL_I420, .width = sizes[s].width, .height = sizes[s].height,
					       .colour = { 1, 1, 1, false } };
		struct frame *in_steps = frame_create(&format);
		struct testcard_state steps = { 0 };
		struct testcard card;

		testcard_init(&card, &format);
		for (uint64_t n = 1; n < 300; n += 7) {
			struct frame *at_once = frame_create(&format);
			struct testcard_state nothing = { 0 };

			testcard_draw(&card, in_steps, &steps, n);
			testcard_draw(&card, at_once, &nothing, n);
			for (int y = 0; y < format.height; y++)
				for (int x = 0; x < format.width; x++)
					assert_memory_equal(&(struct ycbcr[]){ pixel_at(in_steps, x, y) },
							    &(struct ycbcr[]){ pixel_at(at_once, x, y) }, sizeof(struct ycbcr));
			frame_unref(at_once);
		}
		frame_unref(in_steps);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_specs), cmocka_unit_test(test_bad_specs), cmocka_unit_test(test_exact_times),
		cmocka_unit_test(test_lose), cmocka_unit_test(test_starvation),
		cmocka_unit_test(test_fail_after), cmocka_unit_test(test_stall_after), cmocka_unit_test(test_gap_after),
		cmocka_unit_test(test_freeze), cmocka_unit_test(test_stops_at_once), cmocka_unit_test(test_starts_again),
		cmocka_unit_test(test_pictures), cmocka_unit_test(test_drawing_in_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
