/* camctl's small readers: words and variables, conditions, arguments, texts for people. */
#include "camctl/arguments.h"
#include "camctl/cmdline.h"
#include "camctl/human.h"
#include "camctl/match.h"
#include "camctl/words.h"
#include "common/util.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void words_are_split(void **state)
{
	static const struct {
		const char *text, *words[4];
	} cases[] = {
		{ "", { NULL } }, { "  ", { NULL } }, { "a  b", { "a", "b" } }, { "a=\"b c\" d", { "a=b c", "d" } },
		{ "'$X \"' \"\\\"\\\\\\n\"", { "$X \"", "\"\\\\n" } }, { "\"\" ''", { "", "" } }, { "$ONE${ONE}two", { "11two" } },
		{ "~x$ $$ONE $", { "~x$", "$ONE", "$" } }, { "\"$ONE\"'$ONE'", { "1$ONE" } }, { "${ $1", { "${", "$1" } },
	};
	struct error err;

	(void)state;
	setenv("ONE", "1", 1);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct list words = { 0 };
		size_t n = 0;

		assert_true(words_split(cases[i].text, &words, &err));
		while (n < ARRAY_LEN(cases[i].words) && cases[i].words[n])
			n++;
		assert_int_equal(words.n, n);
		for (size_t j = 0; j < n; j++)
			assert_string_equal(((char **)words.items)[j], cases[i].words[j]);
		fields_free_texts(&words);
	}
}

static void bad_words_are_refused(void **state)
{
	static const char *const bad[] = { "\"a", "'a", "\"a\\\"", "$NO_SUCH_VARIABLE", "\"$NO_SUCH_VARIABLE\"" };

	(void)state;
	unsetenv("NO_SUCH_VARIABLE");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct list words = { 0 };
		struct error err;

		assert_false(words_split(bad[i], &words, &err));
		assert_true(err.text[0]);
		fields_free_texts(&words);
	}
}

static void conditions(void **state)
{
	static const char line[] =
		"{\"type\":\"status\",\"status\":\"waited\",\"timestamp\":\"2026-11-20T14:03:07.123456+01:00\",\"id\":\"a b\","
		"\"data\":{\"seconds\":1.5,\"ignored\":[\"x\",\"y.mp4\",null]}}";
	static const char *const hold[] = {
		"data.seconds=1.5", "data.seconds=1.50", "data.seconds!=2", "data.seconds<2", "data.seconds<=1.5", "data.seconds>1",
		"data.seconds>=1.5", "id=a b", "id~^a.b$", "id!~^b", "data.ignored.#=3", "data.ignored.1~\\.mp4$",
		"data.nothing?", "data.seconds", "status=waited", "data.ignored.0!=y", "data.ignored.2=null",
	};
	static const char *const dont[] = {
		"data.seconds=1", "data.seconds!=1.5", "data.seconds<1.5", "data.seconds>1.5", "id=a", "id~^b", "data.nothing", "data.seconds?",
		"data.nothing=1", "data.nothing!=1", "id<3", "id~(", "data.ignored.7=x", "data.ignored.-1=x",
	};
	struct wire_message message;
	struct error err;

	(void)state;
	assert_true(wire_parse_message(line, strlen(line), &message, &err));
	for (size_t i = 0; i < ARRAY_LEN(hold); i++)
		if (!match_condition(&message, hold[i], &err))
			fail_msg("%s: %s", hold[i], err.text);
	for (size_t i = 0; i < ARRAY_LEN(dont); i++) {
		if (match_condition(&message, dont[i], &err))
			fail_msg("%s holds", dont[i]);
		assert_true(err.text[0]);
	}
	wire_clear_message(&message);
}

