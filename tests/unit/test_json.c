/* The strict reader of lines: what RFC 8259 allows passes, everything else is refused with its code. */
#include "common/util.h"
#include "protocol/json.h"
#include "protocol/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void good_objects_pass(void **state)
{
	static const char *const good[] = {
		"{}", " { } ", "{\"a\":1}", "{\"a\":-0.5e+10,\"b\":[1,2,{\"c\":[]}],\"d\":null,\"e\":true,\"f\":false}\r",
		"{\"\\u00e9\\ud83d\\ude00\\n\\\"\":\"\xc3\xa9\xf0\x9f\x98\x80\"}", "{\"a\":0}", "{\"a\":0.0}", "{\"\":\"\"}",
		"{\"a\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}",
	};
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (!json_check(good[i], strlen(good[i]), &err))
			fail_msg("%s: %s", good[i], err.text);
}

static void bad_ones_are_refused(void **state)
{
	static const struct {
		const char *text;
		enum error_code code;
	} bad[] = {
		{ "", ERR_BAD_JSON }, { "[]", ERR_BAD_JSON }, { "1", ERR_BAD_JSON }, { "\"a\"", ERR_BAD_JSON }, { "{", ERR_BAD_JSON },
		{ "}", ERR_BAD_JSON }, { "{}}", ERR_BAD_JSON }, { "{}{}", ERR_BAD_JSON }, { "{\"a\"}", ERR_BAD_JSON },
		{ "{\"a\":}", ERR_BAD_JSON }, { "{\"a\":1,}", ERR_BAD_JSON }, { "{,}", ERR_BAD_JSON }, { "{\"a\":01}", ERR_BAD_JSON },
		{ "{\"a\":+1}", ERR_BAD_JSON }, { "{\"a\":.5}", ERR_BAD_JSON }, { "{\"a\":1.}", ERR_BAD_JSON }, { "{\"a\":1e}", ERR_BAD_JSON },
		{ "{\"a\":nul}", ERR_BAD_JSON }, { "{\"a\":NaN}", ERR_BAD_JSON }, { "{\"a\":[1,]}", ERR_BAD_JSON },
		{ "{\"a\":[1}", ERR_BAD_JSON }, { "{\"a\":{]}", ERR_BAD_JSON }, { "{a:1}", ERR_BAD_JSON }, { "{'a':1}", ERR_BAD_JSON },
		{ "{\"a\":\"\\x\"}", ERR_BAD_JSON }, { "{\"a\":\"\\u12g4\"}", ERR_BAD_JSON }, { "{\"a\":\"\\u0000\"}", ERR_BAD_JSON },
		{ "{\"a\":\"\\ud800\"}", ERR_BAD_JSON }, { "{\"a\":\"\\udc00\"}", ERR_BAD_JSON }, { "{\"a\":\"\t\"}", ERR_BAD_JSON },
		{ "{\"a\":\"", ERR_BAD_JSON }, { "{\"a\":\"\\", ERR_BAD_JSON }, { "\xef\xbb\xbf{}", ERR_BAD_JSON },
		{ "{\"a\":\"\xff\"}", ERR_BAD_UTF8 }, { "{\"a\":\"\xc0\x80\"}", ERR_BAD_UTF8 }, { "{\"a\":\"\xed\xa0\x80\"}", ERR_BAD_UTF8 },
		{ "{\"a\":\"\xf4\x90\x80\x80\"}", ERR_BAD_UTF8 }, { "{\"a\":\"\xe2\x82\"}", ERR_BAD_UTF8 },
		{ "{\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}", ERR_TOO_DEEP },
	};
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (json_check(bad[i].text, strlen(bad[i].text), &err))
			fail_msg("%s passes", bad[i].text);
		if (err.code != bad[i].code)
			fail_msg("%s: %s", bad[i].text, err.text);
	}
	assert_false(json_check("{\0}", 3, &err));
	assert_int_equal(err.code, ERR_BAD_JSON);
}

static void requests_keep_what_could_be_read(void **state)
{
	static const struct {
		const char *line;
		enum error_code code;
		const char *argument;
	} bad[] = {
		{ "{\"command\":\"nope\",\"id\":7}", ERR_UNKNOWN_COMMAND, "" },
		{ "{\"id\":7}", ERR_BAD_REQUEST, "" },
		{ "{\"command\":1,\"id\":7}", ERR_BAD_REQUEST, "" },
		{ "{\"COMMAND\":\"ping\",\"id\":7}", ERR_BAD_REQUEST, "" },
		{ "{\"command\":\"wait\",\"id\":7}", ERR_MISSING_ARGUMENT, "seconds" },
		{ "{\"command\":\"wait\",\"seconds\":-1,\"id\":7}", ERR_BAD_ARGUMENT, "seconds" },
		{ "{\"command\":\"wait\",\"seconds\":1e400,\"id\":7}", ERR_BAD_ARGUMENT, "seconds" },
		{ "{\"command\":\"start_recording\",\"camera_id\":0.5,\"id\":7}", ERR_BAD_ARGUMENT, "camera_id" },
		{ "{\"command\":\"start_recording\",\"camera_id\":9007199254740993,\"id\":7}", ERR_NONE, "" },
		{ "{\"command\":\"start_recording\",\"camera_id\":1e300,\"id\":7}", ERR_BAD_ARGUMENT, "camera_id" },
		{ "{\"command\":\"ping\",\"command\":\"quit\",\"id\":7}", ERR_BAD_JSON, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct wire_request request;
		struct error err = { 0 };
		bool ok = wire_parse_request(bad[i].line, strlen(bad[i].line), &request, &err);

		if (ok != (bad[i].code == ERR_NONE) || err.code != bad[i].code)
			fail_msg("%s: %s", bad[i].line, err.text);
		assert_string_equal(err.argument, bad[i].argument);
		if (bad[i].code != ERR_BAD_JSON)
			assert_non_null(request.id);
		wire_clear_request(&request);
	}
}

static void integers_stay_exact(void **state)
{
	struct pong pong = { .monotonic_ns = INT64_C(9223372036854775807) };
	char *line = wire_print_message(MSG_PONG, &pong, NULL, NULL);

	(void)state;
	assert_non_null(strstr(line, "\"monotonic_ns\":9223372036854775807"));
	free(line);
}

static void unknown_members_are_named(void **state)
{
	static const char line[] = "{\"command\":\"ping\",\"id\":\"x\",\"seconds\":1,\"Command\":2}";
	struct wire_request request;
	struct error err;

	(void)state;
	assert_true(wire_parse_request(line, strlen(line), &request, &err));
	assert_int_equal(request.ignored.n, 2);
	assert_string_equal(((char **)request.ignored.items)[0], "seconds");
	assert_string_equal(((char **)request.ignored.items)[1], "Command");
	wire_clear_request(&request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_objects_pass),
		cmocka_unit_test(bad_ones_are_refused),
		cmocka_unit_test(requests_keep_what_could_be_read),
		cmocka_unit_test(integers_stay_exact),
		cmocka_unit_test(unknown_members_are_named),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
