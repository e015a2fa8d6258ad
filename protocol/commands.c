#include "protocol/commands.h"

#include <string.h>

#define CAMERA_IDS(struct_type) { \
	.name = "camera_id", .type = FIELD_LIST, .of = FIELD_INT, .at = offsetof(struct struct_type, camera_id), \
	.flags = FIELD_OPTIONAL | FIELD_ONE_OR_MANY, .help = "Number of a camera, or a list of them; all if absent." }

static const struct field start_recording_fields[] = {
	CAMERA_IDS(start_recording_args),
	{ .name = "duration", .type = FIELD_DURATION, .at = offsetof(struct start_recording_args, duration_ns), .min = 0.001,
	  .max = 31536000, .unit = "s", .flags = FIELD_OPTIONAL,
	  .help = "Stop by itself after so much sensor time; until stopped if absent." },
	{ 0 },
};

static const struct field cameras_fields[] = { CAMERA_IDS(cameras_args), { 0 } };

const char *const still_format_names[] = { "jpg", "png", "npy", "npy_bgr", NULL };

const char *const trigger_stills_formats[] = { "none", "jpg", "png", "npy", "npy_bgr", NULL };
const char *const stills_from_names[] = { [STILLS_FROM_CLIP] = "clip", [STILLS_FROM_RING] = "ring", NULL };

static const char *const stackings[] = { [STACKING_MEAN] = "mean", [STACKING_SUM] = "sum", NULL };

#define AT(member) .at = offsetof(struct take_snapshot_args, member)
static const struct field take_snapshot_fields[] = {
	CAMERA_IDS(take_snapshot_args),
	{ .name = "format", .type = FIELD_ENUM, AT(format), .choices = still_format_names, .fallback = "jpg",
	  .help = "jpg; png, which loses nothing; npy, an array for NumPy of the luma as the camera gives it, shape (height, width), uint8, or uint16 of 10 bits; npy_bgr, blue, green and red from 0 to 255, shape (height, width, 3), uint8. Arrays never have the overlay in them." },
	{ .name = "stack", .type = FIELD_INT, AT(stack), .min = 1, .max = 64, .unit = "frames", .flags = FIELD_OPTIONAL,
	  .help = "Makes the picture of so many consecutive frames, without the overlay; it waits up to start_timeout for each of them." },
	{ .name = "stacking", .type = FIELD_ENUM, AT(stacking), .choices = stackings, .fallback = "mean",
	  .help = "mean: the frames' levels, with less noise; sum: for dark scenes, in 16 bits: an array has the plain sum of the frames' values (uint16), a png (16 bits) and a jpg (8 bits) show it with black kept as it is and up to `stack` times as bright, as far as the brightest thousandth is not clipped." },
	{ .name = "ring", .type = FIELD_INT, AT(ring), .min = 1, .max = 1000, .unit = "frames", .flags = FIELD_OPTIONAL,
	  .help = "Writes so many of the last frames that the setting frame_ring keeps, or all there are, instead: without the overlay, numbered, oldest first, with a CSV that says of each file which frame it is and when." },
	{ 0 },
};
#undef AT

static const struct field toggle_preview_fields[] = {
	{ .name = "camera_id", .type = FIELD_LIST, .of = FIELD_INT, .at = offsetof(struct toggle_preview_args, camera_id),
	  .flags = FIELD_OPTIONAL | FIELD_ONE_OR_MANY, .help = "Number of a camera, or a list of them; 0 if absent." },
	{ .name = "enabled", .type = FIELD_BOOL, .at = offsetof(struct toggle_preview_args, enabled), .fallback = "true",
	  .help = "Whether preview_frame messages are sent." },
	{ .name = "size", .type = FIELD_SIZE, .at = offsetof(struct toggle_preview_args, size), .flags = FIELD_OPTIONAL,
	  .help = "Pictures fit into this size (WxH or a preset); `preview_size` if absent." },
	{ .name = "fps", .type = FIELD_REAL, .at = offsetof(struct toggle_preview_args, fps), .min = 0.1, .max = 60, .unit = "frames/s",
	  .flags = FIELD_OPTIONAL, .help = "Highest rate; `preview_fps` if absent." },
	{ .name = "quality", .type = FIELD_INT, .at = offsetof(struct toggle_preview_args, quality), .min = 1, .max = 100,
	  .flags = FIELD_OPTIONAL, .help = "Quality of the JPEGs; `jpeg_quality`, but 80 at most, if absent." },
	{ 0 },
};

