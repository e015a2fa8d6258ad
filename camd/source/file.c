/*
 * A video file played as a camera, at its own times.
 *
 * What to give to open(): PATH, or PATH?loop to begin again at its end. A file whose name is the whole of it goes first, so
 * that names with '?' work.
 *
 * It plays from its first picture whenever it becomes wanted, and stops when it is not wanted any more. Picture times are
 * the moment at which the first one was ready, plus what the file says since. It loses nothing: when decoding is late or the
 * others hold too many frames it waits, and only the moment of delivery shifts, never the times. Every play opens the file
 * anew, for seeking to the start does not give the same pictures again with all formats.
 */
#include "camd/source/source.h"

#include "camd/avpicture.h"
#include "camd/pacer.h"
#include "camd/videofile.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"

#include <libswscale/swscale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_HELD 8

/* What the source and its frames share; freed by the last of them. */
struct shared {
	struct pacer pacer;	/* its lock is for all of this */
	int references;
	int n_held;		/* frames that others have */
	bool wanted;
	uint64_t plays;		/* how often it became wanted */
};

/* A frame and the decoded picture that it shows. */
struct shown {
	struct frame frame;
	AVFrame *picture;
	struct shared *shared;
};

struct file {
	struct source source;
	char *path;
	bool loop;
	struct shared *shared;
	struct source_sink sink;
	pthread_t thread;
	bool running;

	/* the thread's */
	struct SwsContext *scaler;
	uint64_t sequence;
	uint64_t play;		/* which one of shared->plays this is */
};

static void shared_unref(struct shared *shared)
{
	bool last;

	pthread_mutex_lock(&shared->pacer.lock);
	last = --shared->references == 0;
	pthread_mutex_unlock(&shared->pacer.lock);
	if (!last)
		return;
	pacer_finish(&shared->pacer);
	free(shared);
}

static struct shared *shared_create(void)
{
	struct shared *shared = xcalloc(1, sizeof(*shared));

	pacer_init(&shared->pacer);
	shared->references = 1;
	return shared;
}

static void release_shown(struct frame *frame, void *owner)
{
	struct shown *shown = owner;
	struct shared *shared = shown->shared;

	(void)frame;
	av_frame_free(&shown->picture);
	free(shown);
	pthread_mutex_lock(&shared->pacer.lock);
	shared->n_held--;
	pacer_wake_locked(&shared->pacer);
	pthread_mutex_unlock(&shared->pacer.lock);
	shared_unref(shared);
}

/* Takes over the picture. */
static struct frame *show(struct file *file, AVFrame *picture, int64_t sensor_ns)
{
	struct shown *shown = xcalloc(1, sizeof(*shown));
	struct frame *frame = &shown->frame;

	shown->picture = picture;
	shown->shared = file->shared;
	frame->format = file->source.format;
	avpicture_planes(frame, picture);
	frame->read_only = !av_frame_is_writable(picture);	/* the decoder makes other pictures of it */
	frame->sensor_ns = sensor_ns;
	frame_note_arrival(frame);
	frame->sequence = ++file->sequence;
	frame->release = release_shown;
	frame->owner = shown;
	atomic_init(&frame->references, 1);
	pthread_mutex_lock(&file->shared->pacer.lock);
	file->shared->n_held++;
	file->shared->references++;
	pthread_mutex_unlock(&file->shared->pacer.lock);
	return frame;
}

static bool is_over_locked(const struct file *file)
{
	const struct shared *shared = file->shared;

	return shared->pacer.stopping || !shared->wanted || shared->plays != file->play;
}

static bool is_over(void *user)
{
	struct file *file = user;
	bool over;

	pthread_mutex_lock(&file->shared->pacer.lock);
	over = is_over_locked(file);
	pthread_mutex_unlock(&file->shared->pacer.lock);
	return over;
}

