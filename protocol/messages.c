#include "protocol/messages_fields.h"

#include "protocol/describe.h"

#include <string.h>

#define OF lost
const struct field lost_fields[] = {
	INT(sensor, "Lost by the sensor, the bus or the driver, or delivered damaged."),
	INT(starved, "Lost because no buffer was free, or camd came too late."),
	INT(encoder, "Lost because the encoder was too slow, failed, or swallowed them."),
	INT(storage, "Lost because the disk was too slow, full, or failed."),
	{ 0 },
};
#undef OF

#define OF started_camera
static const struct field started_camera_fields[] = {
	INT(camera_id, "Number of the camera."),
	TEXT(file, "Absolute path of the video."),
	TEXT(csv, "Absolute path of the timing CSV; null if switched off."),
	INT(first_sensor_timestamp_ns, "Sensor time of the first frame, CLOCK_MONOTONIC.", .unit = "ns"),
	INT(skew_us, "That time less the same of the first camera here.", .unit = "us"),
	{ 0 },
};
#undef OF

#define OF failed_camera
static const struct field failed_camera_fields[] = {
	INT(camera_id, "Number of the camera."),
	TEXT(code, "Error code."),
	TEXT(message, "What went wrong."),
	{ 0 },
};
#undef OF

#define OF recording_started
static const struct field recording_started_fields[] = {
	TEXT(session, "Name of the session folder."),
	TEXTS(files, "Absolute paths of the videos, one a camera, in camera order."),
	OBJECTS(cameras, started_camera_fields, started_camera, "The cameras that record."),
	OBJECTS(failed, failed_camera_fields, failed_camera, "The cameras that don't.", OPTIONAL),
	{ 0 },
};
#undef OF

#define OF stopped_camera
static const struct field stopped_camera_fields[] = {
	INT(camera_id, "Number of the camera."),
	TEXT(file, "Absolute path of the video; of several, the last."),
	INT(segments, "How many files there are, with what `segment_length` and `segment_size` ask for, and those that a failing disk made necessary."),
	INT(frames, "Frames in them."),
	INT(duration_ns, "Sensor time from the first to the last frame, and one nominal frame.", .unit = "ns"),
	INT(bytes, "Size of the files.", .unit = "bytes"),
	INT(captured, "Frames that the sensor produced in that time: frames + lost."),
	OBJECT(lost, lost_fields, "Frames lost, by cause."),
	TEXT(error, "Why the recording ended by itself.", OPTIONAL),
	{ 0 },
};
#undef OF

#define OF recording_stopped
static const struct field recording_stopped_fields[] = {
	TEXT(session, "Name of the session folder."),
	TEXTS(files, "Absolute paths of the videos, one a camera, in camera order."),
	OBJECTS(cameras, stopped_camera_fields, stopped_camera, "What each recorded."),
	{ 0 },
};
#undef OF

#define OF shot
static const struct field shot_fields[] = {
	INT(camera_id, "Number of the camera."),
	TEXT(file, "Absolute path of the picture."),
	TEXT(format, "jpg, png, npy or npy_bgr."),
	INT(sensor_timestamp_ns, "Sensor time of the frame, of several the first, CLOCK_MONOTONIC.", .unit = "ns"),
	INT(frame_number, "Its number in the recording, or in what only a prebuffer takes; 0: neither."),
	INT(stack, "Frames that it is made of.", OPTIONAL),
	INT(last_sensor_timestamp_ns, "Sensor time of the last of them.", .unit = "ns", OPTIONAL),
	TEXT(csv, "Absolute path of the table of the frames from a ring.", OPTIONAL),
	REAL(gain, "Of a sum: how much brighter than the mean a jpg or png shows it.", OPTIONAL),
	INT(skew_us, "Sensor time less that of the first shot.", .unit = "us"),
	{ 0 },
};
#undef OF