static const struct field wait_fields[] = {
	{ .name = "seconds", .type = FIELD_DURATION, .at = offsetof(struct wait_args, wait_ns), .min = 0, .max = 31536000,
	  .unit = "s", .flags = FIELD_REQUIRED, .help = "How long to wait." },
	{ 0 },
};

static const struct field get_config_fields[] = {
	{ .name = "names", .type = FIELD_LIST, .of = FIELD_TEXT, .at = offsetof(struct get_config_args, names),
	  .flags = FIELD_OPTIONAL | FIELD_ONE_OR_MANY, .help = "Which settings; all if absent." },
	{ 0 },
};

static const struct field set_config_fields[] = {
	{ .name = "values", .type = FIELD_JSON, .at = offsetof(struct set_config_args, values), .flags = FIELD_REQUIRED,
	  .help = "An object of settings and their new values; all are set, or none." },
	{ 0 },
};

static const struct field events_fields[] = {
	{ .name = "events", .type = FIELD_LIST, .of = FIELD_TEXT, .at = offsetof(struct events_args, events),
	  .flags = FIELD_REQUIRED | FIELD_ONE_OR_MANY, .help = "Names of events, or `*` for all." },
	{ 0 },
};

static const struct field set_controls_fields[] = {
	CAMERA_IDS(set_controls_args),
	{ .name = "controls", .type = FIELD_JSON, .at = offsetof(struct set_controls_args, controls), .flags = FIELD_REQUIRED,
	  .help = "An object of controls by the names that list_cameras tells: numbers, true or false, names of choices, arrays of numbers; all are set, or none. The cameras that are meant must be there." },
	{ 0 },
};

static const struct field set_camera_fields[] = {
	CAMERA_IDS(set_camera_args),
	{ .name = "enabled", .type = FIELD_BOOL, .at = offsetof(struct set_camera_args, enabled), .flags = FIELD_REQUIRED,
	  .help = "false: its recording ends, and its device is free for others; true: it is opened again." },
	{ 0 },
};

#define AT(member) .at = offsetof(struct set_overlay_args, member)
static const struct field set_overlay_fields[] = {
	CAMERA_IDS(set_overlay_args),
	{ .name = "text", .type = FIELD_TEXT, AT(text), .max = 511, .flags = FIELD_OPTIONAL,
	  .help = "What is drawn, as in the setting overlay_text." },
	{ .name = "size", .type = FIELD_INT, AT(size), .min = 0, .max = 200, .unit = "pixels", .flags = FIELD_OPTIONAL,
	  .help = "Height of capital letters; 0: as the picture's size suggests." },
	{ .name = "position", .type = FIELD_ENUM, AT(position), .choices = overlay_positions, .flags = FIELD_OPTIONAL,
	  .help = "Where it stands." },
	{ .name = "color", .type = FIELD_COLOUR, AT(color), .flags = FIELD_OPTIONAL,
	  .help = "Colour of the text, by name or in hexadecimal, such as ff8000." },
	{ .name = "background", .type = FIELD_COLOUR, AT(background), .flags = FIELD_OPTIONAL,
	  .help = "Colour of a box behind it, such as 00000080 (half transparent black), or none." },
	{ .name = "enabled", .type = FIELD_BOOL, AT(enabled), .fallback = "true", .help = "Whether it is drawn." },
	{ 0 },
};
#undef AT

