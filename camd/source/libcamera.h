/*
 * What the module camd_libcamera.so, the only part of camd that is linked with libcamera, gives to the rest: one function,
 * LIBCAMERA_ENTRY, that returns a table. No C++ type, no exception and no number of libcamera's own crosses this line,
 * and the module needs nothing of camd's: libcamera has no stable ABI, so each version has its own build of the module,
 * and a board without libcamera just lacks the file. Tests have a module of their own behind the same table.
 *
 * Functions that return an int return 0 (or what is said), else -errno. Cameras are independent of each other; the calls for
 * one camera are made one at a time, but for queue(), which any thread may call between start() and stop(). The functions in
 * struct libcamera_watcher are called by libcamera's thread, which serves all cameras: they may not wait for anything.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LIBCAMERA_ABI 2		/* to be raised with each change below */
#define LIBCAMERA_ENTRY "camd_libcamera"

#define LIBCAMERA_MAX_STREAMS 2
#define LIBCAMERA_MAX_PLANES 3
#define LIBCAMERA_MAX_FORMATS 15
#define LIBCAMERA_MAX_NUMBERS 16
#define LIBCAMERA_MAX_CHOICES 32
#define LIBCAMERA_MAX_SIZES 32

struct libcamera_manager;
struct libcamera_camera;

struct libcamera_info {
	char id[240];		/* libcamera's, the same after a restart */
	char model[128];
	bool uvc;		/* a USB camera: V4L2 can set its rate and libcamera cannot */
};

/* Pixel formats are DRM's four characters. Colour is in ITU-T H.273's numbers. */
struct libcamera_stream {
	uint32_t width, height;	/* wanted: 0 leaves it to the camera */
	uint32_t fourcc;
	uint32_t stride;	/* of the first plane */
	uint8_t primaries, transfer, matrix;
	bool full_range;
};

struct libcamera_config {
	/* wanted */
	uint32_t fourccs[LIBCAMERA_MAX_FORMATS + 1];	/* that will do, the best first; ends with 0 */
	uint32_t n_buffers;		/* at least, if the camera has so many */

	/* wanted, then what it became: the main stream, then a smaller one if n_streams is 2 and the camera can */
	uint32_t n_streams;
	struct libcamera_stream streams[LIBCAMERA_MAX_STREAMS];
	bool hflip, vflip;
	uint32_t n_requests;		/* what came of n_buffers */

	/* what the main stream could also be */
	uint32_t n_sizes;
	struct { uint32_t width, height; } sizes[LIBCAMERA_MAX_SIZES];
};

struct libcamera_plane {
	int fd;			/* a dmabuf; the camera's, until close() */
	uint32_t offset, bytes;
};

/* One stream's part of a request's memory. */
struct libcamera_buffer {
	uint32_t n_planes;
	struct libcamera_plane planes[LIBCAMERA_MAX_PLANES];
};

enum libcamera_type { LIBCAMERA_BOOL, LIBCAMERA_INT, LIBCAMERA_REAL, LIBCAMERA_RECTANGLE };

struct libcamera_choice {
	int32_t number;
	char name[60];
};

struct libcamera_control {
	char name[64];
	enum libcamera_type type;
	uint32_t n_numbers;	/* that make a value: 1, 4 for a rectangle (x, y, width, height), more for arrays */
	double min, max;	/* of each number */
	double fallback;	/* what it is by itself; NAN: unknown */
	double whole[4];	/* of a rectangle: the largest one */
	uint32_t n_choices;	/* named values, where libcamera names them */
	struct libcamera_choice choices[LIBCAMERA_MAX_CHOICES];
};

struct libcamera_setting {
	char name[64];
	uint32_t n_numbers;
	double numbers[LIBCAMERA_MAX_NUMBERS];
};

enum libcamera_status {
	LIBCAMERA_GOOD,
	LIBCAMERA_DAMAGED,
	LIBCAMERA_CANCELLED,	/* nothing else about it means anything */
	LIBCAMERA_STARTUP,	/* exposed before the camera had found its settings */
};

enum libcamera_fact {
	LIBCAMERA_SENSOR_TIME = 1 << 0,
	LIBCAMERA_FRAME_DURATION = 1 << 1,
	LIBCAMERA_EXPOSURE_TIME = 1 << 2,
	LIBCAMERA_ANALOGUE_GAIN = 1 << 3,
	LIBCAMERA_DIGITAL_GAIN = 1 << 4,
	LIBCAMERA_LUX = 1 << 5,
	LIBCAMERA_TEMPERATURE = 1 << 6,
};

/* A request that came back. */
struct libcamera_done {
	uint32_t request;
	enum libcamera_status status;		/* of the request, and of the main stream's buffer */
	enum libcamera_status small_status;
	uint32_t sequence;			/* the main stream's buffer counter */
	int64_t buffer_ns;			/* its time stamp */
	unsigned known;				/* bits of enum libcamera_fact: which of the following are told */
	int64_t sensor_ns;
	int64_t frame_duration_us, exposure_us;
	double analogue_gain, digital_gain, lux, temperature_c;
};

struct libcamera_watcher {
	void *user;
	void (*on_done)(void *user, const struct libcamera_done *done);
	void (*on_gone)(void *user);		/* it has been unplugged; requests may never come back */
};

struct libcamera_module {
	uint32_t abi;			/* LIBCAMERA_ABI as the module was built */
	const char *version;		/* libcamera's, as it runs: "v0.0.3" */

	/* Starts libcamera, once in a process: it can't be started twice, and stays until the process ends. */
	int (*start_manager)(struct libcamera_manager **manager);

	/* The cameras that are plugged in, by their ids; returns how many, of which max at most are told. Any thread. */
	int (*list)(struct libcamera_manager *manager, struct libcamera_info *infos, int max);

	/* -ENODEV: there is none with that id; -EBUSY: it is taken. The watcher must stay until close() has returned. */
	int (*open)(struct libcamera_manager *manager, const char *id, const struct libcamera_watcher *watcher,
		    struct libcamera_camera **camera);

	/* Configures and gets memory: once after open(). -EINVAL: it can't do anything of the kind. */
	int (*configure)(struct libcamera_camera *camera, struct libcamera_config *config);
	int (*buffer)(struct libcamera_camera *camera, uint32_t request, uint32_t stream, struct libcamera_buffer *buffer);

	/* Its controls as it is configured now; returns how many, of which max at most are told. */
	int (*controls)(struct libcamera_camera *camera, struct libcamera_control *controls, int max);

	/* The settings hold from the first frame on. */
	int (*start)(struct libcamera_camera *camera, const struct libcamera_setting *settings, size_t n);

	/* Gives a request to the camera, with settings for its frame and those that follow. */
	int (*queue)(struct libcamera_camera *camera, uint32_t request, const struct libcamera_setting *settings, size_t n);

	/*
	 * Whether its devices still exist. One that was unplugged must not be stopped nor closed until on_gone() has been
	 * called: libcamera ends the process when it can't stop a device.
	 */
	bool (*is_there)(struct libcamera_camera *camera);

	/* All requests come back within, most of them cancelled. May take a moment. */
	int (*stop)(struct libcamera_camera *camera);
	void (*close)(struct libcamera_camera *camera);
};

typedef const struct libcamera_module *(*libcamera_entry_fn)(void);

#ifdef __cplusplus
}
#endif
