/* Each fault of the encoder: that it happens as README.md says, and that it is over when it is switched off. */
#include "tests/kernel/h264enc/try/bench.h"

#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static struct coded pass_flags(struct bench *bench, unsigned n)
{
	bench_put(bench, n);
	return bench_take(bench);
}

/* The OUTPUT buffer comes back, no CAPTURE buffer does; what follows decodes as if the frame had never been. */
static void test_swallow(void **state)
{
	struct bench *bench = bench_start(NULL);
	long swallowed = parameter_get("swallowed");

	(void)state;
	bench_pass(bench, 0);
	fault("swallow", 2);
	bench_put(bench, 1);
	bench_put(bench, 2);
	bench_nothing(bench);
	assert_int_equal(bench_busy(bench), 0);
	assert_int_equal(parameter_get("swallow"), 0);
	assert_int_equal(parameter_get("swallowed"), swallowed + 2);
	bench_pass(bench, 3);
	bench_pass(bench, 4);
}

/* A key frame that was forced and swallowed comes with the next frame. */
static void test_swallow_key(void **state)
{
	struct bench *bench = bench_start(NULL);
	struct coded coded;

	(void)state;
	bench_pass(bench, 0);
	assert_int_equal(client_control(&bench->client, V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, 1), 0);
	fault("swallow", 1);
	bench_put(bench, 1);
	bench_nothing(bench);
	coded = pass_flags(bench, 2);
	bench_assert_nals(&coded, "5");
	bench_check(bench, &coded, 2);
}

static void test_swallow_every(void **state)
{
	struct bench *bench = bench_start(NULL);

	(void)state;
	fault("swallow_every", 3);
	for (unsigned n = 0; n < 9; n++)
		if (n % 3 == 2) {
			bench_put(bench, n);
			bench_nothing(bench);
			assert_int_equal(bench_busy(bench), 0);
		} else {
			bench_pass(bench, n);
		}
	fault("swallow_every", 0);
	for (unsigned n = 9; n < 13; n++)
		bench_pass(bench, n);
}

/* The buffer is flagged; its picture is missing from what follows until a key frame. */
static void test_error(void **state)
{
	struct bench *bench = bench_start(NULL);
	struct coded coded;

	(void)state;
	bench_pass(bench, 0);
	fault("error", 1);
	coded = pass_flags(bench, 1);
	assert_true(coded.flags & V4L2_BUF_FLAG_ERROR);
	assert_int_equal(coded.time_us, bench_time(1));
	coded = pass_flags(bench, 2);
	assert_int_equal(coded.flags & V4L2_BUF_FLAG_ERROR, 0);
	assert_int_equal(client_control(&bench->client, V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, 1), 0);
	bench_pass(bench, 3);
	bench_pass(bench, 4);
}

/* Nothing comes back of either queue; other calls are answered; then all comes. */
static void test_stall(void **state)
{
	struct bench *bench = bench_start(NULL);
	struct coded coded;

	(void)state;
	bench_pass(bench, 0);
	bench_busy(bench);
	fault("stall", 1);
	for (unsigned n = 1; n < 4; n++)
		bench_put(bench, n);
	bench_nothing(bench);
	assert_int_equal(bench_busy(bench), 3);
	assert_int_equal(client_control(&bench->client, V4L2_CID_MPEG_VIDEO_BITRATE, 1000000), 0);
	fault("stall", 0);
	for (unsigned n = 1; n < 4; n++) {
		coded = bench_take(bench);
		bench_check(bench, &coded, n);
	}
	fault("stall", 1);
	bench_put(bench, 4);
	assert_int_equal(client_streaming(&bench->client, false, true, true), 0);
}

/* One of two encoders; the other does not notice. */
static void test_only(void **state)
{
	struct bench *a = bench_start(NULL), *b = bench_start(NULL);
	struct coded coded;

	(void)state;
	fault("only", 2);
	fault("stall", 1);
	bench_put(b, 0);
	bench_pass(a, 0);
	bench_nothing(b);
	fault("stall", 0);
	coded = bench_take(b);
	bench_check(b, &coded, 0);
	fault("swallow", 1);
	bench_pass(a, 1);
	bench_put(b, 1);
	bench_nothing(b);
	fault("eio", 1);
	assert_int_equal(client_take(&b->client, &coded), EIO);
	bench_pass(a, 2);
}

struct call {
	pthread_t thread;
	struct client *client;
	int64_t after_ns, took_ns;
};

