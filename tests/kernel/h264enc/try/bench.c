#include "tests/kernel/h264enc/try/bench.h"

#include "common/util.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_MS = 3000, QUIET_MS = 300, BENCHES = 3 };

static struct bench *opened[BENCHES];

static const char *const switches[] = {
	"only", "swallow", "swallow_every", "error", "stall", "latency", "split", "separate_header", "last_with_data",
	"no_sequence", "mutex_ms", "streamoff_ms", "job_us", "vanish", "reqbufs_fail", "refuse_dmabuf", "no_dmabuf",
	"no_force_key", "ignore_force_key",
};

void fault(const char *name, long value)
{
	assert_int_equal(parameter_set(name, value), 0);
}

int bench_reset(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(switches); i++)
		fault(switches[i], 0);
	fault("level_check", 1);
	for (size_t i = 0; i < BENCHES; i++)
		if (opened[i])
			bench_close(opened[i]);
	return 0;
}

struct bench *bench_open(void)
{
	struct bench *bench = xcalloc(1, sizeof(*bench));
	size_t i = 0;

	while (i < BENCHES && opened[i])
		i++;
	assert_in_range(i, 0, BENCHES - 1);
	opened[i] = bench;
	bench->decoder = decoder_create();
	assert_int_equal(client_open(&bench->client), 0);
	return bench;
}

void bench_close(struct bench *bench)
{
	for (size_t i = 0; i < BENCHES; i++)
		if (opened[i] == bench)
			opened[i] = NULL;
	client_close(&bench->client);
	decoder_destroy(bench->decoder);
	free(bench);
}

struct shape bench_shape(void)
{
	return (struct shape){.fourcc = V4L2_PIX_FMT_YUV420, .width = 96, .height = 80};
}

void bench_streamon(struct bench *bench)
{
	assert_int_equal(client_streaming(&bench->client, true, true, true), 0);
}

struct bench *bench_start(const struct shape *shape)
{
	struct bench *bench = bench_open();
	struct shape standard = bench_shape();

	assert_int_equal(client_configure(&bench->client, shape ? shape : &standard), 0);
	bench_streamon(bench);
	return bench;
}

uint64_t bench_time(unsigned n)
{
	return 5000001 + n * 40000ull;
}

unsigned bench_busy(struct bench *bench)
{
	unsigned busy = 0;

	while (client_take_output(&bench->client) >= 0)
		;
	for (unsigned i = 0; i < bench->client.shape.outputs; i++)
		busy += bench->client.busy[i];
	return busy;
}

static uint8_t *picture_for(const struct bench *bench, unsigned n)
{
	return picture_make(bench->client.shape.crop_width, bench->client.shape.crop_height, n);
}

void bench_put(struct bench *bench, unsigned n)
{
	uint8_t *picture = picture_for(bench, n);
	int index;

	bench_busy(bench);
	index = client_free_output(&bench->client);
	assert_true(index >= 0);
	picture_store(&bench->client, index, picture);
	free(picture);
	assert_int_equal(client_put(&bench->client, index, bench_time(n)), 0);
}

struct coded bench_take(struct bench *bench)
{
	struct coded coded;

	assert_int_equal(client_poll(&bench->client, POLLIN, WAIT_MS), POLLIN);
	assert_int_equal(client_take(&bench->client, &coded), 0);
	return coded;
}

void bench_check(struct bench *bench, const struct coded *coded, unsigned n)
{
	const struct shape *shape = &bench->client.shape;
	const uint8_t *decoded;
	struct facts facts;
	uint8_t *picture;

	assert_int_equal(coded->flags & V4L2_BUF_FLAG_ERROR, 0);
	assert_int_equal(coded->time_us, bench_time(n));
	assert_int_equal(coded->flags & V4L2_BUF_FLAG_TIMESTAMP_MASK, V4L2_BUF_FLAG_TIMESTAMP_COPY);
	decoded = decoder_decode(bench->decoder, coded->data, coded->size);
	assert_non_null(decoded);
	facts = decoder_facts(bench->decoder);
	assert_int_equal(facts.width, shape->crop_width);
	assert_int_equal(facts.height, shape->crop_height);
	picture = picture_for(bench, n);
	assert_memory_equal(decoded, picture, picture_size(facts.width, facts.height));
	free(picture);
}

void bench_pass(struct bench *bench, unsigned n)
{
	struct coded coded;

	bench_put(bench, n);
	coded = bench_take(bench);
	bench_check(bench, &coded, n);
}

void bench_nothing(struct bench *bench)
{
	assert_int_equal(client_poll(&bench->client, POLLIN, QUIET_MS) & ~POLLERR, 0);
}

void bench_assert_nals(const struct coded *coded, const char *types)
{
	char *found = nal_types(coded->data, coded->size);

	assert_string_equal(found, types);
	free(found);
}

struct slice bench_slice(const struct coded *coded)
{
	struct slice slice;

	assert_true(nal_slice(coded->data, coded->size, &slice));
	return slice;
}