#define OF snapshot_taken
static const struct field snapshot_taken_fields[] = {
	TEXTS(files, "Absolute paths of the pictures, in camera order."),
	OBJECTS(shots, shot_fields, shot, "One a picture."),
	OBJECTS(failed, failed_camera_fields, failed_camera, "The cameras that gave none.", OPTIONAL),
	{ 0 },
};
#undef OF

#define OF camera_status
static const struct field camera_status_fields[] = {
	INT(cam_num, "Number of the camera."),
	BOOL(recording, "Whether it records."),
	REAL(hardware_fps, "Rate at which the sensor exposes frames, those lost and those left out included, by its own times, over the last second or from one frame to the next.", .unit = "frames/s"),
	REAL(capture_fps, "Rate of those that reach camd, measured likewise.", .unit = "frames/s"),
	REAL(collation_fps, "Rate of those that camd handles, without those left out, measured likewise.", .unit = "frames/s"),
	INT(captured_frames, "Frames that the sensor produced since the start of the recording (of the camera, if none runs)."),
	INT(collated_frames, "Those of them that reached camd."),
	INT(duplicated_frames, "Always 0: no frame is ever made up."),
	INT(recorded_frames, "Frames in the file."),
	TEXT(output, "Absolute path of the video being written; null if none is."),
	INT(camera_id, "Number of the camera."),
	TEXT(id, "Name that is the same after a restart."),
	TEXT(kind, "libcamera, v4l2, file or synthetic."),
	TEXT(model, "Name for people."),
	TEXT(state, "opening, running, lost, failed or off."),
	TEXT(encoder, "What encodes, or stands ready to; null if nothing does, as between recordings in software."),
	TEXT(error, "Why it is lost or failed.", OPTIONAL),
	SIZE(size, "Size of the frames; absent before the camera is open.", OPTIONAL),
	REAL(target_fps, "Nominal rate.", .unit = "frames/s"),
	OBJECT(lost, lost_fields, "Frames lost in the recording, by cause."),
	INT(bytes, "Bytes written of the recording.", .unit = "bytes"),
	INT(duration_ns, "Sensor time recorded.", .unit = "ns"),
	INT(durable_frame, "The frame, by its number, up to which the recording surely is on the disk, whatever happens; 0: there is none yet; absent if nothing is recorded.", OPTIONAL),
	INT(durable_sensor_timestamp_ns, "Sensor time of that frame; absent if there is none.", .unit = "ns", OPTIONAL),
	INT(durable_lag_ms, "Age of the oldest frame of the recording that is not on the disk for sure: as much a loss of power would take now; 0: all are.", .unit = "ms", OPTIONAL),
	INT(camera_frames, "Frames that the sensor produced since the camera's start."),
	INT(camera_lost, "Those of them that never reached camd."),
	BOOL(preview, "Whether a preview is on."),
	BOOL(resuming, "Whether the disk has ended its recording, which goes on by itself, in a new file, as soon as it can; stop_recording ends that."),
	TEXT(degraded, "How the camera fades: rate, frozen, black or bitrate; absent if it does not.", OPTIONAL),
	INT(copied_bytes, "Bytes of raw pictures that the processor converted or copied on their way into an encoder, since the start.", .unit = "bytes"),
	BOOL(motion, "Whether something moves; false where nobody looks (setting motion)."),
	BOOL(night, "Whether it is night; false where nobody looks (setting night_mode)."),
	REAL(dark_score, "Mean brightness of the last picture that was looked at, 0 to 255; absent where nobody looks.", OPTIONAL),
	{ 0 },
};
#undef OF

const char *const tap_formats[] = { "grey", "bgr", "yuv420", NULL };

#define OF tap_status
static const struct field tap_status_fields[] = {
	INT(camera_id, "Number of the camera."),
	TEXT(path, "The file that has its pictures."),
	SIZE(size, "No picture is larger."),
	{ .name = "format", .type = FIELD_ENUM, .at = offsetof(struct tap_status, format), .choices = tap_formats, .help = "What the pictures are made of." },
	REAL(rate, "Highest rate; every frame if absent.", .unit = "frames/s", OPTIONAL),
	INT(pictures, "Pictures given so far."),
	{ 0 },
};
#undef OF

