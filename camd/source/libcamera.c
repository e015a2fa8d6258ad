/*
 * Cameras that only libcamera can drive: those on a board's camera connector, and others behind an image processor.
 *
 * What to give to open(): the id that libcamera has for a camera, a number that counts those found, or nothing for the first.
 * USB cameras are left to V4L2, which can set their rate.
 *
 * Frames are the camera's own buffers, mapped: nothing is copied or converted. A camera that falls silent, or gives its
 * requests back cancelled (all that libcamera tells of a sensor that has stopped), is started again; what is missing then
 * was lost by the sensor. libcamera's own thread is never kept waiting: the thread of this source does the work.
 */
#include "camd/source/source.h"

#include "camd/libcamera_device.h"
#include "camd/sensor_clock.h"
#include "camd/sensor_gaps.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KIND "libcamera:"
#define MAX_CAMERAS 32
#define SILENCE_NS (2 * NS_PER_S)
#define SILENCE_PERIODS 6
#define MAX_RESTARTS 3

struct libcamera_source {
	struct source source;
	const struct libcamera *libcamera;
	struct libcamera_mode wish;
	struct source_sink sink;
	pthread_t thread;
	bool running;
	atomic_bool stopping;
	_Atomic int64_t period_ns;		/* of its rate now; 0: it has none that is fixed */

	pthread_mutex_t lock;			/* for the next two: controls are set while the thread reopens the camera */
	struct libcamera_device *device;	/* NULL: it could not be reopened */
	struct libcamera_settings settings;	/* all that was set */

	/* the thread's */
	struct sensor_gaps gaps;
	struct sensor_clock clock;
	int64_t last_ns;			/* the time of the last frame; 0: none yet */
	int64_t heard_ns;			/* when anything came back */
	int64_t step_ns;			/* from frame to frame, smoothed; 0: unknown */
	int recoveries;				/* since a good frame came */
	bool restarted;				/* and no frame since */
	bool warned_times, warned_damage;
};

static void warn_once(bool *warned, const struct libcamera_source *camera, const char *what)
{
	if (!*warned)
		log_warning("camera %s: %s", camera->source.id, what);
	*warned = true;
}

/* ---- one frame ---- */

static int64_t boottime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void begin_clock(struct libcamera_source *camera, int64_t stamp_ns)
{
	sensor_clock_init(&camera->clock, stamp_ns, clock_now_ns(), boottime_ns());
	if (camera->clock.name)
		log_info("camera %s: its times are %s; %.6f s are added to them", camera->source.id, camera->clock.name,
			 (double)camera->clock.offset_ns / 1e9);
	else
		log_warning("camera %s: its times are of no known clock; frames are stamped when they arrive",
			    camera->source.id);
}

/* When it was exposed, CLOCK_MONOTONIC, always later than the one before. */
static int64_t exposed_ns(struct libcamera_source *camera, const struct libcamera_done *done, int64_t now_ns)
{
	int64_t stamp_ns = done->known & LIBCAMERA_SENSOR_TIME ? done->sensor_ns : done->buffer_ns;
	int64_t time_ns;

	if (!camera->last_ns)
		begin_clock(camera, stamp_ns);
	time_ns = sensor_clock_map(&camera->clock, stamp_ns, now_ns);
	if (camera->last_ns && time_ns <= camera->last_ns) {
		warn_once(&camera->warned_times, camera, "its time stamps don't rise; they are made to");
		time_ns = camera->last_ns + NS_PER_US;
	}
	return time_ns;
}

/* A camera without a fixed rate: how fast it has been lately decides what a pause between two frames means. */
static void measure_step(struct libcamera_source *camera, const struct libcamera_done *done, int64_t time_ns)
{
	int64_t step_ns = time_ns - camera->last_ns;

	if (done->known & LIBCAMERA_FRAME_DURATION && done->frame_duration_us > 0 && done->frame_duration_us < 1000000000)
		camera->step_ns = done->frame_duration_us * NS_PER_US;
	else if (camera->last_ns && !camera->restarted && done->sequence == camera->gaps.sequence + 1)
		camera->step_ns += camera->step_ns ? (step_ns - camera->step_ns) / 8 : step_ns;
}