static const struct field new_session_fields[] = {
	{ .name = "label", .type = FIELD_TEXT, .at = offsetof(struct new_session_args, label), .flags = FIELD_OPTIONAL,
	  .help = "The end of the new folder's name: letters, digits, - and _, up to 64 bytes." },
	{ 0 },
};

static const struct field remux_fields[] = {
	{ .name = "file", .type = FIELD_PATH, .at = offsetof(struct remux_args, file), .max = 4095, .flags = FIELD_REQUIRED,
	  .help = "A raw `.h264` recording below the output directory, with its timing CSV beside it." },
	{ 0 },
};

static const char *const overlaps[] = { [TRIGGER_EXTEND] = "extend", [TRIGGER_OWN] = "own", NULL };

#define AT(member) .at = offsetof(struct trigger_args, member)
static const struct field trigger_fields[] = {
	CAMERA_IDS(trigger_args),
	{ .name = "before", .type = FIELD_DURATION, AT(before_ns), .min = 0, .max = 3600, .unit = "s", .flags = FIELD_OPTIONAL,
	  .help = "So much of the time before, as far as `prebuffer` has it; from the key frame before that on; `trigger_before` if absent." },
	{ .name = "after", .type = FIELD_DURATION, AT(after_ns), .min = 0, .max = 86400, .unit = "s", .flags = FIELD_OPTIONAL,
	  .help = "So much of the time after; `trigger_after` if absent." },
	{ .name = "label", .type = FIELD_TEXT, AT(label), .flags = FIELD_OPTIONAL,
	  .help = "The end of the file's name: letters, digits, - and _, up to 64 bytes." },
	{ .name = "overlap", .type = FIELD_ENUM, AT(overlap), .choices = overlaps, .fallback = "extend",
	  .help = "While a clip is being written that has the begin of this one's time: extend that, or write one of its own." },
	{ .name = "stills", .type = FIELD_ENUM, AT(stills), .choices = trigger_stills_formats, .flags = FIELD_OPTIONAL,
	  .help = "Afterwards, write the clip's frames as pictures, too, in the background: into CLIP_stills, with a table; `stills` of the settings if absent." },
	{ .name = "stills_every", .type = FIELD_INT, AT(stills_every), .min = 1, .max = 1e9, .flags = FIELD_OPTIONAL,
	  .help = "Of the frames, the first and each so-many-th after it; as set if absent." },
	{ .name = "stills_from", .type = FIELD_ENUM, AT(stills_from), .choices = stills_from_names, .flags = FIELD_OPTIONAL,
	  .help = "clip: of the clip, with the codec's losses and the overlay; ring: the raw frames of its time that `frame_ring` had at the trigger and at its end, as many in all as that has; as set if absent." },
	{ 0 },
};
#undef AT

#define AT(member) .at = offsetof(struct export_args, member)
static const struct field export_fields[] = {
	CAMERA_IDS(export_args),
	{ .name = "from", .type = FIELD_TIME, AT(from_ns), .flags = FIELD_OPTIONAL,
	  .help = "Frames from this moment on, by write_time_unix: ISO 8601, in the setting timezone unless it says a zone, or seconds since 1970; from the oldest if absent." },
	{ .name = "to", .type = FIELD_TIME, AT(to_ns), .flags = FIELD_OPTIONAL,
	  .help = "Frames before this moment; to the newest if absent." },
	{ .name = "precise", .type = FIELD_BOOL, AT(precise), .fallback = "false",
	  .help = "Have nothing before `from` in the file: the frames from there to the next key frame are encoded anew, the others copied. Else it begins with up to `intra` more, which players skip." },
	{ .name = "label", .type = FIELD_TEXT, AT(label), .flags = FIELD_OPTIONAL,
	  .help = "The end of the file's name: letters, digits, - and _, up to 64 bytes." },
	{ 0 },
};
#undef AT

