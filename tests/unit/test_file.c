/*
 * A video file as a camera: its own times, from the first picture whenever it is wanted, formats, colour, and files that are
 * none. The films are made by the ffmpeg program; vtest.avi is a real one, from Debian's opencv-doc, if it is there.
 */
#include "camd/avpicture.h"
#include "camd/source/source.h"
#include "camd/videofile.h"
#include "common/clock.h"
#include "common/util.h"
#include "tests/unit/frame_sink.h"

#include <fcntl.h>
#include <libavutil/log.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define VTEST "/usr/share/doc/opencv-doc/examples/data/vtest.avi"

static const struct source_impl *const impl = &source_file;
static char directory[] = "/tmp/test_file.XXXXXX";

/* The path of a file of this test; one at a time. */
static const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static void make(const char *arguments, const char *name)
{
	char *command = xasprintf("ffmpeg -v error -nostdin -y %s '%s'", arguments, path_of(name));

	if (system(command))
		fail_msg("%s", command);
	free(command);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	make("-f lavfi -i testsrc=size=320x180:rate=25:duration=1 -c:v libx264 -bf 2 -pix_fmt yuv420p", "plain.mp4");
	make("-f lavfi -i testsrc=size=320x180:rate=100:duration=0.2 -c:v libx264 -bf 0 -pix_fmt yuv420p", "short.mp4");
	make("-f lavfi -i testsrc=size=161x121:rate=25:duration=0.2 -c:v ffv1 -pix_fmt yuv444p", "odd.mkv");
	make("-f lavfi -i testsrc=size=320x180:rate=25:duration=0.4 -c:v mjpeg -q:v 2 -pix_fmt yuvj422p", "jpeg.avi");
	make("-f lavfi -i testsrc=size=320x180:rate=25:duration=0.4 -c:v libx264 -bf 0 -pix_fmt yuv420p", "raw.h264");
	make("-f lavfi -i smptebars=size=1280x720:rate=25:duration=0.1 -c:v ffv1 -pix_fmt rgb24", "rgb.mkv");
	make("-f lavfi -i testsrc=size=320x180:rate=25:duration=1 -vf \"setpts=if(gte(N\\,10)\\,N+25\\,N)\" "
	     "-fps_mode vfr -c:v ffv1 -pix_fmt yuv420p", "gap.mkv");
	make("-f lavfi -i sine=duration=0.2", "sound.wav");
	make("-f lavfi -i testsrc=size=320x180:rate=25:duration=0.2 -c:v libx264 -pix_fmt yuv420p -colorspace bt709 "
	     "-color_primaries bt709 -color_trc bt709 -color_range pc", "full.mp4");
	return 0;
}

static int tear_down(void **state)
{
	char *command = xasprintf("rm -rf '%s'", directory);
	int rc = system(command);

	(void)state;
	free(command);
	return rc;
}

static struct source *open_sized(const char *what, struct size size)
{
	struct source_request request = { .size = size };
	struct error err = { 0 };
	struct source *source = impl->open(what, &request, &err);

	if (!source)
		fail_msg("%s: %s", what, err.text);
	return source;
}

static struct source *open_good(const char *what)
{
	return open_sized(what, (struct size){ 0, 0 });
}

static struct frame_sink *start(struct source *source, bool keep)
{
	struct frame_sink *sink = frame_sink_create(keep);
	struct source_sink to = frame_sink_of(sink);
	struct error err;

	assert_true(impl->start(source, &to, &err));
	return sink;
}

static void finish(struct source *source, struct frame_sink *sink)
{
	impl->stop(source);
	impl->close(source);
	frame_sink_destroy(sink);
}

static void test_plays_at_its_times(void **state)
{
	struct source *source = open_good(path_of("plain.mp4"));
	struct frame_sink *sink = start(source, false);
	int64_t before_ns, first_ns;

	(void)state;
	assert_true(source->fps == 25 && !source->fixed_rate && source->period_ns == 40 * NS_PER_MS);
	assert_true(source->format.width == 320 && source->format.pixels == PIXEL_I420);
	clock_sleep_until(clock_now_ns() + 100 * NS_PER_MS);
	assert_int_equal(sink->n_frames, 0);		/* nobody wants it */
	before_ns = clock_now_ns();
	impl->set_wanted(source, true);
	assert_true(frame_sink_wait(sink, 25, 1, 30));
	assert_true(clock_now_ns() - before_ns >= 960 * NS_PER_MS);
	assert_false(sink->failed);
	assert_int_equal(sink->n_frames, 25);
	first_ns = sink->facts[0].sensor_ns;
	assert_true(first_ns >= before_ns);
	for (int i = 0; i < 25; i++) {
		assert_int_equal(sink->facts[i].sensor_ns - first_ns, i * 40 * NS_PER_MS);
		assert_int_equal(sink->facts[i].sequence, i + 1);
		assert_int_equal(sink->facts[i].gap.sensor + sink->facts[i].gap.starved, 0);
	}
	finish(source, sink);
}

