/* Lines, queues, settings files and flags. */
#include "camd/config.h"
#include "common/clock.h"
#include "common/lines.h"
#include "common/options.h"
#include "common/queue.h"
#include "common/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* All lines that come out of some bytes fed in pieces of a size, joined by '|'; too long ones as '!'. */
static void feed(const char *data, size_t bytes, size_t piece, size_t limit, char *out)
{
	struct lines lines;
	const char *line;
	size_t used, n;

	lines_init(&lines, limit);
	*out = '\0';
	for (size_t at = 0; at < bytes; at += used) {
		enum lines_result result = lines_feed(&lines, data + at, MIN(piece, bytes - at), &used, &line, &n);

		if (result == LINES_LINE)
			sprintf(out + strlen(out), "%.*s|", (int)n, line);
		else if (result == LINES_TOO_LONG)
			strcat(out, "!");
	}
	lines_finish(&lines);
}

static void lines_come_whole_however_they_are_cut(void **state)
{
	static const char data[] = "a\n\nbc\r\n12345\n123456\nlonglonglong\nd\nrest";
	char out[256];

	(void)state;
	for (size_t piece = 1; piece < sizeof(data); piece++) {
		feed(data, sizeof(data) - 1, piece, 5, out);
		assert_string_equal(out, "a||bc|12345|!!d|");
	}
}

static void queue_keeps_its_bounds(void **state)
{
	struct queue queue;
	int value = 0;

	(void)state;
	queue_init(&queue, sizeof(int), 3, 100);
	for (int i = 1; i <= 3; i++)
		assert_true(queue_push(&queue, &i, 10));
	assert_false(queue_push(&queue, &(int){ 4 }, 10));
	for (int i = 4; i < 20; i++)
		queue_push_force(&queue, &i);
	for (int i = 1; i < 20; i++) {
		assert_true(queue_pop(&queue, &value));
		assert_int_equal(value, i);
	}
	/* popped, but not released: the bytes are still out */
	assert_false(queue_push(&queue, &value, 80));
	queue_release(&queue, 30);
	assert_true(queue_push(&queue, &value, 200));	/* one is always taken, however large */
	assert_false(queue_push(&queue, &value, 1));
	queue_close(&queue);
	assert_true(queue_pop(&queue, &value));
	assert_false(queue_pop(&queue, &value));
	queue_finish(&queue);
}

static void note_warning(void *user, const char *text)
{
	char *all = user;

	strcat(all, strstr(text, " line "));
	strcat(all, "\n");
}

static void config_file_is_read_leniently(void **state)
{
	static const char text[] = "\xef\xbb\xbf# the old program's file\n"
				   "resolution_preset = 5   # VGA\n"
				   "target_fps=25\n"
				   "\n"
				   "disable_mp4_conversion = true\n"
				   "output_dir = \"my # recordings\"\n"
				   "target_fsp = 20\n"
				   "bitrate = 4M\n"
				   "bitrate = lots\n"
				   "nonsense\n"
				   "camera = synthetic\ncamera = file:a b.mp4\n";
	char path[] = "/tmp/camd-config-XXXXXX", warnings[2048] = "";
	int fd = mkstemp(path);
	struct config config;
	struct options options;
	struct error err;
	char *flags[] = { (char *)"camd", (char *)"--target-fps", (char *)"29.97", (char *)"--camera=synthetic:64x48", (char *)"--no-console" };

	(void)state;
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	options_init(&options, config_fields, config_aliases, &config);
	assert_true(options_read_file(&options, path, note_warning, warnings, &err));
	assert_int_equal(config.resolution.width, 640);
	assert_int_equal(config.container, CONTAINER_H264);
	assert_int_equal(config.bitrate_bps, 4000000);
	assert_int_equal(config.camera.n, 2);
	assert_string_equal(((char **)config.camera.items)[1], "file:a b.mp4");
	assert_string_equal(config.output_dir, "my # recordings");
	assert_non_null(strstr(warnings, " line 7: unknown setting 'target_fsp'; did you mean 'target_fps'?\n"));
	assert_non_null(strstr(warnings, " line 9: bitrate: 'lots' is not a number"));
	assert_non_null(strstr(warnings, " line 10: 'nonsense' is not of the form key = value\n"));
	assert_true(options_read_arguments(&options, ARRAY_LEN(flags), flags, &err));
	assert_float_equal(config.target_fps, 29.97, 1e-9);
	assert_int_equal(config.camera.n, 1);
	assert_true(options_is_given(&options, "target_fps"));
	assert_false(options_is_given(&options, "intra"));
	options_finish(&options);
	unlink(path);
}

