/*
 * What modules refuse that camd itself never asks of them, or only on a machine that is broken: each of these errors once, with
 * its code and the words that tell what is amiss.
 */
#include "camd/avpicture.h"
#include "camd/config.h"
#include "camd/controls.h"
#include "camd/convert.h"
#include "camd/encode/encoder.h"
#include "camd/h264.h"
#include "camd/movie.h"
#include "camd/mp4times.h"
#include "camd/output/output.h"
#include "camd/overlay_font.h"
#include "camd/recover.h"
#include "camd/still/still.h"
#include "common/options.h"
#include "common/util.h"
#include "protocol/commands.h"
#include "protocol/wire.h"
#include "tests/unit/clip.h"
#include "tests/unit/pictures.h"
#include "tests/unit/scratch.h"

#include <cjson/cJSON.h>
#include <fcntl.h>
#include <libswscale/swscale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <turbojpeg.h>
#include <unistd.h>

#include <cmocka.h>

/* The last call was refused with this code, and says this. */
static void assert_refused(bool done, const struct error *err, enum error_code code, const char *words)
{
	if (done || err->code != code || !strstr(err->text, words))
		fail_msg("done: %d, code %d: \"%s\", not \"%s\"", done, err->code, err->text, words);
}

/* ---- tables, and messages that a client reads ---- */

struct thing {
	int64_t number, time_ns;
	struct list things;
	struct thing *inner;
};

static const struct field inner_fields[] = { { "number", FIELD_INT, offsetof(struct thing, number) }, { NULL } };
static const struct field thing_fields[] = {
	{ "number", FIELD_INT, offsetof(struct thing, number) },
	{ "time", FIELD_DURATION, offsetof(struct thing, time_ns), .unit = "s" },
	{ "things", FIELD_LIST, offsetof(struct thing, things), .of = FIELD_OBJECT, .fields = inner_fields, .item_bytes = sizeof(struct thing) },
	{ "inner", FIELD_OBJECT, offsetof(struct thing, inner), .fields = inner_fields },
	{ NULL }
};

static void test_texts_that_cannot_be(void **state)
{
	struct thing thing = { 0 };
	struct error err;

	(void)state;
	assert_refused(field_parse(&thing_fields[1], &thing, "1e300", &err), &err, ERR_BAD_ARGUMENT, "too long a time");
	assert_refused(field_parse(&thing_fields[2], &thing, "x", &err), &err, ERR_BAD_ARGUMENT, "cannot be set from text");
	assert_refused(field_parse(&thing_fields[3], &thing, "x", &err), &err, ERR_BAD_ARGUMENT, "cannot be set from text");
}

static void test_json_that_is_no_object(void **state)
{
	struct cJSON *number = cJSON_CreateNumber(1);
	struct thing thing = { 0 };
	struct error err;

	(void)state;
	assert_refused(fields_from_json(thing_fields, &thing, number, NULL, NULL, &err), &err, ERR_BAD_ARGUMENT, "must be an object");
	cJSON_Delete(number);
}

static void test_lines_that_are_no_messages(void **state)
{
	static const struct {
		const char *line, *words;
	} cases[] = {
		{ "{\"type\":\"status\",\"status\":\"pong\",\"data\":{\"monotonic_ns\":1}}", "timestamp is missing" },
		{ "{\"type\":\"status\",\"status\":\"pong\",\"timestamp\":\"x\"}", "data is missing" },
		{ "{\"type\":\"status\",\"status\":\"pong\",\"timestamp\":\"x\",\"data\":{\"monotonic_ns\":1,\"ignored\":2}}", "must be a list" },
		{ "{\"type\":\"status\",\"status\":\"pong\",\"timestamp\":\"x\",\"data\":{\"monotonic_ns\":\"1\"}}", "the table says" },
		{ "{\"type\":\"status\",\"status\":\"pong\",\"timestamp\":\"x\",\"data\":{}}", "monotonic_ns: is missing" },
		{ "{\"type\":\"status\",\"status\":\"recording_started\",\"timestamp\":\"x\",\"data\":{\"session\":\"s\",\"files\":1}}", "the table says a list" },
		{ "{\"type\":\"status\",\"status\":\"recording_started\",\"timestamp\":\"x\",\"data\":{\"cameras\":[1]}}", "must be an object" },
	};
	struct wire_message message;
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool done = wire_parse_message(cases[i].line, strlen(cases[i].line), &message, &err);

		assert_refused(done, &err, ERR_INTERNAL, cases[i].words);
		wire_clear_message(&message);
	}
}

static void note(void *user, const char *text)
{
	snprintf(user, 200, "%s", text);
}

static void test_flags_in_a_file(void **state)
{
	char *directory = scratch_create(), said[200] = "";
	const char *path = scratch_path(directory, "x.conf");
	FILE *file = fopen(path, "we");
	struct config config;
	struct options options;
	struct error err;

	(void)state;
	fputs("config = other.conf\n", file);
	fclose(file);
	options_init(&options, config_fields, config_aliases, &config);
	assert_true(options_read_file(&options, path, note, said, &err));
	assert_non_null(strstr(said, "is a flag, not a key of this file"));
	options_finish(&options);
	scratch_remove(directory);
}

