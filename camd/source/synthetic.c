/*
 * A camera that is not there: camd/testcard.h's picture at an exact rate, with the habits of a sensor. It has a fixed
 * number of buffers, loses frames for which none is free, and does not wait for anybody.
 *
 * What to give to open():    [WxH[@FPS]][?OPTION=VALUE[&OPTION=VALUE]...]
 *
 *   WxH          even, 64x48 to 8192x8192; otherwise what was requested, otherwise 1456x1088
 *   FPS          0.1 to 1000, as "30", "29.97" (meant as 30000/1001) or "30000/1001"; otherwise requested, otherwise 30
 *   id           letters, digits, '-' and '_': the camera's id is then synthetic:ID. Without it the id is "synthetic", and
 *                whoever opens several has to number them.
 *   pixels       i420 (default), nv12, i422, yuyv, mjpeg (4:2:2, always BT.601 and full range, as webcams give it)
 *   matrix       bt709 (default, at all sizes), bt601
 *   range        limited (default), full
 *
 * and faults, which count the sensor's frames from 1:
 *
 *   lose=N           the sensor loses each N-th frame
 *   gap_after=N:S    after frame N time stands still for S seconds: the next frames come that much later, none is lost
 *   freeze_after=N   after frame N the picture, number and all, stays the same
 *   stall_after=N    after frame N it says nothing any more
 *   fail_after=N     after frame N it is gone: on_end() with camera_lost
 *
 * Frame n (from 0) is exposed at start + n / rate seconds, exactly, rounded down to a nanosecond.
 */
#include "camd/source/source.h"

#include "camd/pacer.h"
#include "camd/pool.h"
#include "camd/rate.h"
#include "camd/testcard.h"
#include "common/clock.h"
#include "common/util.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#define MAX_SIDE 8192
#define N_BUFFERS 6
#define LATE_PERIODS 4
#define JPEG_QUALITY 90
#define NEVER UINT64_MAX

struct options {
	struct size size;
	struct rate rate;
	char id[33];
	enum pixel_format pixels;
	struct colour colour;
	bool colour_given;
	uint64_t lose_every;	/* 0: never */
	uint64_t gap_after, freeze_after, stall_after, fail_after;
	int64_t gap_ns;
};

struct synthetic {
	struct source source;
	struct options options;
	struct testcard card;
	struct source_sink sink;
	struct pacer pacer;
	pthread_t thread;
	bool running;

	/* the thread's */
	struct pool *pool;
	struct testcard_state states[N_BUFFERS];
	struct frame *canvas;		/* what is compressed into MJPEG frames; NULL otherwise */
	tjhandle jpeg;
	uint64_t sequence;		/* of the sensor's last frame */
	struct gap gap;			/* since the last frame that was handed on */
	int64_t start_ns;
};

static bool parse_count(const char *text, uint64_t *count, char **end)
{
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*count = strtoull(text, end, 10);
	return !errno && *count < NEVER;
}

static bool parse_whole(const char *text, uint64_t *count)
{
	char *end;

	return parse_count(text, count, &end) && !*end;
}

static bool parse_gap(const char *text, struct options *options)
{
	char *end;
	double seconds;

	if (!parse_count(text, &options->gap_after, &end) || *end != ':' || end[1] < '0' || end[1] > '9')
		return false;
	seconds = strtod(end + 1, &end);
	if (*end || !(seconds <= 86400))
		return false;
	options->gap_ns = (int64_t)(seconds * (double)NS_PER_S);
	return true;
}

static bool parse_id(const char *text, struct options *options)
{
	size_t length = strlen(text);

	if (!length || length >= sizeof(options->id))
		return false;
	if (strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != length)
		return false;
	memcpy(options->id, text, length + 1);
	return true;
}

static bool parse_pixels(const char *text, struct options *options)
{
	for (int i = 0; i <= PIXEL_MJPEG; i++) {
		if (!strcmp(text, pixel_format_names[i])) {
			options->pixels = (enum pixel_format)i;
			return true;
		}
	}
	return false;
}