#define OF status_report
static const struct field status_report_fields[] = {
	BOOL(recording, "Whether any camera records."),
	TEXT(session, "Name of the session folder; null if it could not be made."),
	OBJECTS(cameras, camera_status_fields, camera_status, "One a camera."),
	REAL(uptime, "Time since camd's start.", .unit = "s"),
	INT(free_bytes, "Space left where the session lies.", .unit = "bytes"),
	OBJECT(storage, storage_status_fields, "What recordings take on the disk, and what they may."),
	OBJECTS(taps, tap_status_fields, tap_status, "The taps of frame_tap, of all clients."),
	{ 0 },
};
#undef OF

#define OF synced_camera
static const struct field synced_camera_fields[] = {
	INT(camera_id, "Number of the camera."),
	INT(durable_frame, "The frame, by its number, up to which its recording is on the disk; 0: it has none."),
	INT(durable_sensor_timestamp_ns, "Sensor time of that frame; absent if there is none.", .unit = "ns", OPTIONAL),
	{ 0 },
};
#undef OF

#define OF synced
static const struct field synced_fields[] = {
	OBJECTS(cameras, synced_camera_fields, synced_camera, "The cameras that record."),
	{ 0 },
};
#undef OF

#define OF frame_tapped
static const struct field frame_tapped_fields[] = {
	INT(camera_id, "Number of the camera."),
	BOOL(stopped, "Whether the tap has ended."),
	TEXT(path, "Absolute path of the file that has its pictures, laid out as docs/frame_tap.md says; it goes with the tap.", OPTIONAL),
	{ 0 },
};
#undef OF

#define OF preview_toggled
static const struct field preview_toggled_fields[] = {
	{ .name = "camera_id", .type = FIELD_LIST, .of = FIELD_INT, .at = offsetof(struct preview_toggled, camera_id),
	  .flags = FIELD_ONE_OR_MANY, .help = "Number of the camera; a list if several were named." },
	BOOL(enabled, "Whether preview_frame messages are sent."),
	{ 0 },
};
#undef OF

#define OF pong
static const struct field pong_fields[] = { INT(monotonic_ns, "CLOCK_MONOTONIC, which sensor times are in.", .unit = "ns"), { 0 } };
#undef OF

static const struct field waited_fields[] = {
	{ .name = "seconds", .type = FIELD_DURATION, .at = offsetof(struct waited, wait_ns), .unit = "s", .help = "The time asked for." },
	{ 0 },
};

static const struct field cameras_mode_fields[] = {
	{ .name = "size", .type = FIELD_SIZE, .at = offsetof(struct camera_mode, size), .help = "Size of the frames." },
	{ .name = "max_fps", .type = FIELD_REAL, .at = offsetof(struct camera_mode, max_fps), .unit = "frames/s", .flags = FIELD_OPTIONAL, .help = "Highest rate, if it is known." },
	{ 0 },
};

#define OF camera_control
static const struct field camera_control_fields[] = {
	TEXT(name, "Name, as the camera's own interface has it."),
	TEXT(type, "bool, int, real or choice."),
	INT(count, "How many numbers make its value."),
	REAL(min, "Lowest value.", OPTIONAL),
	REAL(max, "Highest value.", OPTIONAL),
	REAL(step, "Values are so far apart.", OPTIONAL),
	{ .name = "default", .type = FIELD_REAL, .at = offsetof(struct camera_control, fallback), .flags = FIELD_OPTIONAL,
	  .help = "What it is unless it is set; of a choice, its number." },
	TEXTS(choices, "Names of the choices by their numbers, from 0; an empty one can't be chosen.", OPTIONAL),
	{ 0 },
};
#undef OF

