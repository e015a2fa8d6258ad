/*
 * Where frames come from. One implementation a kind of camera: libcamera, v4l2, synthetic, file.
 *
 * A source knows no encoders and no recordings: it fills frames, says what was lost between two of them, and takes its
 * memory back when the last holder lets go.
 *
 * Threads: discover/open/start/stop/close are called from one worker thread at a time, never from the main loop (they may
 * block for a moment); the sink's functions are called by the source's own thread.
 */
#pragma once

#include "camd/frame.h"
#include "common/error.h"
#include "common/field.h"

struct source;

enum control_type { CONTROL_BOOL, CONTROL_INT, CONTROL_REAL, CONTROL_CHOICE };

#define CONTROL_MAX_NUMBERS 16

/* Something of a camera that can be set, by the name that the camera's own interface has for it. */
struct source_control {
	char name[64];
	enum control_type type;
	int n;			/* how many numbers make its value: 1; 4 for a rectangle (x, y, width, height) */
	double min, max;	/* of each number; of a choice: of its number */
	double step;		/* 0: none */
	double fallback;	/* what it is if nobody sets it; NAN: unknown */
	double whole[4];	/* of a rectangle: the largest one; 0: unknown */
	struct list choices;	/* of texts, of CONTROL_CHOICE: the names of numbers; "" for a number that is none */
};

/* A value for one of them, checked already: numbers within the range, and as many of them as it takes. */
struct control_setting {
	char name[64];
	int n;
	double numbers[CONTROL_MAX_NUMBERS];	/* a bool is 0 or 1, a choice its number */
};

/* What is wanted of the camera. A source comes as near as it can and says in source.format and source.fps what it does. */
struct source_request {
	struct size size;	/* 0x0: the camera's own */
	double fps;		/* 0: the camera's own */
	struct size small;	/* of a second, small stream, where the camera has one; 0x0: none is wanted */
	bool hflip, vflip;	/* mirrored, upside down: where that is no control but a matter of opening it */
	/* The id of the camera that was there before, or NULL: that very one is meant, wherever it is plugged in now. */
	const char *id;
	/* What was set while it was there before, to be set again; what it refuses now is logged. */
	const struct control_setting *controls;
	size_t n_controls;
};

struct source_sink {
	void *user;
	/* One frame; takes over the caller's reference. Returns soon: it never waits for an encoder or a disk. */
	void (*on_frame)(void *user, struct frame *frame);
	/*
	 * With err, nothing comes any more, and err says why: at most once between start and stop. With NULL, a file has been
	 * played to its end: the source stays, silent, and plays it again when it becomes unwanted and then wanted.
	 */
	void (*on_end)(void *user, const struct error *err);
};

struct source_mode {
	struct size size;
	double max_fps;		/* NAN: unknown */
};

struct source_impl {
	const char *kind;	/* "libcamera", "v4l2", "synthetic", "file" */

	/*
	 * The cameras of this kind that are plugged in: what to give to open(), which stays the same for the same camera;
	 * allocated texts in an allocated array that the caller frees. NULL if this kind is never found but only named.
	 */
	size_t (*discover)(char ***found);

	/* Opens and configures. what is the WHAT of `--camera KIND:WHAT`; "" or NULL where it was only `KIND`. */
	struct source *(*open)(const char *what, const struct source_request *request, struct error *err);

	/* Starts the flow of frames. The sink must stay until stop() has returned. */
	bool (*start)(struct source *source, const struct source_sink *sink, struct error *err);

	/*
	 * Whether anybody wants the frames now (a recording, a preview, a snapshot). NULL: the source doesn't care. A file plays
	 * from its first frame whenever it becomes wanted. Any thread; doesn't block.
	 */
	void (*set_wanted)(struct source *source, bool wanted);

	/*
	 * Sets controls of an open source, started or not: all of them, or none that it can help. NULL: it has none. May block for
	 * a moment; by a worker, while neither open() nor close() runs.
	 */
	bool (*set_controls)(struct source *source, const struct control_setting *settings, size_t n, struct error *err);

	/*
	 * Another rate while it gives frames, without losing any: *fps is what is wanted, then what it does. NULL: it can't. The source's
	 * own fps and period stay what it was opened with. As set_controls().
	 */
	bool (*set_rate)(struct source *source, double *fps, struct error *err);

	/* Ends the flow: when it returns, the sink is not called any more. Frames may still be held by others. */
	void (*stop)(struct source *source);

	/* Frees the source; the memory of frames that others still hold lives on until they let go. NULL is allowed. */
	void (*close)(struct source *source);
};

/* The common head of every source, filled by open(); read-only afterwards. */
struct source {
	const struct source_impl *impl;
	char id[256];		/* names the same camera again after a restart: "v4l2:usb-…", "synthetic:0", a file's path */
	char model[128];	/* for people */
	struct frame_format format;
	struct frame_layout layout;
	struct size small;	/* of frame.small; 0x0: there is none */
	bool hflip, vflip;	/* it was opened so */
	double fps;		/* nominal frames/s; 0 if unknown */
	int64_t period_ns;	/* nominal, 0 if unknown */
	bool watches_itself;	/* it notices silence, tries to start again, and says on_end() where that does not help */
	bool fixed_rate;	/* false: the camera gives frames when it likes; rate not to be thinned out nor watched */
	char clock[64];		/* how its times became CLOCK_MONOTONIC, for the log */
	struct source_mode modes[32];
	size_t n_modes;
	struct source_control *controls;	/* with their choices freed by source_free_controls(), in close() */
	size_t n_controls;
};

extern const struct source_impl source_libcamera, source_v4l2, source_synthetic, source_file;

/* All kinds, in the order in which they are looked for; ends with NULL. */
extern const struct source_impl *const source_impls[];

void source_free_controls(struct source *source);

/* Splits "KIND:WHAT" (or "KIND"). *what points into spec. NULL with ERR_BAD_ARGUMENT for an unknown kind. */
const struct source_impl *source_find(const char *spec, const char **what, struct error *err);