static uint64_t note_gap(struct libcamera_source *camera, const struct libcamera_filled *filled, int64_t time_ns)
{
	int64_t period_ns = atomic_load(&camera->period_ns);
	uint64_t position;

	if (!period_ns)
		measure_step(camera, &filled->done, time_ns);
	/* After a restart only the time tells what is missing, and it is the sensor's fault, not that of who held buffers. */
	if (camera->restarted && !period_ns)
		camera->gaps.period_ns = camera->step_ns;
	position = sensor_gaps_note(&camera->gaps, filled->done.sequence, time_ns, camera->restarted ? 0 : filled->queued_ns);
	camera->gaps.period_ns = period_ns;
	camera->restarted = false;
	camera->last_ns = time_ns;
	return position;
}

static void read_exposure(const struct libcamera_done *done, struct exposure *exposure)
{
	static const struct {
		unsigned theirs, ours;
	} facts[] = {
		{ LIBCAMERA_EXPOSURE_TIME, EXPOSURE_TIME }, { LIBCAMERA_ANALOGUE_GAIN, EXPOSURE_ANALOGUE_GAIN },
		{ LIBCAMERA_DIGITAL_GAIN, EXPOSURE_DIGITAL_GAIN }, { LIBCAMERA_LUX, EXPOSURE_LUX },
		{ LIBCAMERA_TEMPERATURE, EXPOSURE_TEMPERATURE },
	};

	*exposure = (struct exposure){
		.time_us = (int32_t)MIN(MAX(done->exposure_us, 0), INT32_MAX),
		.analogue_gain = (float)done->analogue_gain, .digital_gain = (float)done->digital_gain,
		.lux = (float)done->lux, .temperature_c = (float)done->temperature_c,
	};
	for (size_t i = 0; i < ARRAY_LEN(facts); i++)
		if (done->known & facts[i].theirs)
			exposure->known |= facts[i].ours;
}

static void deliver(struct libcamera_source *camera, struct libcamera_filled *filled)
{
	struct frame *frame = filled->frame;
	const struct libcamera_done *done = &filled->done;

	frame->sensor_ns = exposed_ns(camera, done, camera->heard_ns);
	frame_note_arrival(frame);
	frame->sequence = note_gap(camera, filled, frame->sensor_ns);
	if (done->status != LIBCAMERA_GOOD) {
		warn_once(&camera->warned_damage, camera, "it delivers damaged pictures, which count as lost by the sensor");
		sensor_gaps_damaged(&camera->gaps);
		frame_unref(frame);
		return;
	}
	camera->recoveries = 0;
	frame->gap = sensor_gaps_take(&camera->gaps);
	read_exposure(done, &frame->exposure);
	if (frame->small)
		frame_copy_facts((struct frame *)frame->small, frame);
	log_debug("camera %s: sequence %" PRIu32 ", SensorTimestamp %" PRId64 ", buffer %" PRId64 ", exposed %" PRId64 " ns",
		  camera->source.id, done->sequence, done->known & LIBCAMERA_SENSOR_TIME ? done->sensor_ns : 0,
		  done->buffer_ns, frame->sensor_ns);
	camera->sink.on_frame(camera->sink.user, frame);
}

/* ---- when it doesn't go well ---- */

/* The same camera anew, for what a start alone doesn't mend. It must come out as it was: nobody expects other pictures. */
static bool reopen(struct libcamera_source *camera, struct error *err)
{
	struct libcamera_mode mode = camera->wish;
	struct frame_layout layout;

	libcamera_device_close(camera->device);
	camera->device = libcamera_device_open(camera->libcamera, camera->source.id + strlen(KIND), &mode, err);
	if (!camera->device)
		return false;
	libcamera_device_layout(camera->device, &layout);
	if (memcmp(&mode.formats[0], &camera->source.format, sizeof(mode.formats[0])) ||
	    layout.dmabuf != camera->source.layout.dmabuf ||
	    memcmp(layout.strides, camera->source.layout.strides, sizeof(layout.strides)) ||
	    memcmp(layout.offsets, camera->source.layout.offsets, sizeof(layout.offsets)))
		return error_set(err, ERR_CAMERA_LOST, "camera %s came back with other pictures", camera->source.id);
	return true;
}

static bool restart(struct libcamera_source *camera, bool anew, struct error *err)
{
	bool good;
	int rc;

	sensor_gaps_restarted(&camera->gaps);
	camera->restarted = true;
	pthread_mutex_lock(&camera->lock);
	good = !anew || reopen(camera, err);
	if (good) {
		rc = libcamera_device_start(camera->device, &camera->settings);
		good = !rc || error_set_errno(err, rc, "camera %s", camera->source.id);
	}
	pthread_mutex_unlock(&camera->lock);
	camera->heard_ns = clock_now_ns();
	return good;
}