static void bad_flags_are_refused(void **state)
{
	static const char *const bad[][2] = {
		{ "--nope", "unknown setting 'nope'" }, { "--target-fps", "a value is missing" }, { "record", "is not a flag" },
		{ "--target-fps=0", "outside" }, { "--no-target-fps", "unknown setting" }, { "-x", "is not a flag" },
		{ "--width=seven", "neither a size" }, { "--framerat=9", "did you mean 'framerate'?" }, { "--log-level=loud", "none of" },
		{ "--resolution=9", "neither a size" }, { "--container=avi", "none of mp4, h264" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char *flags[] = { (char *)"camd", (char *)bad[i][0] };
		struct config config;
		struct options options;
		struct error err;

		options_init(&options, config_fields, config_aliases, &config);
		assert_false(options_read_arguments(&options, 2, flags, &err));
		if (!strstr(err.text, bad[i][1]))
			fail_msg("%s: %s", bad[i][0], err.text);
		options_finish(&options);
	}
}

static void one_camera_may_differ(void **state)
{
	char *flags[] = {
		(char *)"camd", (char *)"--camera1.bitrate", (char *)"4M", (char *)"--bitrate=8M", (char *)"--camera1.width=640",
		(char *)"--resolution=2", (char *)"--no-camera0.enable-csv-timing-log", (char *)"--camera1.fps=15",
	};
	static const char *const bad[][2] = {
		{ "--camera0.output-dir=x", "holds for all cameras" }, { "--camera0.slave", "holds for all cameras" },
		{ "--camera64.bitrate=1M", "numbered 0 to 63" }, { "--camera0.bitrat=1M", "did you mean 'bitrate'?" },
		{ "--camera0.=1M", "unknown setting ''" }, { "--camera.bitrate=1M", "unknown setting" }, { "--camera99999999999999999999.bitrate=1M", "numbered" },
	};
	const struct config *first, *second;
	struct config config;
	struct options options;
	struct error err;

	(void)state;
	options_init(&options, config_fields, config_aliases, &config);
	if (!options_read_arguments(&options, ARRAY_LEN(flags), flags, &err))
		fail_msg("%s", err.text);
	first = options_for(&options, 0);
	second = options_for(&options, 1);
	assert_int_equal(second->bitrate_bps, 4000000);
	assert_int_equal(first->bitrate_bps, 8000000);
	assert_int_equal(second->resolution.width, 640);
	assert_int_equal(second->resolution.height, 1088);	/* as it was when the width was set */
	assert_int_equal(first->resolution.width, 1280);
	assert_false(first->enable_csv_timing_log);
	assert_true(second->enable_csv_timing_log);
	assert_float_equal(second->target_fps, 15, 1e-9);
	assert_ptr_equal(options_for(&options, 2), &config);
	assert_true(options_is_given_for(&options, 1, "target_fps"));
	assert_false(options_is_given_for(&options, 0, "target_fps"));
	assert_true(options_is_given_for(&options, 0, "bitrate"));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char *one[] = { (char *)"camd", (char *)bad[i][0] };

		assert_false(options_read_arguments(&options, 2, one, &err));
		if (!strstr(err.text, bad[i][1]))
			fail_msg("%s: %s", bad[i][0], err.text);
	}
	options_finish(&options);
}

static void settings_are_read_as_people_write_them(void **state)
{
	static const struct {
		const char *flag, *setting, *printed;
	} good[] = {
		{ "--bitrate=10M", "bitrate", "10000000" }, { "--bitrate=2.5mbps", "bitrate", "2500000" },
		{ "--bitrate=800 kbps", "bitrate", "800000" }, { "--intra=1.5s", "intra", "1.5" }, { "--intra=20ms", "intra", "0.02" },
		{ "--intra=0.0005d", "intra", "43.2" },
		{ "--log-level=CRITICAL", "log_level", "error" }, { "--log-level=Warn", "log_level", "warning" },
		{ "--width=640", "resolution", "640x1088" }, { "--height=480", "resolution", "1456x480" },
		{ "--framerate=25", "target_fps", "25" }, { "--output=here", "output_dir", "here" },
		{ "--preview-preset=5", "preview_size", "640x480" }, { "--greeting=True", "greeting", "true" },
		{ "--auto-start-recording=ON", "auto_start_recording", "true" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		char *flags[] = { (char *)"camd", (char *)good[i].flag }, *printed;
		struct config config;
		struct options options;
		struct error err;

		options_init(&options, config_fields, config_aliases, &config);
		if (!options_read_arguments(&options, 2, flags, &err))
			fail_msg("%s: %s", good[i].flag, err.text);
		printed = field_print(field_find(config_fields, good[i].setting), &config);
		assert_string_equal(printed, good[i].printed);
		free(printed);
		options_finish(&options);
	}
}

static void colours_are_read_as_people_write_them(void **state)
{
	static const char *const pairs[][2] = {
		{ "white", "ffffff" }, { "RED", "ff0000" }, { "#12AB9f", "12ab9f" }, { "12ab9f", "12ab9f" }, { "#12ab9f80", "12ab9f80" },
		{ "12ab9fff", "12ab9f" }, { "none", "none" }, { "12ab9f00", "none" },
	};
	static const char *const bad[] = { "", "#", "#12345", "#1234567", "##123456", "12345g", "reddish", " 123456", "0x1234" };
	static const struct field field = { .name = "colour", .type = FIELD_COLOUR, .flags = FIELD_OPTIONAL };
	struct rgba colour = { 0 };
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		char *text;

		if (!field_parse(&field, &colour, pairs[i][0], &err))
			fail_msg("%s", err.text);
		text = field_print(&field, &colour);
		assert_string_equal(text, pairs[i][1]);
		free(text);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_false(field_parse(&field, &colour, bad[i], &err));
		assert_string_equal(err.argument, "colour");
	}
}