#define AT(member) .at = offsetof(struct list_recordings_args, member)
static const struct field list_recordings_fields[] = {
	CAMERA_IDS(list_recordings_args),
	{ .name = "session", .type = FIELD_TEXT, AT(session), .flags = FIELD_OPTIONAL, .help = "Those of the session folder of that name; of all if absent." },
	{ .name = "from", .type = FIELD_TIME, AT(from_ns), .flags = FIELD_OPTIONAL,
	  .help = "Those that end then or later: 2026-11-20T14:03:07, with or without a zone, or seconds since 1970." },
	{ .name = "to", .type = FIELD_TIME, AT(to_ns), .flags = FIELD_OPTIONAL, .help = "Those that begin then or before." },
	{ .name = "protected", .type = FIELD_BOOL, AT(protected), .fallback = "false", .help = "Protected ones only." },
	{ .name = "offset", .type = FIELD_INT, AT(offset), .min = 0, .max = 1e9, .fallback = "0", .help = "How many of the oldest are left out." },
	{ .name = "limit", .type = FIELD_INT, AT(limit), .min = 1, .max = 1000, .fallback = "100", .help = "How many are told of at most." },
	{ 0 },
};
#undef AT

static const struct field mark_fields[] = {
	CAMERA_IDS(mark_args),
	{ .name = "label", .type = FIELD_TEXT, .at = offsetof(struct mark_args, label), .max = 120, .flags = FIELD_REQUIRED,
	  .help = "What is noted with the next frame: any text of one line." },
	{ 0 },
};

static const struct field cancel_fields[] = {
	{ .name = "job", .type = FIELD_INT, .at = offsetof(struct cancel_args, job), .flags = FIELD_REQUIRED,
	  .help = "Number of the job, as job_started said it." },
	{ 0 },
};

static const struct field files_fields[] = {
	{ .name = "file", .type = FIELD_LIST, .of = FIELD_PATH, .at = offsetof(struct files_args, file), .flags = FIELD_REQUIRED | FIELD_ONE_OR_MANY,
	  .help = "A video of camd's below the output directory, or a list of them: absolute, or relative to that." },
	{ 0 },
};

#define ARGUMENTS(table, struct_type) .arguments = table, .arguments_bytes = sizeof(struct struct_type)

static const struct field frame_tap_fields[] = {
	{ .name = "camera_id", .type = FIELD_INT, .at = offsetof(struct frame_tap_args, camera_id), .fallback = "0", .help = "Number of the camera." },
	{ .name = "size", .type = FIELD_SIZE, .at = offsetof(struct frame_tap_args, size), .flags = FIELD_OPTIONAL,
	  .help = "Pictures fit into this size (WxH or a preset); `preview_size` if absent." },
	{ .name = "rate", .type = FIELD_REAL, .at = offsetof(struct frame_tap_args, rate), .min = 0.01, .max = 1000, .unit = "frames/s",
	  .flags = FIELD_OPTIONAL, .help = "Highest rate; every frame if absent." },
	{ .name = "format", .type = FIELD_ENUM, .at = offsetof(struct frame_tap_args, format), .choices = tap_formats, .fallback = "grey",
	  .help = "grey is luma, as the camera gives it; bgr three bytes a pixel, in full range; yuv420 luma, then U and V of half the size." },
	{ .name = "stop", .type = FIELD_BOOL, .at = offsetof(struct frame_tap_args, stop), .fallback = "false", .help = "Ends the client's tap of this camera." },
	{ 0 },
};

