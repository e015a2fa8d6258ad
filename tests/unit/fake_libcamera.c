/*
 * A module with cameras that don't exist, in place of camd_libcamera.so: two streams, planes in memfds, controls,
 * metadata, and faults on demand. What a real camera can't be made to do in a test, this one does.
 *
 * Each picture shows a number (camd/pattern.h): that of its moment on the camera's own grid of time, from 1 at the first
 * frame on. The grid goes on whatever happens to the stream, so that number and camd's own count agree only if camd has
 * counted every frame that is missing.
 *
 * The environment variable FAKE_LIBCAMERA is read at each open and start: "NAME=NUMBER,…".
 *
 *   cameras=2        how many there are            streams=2    how many streams each can give
 *   only=N           faults are camera N's alone   format=N     of the pictures, by the order of `formats` below
 *   fixed=0          no FrameDurationLimits        boottime=1   stamps are CLOCK_BOOTTIME
 *   requests=8       at most                       uvc=N        camera N is a USB camera
 *   startup=N        so many frames after each start are start-up frames
 *   damaged=N        every N-th frame is damaged   gap=N        before every N-th frame, three are missing
 *   cancel=N         after N frames all requests are cancelled;    silent=N   nothing comes any more;    gone=N   unplugged
 *   notice_ms=N      so long does the fake libcamera need to notice that the camera was unplugged
 *   times=1          so many starts in a row go wrong in that way  back_ms=N  how long it stays unplugged
 *   dead=1           between two such starts there are start-up frames only
 *   hang_stop=1      stop() never comes back
 *   small_damaged=1  the small stream's pictures are damaged
 *   acquire=E, configure=E, buffers=E, begin=E   to open, configure, ask for a buffer, start fails with this errno
 *   again=E          as begin, but only after it has failed    other=1  opened after that, it has another pixel format
 *
 * When the text has changed at an open, that camera forgets its grid and how often it has failed: it is another test.
 */
#include "camd/pattern.h"
#include "camd/source/libcamera.h"
#include "common/util.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MAX_CAMERAS 4
#define MAX_REQUESTS 16
#define DEFAULT_FPS 50
#define GREY 128
#define MARK 16		/* samples wide and high */

#define FOURCC(a, b, c, d) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

static const uint32_t formats[] = { FOURCC('Y', 'U', '1', '2'), FOURCC('N', 'V', '1', '2'), FOURCC('X', 'X', 'X', 'X') };

struct picture {
	int fd;
	uint8_t *memory;
	size_t bytes;
};

enum request_state { REQUEST_FREE, REQUEST_QUEUED };

struct request {
	enum request_state state;
	struct picture pictures[LIBCAMERA_MAX_STREAMS];
	struct libcamera_setting settings[16];
	size_t n_settings;
};

/* The numbers of the controls, in the order of `offered`. */
enum { EXPOSURE, GAIN, AUTOMATIC, AWB, BRIGHTNESS, COLOUR_GAINS, CROP, DURATION, N_CONTROLS };

struct libcamera_camera {
	int index;
	struct libcamera_manager *manager;
	struct libcamera_watcher watcher;
	bool open, running, stopping, failed;
	bool dead;		/* unplugged, whether that was noticed or not */
	int64_t notice_ns;	/* when it is noticed */
	int64_t gone_until_ns;	/* 0 until it is noticed */
	struct libcamera_config config;
	struct request requests[MAX_REQUESTS];
	uint32_t queue[MAX_REQUESTS];
	size_t first, n;
	double values[N_CONTROLS][4];
	pthread_t thread;
	char *text;		/* of FAKE_LIBCAMERA */
	int n_failures;

	/* the grid of time */
	int64_t epoch_ns, period_ns, tick, first_tick;
	int64_t sleep_ns;	/* that CLOCK_BOOTTIME is ahead */
	uint32_t sequence;
	int64_t n_frames;	/* since the start */
};

struct libcamera_manager {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct libcamera_camera cameras[MAX_CAMERAS];
};

