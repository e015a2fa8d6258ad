/* For tests of sources: a sink that keeps what it is given, and waits for it. */
#pragma once

#include "camd/source/source.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define FRAME_SINK_MAX 4096

struct frame_sink {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int keep;			/* hold references to so many of the first frames; the others are let go at once */
	int n_frames;
	struct frame *held[FRAME_SINK_MAX];	/* NULL where let go */
	struct frame facts[FRAME_SINK_MAX];	/* format, times, sequence, gap */
	int n_ends;
	bool failed;
	struct error err;
	void (*look)(struct frame *frame, void *user);	/* at each frame, in the source's thread */
	void *user;
};

static void frame_sink_on_frame(void *user, struct frame *frame)
{
	struct frame_sink *sink = user;

	if (sink->look || sink->keep)
		frame_begin_read(frame);	/* of those that are kept, until they are let go */
	if (sink->look)
		sink->look(frame, sink->user);
	pthread_mutex_lock(&sink->lock);
	if (sink->n_frames < FRAME_SINK_MAX) {
		struct frame *facts = &sink->facts[sink->n_frames];
		bool keep = sink->n_frames < sink->keep;

		frame_copy_facts(facts, frame);
		facts->format = frame->format;
		sink->held[sink->n_frames++] = keep ? frame_ref(frame) : NULL;
	}
	pthread_cond_broadcast(&sink->changed);
	pthread_mutex_unlock(&sink->lock);
	frame_unref(frame);
}

static void frame_sink_on_end(void *user, const struct error *err)
{
	struct frame_sink *sink = user;

	pthread_mutex_lock(&sink->lock);
	sink->n_ends++;
	sink->failed = err;
	if (err)
		sink->err = *err;
	pthread_cond_broadcast(&sink->changed);
	pthread_mutex_unlock(&sink->lock);
}

static inline struct frame_sink *frame_sink_create(bool keep)
{
	struct frame_sink *sink = calloc(1, sizeof(*sink));

	pthread_mutex_init(&sink->lock, NULL);
	pthread_cond_init(&sink->changed, NULL);
	sink->keep = keep ? FRAME_SINK_MAX : 0;
	return sink;
}

static inline struct source_sink frame_sink_of(struct frame_sink *sink)
{
	return (struct source_sink){ .user = sink, .on_frame = frame_sink_on_frame, .on_end = frame_sink_on_end };
}

static inline void frame_sink_let_go(struct frame_sink *sink)
{
	for (int i = 0; i < sink->n_frames; i++) {
		frame_unref(sink->held[i]);
		sink->held[i] = NULL;
	}
}

static inline void frame_sink_destroy(struct frame_sink *sink)
{
	frame_sink_let_go(sink);
	pthread_cond_destroy(&sink->changed);
	pthread_mutex_destroy(&sink->lock);
	free(sink);
}

/* Waits until there are so many frames or ends, or for so long. Whether there are. */
static inline bool frame_sink_wait(struct frame_sink *sink, int n_frames, int n_ends, double seconds)
{
	struct timespec until;
	bool there;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
	until.tv_sec += (time_t)seconds + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&sink->lock);
	while (!(there = sink->n_frames >= n_frames && sink->n_ends >= n_ends))
		if (pthread_cond_timedwait(&sink->changed, &sink->lock, &until))
			break;
	pthread_mutex_unlock(&sink->lock);
	return there;
}