static bool parse_matrix(const char *text, struct options *options)
{
	bool bt709 = !strcmp(text, "bt709");
	uint8_t code = bt709 ? 1 : 6;

	if (!bt709 && strcmp(text, "bt601"))
		return false;
	/* the matrix alone: other primaries would rightly be shown as other RGB than the bars are said to have */
	options->colour.primaries = options->colour.transfer = 1;
	options->colour.matrix = code;
	options->colour_given = true;
	return true;
}

static bool parse_range(const char *text, struct options *options)
{
	options->colour.full_range = !strcmp(text, "full");
	options->colour_given = true;
	return options->colour.full_range || !strcmp(text, "limited");
}

static bool parse_lose(const char *text, struct options *options)
{
	return parse_whole(text, &options->lose_every) && options->lose_every >= 2;
}

static bool parse_freeze(const char *text, struct options *options)
{
	return parse_whole(text, &options->freeze_after) && options->freeze_after >= 1;
}

static bool parse_stall(const char *text, struct options *options)
{
	return parse_whole(text, &options->stall_after);
}

static bool parse_fail(const char *text, struct options *options)
{
	return parse_whole(text, &options->fail_after);
}

static const struct {
	const char *name;
	bool (*parse)(const char *text, struct options *options);
	const char *right;	/* what would be */
} option_parsers[] = {
	{ "id", parse_id, "1 to 32 letters, digits, '-' or '_'" },
	{ "pixels", parse_pixels, "i420, nv12, i422, yuyv or mjpeg" },
	{ "matrix", parse_matrix, "bt709 or bt601" },
	{ "range", parse_range, "limited or full" },
	{ "lose", parse_lose, "a number of frames, 2 or more" },
	{ "gap_after", parse_gap, "FRAMES:SECONDS, such as 30:5" },
	{ "freeze_after", parse_freeze, "a number of frames, 1 or more" },
	{ "stall_after", parse_stall, "a number of frames" },
	{ "fail_after", parse_fail, "a number of frames" },
};

static bool parse_option(char *text, struct options *options, struct error *err)
{
	char *value = strchr(text, '=');

	if (value)
		*value++ = '\0';
	for (size_t i = 0; i < ARRAY_LEN(option_parsers); i++) {
		if (strcmp(text, option_parsers[i].name))
			continue;
		if (value && option_parsers[i].parse(value, options))
			return true;
		return error_set_argument(err, "camera", "synthetic camera: %s=%s: must be %s", text, value ? value : "",
					  option_parsers[i].right);
	}
	return error_set_argument(err, "camera", "synthetic camera: unknown option '%s'; there are id, pixels, matrix, range, "
				  "lose, gap_after, freeze_after, stall_after and fail_after", text);
}

static bool parse_side(char **text, int *side)
{
	uint64_t value;

	if (!parse_count(*text, &value, text) || value > INT32_MAX)
		return false;
	*side = (int)value;
	return true;
}

static bool parse_mode(char *text, struct options *options, struct error *err)
{
	char *rest = text;
	bool good;

	if (!*text)
		return true;
	good = parse_side(&rest, &options->size.width) && *rest++ == 'x' && parse_side(&rest, &options->size.height);
	if (good && *rest == '@')
		good = rate_parse(rest + 1, &options->rate);
	else
		good = good && !*rest;
	if (!good)
		error_set_argument(err, "camera", "synthetic camera: '%s' must be WxH or WxH@FPS, FPS from 0.1 to 1000, "
				   "such as 1280x720@29.97", text);
	return good;
}

static bool check_options(struct options *options, struct error *err)
{
	struct size size = options->size;

	if (size.width < TESTCARD_MIN_WIDTH || size.height < TESTCARD_MIN_HEIGHT || size.width > MAX_SIDE ||
	    size.height > MAX_SIDE || size.width % 2 || size.height % 2)
		return error_set_argument(err, "camera", "synthetic camera: %dx%d: width and height must be even, from %dx%d to "
					  "%dx%d", size.width, size.height, TESTCARD_MIN_WIDTH, TESTCARD_MIN_HEIGHT, MAX_SIDE,
					  MAX_SIDE);
	if (options->pixels == PIXEL_MJPEG && options->colour_given)
		return error_set_argument(err, "camera", "synthetic camera: mjpeg is always bt601 and full range; leave out "
					  "matrix and range");
	if (options->pixels == PIXEL_MJPEG)
		options->colour = (struct colour){ .primaries = 1, .transfer = 13, .matrix = 6, .full_range = true };
	return true;
}