static void *make_call(void *argument)
{
	struct call *call = argument;
	struct timespec delay = {0, (long)call->after_ns};
	struct v4l2_capability capability;
	int64_t start;

	nanosleep(&delay, NULL);
	start = clock_now_ns();
	ioctl(call->client->fd, VIDIOC_QUERYCAP, &capability);
	call->took_ns = clock_now_ns() - start;
	return NULL;
}

/* The call that is hit, and one of another encoder, made 100 ms later. */
static void test_mutex(void **state)
{
	struct bench *a = bench_start(NULL), *b = bench_start(NULL);
	struct call call = {.client = &b->client, .after_ns = 100000000};
	int64_t start;

	(void)state;
	assert_int_equal(pthread_create(&call.thread, NULL, make_call, &call), 0);
	fault("mutex_ms", 700);
	start = clock_now_ns();
	bench_put(a, 0);
	assert_true(clock_now_ns() - start >= 700000000);
	pthread_join(call.thread, NULL);
	assert_true(call.took_ns >= 500000000);
	assert_int_equal(parameter_get("mutex_ms"), 0);
	bench_pass(b, 0);
}

static void test_streamoff(void **state)
{
	struct bench *a = bench_start(NULL), *b = bench_start(NULL);
	struct call call = {.client = &b->client, .after_ns = 100000000};
	int64_t start;

	(void)state;
	bench_pass(a, 0);
	fault("streamoff_ms", 400);
	assert_int_equal(pthread_create(&call.thread, NULL, make_call, &call), 0);
	start = clock_now_ns();
	assert_int_equal(client_streaming(&a->client, false, true, false), 0);
	assert_true(clock_now_ns() - start >= 400000000);
	pthread_join(call.thread, NULL);
	assert_true(call.took_ns >= 200000000);
	fault("streamoff_ms", 0);
	bench_pass(b, 0);
}

/* Frames come as slowly as they are coded. */
static void test_slow_jobs(void **state)
{
	struct bench *bench = bench_start(NULL);
	int64_t start;

	(void)state;
	fault("job_us", 50000);
	start = clock_now_ns();
	for (unsigned n = 0; n < 4; n++)
		bench_pass(bench, n);
	assert_true(clock_now_ns() - start >= 200000000);
}

/* Everything answers EIO until STREAMOFF, then all begins anew. */
static void test_eio(void **state)
{
	struct bench *bench = bench_start(NULL);
	struct client *client = &bench->client;
	struct coded coded;

	(void)state;
	bench_pass(bench, 0);
	bench_busy(bench);
	fault("eio", 1);
	assert_int_equal(parameter_get("eio"), 0);
	assert_true(client_poll(client, POLLIN | POLLOUT, 1000) & POLLERR);
	assert_int_equal(client_take(client, &coded), EIO);
	assert_int_equal(client_take_output(client), -EIO);
	assert_int_equal(client_put(client, 0, 0), EIO);
	assert_int_equal(client_streaming(client, false, true, true), 0);
	for (unsigned i = 0; i < client->shape.captures; i++)
		assert_int_equal(client_queue_capture(client, i), 0);
	bench_streamon(bench);
	coded = pass_flags(bench, 1);
	bench_assert_nals(&coded, "785");
	bench_check(bench, &coded, 1);
}

struct waiter {
	pthread_t thread;
	struct client *client;
	int answer;			/* revents, or an errno */
};

static void *wait_in_poll(void *argument)
{
	struct waiter *waiter = argument;

	waiter->answer = client_poll(waiter->client, POLLIN, 60000);
	return NULL;
}

/* Who waits is woken up, every call answers ENODEV, the node is gone; it comes back for those who open it. */
static void test_vanish(void **state)
{
	struct bench *bench = bench_start(NULL), *again;
	struct waiter waiter = {.client = &bench->client};
	struct v4l2_capability capability;
	struct coded coded;

	(void)state;
	bench_pass(bench, 0);
	assert_int_equal(pthread_create(&waiter.thread, NULL, wait_in_poll, &waiter), 0);
	usleep(100000);
	fault("vanish", 1);
	pthread_join(waiter.thread, NULL);
	assert_true((waiter.answer & (POLLERR | POLLHUP)) == (POLLERR | POLLHUP));
	assert_int_equal(ioctl(bench->client.fd, VIDIOC_QUERYCAP, &capability), -1);
	assert_int_equal(errno, ENODEV);
	assert_int_equal(client_take(&bench->client, &coded), ENODEV);
	assert_int_equal(client_put(&bench->client, 0, 0), ENODEV);
	assert_int_equal(client_streaming(&bench->client, false, true, true), ENODEV);
	assert_null(client_node());
	fault("vanish", 0);
	assert_non_null(client_node());
	again = bench_start(NULL);
	bench_pass(again, 0);
	assert_int_equal(client_take(&bench->client, &coded), ENODEV);
	bench_close(bench);
	bench_pass(again, 1);
}

