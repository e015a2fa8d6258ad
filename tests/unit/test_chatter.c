/* What libraries print becomes lines: colours gone, libcamera's levels read, pieces joined, nothing lost. */
#include "camd/chatter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char said[1 << 16];

static void on_line(void *user, enum log_level level, const char *thread, const char *text)
{
	size_t used = strlen(said);

	(void)user;
	snprintf(said + used, sizeof(said) - used, "%s %s|%s\n", log_level_names[level], thread, text);
}

/* Feeds it in pieces of that size. */
static void feed(const char *text, size_t size)
{
	struct chatter chatter = { 0 };
	size_t n = strlen(text);

	said[0] = '\0';
	for (size_t at = 0; at < n; at += size)
		chatter_feed(&chatter, text + at, n - at < size ? n - at : size, on_line, NULL);
	chatter_flush(&chatter, on_line, NULL);
}

static void check(const char *text, const char *wanted)
{
	for (size_t size = 1; size < 20; size++) {
		feed(text, size);
		assert_string_equal(said, wanted);
	}
}

static void plain(void **state)
{
	(void)state;
	check("one\ntwo\r\n\n   \nthree", "warning stderr|one\nwarning stderr|two\nwarning stderr|three\n");
	check("10 %\r20 %\rdone\n", "warning stderr|10 %\nwarning stderr|20 %\nwarning stderr|done\n");
	check("a\tb\x01" "c  \n", "warning stderr|a b c\n");
	check("", "");
}

static void colours(void **state)
{
	(void)state;
	check("\033[1;31mred\033[0m and \033[38;2;1;2;3mtrue\033[m\n", "warning stderr|red and true\n");
	check("\033]0;title\aa\033]8;;http://x\033\\b\033(Bc\033=d\n", "warning stderr|abcd\n");
	check("\033[1;3\nbroken\033\nby a line\n", "warning stderr|broken\nwarning stderr|by a line\n");
}

static void libcamera(void **state)
{
	(void)state;
	check("\033[1;32m[0:12:13.123456789] \033[1;37m[4242] \033[1;32m INFO \033[1;37mCamera \033[1;34mcamera_manager.cpp:299 \033[0m"
	      "libcamera v0.0.3\n", "info libcamera|Camera camera_manager.cpp:299 libcamera v0.0.3\n");
	check("[1:02:03.4] [1] DEBUG a b\n[1:02:03.4] [1]  WARN c\n[1:02:03.4] [1] ERROR d\n[1:02:03.4] [1] FATAL e\n",
	      "debug libcamera|a b\nwarning libcamera|c\nerror libcamera|d\nerror libcamera|e\n");
	check("[1:02] [x] INFO a\n[] [1] INFO b\n[1] [2] NEWS c\n[12:3\n",
	      "warning stderr|[1:02] [x] INFO a\nwarning stderr|[] [1] INFO b\nwarning stderr|[1] [2] NEWS c\nwarning stderr|[12:3\n");
}

/* Longer than any line of the log: in several, each letter once. */
static void long_lines(void **state)
{
	char text[5 * CHATTER_BYTES];
	size_t letters = 0, lines = 0;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	feed(text, 700);
	for (const char *at = strchr(said, '|'); at; at = strchr(at, '|'), lines++)
		letters += strspn(++at, "x");
	assert_int_equal(letters, sizeof(text) - 1);
	assert_int_equal(lines, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain), cmocka_unit_test(colours), cmocka_unit_test(libcamera), cmocka_unit_test(long_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