static bool parse_options(const char *what, const struct source_request *request, struct options *options,
			  struct error *err)
{
	char *text = xstrdup(what ? what : ""), *rest = strchr(text, '?'), *option;
	bool good;

	*options = (struct options){
		.size = request->size.width ? request->size : (struct size){ 1456, 1088 },
		.rate = rate_from_fps(request->fps > 0 ? request->fps : 30),
		.pixels = PIXEL_I420,
		.colour = { .primaries = 1, .transfer = 1, .matrix = 1 },
		.gap_after = NEVER, .freeze_after = NEVER, .stall_after = NEVER, .fail_after = NEVER,
	};
	if (rest)
		*rest++ = '\0';
	good = parse_mode(text, options, err);
	while (good && (option = strsep(&rest, "&")))
		good = parse_option(option, options, err);
	free(text);
	return good && check_options(options, err);
}

static void describe(struct synthetic *synthetic)
{
	struct source *source = &synthetic->source;
	const struct options *options = &synthetic->options;

	source->format = (struct frame_format){
		.pixels = options->pixels,
		.width = options->size.width,
		.height = options->size.height,
		.colour = options->colour,
	};
	source->fps = rate_fps(options->rate);
	source->period_ns = rate_period_ns(options->rate);
	source->fixed_rate = true;
	source->modes[source->n_modes++] = (struct source_mode){ options->size, source->fps };
	snprintf(source->id, sizeof(source->id), "synthetic%s%s", *options->id ? ":" : "", options->id);
	snprintf(source->model, sizeof(source->model), "synthetic camera");
	snprintf(source->clock, sizeof(source->clock), "CLOCK_MONOTONIC");
}

/* The pool is made anew with each start: the frames that others still hold keep the old one. */
static void prepare_pictures(struct synthetic *synthetic)
{
	struct frame_format format = synthetic->source.format;
	size_t jpeg_bytes = 0;

	if (format.pixels == PIXEL_MJPEG) {
		jpeg_bytes = tjBufSize(format.width, format.height, TJSAMP_422);
		synthetic->jpeg = tjInitCompress();
		synthetic->pool = pool_create(&format, N_BUFFERS, jpeg_bytes);
		format.pixels = PIXEL_I422;
		synthetic->canvas = frame_create(&format);
	} else {
		synthetic->pool = pool_create(&format, N_BUFFERS, 0);
	}
	memset(synthetic->states, 0, sizeof(synthetic->states));
	testcard_init(&synthetic->card, &format);
}

static void drop_pictures(struct synthetic *synthetic)
{
	pool_close(synthetic->pool);
	frame_unref(synthetic->canvas);
	if (synthetic->jpeg)
		tjDestroy(synthetic->jpeg);
	synthetic->pool = NULL;
	synthetic->canvas = NULL;
	synthetic->jpeg = NULL;
}

static struct source *synthetic_open(const char *what, const struct source_request *request, struct error *err)
{
	struct synthetic *synthetic = xcalloc(1, sizeof(*synthetic));

	synthetic->source.impl = &source_synthetic;
	if (!parse_options(what, request, &synthetic->options, err)) {
		free(synthetic);
		return NULL;
	}
	pacer_init(&synthetic->pacer);
	describe(synthetic);
	return &synthetic->source;
}

static int64_t frame_time_ns(const struct synthetic *synthetic, uint64_t n)
{
	const struct options *options = &synthetic->options;

	return synthetic->start_ns + rate_time_ns(options->rate, n) + (n >= options->gap_after ? options->gap_ns : 0);
}

static bool compress(struct synthetic *synthetic, struct frame *frame)
{
	const struct plane *planes = synthetic->canvas->planes;
	const unsigned char *data[] = { planes[0].data, planes[1].data, planes[2].data };
	const int strides[] = { planes[0].stride, planes[1].stride, planes[2].stride };
	unsigned long bytes = tjBufSize(frame->format.width, frame->format.height, TJSAMP_422);

	if (tjCompressFromYUVPlanes(synthetic->jpeg, data, frame->format.width, strides, frame->format.height, TJSAMP_422,
				    &frame->planes[0].data, &bytes, JPEG_QUALITY, TJFLAG_NOREALLOC))
		return false;
	frame->planes[0].bytes = bytes;
	return true;
}