/* What had come back in good order before it stopped is not to be lost. */
static void drain(struct libcamera_source *camera)
{
	struct libcamera_filled filled;

	while (libcamera_device_take(camera->device, 0, &filled) == LIBCAMERA_TAKEN) {
		if (filled.done.status == LIBCAMERA_CANCELLED || filled.done.status == LIBCAMERA_STARTUP)
			frame_unref(filled.frame);
		else
			deliver(camera, &filled);
	}
}

static bool fail_unplugged(const struct libcamera_source *camera, struct error *err)
{
	return error_set(err, ERR_CAMERA_LOST, "camera %s (%s): it has been unplugged", camera->source.id,
			 camera->source.model);
}

/* Stops what has failed, and lets go of a frame that came of it. False: it isn't there any more. */
static bool halt(struct libcamera_source *camera, struct frame *failed, struct error *err)
{
	bool there = libcamera_device_is_there(camera->device);

	/* stopped first: a frame that is let go before would go straight back to a camera that has failed */
	if (there)
		libcamera_device_stop(camera->device);
	frame_unref(failed);
	if (!there)
		return fail_unplugged(camera, err);
	drain(camera);
	return true;
}

/* Starts it again, a few times, the last time from scratch. False: nothing helps. */
static bool recover(struct libcamera_source *camera, const char *why, struct frame *failed, struct error *err)
{
	if (!halt(camera, failed, err))
		return false;
	while (!atomic_load(&camera->stopping) && camera->recoveries <= MAX_RESTARTS) {
		bool anew = camera->recoveries++ == MAX_RESTARTS;

		log_warning("camera %s: %s; %s", camera->source.id, why, anew ? "opening it anew" : "starting it again");
		if (restart(camera, anew, err))
			return true;
		log_warning("%s", err->text);
	}
	return atomic_load(&camera->stopping) ||
	       error_set(err, ERR_CAMERA_LOST, "camera %s (%s): %s, and starting it again does not help", camera->source.id,
			 camera->source.model, why);
}

static bool is_silent(struct libcamera_source *camera, int64_t now_ns)
{
	int64_t fed_ns = libcamera_device_fed_ns(camera->device);

	int64_t limit_ns = MAX(SILENCE_NS, SILENCE_PERIODS * atomic_load(&camera->period_ns));

	return fed_ns && now_ns - MAX(fed_ns, camera->heard_ns) >= limit_ns;
}

/* ---- the thread ---- */

/* Waits for something to happen and deals with it. False: it is over. */
static bool step(struct libcamera_source *camera, struct error *err)
{
	struct libcamera_filled filled;

	switch (libcamera_device_take(camera->device, clock_now_ns() + NS_PER_S / 2, &filled)) {
	case LIBCAMERA_GONE:
		return fail_unplugged(camera, err);
	case LIBCAMERA_NOTHING:
		return !is_silent(camera, clock_now_ns()) || recover(camera, "it gives no frames", NULL, err);
	case LIBCAMERA_TAKEN:
		break;
	}
	camera->heard_ns = clock_now_ns();
	if (filled.done.status == LIBCAMERA_CANCELLED)
		return recover(camera, "it has stopped working (its requests were cancelled)", filled.frame, err);
	if (filled.done.status == LIBCAMERA_STARTUP)
		frame_unref(filled.frame);
	else
		deliver(camera, &filled);
	return true;
}

static void *run(void *user)
{
	struct libcamera_source *camera = user;
	struct error err;

	pthread_setname_np(pthread_self(), "libcamera");
	camera->heard_ns = clock_now_ns();
	while (!atomic_load(&camera->stopping)) {
		if (step(camera, &err))
			continue;
		if (!atomic_load(&camera->stopping))
			camera->sink.on_end(camera->sink.user, &err);
		break;
	}
	return NULL;
}

/* ---- finding and opening ---- */

/* The cameras that are ours, without those that V4L2 drives better. */
static size_t list_cameras(const struct libcamera *libcamera, struct libcamera_info infos[MAX_CAMERAS])
{
	int n = libcamera->module->list(libcamera->manager, infos, MAX_CAMERAS);
	size_t n_ours = 0;

	for (int i = 0; i < MIN(n, MAX_CAMERAS); i++)
		if (!infos[i].uvc)
			infos[n_ours++] = infos[i];
	return n_ours;
}