static const struct libcamera_control offered[N_CONTROLS] = {
	[EXPOSURE] = { .name = "ExposureTime", .type = LIBCAMERA_INT, .n_numbers = 1, .min = 100, .max = 33000,
		       .fallback = 10000 },
	[GAIN] = { .name = "AnalogueGain", .type = LIBCAMERA_REAL, .n_numbers = 1, .min = 1, .max = 16, .fallback = 1 },
	[AUTOMATIC] = { .name = "AeEnable", .type = LIBCAMERA_BOOL, .n_numbers = 1, .min = 0, .max = 1, .fallback = 1 },
	[AWB] = { .name = "AwbMode", .type = LIBCAMERA_INT, .n_numbers = 1, .min = 0, .max = 4, .fallback = 0, .n_choices = 3,
		  .choices = { { 0, "AwbAuto" }, { 1, "AwbIncandescent" }, { 4, "AwbIndoor" } } },
	[BRIGHTNESS] = { .name = "Brightness", .type = LIBCAMERA_REAL, .n_numbers = 1, .min = -1, .max = 1, .fallback = 0 },
	[COLOUR_GAINS] = { .name = "ColourGains", .type = LIBCAMERA_REAL, .n_numbers = 2, .min = 0, .max = 8,
			   .fallback = NAN },
	[CROP] = { .name = "ScalerCrop", .type = LIBCAMERA_RECTANGLE, .n_numbers = 4, .min = 0, .max = 1456,
		   .fallback = NAN, .whole = { 0, 0, 1456, 1088 } },
	[DURATION] = { .name = "FrameDurationLimits", .type = LIBCAMERA_INT, .n_numbers = 2, .min = 5000, .max = 1000000,
		       .fallback = NAN },
};