static void test_plays_again_when_wanted_again(void **state)
{
	struct source *source = open_good(path_of("short.mp4"));
	struct frame_sink *sink = start(source, false);

	(void)state;
	impl->set_wanted(source, true);
	assert_true(frame_sink_wait(sink, 20, 1, 30));
	clock_sleep_until(clock_now_ns() + 100 * NS_PER_MS);
	assert_int_equal(sink->n_frames, 20);		/* silent at its end */
	impl->set_wanted(source, false);
	impl->set_wanted(source, true);
	assert_true(frame_sink_wait(sink, 40, 2, 30));
	assert_int_equal(sink->facts[39].sensor_ns - sink->facts[20].sensor_ns, 190 * NS_PER_MS);
	assert_int_equal(sink->facts[39].sequence, 40);
	finish(source, sink);
}

static void test_unwanted_in_the_middle(void **state)
{
	struct source *source = open_good(path_of("plain.mp4"));
	struct frame_sink *sink = start(source, false);
	int n;

	(void)state;
	impl->set_wanted(source, true);
	assert_true(frame_sink_wait(sink, 3, 0, 30));
	impl->set_wanted(source, false);
	clock_sleep_until(clock_now_ns() + 200 * NS_PER_MS);
	n = sink->n_frames;
	clock_sleep_until(clock_now_ns() + 200 * NS_PER_MS);
	assert_int_equal(sink->n_frames, n);
	assert_int_equal(sink->n_ends, 0);
	impl->set_wanted(source, true);
	assert_true(frame_sink_wait(sink, n + 25, 1, 30));
	assert_int_equal(sink->n_frames, n + 25);
	finish(source, sink);
}

static void test_loop(void **state)
{
	char *what = xasprintf("%s?loop", path_of("short.mp4"));
	struct source *source = open_good(what);
	struct frame_sink *sink = start(source, false);

	(void)state;
	impl->set_wanted(source, true);
	assert_true(frame_sink_wait(sink, 50, 0, 30));
	impl->stop(source);
	for (int i = 1; i < 50; i++)
		assert_int_equal(sink->facts[i].sensor_ns - sink->facts[0].sensor_ns, i * 10 * NS_PER_MS);
	assert_int_equal(sink->n_ends, 0);
	finish(source, sink);
	free(what);
}

/* With eight frames held it waits, patiently, and loses nothing; stop() ends that at once. */
static void test_waits_for_holders(void **state)
{
	struct source *source = open_good(path_of("short.mp4"));
	struct frame_sink *sink = start(source, true);
	int64_t before_ns;

	(void)state;
	impl->set_wanted(source, true);
	assert_true(frame_sink_wait(sink, 8, 0, 30));
	clock_sleep_until(clock_now_ns() + 300 * NS_PER_MS);
	assert_int_equal(sink->n_frames, 8);
	pthread_mutex_lock(&sink->lock);
	frame_sink_let_go(sink);
	pthread_mutex_unlock(&sink->lock);
	assert_true(frame_sink_wait(sink, 16, 0, 30));
	assert_int_equal(sink->facts[15].sensor_ns - sink->facts[0].sensor_ns, 150 * NS_PER_MS);
	clock_sleep_until(clock_now_ns() + 50 * NS_PER_MS);
	before_ns = clock_now_ns();
	impl->stop(source);
	assert_true(clock_now_ns() - before_ns < NS_PER_S);
	impl->close(source);
	for (int i = 8; i < 16; i++)
		assert_in_range(sink->held[i]->planes[0].data[100], 0, 255);	/* still there */
	frame_sink_destroy(sink);
}

static void test_gap(void **state)
{
	struct source *source = open_good(path_of("gap.mkv"));
	struct frame_sink *sink = start(source, false);

	(void)state;
	impl->set_wanted(source, true);
	assert_true(frame_sink_wait(sink, 25, 1, 30));
	assert_int_equal(sink->n_frames, 25);
	assert_int_equal(sink->facts[10].sensor_ns - sink->facts[9].sensor_ns, 1040 * NS_PER_MS);
	assert_int_equal(sink->facts[10].gap.sensor + sink->facts[10].gap.starved, 0);
	finish(source, sink);
}