static void *wait_in_dqbuf(void *argument)
{
	struct waiter *waiter = argument;
	struct coded coded;

	waiter->answer = client_take(waiter->client, &coded);
	return NULL;
}

/* A DQBUF that waits does not wait for ever. */
static void test_vanish_under_dqbuf(void **state)
{
	struct bench *bench = bench_start(NULL);
	struct waiter waiter = {.client = &bench->client};

	(void)state;
	assert_int_equal(fcntl(bench->client.fd, F_SETFL, 0), 0);
	assert_int_equal(pthread_create(&waiter.thread, NULL, wait_in_dqbuf, &waiter), 0);
	usleep(100000);
	fault("vanish", 1);
	pthread_join(waiter.thread, NULL);
	assert_int_equal(waiter.answer, EIO);
}

static void test_reqbufs_fail(void **state)
{
	struct bench *bench = bench_open();
	struct shape shape = bench_shape();

	(void)state;
	fault("reqbufs_fail", 1);
	assert_int_equal(client_configure(&bench->client, &shape), ENOMEM);
	assert_int_equal(client_configure(&bench->client, &shape), 0);
	bench_streamon(bench);
	bench_pass(bench, 0);
}

static void test_refuse_dmabuf(void **state)
{
	struct bench *bench;
	struct shape shape = bench_shape();

	(void)state;
	shape.imported = true;
	bench = bench_start(&shape);
	fault("refuse_dmabuf", 1);
	assert_int_equal(client_put(&bench->client, 0, 0), EINVAL);
	fault("refuse_dmabuf", EFAULT);
	assert_int_equal(client_put(&bench->client, 0, 0), EFAULT);
	fault("refuse_dmabuf", 0);
	bench_pass(bench, 0);
	bench_close(bench);
	shape.imported = false;
	fault("refuse_dmabuf", 1);
	bench = bench_start(&shape);
	bench_pass(bench, 0);
}

static void test_no_dmabuf(void **state)
{
	struct bench *bench;
	struct shape shape = bench_shape();

	(void)state;
	fault("no_dmabuf", 1);
	bench = bench_open();
	shape.imported = true;
	assert_int_equal(client_configure(&bench->client, &shape), EINVAL);
	shape.imported = false;
	assert_int_equal(client_configure(&bench->client, &shape), 0);
	bench_streamon(bench);
	bench_pass(bench, 0);
}

/* The pieces have one timestamp and make one picture together. */
static void test_split(void **state)
{
	struct bench *bench = bench_start(NULL);
	struct coded coded, whole = {0};
	uint8_t *pieces = malloc(1 << 20);

	(void)state;
	fault("split", 3);
	for (unsigned n = 0; n < 3; n++) {
		bench_put(bench, n);
		whole.size = 0;
		for (unsigned piece = 0; piece < 3; piece++) {
			coded = bench_take(bench);
			assert_int_equal(coded.time_us, bench_time(n));
			memcpy(pieces + whole.size, coded.data, coded.size);
			coded.size += whole.size;
			whole = coded;
		}
		whole.data = pieces;
		bench_check(bench, &whole, n);
		bench_nothing(bench);
	}
	free(pieces);
	fault("split", 0);
	bench_pass(bench, 3);
}

static void test_no_force_key(void **state)
{
	struct bench *bench;
	struct v4l2_queryctrl query = {.id = V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME};

	(void)state;
	fault("no_force_key", 1);
	bench = bench_open();
	assert_int_equal(ioctl(bench->client.fd, VIDIOC_QUERYCTRL, &query), -1);
	assert_int_equal(client_control(&bench->client, query.id, 1), EINVAL);
	bench_close(bench);
	fault("no_force_key", 0);
	bench = bench_open();
	assert_int_equal(ioctl(bench->client.fd, VIDIOC_QUERYCTRL, &query), 0);
}

static void test_ignore_force_key(void **state)
{
	struct bench *bench = bench_start(NULL);

	(void)state;
	fault("ignore_force_key", 2);
	for (unsigned n = 0; n < 8; n++) {
		struct coded coded;

		if (n == 3)
			assert_int_equal(client_control(&bench->client, V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, 1), 0);
		coded = pass_flags(bench, n);
		bench_assert_nals(&coded, n == 0 ? "785" : n == 5 ? "5" : "1");
		bench_check(bench, &coded, n);
	}
}

