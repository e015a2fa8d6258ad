/*
 * One camera of libcamera's, acquired and configured, and its buffers as frames that go round between it and whoever
 * holds them.
 *
 * A frame that is let go is queued again at once while the camera streams, by the thread that lets it go; otherwise at
 * the next start. The memory lives until libcamera_device_close() and the last frame. libcamera's thread only leaves a
 * note here of what came back; take() finds it. take() belongs to one thread; wake(), change() and the frames to any; the
 * others are called while that thread doesn't run, or by itself.
 */
#pragma once

#include "camd/libcamera_mode.h"
#include "camd/libcamera_module.h"
#include "camd/libcamera_settings.h"

struct libcamera_device;

/* A request that came back: a frame with one reference, whose facts are still to be filled in. */
struct libcamera_filled {
	struct frame *frame;
	struct libcamera_done done;
	int64_t queued_ns;	/* when it had been given to the camera */
};

enum libcamera_taken {
	LIBCAMERA_TAKEN,
	LIBCAMERA_NOTHING,	/* the time has passed, or wake() */
	LIBCAMERA_GONE,		/* unplugged: nothing comes any more */
};

/* id is libcamera's. mode: what is wished, and what it became. */
struct libcamera_device *libcamera_device_open(const struct libcamera *libcamera, const char *id, struct libcamera_mode *mode,
					       struct error *err);

/* NULL is allowed. */
void libcamera_device_close(struct libcamera_device *device);

/* The camera's controls as it is configured; allocated, the caller frees. */
size_t libcamera_device_controls(struct libcamera_device *device, struct libcamera_control **controls);

/* How the main pictures lie in their buffers. */
void libcamera_device_layout(const struct libcamera_device *device, struct frame_layout *layout);

int libcamera_device_start(struct libcamera_device *device, const struct libcamera_settings *settings);	/* 0 or an errno */

/* One that has been unplugged takes as long as libcamera needs to notice, or 5 s, and is then left alone. */
void libcamera_device_stop(struct libcamera_device *device);

/* With the next request. */
void libcamera_device_change(struct libcamera_device *device, const struct libcamera_settings *settings);

/* Waits for a request until then (CLOCK_MONOTONIC); those that came back before a stop() can be taken after it too. */
enum libcamera_taken libcamera_device_take(struct libcamera_device *device, int64_t until_ns,
					   struct libcamera_filled *filled);
void libcamera_device_wake(struct libcamera_device *device);

/* Whether its devices still exist; libcamera may take a moment until it notices (LIBCAMERA_GONE). */
bool libcamera_device_is_there(struct libcamera_device *device);

/* Since when it could have filled a buffer; 0: it has none, all are held by others. */
int64_t libcamera_device_fed_ns(struct libcamera_device *device);