/* Waits until a picture's time has come and there is room for it. False: this play is over. */
static bool wait_turn(struct file *file, int64_t sensor_ns)
{
	struct shared *shared = file->shared;
	bool over;

	pthread_mutex_lock(&shared->pacer.lock);
	while (!(over = is_over_locked(file))) {
		bool full = shared->n_held >= MAX_HELD;

		if (!full && clock_now_ns() >= sensor_ns)
			break;
		pacer_wait_locked(&shared->pacer, full ? INT64_MAX : sensor_ns);
	}
	pthread_mutex_unlock(&shared->pacer.lock);
	return !over;
}

/* Replaces a picture that can't go on as it is. False: it can't be converted; it is freed in any case then. */
static bool fit(struct file *file, AVFrame **picture, struct error *err)
{
	AVFrame *converted;

	if (avpicture_fits(*picture, &file->source.format))
		return true;
	converted = avpicture_convert(&file->scaler, *picture, &file->source.format, err);
	av_frame_free(picture);
	*picture = converted;
	return converted || error_wrap(err, "video file %s", file->path);
}

/* Plays the file once; *start_ns is when (0: once the first picture is ready) and becomes when it ends. */
static enum videofile_result play_once(struct file *file, int64_t *start_ns, struct error *err)
{
	struct videofile *video = videofile_open(file->path, is_over, file, err);
	enum videofile_result result = VIDEOFILE_FAILED;
	AVFrame *picture;
	int64_t time_ns;

	if (!video)
		return VIDEOFILE_FAILED;
	while ((result = videofile_next(video, &picture, &time_ns, err)) == VIDEOFILE_PICTURE) {
		if (!fit(file, &picture, err)) {
			result = VIDEOFILE_FAILED;
			break;
		}
		if (!*start_ns)
			*start_ns = clock_now_ns();
		if (!wait_turn(file, *start_ns + time_ns)) {
			av_frame_free(&picture);
			break;
		}
		file->sink.on_frame(file->sink.user, show(file, picture, *start_ns + time_ns));
	}
	*start_ns += videofile_end_ns(video);
	videofile_close(video);
	return result;
}

/* One play, with its loops. False: the file is of no more use, and the sink has been told. */
static bool play(struct file *file)
{
	enum videofile_result result;
	struct error err = { 0 };
	int64_t start_ns = 0;

	do
		result = play_once(file, &start_ns, &err);
	while (result == VIDEOFILE_END && file->loop && !is_over(file));
	if (is_over(file))
		return true;
	if (result == VIDEOFILE_END) {
		file->sink.on_end(file->sink.user, NULL);
		return true;
	}
	err.code = ERR_CAMERA_LOST;
	file->sink.on_end(file->sink.user, &err);
	return false;
}

static bool wait_wanted(struct file *file)
{
	struct shared *shared = file->shared;
	bool go_on;

	pthread_mutex_lock(&shared->pacer.lock);
	while (!shared->pacer.stopping && (!shared->wanted || shared->plays == file->play))
		pacer_wait_locked(&shared->pacer, INT64_MAX);
	go_on = !shared->pacer.stopping;
	file->play = shared->plays;
	pthread_mutex_unlock(&shared->pacer.lock);
	return go_on;
}

static void *run(void *user)
{
	struct file *file = user;

	pthread_setname_np(pthread_self(), "file");
	while (wait_wanted(file) && play(file))
		;
	return NULL;
}

static bool split_options(struct file *file, const char *what, struct error *err)
{
	const char *question = strrchr(what, '?');

	if (!*what)
		return error_set_argument(err, "camera", "camera 'file': name the file: file:PATH, or file:PATH?loop");
	file->path = xstrdup(what);
	if (!question || !access(what, F_OK))
		return true;
	file->path[question - what] = '\0';
	file->loop = !strcmp(question, "?loop");
	if (file->loop)
		return true;
	if (!access(file->path, F_OK))
		return error_set_argument(err, "camera", "camera 'file:%s': unknown option '%s'; there is ?loop", what, question);
	file->path[question - what] = '?';
	return true;
}