#define OF camera_info
static const struct field camera_info_fields[] = {
	INT(camera_id, "Number of the camera."),
	TEXT(id, "Name that is the same after a restart."),
	TEXT(kind, "libcamera, v4l2, file or synthetic."),
	TEXT(model, "Name for people."),
	OBJECTS(modes, cameras_mode_fields, camera_mode, "What it can do."),
	OBJECTS(controls, camera_control_fields, camera_control, "What set_controls can set."),
	TEXT(state, "opening, running, lost, failed or off."),
	{ 0 },
};
#undef OF

#define OF cameras
static const struct field cameras_fields[] = { OBJECTS(cameras, camera_info_fields, camera_info, "One a camera."), { 0 } };
#undef OF

#define OF config_values
static const struct field config_fields[] = {
	{ .name = "values", .type = FIELD_JSON, .at = offsetof(struct config_values, values), .help = "Settings by name." },
	{ 0 },
};

static const struct field config_set_fields[] = {
	{ .name = "values", .type = FIELD_JSON, .at = offsetof(struct config_values, values), .help = "The new values, by name." },
	TEXTS(restart_needed, "Those that stay as they are, for only a start of camd takes them."),
	{ 0 },
};
#undef OF

#define OF controls_set
static const struct field controls_set_fields[] = {
	{ .name = "camera_id", .type = FIELD_LIST, .of = FIELD_INT, .at = offsetof(struct controls_set, camera_id),
	  .flags = FIELD_ONE_OR_MANY, .help = "Number of the camera; a list if there are several." },
	{ .name = "controls", .type = FIELD_JSON, .at = offsetof(struct controls_set, controls), .help = "What was set." },
	{ 0 },
};
#undef OF

#define OF camera_set
static const struct field camera_set_fields[] = {
	{ .name = "camera_id", .type = FIELD_LIST, .of = FIELD_INT, .at = offsetof(struct camera_set, camera_id),
	  .flags = FIELD_ONE_OR_MANY, .help = "Number of the camera; a list if there are several." },
	BOOL(enabled, "Whether it is switched on."),
	{ 0 },
};
#undef OF

const char *const overlay_positions[] = { "top_left", "top", "top_right", "bottom_left", "bottom", "bottom_right", NULL };

#define OF overlay_set
static const struct field overlay_set_fields[] = {
	{ .name = "camera_id", .type = FIELD_LIST, .of = FIELD_INT, .at = offsetof(struct overlay_set, camera_id),
	  .flags = FIELD_ONE_OR_MANY, .help = "Number of the camera; a list if there are several." },
	BOOL(enabled, "Whether it is drawn."),
	TEXT(text, "What is drawn, as in the setting overlay_text."),
	INT(size, "Height of capital letters; 0: as the picture's size suggests.", .unit = "pixels"),
	{ .name = "position", .type = FIELD_ENUM, .at = offsetof(struct overlay_set, position), .choices = overlay_positions,
	  .help = "Where it stands." },
	{ .name = "color", .type = FIELD_COLOUR, .at = offsetof(struct overlay_set, color), .help = "Colour of the text." },
	{ .name = "background", .type = FIELD_COLOUR, .at = offsetof(struct overlay_set, background), .help = "Colour of the box behind it." },
	{ 0 },
};
#undef OF

#define OF session_started
static const struct field session_started_fields[] = {
	TEXT(session, "Name of the session folder."),
	TEXT(path, "Its absolute path."),
	{ 0 },
};
#undef OF

#define OF subscribed
static const struct field subscribed_fields[] = { TEXTS(events, "All events that are subscribed to now."), { 0 } };
#undef OF

#define OF job_started
static const struct field job_started_fields[] = { INT(job, "Number by which events name the job."), { 0 } };
#undef OF

#define OF cancelled
static const struct field cancelled_fields[] = { INT(job, "Number of the job."), { 0 } };
#undef OF

#define OF error_data
static const struct field error_fields[] = {
	TEXT(message, "What is wrong and what would be right; for people."),
	TEXT(code, "What is wrong; for programs."),
	TEXT(command, "The command it is about.", OPTIONAL),
	TEXT(argument, "The argument or setting that is at fault.", OPTIONAL),
	TEXT(detail, "Where exactly.", OPTIONAL),
	{ 0 },
};
#undef OF