static struct frame_sink *play_all(struct source *source, int n)
{
	struct frame_sink *sink = start(source, true);

	impl->set_wanted(source, true);
	assert_true(frame_sink_wait(sink, MIN(n, 8), 0, 30));
	impl->stop(source);
	return sink;
}

static void test_formats(void **state)
{
	struct source *source = open_good(path_of("odd.mkv"));
	struct frame_sink *sink = play_all(source, 5);

	(void)state;
	assert_true(source->format.width == 160 && source->format.height == 120 && source->format.pixels == PIXEL_I420);
	assert_int_equal(sink->held[0]->n_planes, 3);
	finish(source, sink);

	source = open_good(path_of("jpeg.avi"));
	assert_true(source->format.pixels == PIXEL_I422 && source->format.colour.full_range && source->format.colour.matrix != 1);
	sink = play_all(source, 8);
	assert_int_equal(sink->held[0]->n_planes, 3);
	finish(source, sink);

	source = open_good(path_of("full.mp4"));
	assert_true(source->format.colour.full_range && source->format.colour.matrix == 1);
	impl->close(source);

	source = open_good(path_of("plain.mp4"));
	assert_true(!source->format.colour.full_range && source->format.colour.matrix == 6);
	impl->close(source);
}

/* SMPTE bars: the second bar is 75% yellow; 720 rows mean BT.709. */
static void test_rgb_is_converted(void **state)
{
	struct source *source = open_good(path_of("rgb.mkv"));
	struct frame_sink *sink = play_all(source, 2);
	const struct plane *planes = sink->held[0]->planes;
	int x = 1280 * 3 / 14, y = 100;

	(void)state;
	assert_true(source->format.pixels == PIXEL_I420 && source->format.colour.matrix == 1);
	assert_in_range(planes[0].data[y * planes[0].stride + x], 166, 170);
	assert_in_range(planes[1].data[y / 2 * planes[1].stride + x / 2], 42, 46);
	assert_in_range(planes[2].data[y / 2 * planes[2].stride + x / 2], 134, 138);
	finish(source, sink);
}

static void test_scaled(void **state)
{
	struct source *source = open_sized(path_of("jpeg.avi"), (struct size){ 640, 480 });
	struct frame_sink *sink = play_all(source, 8);

	(void)state;
	assert_true(source->format.width == 640 && source->format.height == 480 && source->format.pixels == PIXEL_I420);
	assert_true(source->format.colour.full_range);
	assert_true(source->modes[0].size.width == 320 && source->n_modes == 1);
	assert_true(sink->held[0]->planes[0].stride >= 640);
	finish(source, sink);
}

static void test_without_time_stamps(void **state)
{
	struct source *source = open_good(path_of("raw.h264"));
	struct frame_sink *sink = start(source, false);

	(void)state;
	impl->set_wanted(source, true);
	assert_true(frame_sink_wait(sink, 10, 1, 30));
	assert_int_equal(sink->n_frames, 10);
	for (int i = 1; i < 10; i++)
		assert_true(sink->facts[i].sensor_ns - sink->facts[i - 1].sensor_ns == 40 * NS_PER_MS);
	finish(source, sink);
}

static void test_names_with_question_marks(void **state)
{
	char *plain = xstrdup(path_of("plain.mp4")), *odd = xstrdup(path_of("why?loop"));
	char *looped = xasprintf("%s?loop", odd);
	struct source *source;

	(void)state;
	assert_int_equal(link(plain, odd), 0);
	source = open_good(odd);
	assert_non_null(strstr(source->id, "why?loop"));
	impl->close(source);
	source = open_good(looped);
	assert_non_null(strstr(source->id, "why?loop"));
	impl->close(source);
	free(plain);
	free(odd);
	free(looped);
}

static void refuse(const char *what, enum error_code code, const char *says)
{
	struct source_request request = { 0 };
	struct error err = { 0 };

	if (impl->open(what, &request, &err))
		fail_msg("'%s' was opened", what);
	if (err.code != code || !strstr(err.text, says))
		fail_msg("'%s': code %d: %s", what, err.code, err.text);
}

static void write_file(const char *name, const void *data, size_t bytes)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, bytes), bytes);
	close(fd);
}

