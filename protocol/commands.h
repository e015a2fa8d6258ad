/*
 * THE COMMAND TABLE: what can be asked of camd. Validation, dispatch, camctl's sub-commands, `describe`, the reference
 * pages and the derived tests are read off it. A new command is a row here, its argument struct, and a handler in
 * camd/handlers/. Read-only data; any thread.
 */
#pragma once

#include "common/field.h"
#include "protocol/messages.h"

enum command_id {
	CMD_START_RECORDING,
	CMD_STOP_RECORDING,
	CMD_TAKE_SNAPSHOT,
	CMD_GET_STATUS,
	CMD_TOGGLE_PREVIEW,
	CMD_QUIT,
	CMD_PING,
	CMD_WAIT,
	CMD_DESCRIBE,
	CMD_LIST_CAMERAS,
	CMD_GET_CONFIG,
	CMD_SET_CONFIG,
	CMD_SUBSCRIBE,
	CMD_UNSUBSCRIBE,
	CMD_SET_CONTROLS,
	CMD_SET_CAMERA,
	CMD_SET_OVERLAY,
	CMD_NEW_SESSION,
	CMD_REMUX,
	CMD_TRIGGER,
	CMD_MARK,
	CMD_EXPORT,
	CMD_CANCEL,
	CMD_LIST_RECORDINGS,
	CMD_PROTECT,
	CMD_UNPROTECT,
	CMD_DELETE_RECORDING,
	CMD_FRAME_TAP,
	CMD_SYNC,
	N_COMMANDS,
};

enum command_flag {
	CMD_MAY_TAKE_TIME = 1 << 0,	/* later requests with an id, that don't, may be answered before it */
	CMD_NEEDS_CAMERAS = 1 << 1,	/* waits for the first cameras after the start */
	CMD_ENDS_INPUT = 1 << 2,	/* nothing behind it is carried out */
};

struct command {
	const char *name;
	const char *summary;		/* one sentence */
	enum message_id reply;
	unsigned flags;
	const struct field *arguments;	/* NULL: none */
	size_t arguments_bytes;
};

struct start_recording_args {
	struct list camera_id;		/* of int64_t */
	int64_t duration_ns;		/* FIELD_UNSET: until stopped */
};

struct cameras_args {
	struct list camera_id;
};

enum still_format { STILL_JPG, STILL_PNG, STILL_NPY, STILL_NPY_BGR };
enum stacking { STACKING_MEAN, STACKING_SUM };

struct take_snapshot_args {
	struct list camera_id;
	int format;			/* enum still_format, index in still_format_names */
	int64_t stack;			/* FIELD_UNSET: one frame, as it is recorded */
	int stacking;			/* enum stacking */
	int64_t ring;			/* FIELD_UNSET: what comes, not what was */
};

struct toggle_preview_args {
	struct list camera_id;
	bool enabled;
	struct size size;
	double fps;
	int64_t quality;
};

struct wait_args {
	int64_t wait_ns;
};

struct get_config_args {
	struct list names;		/* of texts */
};

struct set_config_args {
	struct cJSON *values;
};

struct events_args {
	struct list events;		/* of texts */
};

struct set_controls_args {
	struct list camera_id;
	struct cJSON *controls;
};

struct set_overlay_args {
	struct list camera_id;
	char *text;			/* absent, as all that follow: as it is */
	int64_t size;
	int position;			/* index in overlay_positions */
	struct rgba color, background;
	bool enabled;
};

struct set_camera_args {
	struct list camera_id;
	bool enabled;
};

struct new_session_args {
	char *label;			/* NULL: none */
};

enum trigger_overlap { TRIGGER_EXTEND, TRIGGER_OWN };
enum trigger_stills_format { STILLS_NONE, STILLS_JPG, STILLS_PNG, STILLS_NPY, STILLS_NPY_BGR };	/* none, and those of enum still_format */
enum stills_from { STILLS_FROM_CLIP, STILLS_FROM_RING };

struct trigger_args {
	struct list camera_id;
	int64_t before_ns, after_ns;	/* FIELD_UNSET: as the settings have it */
	char *label;			/* NULL: none */
	int overlap;			/* enum trigger_overlap */
	int stills;			/* enum trigger_stills_format; -1: as the setting has it */
	int64_t stills_every;		/* FIELD_UNSET: likewise */
	int stills_from;		/* enum stills_from; -1: likewise */
};

struct mark_args {
	struct list camera_id;
	char *label;
};

struct remux_args {
	char *file;
};

struct export_args {
	struct list camera_id;
	int64_t from_ns, to_ns;		/* wall times; FIELD_UNSET: all there is */
	bool precise;
	char *label;			/* NULL: none */
};

struct cancel_args {
	int64_t job;
};

extern const char *const trigger_stills_formats[];	/* by enum trigger_stills_format, NULL-terminated */
extern const char *const stills_from_names[];	/* by enum stills_from, likewise */
extern const char *const still_format_names[];	/* NULL-terminated: jpg, png, npy, npy_bgr */

struct list_recordings_args {
	struct list camera_id;
	char *session;			/* NULL: of all */
	int64_t from_ns, to_ns;		/* wall times; FIELD_UNSET: none */
	bool protected;
	int64_t offset, limit;
};

struct files_args {
	struct list file;		/* of texts */
};

struct frame_tap_args {
	int64_t camera_id;
	struct size size;		/* width 0: preview_size */
	double rate;			/* NAN: every frame */
	int format;			/* index in tap_formats */
	bool stop;
};

extern const struct command commands[N_COMMANDS];	/* by enum command_id */

/* NULL: there is none of that name. */
const struct command *command_find(const char *name);
enum command_id command_id(const struct command *command);
