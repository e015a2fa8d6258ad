/* What libav* says arrives in the log: whole lines, levels mapped, threads not mixed. And what it may have has a bound. */
#include "camd/libav.h"
#include "common/log.h"

#include <fcntl.h>
#include <libavutil/log.h>
#include <libavutil/mem.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define N_LINES 200

static char logged[1 << 20];

static void read_log(int fd)
{
	ssize_t n = pread(fd, logged, sizeof(logged) - 1, 0);

	assert_true(n >= 0);
	logged[n] = '\0';
}

/* Runs a function while fd 2 is a file, whose text is in logged afterwards. */
static void with_log(void (*run)(void))
{
	int kept = dup(STDERR_FILENO), file = memfd_create("log", MFD_CLOEXEC);

	assert_true(file >= 0 && kept >= 0);
	assert_int_equal(fcntl(file, F_SETFL, O_APPEND), 0);
	dup2(file, STDERR_FILENO);
	run();
	dup2(kept, STDERR_FILENO);
	read_log(file);
	close(kept);
	close(file);
}

static void say_in_pieces(void)
{
	av_log(NULL, AV_LOG_WARNING, "one %d", 1);
	av_log(NULL, AV_LOG_WARNING, " and two %s\n", "more");
	av_log(NULL, AV_LOG_ERROR, "bad\n");
	av_log(NULL, AV_LOG_INFO, "chatter\n");
	av_log(NULL, AV_LOG_TRACE, "never formatted\n");
	av_log(NULL, AV_LOG_WARNING, "\n");
}

static void test_lines(void **state)
{
	(void)state;
	with_log(say_in_pieces);
	assert_non_null(strstr(logged, "warning"));
	assert_non_null(strstr(logged, "ffmpeg: one 1 and two more\n"));
	assert_non_null(strstr(logged, "error"));
	assert_non_null(strstr(logged, "ffmpeg: bad\n"));
	assert_null(strstr(logged, "chatter"));
	assert_null(strstr(logged, "never formatted"));
	assert_null(strstr(logged, "ffmpeg: \n"));
}

static void say_debug(void)
{
	log_set_level(LOG_DEBUG);
	av_log(NULL, AV_LOG_INFO, "chatter\n");
	log_set_level(LOG_INFO);
}

static void test_chatter_is_debug(void **state)
{
	(void)state;
	with_log(say_debug);
	assert_non_null(strstr(logged, "debug"));
	assert_non_null(strstr(logged, "ffmpeg: chatter\n"));
}

static void say_much(void)
{
	for (int i = 0; i < 5000; i++)
		av_log(NULL, AV_LOG_WARNING, "0123456789");
	av_log(NULL, AV_LOG_WARNING, "end\n");
}

static void test_long_lines_are_broken(void **state)
{
	(void)state;
	with_log(say_much);
	assert_non_null(strstr(logged, "end\n"));
}

static void *say_from_thread(void *word)
{
	for (int i = 0; i < N_LINES; i++) {
		av_log(NULL, AV_LOG_WARNING, "%s", (const char *)word);
		av_log(NULL, AV_LOG_WARNING, "-%s\n", (const char *)word);
	}
	return NULL;
}

static void say_from_threads(void)
{
	static char words[][8] = { "aaa", "bbb", "ccc", "ddd" };
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, say_from_thread, words[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

static void test_threads_do_not_mix(void **state)
{
	size_t n = 0;

	(void)state;
	with_log(say_from_threads);
	for (char *rest = logged, *line; (line = strsep(&rest, "\n")) && *line; n++) {
		const char *text = strstr(line, "ffmpeg: ");

		assert_non_null(text);
		assert_int_equal(strlen(text), strlen("ffmpeg: aaa-aaa"));
		assert_memory_equal(text + 8, text + 12, 3);
	}
	assert_int_equal(n, 4 * N_LINES);
}

static void test_blocks_have_a_bound(void **state)
{
	void *block = av_malloc(LIBAV_MAX_BLOCK / 2);

	(void)state;
	assert_non_null(block);
	av_free(block);
	assert_null(av_malloc(LIBAV_MAX_BLOCK + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_chatter_is_debug),
		cmocka_unit_test(test_long_lines_are_broken),
		cmocka_unit_test(test_threads_do_not_mix),
		cmocka_unit_test(test_blocks_have_a_bound),
	};

	libav_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