static void test_bad_files(void **state)
{
	static char noise[100000];

	(void)state;
	refuse("", ERR_BAD_ARGUMENT, "name the file");
	refuse("/nowhere/film.mp4", ERR_NOT_FOUND, "/nowhere/film.mp4");
	refuse("/nowhere/film.mp4?loop", ERR_NOT_FOUND, "/nowhere/film.mp4:");
	refuse("/nowhere/film.mp4?x", ERR_NOT_FOUND, "film.mp4?x");
	refuse(directory, ERR_UNSUPPORTED, "directory");
	refuse("/dev/zero", ERR_UNSUPPORTED, "regular");
	refuse("https://example.org/film.mp4", ERR_NOT_FOUND, "https");
	refuse(path_of("plain.mp4?faster"), ERR_BAD_ARGUMENT, "?loop");
	refuse(path_of("sound.wav"), ERR_UNSUPPORTED, "no video");
	write_file("empty.mp4", "", 0);
	refuse(path_of("empty.mp4"), ERR_UNSUPPORTED, "empty");
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)(i * 7919 >> 3);
	write_file("noise.mp4", noise, sizeof(noise));
	refuse(path_of("noise.mp4"), ERR_UNSUPPORTED, "noise.mp4");
	/* a playlist that would have us read other things */
	write_file("list.m3u8", "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/x.ts\n#EXT-X-ENDLIST\n", 57);
	refuse(path_of("list.m3u8"), ERR_UNSUPPORTED, "list.m3u8");
	if (geteuid()) {
		write_file("secret.mp4", noise, 1000);
		chmod(path_of("secret.mp4"), 0);
		refuse(path_of("secret.mp4"), ERR_PERMISSION_DENIED, "secret.mp4");
	}
}

/* Cut or garbled anywhere, a file either is refused or plays to some end. */
static void test_damaged_files(void **state)
{
	static unsigned char film[1 << 20], hurt[1 << 20];
	struct source_request request = { 0 };
	FILE *file = fopen(path_of("gap.mkv"), "rb");
	size_t bytes = fread(film, 1, sizeof(film), file);

	(void)state;
	fclose(file);
	srandom(1);
	for (int k = 0; k < 40; k++) {
		struct error err = { 0 };
		struct source *source;
		size_t cut = k < 20 ? bytes * (size_t)k / 20 + 1 : bytes;

		memcpy(hurt, film, bytes);
		for (int i = 0; k >= 20 && i < 200; i++)
			hurt[(size_t)random() % (k % 2 ? bytes : 2000)] = (unsigned char)random();
		write_file("hurt.mkv", hurt, cut);
		source = impl->open(path_of("hurt.mkv"), &request, &err);
		if (source) {
			struct frame_sink *sink = start(source, false);

			impl->set_wanted(source, true);
			frame_sink_wait(sink, 5, 0, 0.3);
			for (int i = 1; i < sink->n_frames; i++)
				assert_true(sink->facts[i].sensor_ns > sink->facts[i - 1].sensor_ns);
			finish(source, sink);
		} else {
			assert_true(err.code != ERR_NONE && *err.text);
		}
	}
}

static void test_vtest(void **state)
{
	struct videofile *file;
	struct error err;
	AVFrame *picture;
	int64_t time_ns;
	int n = 0;

	(void)state;
	if (access(VTEST, R_OK))
		skip();
	file = videofile_open(VTEST, NULL, NULL, &err);
	assert_non_null(file);
	for (; videofile_next(file, &picture, &time_ns, &err) == VIDEOFILE_PICTURE; n++) {
		assert_int_equal(time_ns, n * 100 * NS_PER_MS);
		av_frame_free(&picture);
	}
	assert_int_equal(n, 795);		/* as ffprobe -count_frames says */
	assert_int_equal(videofile_end_ns(file), 79500 * NS_PER_MS);
	videofile_close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plays_at_its_times), cmocka_unit_test(test_plays_again_when_wanted_again),
		cmocka_unit_test(test_unwanted_in_the_middle), cmocka_unit_test(test_loop),
		cmocka_unit_test(test_waits_for_holders), cmocka_unit_test(test_gap), cmocka_unit_test(test_formats),
		cmocka_unit_test(test_rgb_is_converted), cmocka_unit_test(test_scaled),
		cmocka_unit_test(test_without_time_stamps), cmocka_unit_test(test_names_with_question_marks),
		cmocka_unit_test(test_bad_files), cmocka_unit_test(test_damaged_files), cmocka_unit_test(test_vtest),
	};

	av_log_set_level(AV_LOG_QUIET);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