#define OF initializing
static const struct field initializing_fields[] = { TEXT(device, "Always `cameras`."), { 0 } };
#undef OF

#define OF initialized
static const struct field initialized_fields[] = {
	INT(cameras, "How many cameras run."),
	TEXT(session, "Name of the session folder; null if it could not be made."),
	INT(protocol, "Version of the protocol."),
	TEXT(version, "Version of camd."),
	TEXTS(encoders, "The encoders that this machine has, best first; which one a camera uses is in get_status."),
	TEXT(config, "The file that settings were read from; null if none was."),
	{ 0 },
};
#undef OF

#define OF warning
static const struct field warning_fields[] = {
	TEXT(message, "What is amiss; for people."),
	TEXT(code, "What is amiss; for programs."),
	{ 0 },
};
#undef OF

#define OF shutdown_data
static const struct field shutdown_fields[] = { TEXT(signal, "Name of the signal; null after `quit` or the end of input."), { 0 } };
#undef OF

#define OF preview_frame
static const struct field preview_frame_fields[] = {
	INT(camera_id, "Number of the camera."),
	TEXT(frame, "The picture: JPEG in base64."),
	REAL(timestamp, "Wall time of the frame, since 1970.", .unit = "s"),
	INT(frame_number, "Number in the recording, or in what only a prebuffer takes; 0: neither."),
	INT(sensor_timestamp_ns, "Sensor time of the frame, CLOCK_MONOTONIC.", .unit = "ns"),
	SIZE(size, "Size of the picture."),
	{ 0 },
};
#undef OF

#define OF triggered
static const struct field triggered_fields[] = {
	INT(trigger_id, "Number of the trigger, which trigger_saved will name."),
	{ .name = "camera_id", .type = FIELD_LIST, .of = FIELD_INT, .at = offsetof(struct OF, camera_id), .help = "The cameras that write a clip." },
	INT(sensor_timestamp_ns, "The moment, on the clock of sensor times.", .unit = "ns"),
	REAL(available, "How much of the time before there is, the least of these cameras.", .unit = "s"),
	{ 0 },
};
#undef OF

#define OF marked
static const struct field marked_fields[] = {
	{ .name = "camera_id", .type = FIELD_LIST, .of = FIELD_INT, .at = offsetof(struct OF, camera_id), .help = "The cameras whose next frame has it." },
	{ 0 },
};
#undef OF

#define OF description
static const struct field description_fields[] = {
	OBJECTS(commands, described_command_fields, described_command, "The commands with their arguments."),
	OBJECTS(messages, described_message_fields, described_message, "Replies, notices and events with their data."),
	OBJECTS(settings, described_field_fields, described_field, "The settings."),
	OBJECTS(errors, described_error_fields, described_error, "The error codes."),
	INT(protocol, "Version of the protocol."),
	TEXT(version, "Version of camd."),
	{ 0 },
};
#undef OF