static size_t libcamera_discover(char ***found)
{
	const struct libcamera *libcamera = libcamera_get(NULL);
	struct libcamera_info *infos;
	size_t n;

	if (!libcamera)
		return 0;
	infos = xcalloc(MAX_CAMERAS, sizeof(*infos));
	n = list_cameras(libcamera, infos);
	*found = xcalloc(n, sizeof(**found));
	for (size_t i = 0; i < n; i++)
		(*found)[i] = xstrdup(infos[i].id);
	free(infos);
	return n;
}

static bool find(const struct libcamera *libcamera, const char *what, struct libcamera_info *info, struct error *err)
{
	struct libcamera_info *infos = xcalloc(MAX_CAMERAS, sizeof(*infos));
	size_t n = list_cameras(libcamera, infos), length = strlen(what), i = 0;

	if (length && strspn(what, "0123456789") == length)
		i = strtoul(what, NULL, 10);
	else if (length)
		while (i < n && strcmp(infos[i].id, what))
			i++;
	if (i < n)
		*info = infos[i];
	free(infos);
	if (i < n)
		return true;
	if (!n)
		return error_set(err, ERR_NO_CAMERAS, "libcamera finds no camera: none is connected, another process has "
				 "it, or there is no permission to open the devices");
	return error_set(err, ERR_NOT_FOUND, "camera " KIND "%s is not there; list_cameras shows those that are (a USB "
			 "camera is v4l2:/dev/videoN)", what);
}

static void list_modes(struct source *source, const struct libcamera_config *config)
{
	for (uint32_t i = 0; i < config->n_sizes && source->n_modes < ARRAY_LEN(source->modes); i++)
		source->modes[source->n_modes++] = (struct source_mode){
			.size = { (int)config->sizes[i].width, (int)config->sizes[i].height },
			.max_fps = NAN,		/* libcamera knows it only for the mode that is configured */
		};
}

static void describe(struct libcamera_source *camera, const struct libcamera_info *info, const struct libcamera_mode *mode)
{
	struct source *source = &camera->source;

	snprintf(source->id, sizeof(source->id), KIND "%s", info->id);
	snprintf(source->model, sizeof(source->model), "%.127s", *info->model ? info->model : info->id);
	snprintf(source->clock, sizeof(source->clock), "the sensor's; which clock, its first frame shows");
	source->watches_itself = true;
	source->format = mode->formats[0];
	if (mode->config.n_streams > 1)
		source->small = (struct size){ mode->formats[1].width, mode->formats[1].height };
	source->hflip = mode->config.hflip;
	source->vflip = mode->config.vflip;
	libcamera_device_layout(camera->device, &source->layout);
	list_modes(source, &mode->config);
}

static void read_controls(struct libcamera_source *camera, const struct source_request *request)
{
	struct source *source = &camera->source;
	struct libcamera_control *controls;
	size_t n = libcamera_device_controls(camera->device, &controls);
	double fps = request->fps;

	libcamera_settings_list(controls, n, source);
	if (libcamera_settings_rate(&camera->settings, controls, n, &fps)) {
		source->fps = fps;
		source->period_ns = (int64_t)(1e9 / fps + 0.5);
		source->fixed_rate = true;
	}
	free(controls);
	for (size_t i = 0; i < request->n_controls; i++) {
		struct error err;

		if (!source->impl->set_controls(source, &request->controls[i], 1, &err))
			log_warning("%s", err.text);
	}
}

static bool open_camera(struct libcamera_source *camera, const char *what, const struct source_request *request,
			struct error *err)
{
	struct libcamera_info info;
	struct libcamera_mode mode;

	camera->libcamera = libcamera_get(err);
	if (!camera->libcamera)
		return error_wrap(err, "camera " KIND "%s", what);
	if (!strncmp(what, KIND, strlen(KIND)))
		what += strlen(KIND);
	if (!find(camera->libcamera, what, &info, err))
		return false;
	libcamera_mode_wish(&mode, request);
	camera->wish = mode;
	camera->device = libcamera_device_open(camera->libcamera, info.id, &mode, err);
	if (!camera->device)
		return false;
	describe(camera, &info, &mode);
	read_controls(camera, request);
	return true;
}