static bool describe(struct file *file, const struct videofile *video, const AVFrame *picture,
		     const struct source_request *request, struct error *err)
{
	struct source *source = &file->source;
	struct size own = { picture->width, picture->height };
	char *real;

	if (!avpicture_format(picture, &source->format))
		return error_set(err, ERR_UNSUPPORTED, "video file %s: pictures of %dx%d are too small", file->path, own.width,
				 own.height);
	if (request->size.width > 1 && request->size.height > 1) {
		source->format.width = request->size.width & ~1;
		source->format.height = request->size.height & ~1;
	}
	if (!avpicture_fits(picture, &source->format))
		source->format.pixels = PIXEL_I420;
	source->fps = videofile_fps(video);
	source->period_ns = source->fps > 0 ? (int64_t)((double)NS_PER_S / source->fps) : 0;
	source->modes[source->n_modes++] = (struct source_mode){ own, source->fps };
	real = realpath(file->path, NULL);
	snprintf(source->id, sizeof(source->id), "file:%s", real ? real : file->path);
	snprintf(source->model, sizeof(source->model), "video file, %s %dx%d", videofile_codec(video), own.width, own.height);
	snprintf(source->clock, sizeof(source->clock), "the file's, from CLOCK_MONOTONIC at its first picture");
	free(real);
	return true;
}

/* Decodes the first picture, for only that tells what will come, and that it will. */
static bool probe(struct file *file, const struct source_request *request, struct error *err)
{
	struct videofile *video = videofile_open(file->path, NULL, NULL, err);
	AVFrame *picture = NULL;
	int64_t time_ns;
	bool good = false;

	if (!video)
		return false;
	switch (videofile_next(video, &picture, &time_ns, err)) {
	case VIDEOFILE_PICTURE:
		good = describe(file, video, picture, request, err) && fit(file, &picture, err);
		break;
	case VIDEOFILE_END:
		error_set(err, ERR_UNSUPPORTED, "video file %s: not one picture of it can be decoded", file->path);
		break;
	case VIDEOFILE_FAILED:
		break;
	}
	av_frame_free(&picture);
	videofile_close(video);
	return good;
}

static struct source *file_open(const char *what, const struct source_request *request, struct error *err)
{
	struct file *file = xcalloc(1, sizeof(*file));

	file->source.impl = &source_file;
	file->shared = shared_create();
	if (!split_options(file, what ? what : "", err) || !probe(file, request, err)) {
		source_file.close(&file->source);
		return NULL;
	}
	return &file->source;
}

static bool file_start(struct source *source, const struct source_sink *sink, struct error *err)
{
	struct file *file = (struct file *)source;
	int rc;

	file->sink = *sink;
	file->sequence = 0;
	file->play = 0;
	pacer_arm(&file->shared->pacer);
	rc = pthread_create(&file->thread, NULL, run, file);
	if (rc)
		return error_set_errno(err, rc, "video file %s: no thread", file->path);
	file->running = true;
	return true;
}

static void file_set_wanted(struct source *source, bool wanted)
{
	struct shared *shared = ((struct file *)source)->shared;

	pthread_mutex_lock(&shared->pacer.lock);
	if (wanted && !shared->wanted)
		shared->plays++;
	shared->wanted = wanted;
	pacer_wake_locked(&shared->pacer);
	pthread_mutex_unlock(&shared->pacer.lock);
}

static void file_stop(struct source *source)
{
	struct file *file = (struct file *)source;

	if (!file->running)
		return;
	pacer_stop(&file->shared->pacer);
	pthread_join(file->thread, NULL);
	file->running = false;
}

static void file_close(struct source *source)
{
	struct file *file = (struct file *)source;

	if (!file)
		return;
	file_stop(source);
	sws_freeContext(file->scaler);
	shared_unref(file->shared);
	free(file->path);
	free(file);
}

const struct source_impl source_file = {
	.kind = "file",
	.open = file_open,
	.start = file_start,
	.set_wanted = file_set_wanted,
	.stop = file_stop,
	.close = file_close,
};