static void test_values_of_controls(void **state)
{
	static const struct source_control controls[] = {
		{ .name = "Gain", .type = CONTROL_INT, .n = 1, .min = 1, .max = 16 },
		{ .name = "Auto", .type = CONTROL_BOOL, .n = 1, .min = 0, .max = 1 },
	};
	static const struct {
		const char *object, *words;
	} cases[] = {
		{ "{\"Gain\":\"high\"}", "takes a number, not 'high'" }, { "{\"Auto\":\"high\"}", "takes true or false" },
		{ "{\"Gain\":1.5}", "is not a whole number" },		 { "{\"Gain\":{}}", "its value must be a number" },
		{ "{\"Gain\":[]}", "its value must be a number" },	 { "{\"Gain\":17}", "outside of 1 to 16" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct cJSON *object = cJSON_Parse(cases[i].object);
		struct control_setting *settings = NULL;
		struct error err;
		size_t n;

		assert_refused(controls_parse(controls, ARRAY_LEN(controls), object, &settings, &n, &err), &err, ERR_BAD_ARGUMENT, cases[i].words);
		cJSON_Delete(object);
	}
}

/* ---- pictures ---- */

static void test_pictures_that_cannot_be_converted(void **state)
{
	const struct frame_format format = { .pixels = PIXEL_I420, .width = 64, .height = 64 };
	AVFrame *picture = av_frame_alloc();
	struct SwsContext *scaler = NULL;
	struct error err;

	(void)state;
	picture->width = picture->height = 64;
	picture->format = AV_PIX_FMT_VAAPI;	/* in a graphics card, where no processor reads */
	assert_refused(avpicture_convert(&scaler, picture, &format, &err), &err, ERR_UNSUPPORTED, "can't be converted");
	av_frame_free(&picture);
	sws_freeContext(scaler);
}

static void refuse_jpeg(const uint8_t *data, size_t bytes, const char *words)
{
	struct converter *converter = converter_create(1);
	struct frame *frame = picture_wrap_jpeg(data, bytes, 64, 64);
	struct error err;

	assert_refused(converter_run(converter, frame, &err), &err, ERR_IO, words);
	frame_unref(frame);
	converter_destroy(converter);
}

static void test_jpegs_of_printers(void **state)
{
	static uint8_t pixels[64 * 64 * 4];
	tjhandle jpeg = tjInitCompress();
	unsigned long bytes = 0;
	uint8_t *data = NULL;

	(void)state;
	assert_int_equal(tjCompress2(jpeg, pixels, 64, 0, 64, TJPF_CMYK, &data, &bytes, TJSAMP_444, 90, 0), 0);
	refuse_jpeg(data, bytes, "neither YCbCr nor grey");
	tjFree(data);
	tjDestroy(jpeg);
}

static void test_pictures_too_wide(void **state)
{
	const struct frame_format jpeg = { .pixels = PIXEL_I420, .width = 65536, .height = 2 },
				  png = { .pixels = PIXEL_I420, .width = 1000002, .height = 2 };
	struct frame *frame = picture_create_flat(&jpeg, 100);
	struct error err;
	uint8_t *data;
	size_t bytes;

	(void)state;
	assert_refused(still_jpeg.write(frame, 90, &data, &bytes, &err), &err, ERR_INTERNAL, "cannot write a JPEG of 65536x2");
	assert_null(data);
	frame_unref(frame);
	frame = picture_create_flat(&png, 100);
	assert_refused(still_png.write(frame, 90, &data, &bytes, &err), &err, ERR_INTERNAL, "cannot write a PNG of 1000002x2");
	assert_null(data);
	frame_unref(frame);
}

static void test_glyphs_without_size(void **state)
{
	struct glyphs_request request = { .capital = 1000000, .thickness = 1, .text = "x" };
	struct error err;

	(void)state;
	if (!overlay_font_choose(NULL, &request.path, &err) || !request.path)
		skip();
	assert_refused(glyphs_create(&request, &err), &err, ERR_UNSUPPORTED, "can't be drawn at 1000000 pixels");
}

static void take_nothing(void *user, struct packet *packet)
{
	(void)user;
	packet_unref(packet);
}

static void test_rows_too_short(void **state)
{
	const struct encoder_request request = {
		.format = { .pixels = PIXEL_I420, .width = 64, .height = 64 }, .fps = 30, .bitrate_bps = 1000000, .intra = 30, .preset = "ultrafast",
	};
	struct error err;
	struct encoder *encoder = encoder_avcodec.create(&request, take_nothing, NULL, &err);
	struct frame *frame = picture_create_flat(&request.format, 100);

	(void)state;
	assert_non_null(encoder);
	frame->planes[1].stride = 31;
	assert_refused(encoder_avcodec.push(encoder, frame, false, &err), &err, ERR_ENCODER_FAILED, "plane 1 of a 64x64 frame has rows of 31 bytes");
	frame_unref(frame);
	encoder_avcodec.destroy(encoder);
}

/* ---- files ---- */

static void test_movies_without_parameters(void **state)
{
	const struct movie_facts facts = { .width = 64, .height = 64, .encoder = "x", .title = "x" };
	struct clip *clip = clip_create(1, 64, 64, 0);
	struct nal nals[2];
	uint8_t head[MOVIE_HEAD_BYTES], long_sps[5000];
	struct movie movie = { 0 };
	struct error err;

	(void)state;
	assert_refused(movie_init(&movie, &facts, nals, 0, &err), &err, ERR_ENCODER_FAILED, "no usable SPS and PPS");
	movie_finish(&movie);
	assert_true(h264_find_parameter_sets(clip->packets[0].data, clip->packets[0].bytes, &nals[0], &nals[1]));
	memset(long_sps, 0xff, sizeof(long_sps));
	memcpy(long_sps, nals[0].data, nals[0].bytes);
	nals[0].data = long_sps;
	nals[0].bytes = sizeof(long_sps);
	assert_true(movie_init(&movie, &facts, nals, ARRAY_LEN(nals), &err));
	assert_refused(movie_write_head(&movie, head, &err), &err, ERR_UNSUPPORTED, "too long for the file's head");
	movie_finish(&movie);
	clip_destroy(clip);
}

static void test_raw_streams_begin_with_a_key_frame(void **state)
{
	char *directory = scratch_create();
	struct clip *clip = clip_create(2, 64, 64, 0);
	struct output_request request = clip_request(clip, scratch_path(directory, "x.h264"));
	struct error err;

	(void)state;
	assert_refused(output_annexb.create(&request, &clip->packets[1], &err), &err, ERR_ENCODER_FAILED, "not a key frame with SPS and PPS");
	assert_int_equal(access(request.path, F_OK), -1);
	clip_destroy(clip);
	scratch_remove(directory);
}

/* What ffmpeg made is not what was to be made. */
static void test_times_of_another_film(void **state)
{
	static const int64_t times_ns[] = { 0, 40000000, 80000000 };
	char *directory = scratch_create(), *path = xasprintf("%s/x.mp4", directory),
	     *command = xasprintf("ffmpeg -v error -f lavfi -i color=size=64x64:rate=25 -f lavfi -i color=size=32x32:rate=25 -frames:v 3 -map 0 -map 1 "
				  "-video_track_timescale 1000 '%s'", path);
	struct error err;
	int fd;

	(void)state;
	assert_int_equal(system(command), 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_refused(mp4times_check(fd, times_ns, 3, 1000, NULL, &err), &err, ERR_INTERNAL, "2 streams, not one");
	close(fd);
	free(command);
	unlink(path);
	command = xasprintf("ffmpeg -v error -f lavfi -i color=size=64x64:rate=25 -frames:v 3 -video_track_timescale 1000 '%s'", path);
	assert_int_equal(system(command), 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_refused(mp4times_check(fd, times_ns, 3, 90000, NULL, &err), &err, ERR_INTERNAL, "in 1/1000 s, not in 1/90000 s");
	assert_refused(mp4times_check(fd, times_ns, 2, 1000, NULL, &err), &err, ERR_INTERNAL, "3 frames, not 2");
	close(fd);
	free(command);
	free(path);
	scratch_remove(directory);
}

static void test_what_is_no_recording(void **state)
{
	char *directory = scratch_create();
	const char *pipe = scratch_path(directory, "cam0_pipe.mp4");
	struct recover_report report;
	struct error err;

	(void)state;
	assert_int_equal(mkfifo(pipe, 0600), 0);
	assert_refused(recover_file(pipe, &report, &err), &err, ERR_UNSUPPORTED, "not a regular file");
	assert_refused(recover_file("/nowhere/cam0.mp4", &report, &err), &err, ERR_NOT_FOUND, "cannot open the directory");
	scratch_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts_that_cannot_be),
		cmocka_unit_test(test_json_that_is_no_object),
		cmocka_unit_test(test_lines_that_are_no_messages),
		cmocka_unit_test(test_flags_in_a_file),
		cmocka_unit_test(test_values_of_controls),
		cmocka_unit_test(test_pictures_that_cannot_be_converted),
		cmocka_unit_test(test_jpegs_of_printers),
		cmocka_unit_test(test_pictures_too_wide),
		cmocka_unit_test(test_glyphs_without_size),
		cmocka_unit_test(test_rows_too_short),
		cmocka_unit_test(test_movies_without_parameters),
		cmocka_unit_test(test_raw_streams_begin_with_a_key_frame),
		cmocka_unit_test(test_times_of_another_film),
		cmocka_unit_test(test_what_is_no_recording),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