static int64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int64_t option(const char *name, int64_t fallback)
{
	const char *at = getenv("FAKE_LIBCAMERA");
	size_t length = strlen(name);

	for (; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		if (!strncmp(at, name, length) && at[length] == '=')
			return atoll(at + length + 1);
	return fallback;
}

/* A fault's number, if it is this camera's. */
static int64_t fault(const struct libcamera_camera *camera, const char *name)
{
	int64_t only = option("only", -1);

	return only < 0 || only == camera->index ? option(name, 0) : 0;
}

/* ---- pictures ---- */

static uint32_t luma_stride(uint32_t width)
{
	return (width + 127) / 128 * 128;	/* more than is needed, as image processors have it */
}

static void make_picture(struct picture *picture, const struct libcamera_stream *stream)
{
	picture->bytes = (size_t)stream->stride * stream->height * 3 / 2;
	picture->fd = memfd_create("picture", MFD_CLOEXEC);
	assert(picture->fd >= 0 && !ftruncate(picture->fd, (off_t)picture->bytes));
	picture->memory = mmap(NULL, picture->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, picture->fd, 0);
	assert(picture->memory != MAP_FAILED);
	memset(picture->memory, GREY, picture->bytes);
}

static void free_picture(struct picture *picture)
{
	if (!picture->memory)
		return;
	munmap(picture->memory, picture->bytes);
	close(picture->fd);
	picture->memory = NULL;
}

/* ---- the camera's thread, which stands for libcamera's ---- */

static void apply(struct libcamera_camera *camera, const struct libcamera_setting *settings, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (int k = 0; k < N_CONTROLS; k++)
			if (!strcmp(settings[i].name, offered[k].name))
				memcpy(camera->values[k], settings[i].numbers, sizeof(camera->values[k]));
}

static struct libcamera_done describe(struct libcamera_camera *camera, uint32_t index)
{
	double (*values)[4] = camera->values;
	int64_t stamp_ns = camera->epoch_ns + camera->tick * camera->period_ns;

	if (fault(camera, "boottime"))
		stamp_ns += camera->sleep_ns;
	return (struct libcamera_done){
		.request = index, .sequence = camera->sequence, .buffer_ns = stamp_ns + 1,
		.small_status = fault(camera, "small_damaged") ? LIBCAMERA_DAMAGED : LIBCAMERA_GOOD,
		.known = LIBCAMERA_SENSOR_TIME | LIBCAMERA_FRAME_DURATION | LIBCAMERA_EXPOSURE_TIME |
			 LIBCAMERA_ANALOGUE_GAIN | LIBCAMERA_DIGITAL_GAIN | LIBCAMERA_LUX | LIBCAMERA_TEMPERATURE,
		.sensor_ns = stamp_ns, .frame_duration_us = camera->period_ns / NS_PER_US,
		.exposure_us = values[AUTOMATIC][0] ? 12345 : (int64_t)values[EXPOSURE][0],
		.analogue_gain = values[AUTOMATIC][0] ? 2.5 : values[GAIN][0],
		/* where tests find what else was set */
		.digital_gain = values[COLOUR_GAINS][1], .lux = values[CROP][3], .temperature_c = values[AWB][0],
	};
}

static void give_back(struct libcamera_camera *camera, const struct libcamera_done *done)
{
	camera->requests[done->request].state = REQUEST_FREE;
	pthread_mutex_unlock(&camera->manager->lock);
	camera->watcher.on_done(camera->watcher.user, done);
	pthread_mutex_lock(&camera->manager->lock);
}

static uint32_t take_request(struct libcamera_camera *camera)
{
	uint32_t index = camera->queue[camera->first];

	camera->first = (camera->first + 1) % MAX_REQUESTS;
	camera->n--;
	return index;
}

/* With what is stale in them, which nobody may believe. */
static void cancel_all(struct libcamera_camera *camera)
{
	while (camera->n) {
		struct libcamera_done done = {
			.request = take_request(camera), .status = LIBCAMERA_CANCELLED, .small_status = LIBCAMERA_CANCELLED,
			.sequence = camera->sequence + 1000, .buffer_ns = 12345, .known = ~0u, .sensor_ns = INT64_MAX / 2,
		};

		give_back(camera, &done);
	}
}

/* What this frame is like; it may fail the camera. */
static enum libcamera_status fate(struct libcamera_camera *camera)
{
	int64_t damaged = fault(camera, "damaged");

	if (fault(camera, "dead") && camera->n_failures > 0 && camera->n_failures < option("times", 1))
		return LIBCAMERA_STARTUP;
	if (camera->n_frames <= fault(camera, "startup"))
		return LIBCAMERA_STARTUP;
	return damaged && camera->n_frames % damaged == 0 ? LIBCAMERA_DAMAGED : LIBCAMERA_GOOD;
}

/* With "mark=1": something to see flips and brightness by. It is in the upper left corner of what the sensor sees. */
static void draw_mark(const struct libcamera_camera *camera, uint8_t *luma, const struct libcamera_stream *stream)
{
	uint32_t x = camera->config.hflip ? stream->width - MARK : 0, y = camera->config.vflip ? stream->height - MARK : 0;

	for (uint32_t row = 0; row < stream->height; row++)
		memset(luma + row * stream->stride, (int)(GREY + 64 * camera->values[BRIGHTNESS][0]), stream->width);
	for (uint32_t row = y; row < y + MARK; row++)
		memset(luma + row * stream->stride + x, 255, MARK);
}

static void fill(struct libcamera_camera *camera, enum libcamera_status status)
{
	uint32_t index = take_request(camera);
	struct request *request = &camera->requests[index];
	struct libcamera_done done;

	apply(camera, request->settings, request->n_settings);
	if (camera->first_tick < 0 && status != LIBCAMERA_STARTUP)
		camera->first_tick = camera->tick;
	for (uint32_t i = 0; i < camera->config.n_streams; i++) {
		const struct libcamera_stream *stream = &camera->config.streams[i];

		memset(request->pictures[i].memory, GREY, request->pictures[i].bytes);
		if (option("mark", 0))
			draw_mark(camera, request->pictures[i].memory, stream);
		pattern_draw(request->pictures[i].memory, (int)stream->stride, (int)stream->width, (int)stream->height,
			     (uint64_t)(camera->tick - camera->first_tick + 1));
	}
	done = describe(camera, index);
	done.status = status;
	give_back(camera, &done);
}

/* Whether something goes wrong for good now. */
static bool fails(struct libcamera_camera *camera)
{
	static const char *const faults[] = { "cancel", "silent", "gone" };

	for (size_t i = 0; i < ARRAY_LEN(faults) && !camera->failed; i++) {
		int64_t after = fault(camera, faults[i]);

		if (!after || camera->n_frames < after || camera->n_failures >= option("times", 1))
			continue;
		camera->failed = true;
		camera->n_failures++;
		camera->dead = i == 2;
		camera->notice_ns = now_ns(CLOCK_MONOTONIC) + option("notice_ms", 0) * NS_PER_MS;
	}
	if (camera->dead && !camera->gone_until_ns && now_ns(CLOCK_MONOTONIC) >= camera->notice_ns) {
		camera->gone_until_ns = now_ns(CLOCK_MONOTONIC) + option("back_ms", 1000000) * NS_PER_MS;
		pthread_mutex_unlock(&camera->manager->lock);
		camera->watcher.on_gone(camera->watcher.user);
		pthread_mutex_lock(&camera->manager->lock);
	}
	if (camera->failed && fault(camera, "cancel"))
		cancel_all(camera);
	return camera->failed;
}

static void tick(struct libcamera_camera *camera)
{
	int64_t gap = fault(camera, "gap");

	camera->tick++;
	camera->sequence++;
	if (fails(camera) || !camera->n)
		return;
	camera->n_frames++;
	if (gap && camera->n_frames % gap == 0) {
		camera->tick += 3;
		camera->sequence += 3;
	}
	fill(camera, fate(camera));
}

/* Waits for the next moment of the grid. False: to be stopped. */
static bool wait_for_tick(struct libcamera_camera *camera)
{
	int64_t at_ns = camera->epoch_ns + (camera->tick + 1) * camera->period_ns;
	struct timespec at = { .tv_sec = at_ns / NS_PER_S, .tv_nsec = at_ns % NS_PER_S };

	while (!camera->stopping)
		if (pthread_cond_timedwait(&camera->manager->changed, &camera->manager->lock, &at))
			return true;
	return false;
}

static void *run(void *user)
{
	struct libcamera_camera *camera = user;

	pthread_mutex_lock(&camera->manager->lock);
	while (wait_for_tick(camera))
		tick(camera);
	/* one that is unplugged keeps them */
	if (!camera->gone_until_ns)
		cancel_all(camera);
	pthread_mutex_unlock(&camera->manager->lock);
	return NULL;
}

/* ---- the table ---- */

static bool is_there(struct libcamera_camera *camera)
{
	return camera->index < option("cameras", 2) &&
	       (!camera->gone_until_ns || now_ns(CLOCK_MONOTONIC) >= camera->gone_until_ns);
}

static int fake_start_manager(struct libcamera_manager **manager)
{
	struct libcamera_manager *made = xcalloc(1, sizeof(*made));
	pthread_condattr_t attributes;

	pthread_mutex_init(&made->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&made->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	for (int i = 0; i < MAX_CAMERAS; i++)
		made->cameras[i] = (struct libcamera_camera){ .index = i, .manager = made };
	*manager = made;
	return 0;
}

static int fake_list(struct libcamera_manager *manager, struct libcamera_info *infos, int max)
{
	const char *tuning = getenv("LIBCAMERA_RPI_TUNING_FILE");	/* shown to those who want to know whether it arrives */
	int n = 0;

	pthread_mutex_lock(&manager->lock);
	for (int i = 0; i < MAX_CAMERAS; i++) {
		if (!is_there(&manager->cameras[i]))
			continue;
		if (n < max) {
			infos[n] = (struct libcamera_info){ .uvc = option("uvc", -1) == i };
			snprintf(infos[n].id, sizeof(infos[n].id), "/base/fake/sensor@%d", i);
			snprintf(infos[n].model, sizeof(infos[n].model), "fake%d%s", i, tuning ? tuning : "");
		}
		n++;
	}
	pthread_mutex_unlock(&manager->lock);
	return n;
}

static void forget_other_tests(struct libcamera_camera *camera)
{
	const char *text = getenv("FAKE_LIBCAMERA");

	if (camera->text && !strcmp(camera->text, text ? text : ""))
		return;
	free(camera->text);
	camera->text = xstrdup(text ? text : "");
	camera->n_failures = 0;
	camera->period_ns = 0;
}

static int fake_open(struct libcamera_manager *manager, const char *id, const struct libcamera_watcher *watcher,
		     struct libcamera_camera **camera)
{
	struct libcamera_camera *found;
	int index, rc;

	if (sscanf(id, "/base/fake/sensor@%d", &index) != 1 || index < 0 || index >= MAX_CAMERAS)
		return -ENODEV;
	found = &manager->cameras[index];
	pthread_mutex_lock(&manager->lock);
	rc = !is_there(found) ? -ENODEV : found->open ? -EBUSY : -(int)fault(found, "acquire");
	if (!rc) {
		found->open = true;
		found->gone_until_ns = 0;
		found->dead = false;
		found->watcher = *watcher;
		forget_other_tests(found);
		*camera = found;
	}
	pthread_mutex_unlock(&manager->lock);
	return rc;
}

static int fake_configure(struct libcamera_camera *camera, struct libcamera_config *config)
{
	static const struct { uint32_t width, height; } defaults[] = { { 640, 480 }, { 320, 240 } };
	uint32_t fourcc = formats[camera->n_failures && fault(camera, "other") ? 1 : option("format", 0)];

	if (fault(camera, "configure"))
		return -(int)fault(camera, "configure");
	config->n_streams = MIN(config->n_streams, (uint32_t)option("streams", 2));
	config->n_requests = MIN(MAX(config->n_buffers, 4), (uint32_t)option("requests", 8));
	for (uint32_t i = 0; i < config->n_streams; i++) {
		struct libcamera_stream *stream = &config->streams[i];

		stream->width = stream->width ? stream->width : defaults[i].width;
		stream->height = stream->height ? stream->height : defaults[i].height;
		stream->fourcc = fourcc;
		stream->stride = luma_stride(stream->width);
		stream->primaries = stream->transfer = stream->matrix = 1;
	}
	config->hflip = config->hflip && option("flips", 1);
	config->vflip = config->vflip && option("flips", 1);
	config->n_sizes = 2;
	config->sizes[0].width = 640, config->sizes[0].height = 480;
	config->sizes[1].width = 1456, config->sizes[1].height = 1088;
	camera->config = *config;
	memset(camera->requests, 0, sizeof(camera->requests));
	for (uint32_t k = 0; k < config->n_requests; k++)
		for (uint32_t i = 0; i < config->n_streams; i++)
			make_picture(&camera->requests[k].pictures[i], &config->streams[i]);
	for (int i = 0; i < N_CONTROLS; i++)
		camera->values[i][0] = isnan(offered[i].fallback) ? 0 : offered[i].fallback;
	return 0;
}

static int fake_buffer(struct libcamera_camera *camera, uint32_t request, uint32_t stream, struct libcamera_buffer *buffer)
{
	const struct libcamera_stream *told = &camera->config.streams[stream];
	uint32_t luma = told->stride * told->height;
	int fd = camera->requests[request].pictures[stream].fd;

	if (fault(camera, "buffers"))
		return -(int)fault(camera, "buffers");
	buffer->planes[0] = (struct libcamera_plane){ .fd = fd, .bytes = luma };
	if (told->fourcc == formats[1]) {
		buffer->planes[1] = (struct libcamera_plane){ .fd = fd, .offset = luma, .bytes = luma / 2 };
		buffer->n_planes = 2;
		return 0;
	}
	for (uint32_t i = 0; i < 2; i++)
		buffer->planes[1 + i] = (struct libcamera_plane){
			.fd = fd, .offset = luma + i * (luma / 4), .bytes = luma / 4,
		};
	buffer->n_planes = 3;
	return 0;
}

static int fake_controls(struct libcamera_camera *camera, struct libcamera_control *controls, int max)
{
	int n = option("fixed", 1) ? N_CONTROLS : DURATION;

	(void)camera;
	memcpy(controls, offered, (size_t)MIN(n, max) * sizeof(*controls));
	return n;
}

static int fake_start(struct libcamera_camera *camera, const struct libcamera_setting *settings, size_t n)
{
	int64_t period_ns = NS_PER_S / DEFAULT_FPS;
	const char *refusal = camera->n_failures ? "again" : "begin";

	if (camera->gone_until_ns)
		return -ENODEV;
	if (fault(camera, refusal))
		return -(int)fault(camera, refusal);
	pthread_mutex_lock(&camera->manager->lock);
	assert(!camera->running);
	apply(camera, settings, n);
	if (camera->values[DURATION][0] > 0)
		period_ns = (int64_t)camera->values[DURATION][0] * NS_PER_US;
	if (camera->period_ns != period_ns) {
		camera->period_ns = period_ns;
		camera->epoch_ns = now_ns(CLOCK_MONOTONIC);
		camera->first_tick = -1;
		camera->sleep_ns = now_ns(CLOCK_BOOTTIME) - now_ns(CLOCK_MONOTONIC);
	}
	camera->tick = (now_ns(CLOCK_MONOTONIC) - camera->epoch_ns) / period_ns;
	camera->sequence = 0;
	camera->n_frames = 0;
	camera->stopping = camera->failed = false;
	camera->running = true;
	camera->n = 0;
	pthread_mutex_unlock(&camera->manager->lock);
	xthread(&camera->thread, run, camera);
	return 0;
}

static int fake_queue(struct libcamera_camera *camera, uint32_t request, const struct libcamera_setting *settings, size_t n)
{
	int rc = -EACCES;

	pthread_mutex_lock(&camera->manager->lock);
	assert(camera->open && request < camera->config.n_requests && n <= ARRAY_LEN(camera->requests[0].settings));
	if (camera->running && !camera->stopping && !camera->gone_until_ns) {
		assert(camera->requests[request].state == REQUEST_FREE);
		camera->requests[request].state = REQUEST_QUEUED;
		camera->requests[request].n_settings = n;
		if (n)
			memcpy(camera->requests[request].settings, settings, n * sizeof(*settings));
		camera->queue[(camera->first + camera->n++) % MAX_REQUESTS] = request;
		rc = 0;
	}
	pthread_mutex_unlock(&camera->manager->lock);
	return rc;
}

static bool fake_is_there(struct libcamera_camera *camera)
{
	bool there;

	pthread_mutex_lock(&camera->manager->lock);
	there = !camera->dead;
	pthread_mutex_unlock(&camera->manager->lock);
	return there;
}

static int fake_stop(struct libcamera_camera *camera)
{
	pthread_mutex_lock(&camera->manager->lock);
	assert(!camera->dead || camera->gone_until_ns);		/* the real one ends the process too */
	while (camera->running && fault(camera, "hang_stop")) {
		pthread_mutex_unlock(&camera->manager->lock);
		pause();
		pthread_mutex_lock(&camera->manager->lock);
	}
	if (!camera->running) {
		pthread_mutex_unlock(&camera->manager->lock);
		return 0;
	}
	camera->stopping = true;
	pthread_cond_broadcast(&camera->manager->changed);
	pthread_mutex_unlock(&camera->manager->lock);
	pthread_join(camera->thread, NULL);
	camera->running = false;
	return 0;
}

static void fake_close(struct libcamera_camera *camera)
{
	fake_stop(camera);
	for (int i = 0; i < MAX_REQUESTS; i++)
		for (int k = 0; k < LIBCAMERA_MAX_STREAMS; k++)
			free_picture(&camera->requests[i].pictures[k]);
	pthread_mutex_lock(&camera->manager->lock);
	camera->open = false;
	pthread_mutex_unlock(&camera->manager->lock);
}

extern const struct libcamera_module *camd_libcamera(void);

const struct libcamera_module *camd_libcamera(void)
{
	static const struct libcamera_module module = {
		.abi = LIBCAMERA_ABI, .version = "v0.0.0-fake", .start_manager = fake_start_manager, .list = fake_list,
		.open = fake_open, .configure = fake_configure, .buffer = fake_buffer, .controls = fake_controls,
		.start = fake_start, .queue = fake_queue,
		.is_there = fake_is_there, .stop = fake_stop, .close = fake_close,
	};

	return &module;
}