static void times_are_read_as_people_write_them(void **state)
{
	static const struct {
		const char *text;
		int64_t wall_ns;
	} good[] = {
		{ "2026-11-20T14:03:07.123456+01:00", 1795179787123456000 }, { "2026-11-20T13:03:07Z", 1795179787000000000 },
		{ "2026-11-20 13:03:07,5", 1795179787500000000 }, { "2026-11-20T08:33-0430", 1795179780000000000 },
		{ "2026-11-20T14:03:07+01", 1795179787000000000 }, { "20261120_130307", 1795179787000000000 },
		{ "2026-11-20", 1795132800000000000 }, { "1795179787.25", 1795179787250000000 }, { "0", 0 },
		{ "1795179787.791357", 1795179787791357000 },
	};
	static const char *const bad[] = {
		"", " ", "yesterday", "2026", "-1", "2026-11", "2026-13-01", "2026-11-20T", "2026-11-20T25:00", "2026-11-20T14:03:07+1", "20261120",
		"20261120_1403", "20261120_140307Z", "2026-11-20T14:03:07 +01:00", "1e300", "inf", "0x10", "2026-11-20T14:03:07Zz", "9999-12-31",
	};
	int64_t wall_ns;
	char text[CLOCK_ISO_BYTES];

	(void)state;
	clock_use_utc(true);
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		if (!clock_read(good[i].text, &wall_ns))
			fail_msg("'%s' is not read", good[i].text);
		assert_int_equal(wall_ns, good[i].wall_ns);
		assert_true(clock_read(clock_iso(wall_ns, text), &wall_ns));
		assert_int_equal(wall_ns, good[i].wall_ns);
	}
	/* "20261120" are seconds: 1970 */
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (clock_read(bad[i], &wall_ns) && wall_ns > INT64_C(100000000) * NS_PER_S)
			fail_msg("'%s' is read", bad[i]);
	clock_use_utc(false);
}

static void texts_are_utf8(void **state)
{
	static const char *const bad[] = { "\xff", "a\xc3", "\xc0\x80", "\xed\xa0\x80", "\xe2\x82", "\xf4\x90\x80\x80", ("20\xb0" "C") };
	static const struct field text = { .name = "label", .type = FIELD_TEXT }, path = { .name = "file", .type = FIELD_PATH };
	char *slot = NULL;
	struct error err;

	(void)state;
	assert_true(field_parse(&text, &slot, "20 \xc2\xb0" "C \xe2\x82\xac \xf0\x9f\x98\x80", &err));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_false(field_parse(&text, &slot, bad[i], &err));
		assert_non_null(strstr(err.text, "label: it is not UTF-8, at byte "));
		assert_true(field_parse(&path, &slot, bad[i], &err));
	}
	free(slot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_whole_however_they_are_cut),
		cmocka_unit_test(queue_keeps_its_bounds),
		cmocka_unit_test(config_file_is_read_leniently),
		cmocka_unit_test(bad_flags_are_refused),
		cmocka_unit_test(one_camera_may_differ),
		cmocka_unit_test(settings_are_read_as_people_write_them),
		cmocka_unit_test(colours_are_read_as_people_write_them),
		cmocka_unit_test(times_are_read_as_people_write_them),
		cmocka_unit_test(texts_are_utf8),
	};

	return cmocka_run_group_tests_name("common", tests, NULL, NULL);
}