const struct command commands[N_COMMANDS] = {
	[CMD_START_RECORDING] = {
		.name = "start_recording", .reply = MSG_RECORDING_STARTED, .flags = CMD_MAY_TAKE_TIME | CMD_NEEDS_CAMERAS,
		.summary = "Starts recording, of several cameras at one instant; answers when the first frame of each camera is in its file.",
		ARGUMENTS(start_recording_fields, start_recording_args),
	},
	[CMD_STOP_RECORDING] = {
		.name = "stop_recording", .reply = MSG_RECORDING_STOPPED, .flags = CMD_MAY_TAKE_TIME,
		.summary = "Stops recording; answers when the files are complete and on the disk.",
		ARGUMENTS(cameras_fields, cameras_args),
	},
	[CMD_TAKE_SNAPSHOT] = {
		.name = "take_snapshot", .reply = MSG_SNAPSHOT_TAKEN, .flags = CMD_MAY_TAKE_TIME | CMD_NEEDS_CAMERAS,
		.summary = "Writes one picture a camera, of the frames nearest to one instant after the request, or of several from then on; EXIF in JPEG and PNG says when, by which camera and how it was exposed, of several how long in all.",
		ARGUMENTS(take_snapshot_fields, take_snapshot_args),
	},
	[CMD_GET_STATUS] = {
		.name = "get_status", .reply = MSG_STATUS_REPORT,
		.summary = "Tells what every camera does.",
	},
	[CMD_TOGGLE_PREVIEW] = {
		.name = "toggle_preview", .reply = MSG_PREVIEW_TOGGLED, .flags = CMD_NEEDS_CAMERAS,
		.summary = "Switches preview_frame messages of cameras on or off.",
		ARGUMENTS(toggle_preview_fields, toggle_preview_args),
	},
	[CMD_FRAME_TAP] = {
		.name = "frame_tap", .reply = MSG_FRAME_TAPPED, .flags = CMD_NEEDS_CAMERAS,
		.summary = "Gives raw pictures of a camera to a program, by a file in shared memory; a client has one such tap a camera, a new one takes its place.",
		ARGUMENTS(frame_tap_fields, frame_tap_args),
	},
	[CMD_SYNC] = {
		.name = "sync", .reply = MSG_SYNCED, .flags = CMD_MAY_TAKE_TIME,
		.summary = "Pushes down what is recorded; answers when all that was captured before the request is on the disk.",
	},
	[CMD_QUIT] = {
		.name = "quit", .reply = MSG_QUITTING, .flags = CMD_ENDS_INPUT,
		.summary = "Cancels what is pending, finishes the recordings and ends camd with exit status 0.",
	},
	[CMD_PING] = {
		.name = "ping", .reply = MSG_PONG,
		.summary = "Answers at once with camd's clock.",
	},
	[CMD_WAIT] = {
		.name = "wait", .reply = MSG_WAITED, .flags = CMD_MAY_TAKE_TIME,
		.summary = "Answers after a time: for scripts in a pipe or a file.",
		ARGUMENTS(wait_fields, wait_args),
	},
	[CMD_DESCRIBE] = {
		.name = "describe", .reply = MSG_DESCRIPTION,
		.summary = "Prints the tables of commands, messages, settings and errors.",
	},
	[CMD_LIST_CAMERAS] = {
		.name = "list_cameras", .reply = MSG_CAMERAS, .flags = CMD_NEEDS_CAMERAS,
		.summary = "Lists the cameras with their modes and controls.",
	},
	[CMD_GET_CONFIG] = {
		.name = "get_config", .reply = MSG_CONFIG,
		.summary = "Tells settings.",
		ARGUMENTS(get_config_fields, get_config_args),
	},
	[CMD_SET_CONFIG] = {
		.name = "set_config", .reply = MSG_CONFIG_SET,
		.summary = "Changes settings until camd ends.",
		ARGUMENTS(set_config_fields, set_config_args),
	},
	[CMD_SUBSCRIBE] = {
		.name = "subscribe", .reply = MSG_SUBSCRIBED,
		.summary = "Asks for events.",
		ARGUMENTS(events_fields, events_args),
	},
	[CMD_UNSUBSCRIBE] = {
		.name = "unsubscribe", .reply = MSG_UNSUBSCRIBED,
		.summary = "Asks for events no longer.",
		ARGUMENTS(events_fields, events_args),
	},
	[CMD_SET_CONTROLS] = {
		.name = "set_controls", .reply = MSG_CONTROLS_SET, .flags = CMD_MAY_TAKE_TIME | CMD_NEEDS_CAMERAS,
		.summary = "Sets exposure, gain and whatever else cameras have; it stays set when a camera comes back.",
		ARGUMENTS(set_controls_fields, set_controls_args),
	},
	[CMD_SET_CAMERA] = {
		.name = "set_camera", .reply = MSG_CAMERA_SET, .flags = CMD_MAY_TAKE_TIME | CMD_NEEDS_CAMERAS,
		.summary = "Switches cameras off, so that their devices are free, or on again; start_recording and take_snapshot wait for one that is being opened, for a second where others run, else for start_timeout.",
		ARGUMENTS(set_camera_fields, set_camera_args),
	},
	[CMD_SET_OVERLAY] = {
		.name = "set_overlay", .reply = MSG_OVERLAY_SET, .flags = CMD_NEEDS_CAMERAS,
		.summary = "Changes the text in the pictures, from the next frame on; what is absent stays as it is, and what was set stays set.",
		ARGUMENTS(set_overlay_fields, set_overlay_args),
	},
	[CMD_NEW_SESSION] = {
		.name = "new_session", .reply = MSG_SESSION_STARTED,
		.summary = "Goes on in a new session folder; refused while a recording runs, or whatever else writes to the old one.",
		ARGUMENTS(new_session_fields, new_session_args),
	},
	[CMD_REMUX] = {
		.name = "remux", .reply = MSG_JOB_STARTED,
		.summary = "Makes an MP4 with exact times of a raw recording and its CSV, in the background.",
		ARGUMENTS(remux_fields, remux_args),
	},
	[CMD_TRIGGER] = {
		.name = "trigger", .reply = MSG_TRIGGERED,
		.summary = "Keeps the seconds before and after this moment in a clip of their own, whether or not a recording runs; `prebuffer` must be set.",
		ARGUMENTS(trigger_fields, trigger_args),
	},
	[CMD_MARK] = {
		.name = "mark", .reply = MSG_MARKED,
		.summary = "Notes something with the next frame of each camera, in the video and in its CSV.",
		ARGUMENTS(mark_fields, mark_args),
	},
	[CMD_EXPORT] = {
		.name = "export", .reply = MSG_JOB_STARTED,
		.summary = "Makes one MP4 a camera of all its footage of a time, whatever files it lies in, in the background: below the output directory, in exports/.",
		ARGUMENTS(export_fields, export_args),
	},
	[CMD_CANCEL] = {
		.name = "cancel", .reply = MSG_CANCELLED,
		.summary = "Ends a job, or takes it out of the line.",
		ARGUMENTS(cancel_fields, cancel_args),
	},
	[CMD_LIST_RECORDINGS] = {
		.name = "list_recordings", .reply = MSG_RECORDINGS, .flags = CMD_MAY_TAKE_TIME,
		.summary = "Lists what was recorded, of all sessions, the oldest first, a page at a time.",
		ARGUMENTS(list_recordings_fields, list_recordings_args),
	},
	[CMD_PROTECT] = {
		.name = "protect", .reply = MSG_PROTECTED, .flags = CMD_MAY_TAKE_TIME,
		.summary = "Protects recordings from being deleted, by an empty file NAME.mp4.protected beside them.",
		ARGUMENTS(files_fields, files_args),
	},
	[CMD_UNPROTECT] = {
		.name = "unprotect", .reply = MSG_UNPROTECTED, .flags = CMD_MAY_TAKE_TIME,
		.summary = "Ends the protection of recordings.",
		ARGUMENTS(files_fields, files_args),
	},
	[CMD_DELETE_RECORDING] = {
		.name = "delete_recording", .reply = MSG_DELETED, .flags = CMD_MAY_TAKE_TIME,
		.summary = "Deletes recordings with their timing tables; refused for those that are protected, being written, or being exported.",
		ARGUMENTS(files_fields, files_args),
	},
};

const struct command *command_find(const char *name)
{
	for (const struct command *command = commands; command < commands + N_COMMANDS; command++)
		if (!strcmp(command->name, name))
			return command;
	return NULL;
}

enum command_id command_id(const struct command *command)
{
	return command - commands;
}