static struct source *libcamera_open(const char *what, const struct source_request *request, struct error *err)
{
	struct libcamera_source *camera = xcalloc(1, sizeof(*camera));

	camera->source.impl = &source_libcamera;
	pthread_mutex_init(&camera->lock, NULL);
	if (!open_camera(camera, request->id ? request->id : what ? what : "", request, err)) {
		source_libcamera.close(&camera->source);
		return NULL;
	}
	return &camera->source;
}

/* ---- the rest of the interface ---- */

static bool libcamera_start(struct source *source, const struct source_sink *sink, struct error *err)
{
	struct libcamera_source *camera = (struct libcamera_source *)source;
	int rc;

	if (!camera->device)
		return error_set(err, ERR_CAMERA_LOST, "camera %s could not be opened again", source->id);
	pthread_mutex_lock(&camera->lock);
	rc = libcamera_device_start(camera->device, &camera->settings);
	pthread_mutex_unlock(&camera->lock);
	if (rc)
		return error_set_errno(err, rc, "camera %s: it doesn't start", source->id);
	camera->sink = *sink;
	camera->last_ns = camera->step_ns = 0;
	camera->recoveries = 0;
	camera->restarted = false;
	atomic_store(&camera->period_ns, source->period_ns);
	sensor_gaps_init(&camera->gaps, source->period_ns);
	atomic_store(&camera->stopping, false);
	rc = pthread_create(&camera->thread, NULL, run, camera);
	if (rc) {
		libcamera_device_stop(camera->device);
		return error_set_errno(err, rc, "camera %s: no thread", source->id);
	}
	camera->running = true;
	return true;
}

static bool libcamera_set_controls(struct source *source, const struct control_setting *settings, size_t n, struct error *err)
{
	struct libcamera_source *camera = (struct libcamera_source *)source;
	struct libcamera_settings latest;

	if (!libcamera_settings_read(&latest, source, settings, n, err))
		return false;
	pthread_mutex_lock(&camera->lock);
	libcamera_settings_remember(&camera->settings, &latest);
	if (camera->device)
		libcamera_device_change(camera->device, &latest);
	pthread_mutex_unlock(&camera->lock);
	libcamera_settings_finish(&latest);
	return true;
}

static bool libcamera_set_rate(struct source *source, double *fps, struct error *err)
{
	struct libcamera_source *camera = (struct libcamera_source *)source;
	struct libcamera_settings latest = { 0 };
	struct libcamera_control *controls = NULL;
	size_t n = 0;
	bool good;

	pthread_mutex_lock(&camera->lock);
	if (camera->device)
		n = libcamera_device_controls(camera->device, &controls);
	good = libcamera_settings_rate(&latest, controls, n, fps);
	if (good) {
		libcamera_settings_remember(&camera->settings, &latest);
		libcamera_device_change(camera->device, &latest);
		atomic_store(&camera->period_ns, (int64_t)(1e9 / *fps + 0.5));
	}
	pthread_mutex_unlock(&camera->lock);
	libcamera_settings_finish(&latest);
	free(controls);
	return good || error_set(err, ERR_UNSUPPORTED, "camera %s: its rate can't be changed", source->id);
}

static void libcamera_stop(struct source *source)
{
	struct libcamera_source *camera = (struct libcamera_source *)source;

	if (!camera->running)
		return;
	atomic_store(&camera->stopping, true);
	pthread_mutex_lock(&camera->lock);
	if (camera->device)
		libcamera_device_wake(camera->device);
	pthread_mutex_unlock(&camera->lock);
	pthread_join(camera->thread, NULL);
	camera->running = false;
	if (camera->device)
		libcamera_device_stop(camera->device);
}

static void libcamera_close(struct source *source)
{
	struct libcamera_source *camera = (struct libcamera_source *)source;

	if (!camera)
		return;
	libcamera_stop(source);
	libcamera_device_close(camera->device);
	libcamera_settings_finish(&camera->settings);
	source_free_controls(source);
	pthread_mutex_destroy(&camera->lock);
	free(camera);
}

const struct source_impl source_libcamera = {
	.kind = "libcamera",
	.discover = libcamera_discover,
	.open = libcamera_open,
	.start = libcamera_start,
	.set_controls = libcamera_set_controls,
	.set_rate = libcamera_set_rate,
	.stop = libcamera_stop,
	.close = libcamera_close,
};