static void arguments_become_requests(void **state)
{
	static const struct {
		enum command_id command;
		const char *words[4], *line;
	} cases[] = {
		{ CMD_START_RECORDING, { "--camera-id", "0,2" }, "{\"command\":\"start_recording\",\"camera_id\":[0,2],\"id\":1}\n" },
		{ CMD_START_RECORDING, { "--camera-id=1", "--duration=2min" },
		  "{\"command\":\"start_recording\",\"camera_id\":1,\"duration\":120,\"id\":1}\n" },
		{ CMD_TOGGLE_PREVIEW, { "--no-enabled", "0" }, "{\"command\":\"toggle_preview\",\"camera_id\":0,\"enabled\":false,\"id\":1}\n" },
		{ CMD_TOGGLE_PREVIEW, { "enabled=off" }, "{\"command\":\"toggle_preview\",\"enabled\":false,\"id\":1}\n" },
		{ CMD_SET_CAMERA, { "--enabled", "false", "--camera-id=1" },
		  "{\"command\":\"set_camera\",\"camera_id\":1,\"enabled\":false,\"id\":1}\n" },
		{ CMD_SET_CAMERA, { "--camera-id=1", "--enabled" }, "{\"command\":\"set_camera\",\"camera_id\":1,\"enabled\":true,\"id\":1}\n" },
		{ CMD_SET_CONFIG, { "a=4M", "b=2", "c=true", "d=\"2\"" },
		  "{\"command\":\"set_config\",\"values\":{\"a\":\"4M\",\"b\":2,\"c\":true,\"d\":\"2\"},\"id\":1}\n" },
		{ CMD_SET_CONFIG, { "--values", "{\"a\":[1]}" }, "{\"command\":\"set_config\",\"values\":{\"a\":[1]},\"id\":1}\n" },
		{ CMD_SUBSCRIBE, { "camera_lost", "warning" }, "{\"command\":\"subscribe\",\"events\":[\"camera_lost\",\"warning\"],\"id\":1}\n" },
		{ CMD_WAIT, { "1.5" }, "{\"command\":\"wait\",\"seconds\":1.5,\"id\":1}\n" },
		{ CMD_REMUX, { "a=b.h264" }, "{\"command\":\"remux\",\"file\":\"a=b.h264\",\"id\":1}\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct command *command = &commands[cases[i].command];
		const char *words[5] = { NULL };
		struct arguments arguments;
		struct error err;
		char *line;

		memcpy(words, cases[i].words, sizeof(cases[i].words));
		arguments_init(&arguments, command->arguments, command->arguments_bytes);
		for (size_t at = 0; words[at]; at++) {
			if (arguments_is_flag(words[at]))
				assert_int_equal(arguments_take_flag(&arguments, words, &at, &err), ARGUMENTS_TAKEN);
			else if (!arguments_take_word(&arguments, words[at], &err))
				fail_msg("%s: %s", words[at], err.text);
		}
		assert_true(arguments_check(&arguments, &err));
		line = wire_print_request(command, arguments.base, 1);
		assert_string_equal(line, cases[i].line);
		free(line);
		arguments_finish(&arguments);
	}
}

static void flags_find_their_owner(void **state)
{
	static const char *const words[] = { "camctl", "--camera", "synthetic", "--console", "record", "--seconds", "3", "--json",
					     "--output-dir", "/x", "--greeting=yes", "--timeout=2", "--", "--help", NULL };
	static const char *const camds[] = { "--camera", "synthetic", "--console", "--output-dir", "/x", "--greeting=yes", "--help" };
	struct cmdline cmdline;
	struct error err;

	(void)state;
	assert_true(cmdline_parse(&cmdline, words, &err));
	assert_ptr_equal(cmdline.frontend, &frontend_record);
	assert_true(cmdline.options.json && !cmdline.options.help);
	assert_true(cmdline.options.timeout_ns == 2 * NS_PER_S);
	assert_true(*(const int64_t *)cmdline.arguments.base == 3 * NS_PER_S);
	assert_int_equal(cmdline.camd_flags.n, ARRAY_LEN(camds));
	for (size_t i = 0; i < ARRAY_LEN(camds); i++)
		assert_string_equal(((char **)cmdline.camd_flags.items)[i], camds[i]);
	cmdline_clear(&cmdline);
}

static void bad_command_lines_are_refused(void **state)
{
	static const char *const bad[][5] = {
		{ "camctl", "recrod" }, { "camctl", "wait" }, { "camctl", "wait", "x" }, { "camctl", "ping", "x" },
		{ "camctl", "record", "--seconds" }, { "camctl", "record", "--seconds", "-1" }, { "camctl", "start_recording", "--camera-id", "1,," },
		{ "camctl", "set_config", "--values", "{" }, { "camctl", "--timeout", "x" }, { "camctl", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct cmdline cmdline;
		struct error err;

		if (cmdline_parse(&cmdline, bad[i], &err))
			fail_msg("%s %s was taken", bad[i][1], bad[i][2]);
		assert_true(err.text[0]);
		cmdline_clear(&cmdline);
	}
}

static void texts_for_people(void **state)
{
	char buffer[HUMAN_BYTES], hostile[] = "a\033[31m\nb\xff\xc3\xa9\t", wide[] = "\xe6\x97\xa5\xe6\x9c\xac";

	(void)state;
	assert_string_equal(human_size(999, buffer), "999 B");
	assert_string_equal(human_size(1000, buffer), "1.0 kB");
	assert_string_equal(human_size(999950, buffer), "1.0 MB");
	assert_string_equal(human_size(INT64_MAX, buffer), "9223.4 PB");
	assert_string_equal(human_duration(1500 * NS_PER_MS, buffer), "1.500 s");
	assert_string_equal(human_duration(3725 * NS_PER_S, buffer), "1:02:05");
	assert_string_equal(human_clock(3725 * NS_PER_S, buffer), "01:02:05");
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	assert_string_equal(human_clean(hostile), "a?[31m?b?\xc3\xa9?");
	assert_int_equal(human_width(wide), 4);
	human_cut(wide, 3);
	assert_string_equal(wide, "\xe6\x97\xa5");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_split), cmocka_unit_test(bad_words_are_refused), cmocka_unit_test(conditions),
		cmocka_unit_test(arguments_become_requests), cmocka_unit_test(flags_find_their_owner),
		cmocka_unit_test(bad_command_lines_are_refused), cmocka_unit_test(texts_for_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