static void test_separate_header(void **state)
{
	struct bench *bench = bench_start(NULL);
	struct coded coded;

	(void)state;
	assert_int_equal(client_control(&bench->client, V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER, 1), 0);
	assert_int_equal(client_control(&bench->client, V4L2_CID_MPEG_VIDEO_GOP_SIZE, 1), 0);
	fault("separate_header", 1);
	coded = pass_flags(bench, 0);
	bench_assert_nals(&coded, "78");
	assert_null(decoder_decode(bench->decoder, coded.data, coded.size));
	coded = bench_take(bench);
	bench_assert_nals(&coded, "5");
	bench_check(bench, &coded, 0);
	fault("separate_header", 0);
	coded = pass_flags(bench, 1);
	bench_assert_nals(&coded, "785");
	bench_check(bench, &coded, 1);
}

/* Three frames are held back, each comes out when another goes in, and all at the end. */
static void test_latency(void **state)
{
	struct bench *bench = bench_start(NULL);
	struct coded coded;

	(void)state;
	fault("latency", 3);
	for (unsigned n = 0; n < 3; n++)
		bench_put(bench, n);
	bench_nothing(bench);
	assert_int_equal(bench_busy(bench), 0);
	for (unsigned n = 3; n < 8; n++) {
		coded = pass_flags(bench, n);
		bench_check(bench, &coded, n - 3);
	}
	assert_int_equal(client_command(&bench->client, V4L2_ENC_CMD_STOP), 0);
	for (unsigned n = 5; n < 8; n++) {
		coded = bench_take(bench);
		bench_check(bench, &coded, n);
	}
	coded = bench_take(bench);
	assert_true(coded.flags & V4L2_BUF_FLAG_LAST);
}

/* Switched off in the midst, what was held back comes at once. */
static void test_latency_off(void **state)
{
	struct bench *bench = bench_start(NULL);
	struct coded coded;

	(void)state;
	fault("latency", 2);
	bench_put(bench, 0);
	bench_put(bench, 1);
	bench_nothing(bench);
	fault("latency", 0);
	for (unsigned n = 0; n < 2; n++) {
		coded = bench_take(bench);
		bench_check(bench, &coded, n);
	}
}

static void test_last_with_data(void **state)
{
	struct bench *bench = bench_start(NULL);
	struct coded coded;

	(void)state;
	fault("stall", 1);
	fault("last_with_data", 1);
	bench_put(bench, 0);
	bench_put(bench, 1);
	assert_int_equal(client_command(&bench->client, V4L2_ENC_CMD_STOP), 0);
	fault("stall", 0);
	coded = bench_take(bench);
	assert_int_equal(coded.flags & V4L2_BUF_FLAG_LAST, 0);
	bench_check(bench, &coded, 0);
	coded = bench_take(bench);
	assert_true(coded.flags & V4L2_BUF_FLAG_LAST);
	bench_check(bench, &coded, 1);
	assert_int_equal(client_take(&bench->client, &coded), EPIPE);
}

static void test_no_sequence(void **state)
{
	struct bench *bench = bench_start(NULL);

	(void)state;
	fault("no_sequence", 1);
	for (unsigned n = 0; n < 3; n++)
		assert_int_equal(pass_flags(bench, n).sequence, 0);
}

/* Numbers only, and none below 0. */
static void test_bad_values(void **state)
{
	(void)state;
	assert_int_equal(parameter_set("swallow", -1), EINVAL);
	assert_int_equal(parameter_set("vanish", 2), EINVAL);
	assert_int_not_equal(parameter_set("frames", 0), 0);
}

int try_faults(void)
{
	const struct CMUnitTest tests[] = {
		TRY(test_swallow), TRY(test_swallow_key), TRY(test_swallow_every), TRY(test_error), TRY(test_stall),
		TRY(test_only), TRY(test_mutex), TRY(test_streamoff), TRY(test_slow_jobs), TRY(test_eio),
		TRY(test_vanish), TRY(test_vanish_under_dqbuf), TRY(test_reqbufs_fail), TRY(test_refuse_dmabuf),
		TRY(test_no_dmabuf), TRY(test_split), TRY(test_no_force_key), TRY(test_ignore_force_key),
		TRY(test_separate_header), TRY(test_latency), TRY(test_latency_off), TRY(test_last_with_data),
		TRY(test_no_sequence), TRY(test_bad_values),
	};

	return cmocka_run_group_tests_name("faults", tests, NULL, NULL);
}