static bool draw(struct synthetic *synthetic, struct frame *frame)
{
	uint64_t number = MIN(synthetic->sequence, synthetic->options.freeze_after);
	struct testcard_state *state = &synthetic->states[synthetic->canvas ? 0 : pool_index(synthetic->pool, frame)];

	if (frame->touched)
		state->drawn = false;
	frame->touched = false;
	testcard_draw(&synthetic->card, synthetic->canvas ? synthetic->canvas : frame, state, number);
	return !synthetic->canvas || compress(synthetic, frame);
}

/* What a sensor does at the end of an exposure: fill a buffer, if there is one and somebody is there in time. */
static void expose(struct synthetic *synthetic, int64_t time_ns)
{
	const struct options *options = &synthetic->options;
	bool late = clock_now_ns() > time_ns + LATE_PERIODS * synthetic->source.period_ns;
	struct frame *frame;

	if (options->lose_every && synthetic->sequence % options->lose_every == 0) {
		synthetic->gap.sensor++;
		return;
	}
	frame = late ? NULL : pool_take(synthetic->pool);
	if (!frame || !draw(synthetic, frame)) {
		synthetic->gap.starved++;
		frame_unref(frame);
		return;
	}
	frame->sensor_ns = time_ns;
	frame_note_arrival(frame);
	frame->sequence = synthetic->sequence;
	frame->gap = synthetic->gap;
	synthetic->gap = (struct gap){ 0 };
	synthetic->sink.on_frame(synthetic->sink.user, frame);
}

static void fail(struct synthetic *synthetic)
{
	struct error err;

	error_set(&err, ERR_CAMERA_LOST, "synthetic camera: gone after %llu frames, as asked by fail_after",
		  (unsigned long long)synthetic->options.fail_after);
	synthetic->sink.on_end(synthetic->sink.user, &err);
}

static void *run(void *user)
{
	struct synthetic *synthetic = user;
	const struct options *options = &synthetic->options;

	pthread_setname_np(pthread_self(), "synthetic");
	for (uint64_t n = 0; n < options->stall_after; n++) {
		int64_t time_ns = frame_time_ns(synthetic, n);

		if (!pacer_wait_until(&synthetic->pacer, time_ns))
			break;
		if (n == options->fail_after) {
			fail(synthetic);
			break;
		}
		synthetic->sequence = n + 1;
		expose(synthetic, time_ns);
	}
	return NULL;
}

static bool synthetic_start(struct source *source, const struct source_sink *sink, struct error *err)
{
	struct synthetic *synthetic = (struct synthetic *)source;
	int rc;

	synthetic->sink = *sink;
	synthetic->sequence = 0;
	synthetic->gap = (struct gap){ 0 };
	prepare_pictures(synthetic);
	pacer_arm(&synthetic->pacer);
	synthetic->start_ns = clock_now_ns();
	rc = pthread_create(&synthetic->thread, NULL, run, synthetic);
	if (rc) {
		drop_pictures(synthetic);
		return error_set_errno(err, rc, "synthetic camera: no thread");
	}
	synthetic->running = true;
	return true;
}

static void synthetic_stop(struct source *source)
{
	struct synthetic *synthetic = (struct synthetic *)source;

	if (!synthetic->running)
		return;
	pacer_stop(&synthetic->pacer);
	pthread_join(synthetic->thread, NULL);
	synthetic->running = false;
	drop_pictures(synthetic);
}

static void synthetic_close(struct source *source)
{
	struct synthetic *synthetic = (struct synthetic *)source;

	if (!synthetic)
		return;
	synthetic_stop(source);
	pacer_finish(&synthetic->pacer);
	free(synthetic);
}

const struct source_impl source_synthetic = {
	.kind = "synthetic",
	.open = synthetic_open,
	.start = synthetic_start,
	.stop = synthetic_stop,
	.close = synthetic_close,
};