const struct message messages[N_MESSAGES] = {
	[MSG_RECORDING_STARTED] = { "recording_started", KIND_REPLY, "The first frame of each camera is in its file.", recording_started_fields },
	[MSG_RECORDING_STOPPED] = { "recording_stopped", KIND_REPLY, "The files are complete and on the disk.", recording_stopped_fields },
	[MSG_SNAPSHOT_TAKEN] = { "snapshot_taken", KIND_REPLY, "The pictures are written.", snapshot_taken_fields },
	[MSG_STATUS_REPORT] = { "status_report", KIND_REPLY, "What every camera does.", status_report_fields },
	[MSG_FRAME_TAPPED] = { "frame_tapped", KIND_REPLY, "The tap gives pictures, or has ended.", frame_tapped_fields },
	[MSG_SYNCED] = { "synced", KIND_REPLY, "All that was captured before the request is on the disk, or was lost and is counted.", synced_fields },
	[MSG_PREVIEW_TOGGLED] = { "preview_toggled", KIND_REPLY, "The preview is on or off.", preview_toggled_fields },
	[MSG_QUITTING] = { "quitting", KIND_REPLY, "camd finishes the recordings and ends.", NULL },
	[MSG_PONG] = { "pong", KIND_REPLY, "camd is there.", pong_fields },
	[MSG_WAITED] = { "waited", KIND_REPLY, "The time has passed.", waited_fields },
	[MSG_DESCRIPTION] = { "description", KIND_REPLY, "The tables.", description_fields },
	[MSG_CAMERAS] = { "cameras", KIND_REPLY, "The cameras.", cameras_fields },
	[MSG_CONFIG] = { "config", KIND_REPLY, "The settings.", config_fields },
	[MSG_CONFIG_SET] = { "config_set", KIND_REPLY, "The settings are changed.", config_set_fields },
	[MSG_SUBSCRIBED] = { "subscribed", KIND_REPLY, "Those events will be sent.", subscribed_fields },
	[MSG_UNSUBSCRIBED] = { "unsubscribed", KIND_REPLY, "The events that are still sent.", subscribed_fields },
	[MSG_CONTROLS_SET] = { "controls_set", KIND_REPLY, "The controls are set.", controls_set_fields },
	[MSG_CAMERA_SET] = { "camera_set", KIND_REPLY, "The camera's device is free, or is being opened.", camera_set_fields },
	[MSG_OVERLAY_SET] = { "overlay_set", KIND_REPLY, "The overlay of the first of the cameras, as it is from the next frame on.", overlay_set_fields },
	[MSG_SESSION_STARTED] = { "session_started", KIND_REPLY, "What comes goes into the new folder, the log too.", session_started_fields },
	[MSG_JOB_STARTED] = { "job_started", KIND_REPLY, "The job runs; job_done will tell its end.", job_started_fields },
	[MSG_TRIGGERED] = { "triggered", KIND_REPLY, "The clips are being written; trigger_saved will tell of them.", triggered_fields },
	[MSG_MARKED] = { "marked", KIND_REPLY, "The next frames have the mark: each camera's event tells which, or a warning that none came any more.", marked_fields },
	[MSG_CANCELLED] = { "cancelled", KIND_REPLY, "The job is to end; its job_done tells when it has.", cancelled_fields },
	[MSG_RECORDINGS] = { "recordings", KIND_REPLY, "What list_recordings was asked for.", recordings_fields },
	[MSG_PROTECTED] = { "protected", KIND_REPLY, "Recordings are protected.", files_changed_fields },
	[MSG_UNPROTECTED] = { "unprotected", KIND_REPLY, "Recordings are not protected any more.", files_changed_fields },
	[MSG_DELETED] = { "deleted", KIND_REPLY, "Recordings are deleted.", files_changed_fields },
	[MSG_ERROR] = { "error", KIND_REPLY, "The request was not carried out.", error_fields },
	[MSG_INITIALIZING] = { "initializing", KIND_NOTICE, "With --greeting: camd starts.", initializing_fields },
	[MSG_INITIALIZED] = { "initialized", KIND_NOTICE, "With --greeting: the cameras run, or the discovery timeout has passed.", initialized_fields },
	[MSG_WARNING] = { "warning", KIND_NOTICE, "With --greeting: something is amiss.", warning_fields },
	[MSG_SHUTDOWN] = { "shutdown", KIND_NOTICE, "With --greeting: camd ends; the last line.", shutdown_fields },
	[MSG_PREVIEW_FRAME] = { "preview_frame", KIND_NOTICE, "While a preview is on: its newest picture.", preview_frame_fields },
	[EVENT_CAMERA_FOUND] = { "camera_found", KIND_EVENT, "A camera runs, for the first time or again.", camera_found_fields },
	[EVENT_CAMERA_LOST] = { "camera_lost", KIND_EVENT, "A camera could not be opened, is gone, gives no frames, or was switched off.", camera_lost_fields },
	[EVENT_CAMERA_DEGRADED] = { "camera_degraded", KIND_EVENT, "A camera has been fading for degraded_after, or is well again.", camera_degraded_fields },
	[EVENT_MOTION_STARTED] = { "motion_started", KIND_EVENT, "Something moves in a camera's pictures.", motion_started_fields },
	[EVENT_MOTION_ENDED] = { "motion_ended", KIND_EVENT, "Nothing has moved for motion_hold, or there were no more pictures.", motion_ended_fields },
	[EVENT_NIGHT_STARTED] = { "night_started", KIND_EVENT, "It is night for a camera.", night_started_fields },
	[EVENT_NIGHT_ENDED] = { "night_ended", KIND_EVENT, "It is bright again.", night_ended_fields },
	[EVENT_ENCODER_CHANGED] = { "encoder_changed", KIND_EVENT, "Another encoder has taken over.", encoder_changed_fields },
	[EVENT_FRAMES_LOST] = { "frames_lost", KIND_EVENT, "A recording lost frames; at most one a second and camera.", frames_lost_fields },
	[EVENT_RECORDING_STARTED] = { "recording_started", KIND_EVENT, "The first frame of a camera is in its file.", camera_started_fields },
	[EVENT_RECORDING_STOPPED] = { "recording_stopped", KIND_EVENT, "A camera's file is complete and on the disk.", camera_stopped_fields },
	[EVENT_SEGMENT_FINISHED] = { "segment_finished", KIND_EVENT, "A file of a recording that is cut into several is complete and on the disk, or, after a `warning` of the code io_error, left by the recording.", segment_finished_fields },
	[EVENT_TRIGGER_SAVED] = { "trigger_saved", KIND_EVENT, "A trigger's clips are complete and on the disk.", trigger_saved_fields },
	[EVENT_MARK] = { "mark", KIND_EVENT, "A frame has a mark.", mark_event_fields },
	[EVENT_STORAGE_FULL] = { "storage_full", KIND_EVENT, "A recording ended because there is no space left, or a limit of the settings is reached and nothing may be deleted for it.", storage_full_fields },
	[EVENT_STORAGE_SLOW] = { "storage_slow", KIND_EVENT, "The disk does not keep up with a recording, or does again.", storage_slow_fields },
	[EVENT_RECORDING_DELETED] = { "recording_deleted", KIND_EVENT, "A recording was deleted, to make room or by command.", recording_deleted_fields },
	[EVENT_RECOVERED] = { "recovered", KIND_EVENT, "A recording that never ended was finalised. If the power goes before it is told, the next start tells it.", recovered_fields },
	[EVENT_WARNING] = { "warning", KIND_EVENT, "Something is amiss.", warning_fields },
	[EVENT_JOB_PROGRESS] = { "job_progress", KIND_EVENT, "How far a job is.", job_progress_fields },
	[EVENT_JOB_DONE] = { "job_done", KIND_EVENT, "A job has ended.", job_done_fields },
	[EVENT_EVENTS_LOST] = { "events_lost", KIND_EVENT, "Events were dropped because nobody read them.", events_lost_fields },
	[EVENT_PRESENCE] = { "presence", KIND_EVENT, "A GPIO line of gpio_trigger had an edge that counts.", presence_fields },
};

enum message_id message_find(const char *name, bool event)
{
	for (int id = 0; id < N_MESSAGES; id++)
		if ((messages[id].kind == KIND_EVENT) == event && !strcmp(messages[id].name, name))
			return id;
	return N_MESSAGES;
}

_Static_assert(N_MESSAGES <= 64, "sets of events are 64 bits");

uint64_t message_events(const char *name)
{
	uint64_t mask = 0;

	for (int id = 0; id < N_MESSAGES; id++)
		if (messages[id].kind == KIND_EVENT && (!strcmp(name, "*") || !strcmp(name, messages[id].name)))
			mask |= UINT64_C(1) << id;
	return mask;
}
