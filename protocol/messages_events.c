/* The events of the table of messages: their members. */
#include "protocol/messages_fields.h"

#define OF camera_event
const struct field camera_found_fields[] = {
	INT(camera_id, "Number of the camera."),
	TEXT(id, "Name that is the same after a restart."),
	TEXT(model, "Name for people."),
	{ 0 },
};

const struct field camera_lost_fields[] = {
	INT(camera_id, "Number of the camera."),
	TEXT(id, "Name that is the same after a restart."),
	TEXT(code, "Error code."),
	TEXT(message, "What went wrong."),
	{ 0 },
};
#undef OF

#define OF camera_degraded
const struct field camera_degraded_fields[] = {
	INT(camera_id, "Number of the camera."),
	TEXT(reason, "rate: fewer frames than it should give; frozen: the same picture all the time; black: a black picture; bitrate: the video has become much smaller."),
	BOOL(degraded, "true: it has been so for some time; false: it is over."),
	REAL(seconds, "How long it has been so.", .unit = "s"),
	REAL(measured, "Frames/s (rate), mean brightness from 0 to 255 (black), bit/s (bitrate); 0 for frozen."),
	REAL(expected, "What it should be (rate), or usually is (bitrate); else 0."),
	TEXT(message, "The same for people."),
	{ 0 },
};
#undef OF

#define OF motion_box
static const struct field motion_box_fields[] = {
	REAL(x, "Its left edge, as a part of the picture's width."),
	REAL(y, "Its upper edge, as a part of the picture's height."),
	REAL(width, "Its width, likewise."),
	REAL(height, "Its height, likewise."),
	{ 0 },
};
#undef OF

#define OF motion_event
const struct field motion_started_fields[] = {
	INT(camera_id, "Number of the camera."),
	OBJECT(box, motion_box_fields, "Where it moves."),
	REAL(area, "What moves, in one piece.", .unit = "% of the picture"),
	INT(sensor_timestamp_ns, "Sensor time of the first picture with motion, CLOCK_MONOTONIC.", .unit = "ns"),
	{ 0 },
};

const struct field motion_ended_fields[] = {
	INT(camera_id, "Number of the camera."),
	OBJECT(box, motion_box_fields, "Where it has moved all the while."),
	REAL(area, "The most that moved at once, in one piece.", .unit = "% of the picture"),
	INT(sensor_timestamp_ns, "Sensor time of the last picture with motion: motion_hold has passed since.", .unit = "ns"),
	REAL(duration, "From the first picture with motion to the last.", .unit = "s"),
	{ 0 },
};
#undef OF

#define OF night_event
const struct field night_started_fields[] = {
	INT(camera_id, "Number of the camera."),
	REAL(score, "Mean brightness of the picture, 0 to 255."),
	INT(sensor_timestamp_ns, "Sensor time of that picture.", .unit = "ns"),
	{ 0 },
};

const struct field night_ended_fields[] = {
	INT(camera_id, "Number of the camera."),
	REAL(score, "Mean brightness of the picture, 0 to 255."),
	INT(sensor_timestamp_ns, "Sensor time of that picture.", .unit = "ns"),
	REAL(duration, "From the first dark picture to this one.", .unit = "s"),
	{ 0 },
};
#undef OF

#define OF encoder_changed
const struct field encoder_changed_fields[] = {
	INT(camera_id, "Number of the camera."),
	TEXT(encoder, "What encodes from now on."),
	TEXT(before, "What did before."),
	{ 0 },
};
#undef OF

#define OF frames_lost
const struct field frames_lost_fields[] = {
	INT(camera_id, "Number of the camera."),
	INT(frame_number, "Number of the last frame captured when this was counted."),
	OBJECT(lost, lost_fields, "Frames lost since the last such event, by cause."),
	{ 0 },
};
#undef OF

#define OF camera_started
const struct field camera_started_fields[] = {
	INT(camera_id, "Number of the camera."),
	TEXT(session, "Name of the session folder."),
	TEXT(file, "Absolute path of the video."),
	TEXT(csv, "Absolute path of the timing CSV; null if switched off."),
	INT(first_sensor_timestamp_ns, "Sensor time of the first frame, CLOCK_MONOTONIC.", .unit = "ns"),
	{ 0 },
};
#undef OF

#define STOPPED(name_, type_, member, text, ...) \
	{ .name = name_, .type = type_, .at = offsetof(struct camera_stopped, member), .help = text, __VA_ARGS__ }
const struct field camera_stopped_fields[] = {
	STOPPED("camera_id", FIELD_INT, camera.camera_id, "Number of the camera."),
	STOPPED("session", FIELD_TEXT, session, "Name of the session folder."),
	STOPPED("cause", FIELD_TEXT, cause, "command, duration, error or shutdown."),
	STOPPED("file", FIELD_TEXT, camera.file, "Absolute path of the video; of several, the last."),
	STOPPED("segments", FIELD_INT, camera.segments, "How many files there are."),
	STOPPED("frames", FIELD_INT, camera.frames, "Frames in them."),
	STOPPED("duration_ns", FIELD_INT, camera.duration_ns, "Sensor time recorded.", .unit = "ns"),
	STOPPED("bytes", FIELD_INT, camera.bytes, "Size of the files.", .unit = "bytes"),
	STOPPED("captured", FIELD_INT, camera.captured, "Frames that the sensor produced in that time: frames + lost."),
	STOPPED("lost", FIELD_OBJECT, camera.lost, "Frames lost, by cause.", .fields = lost_fields),
	STOPPED("error", FIELD_TEXT, camera.error, "Why the recording ended by itself.", OPTIONAL),
	{ 0 },
};

#define OF storage_full
const struct field storage_full_fields[] = {
	INT(camera_id, "Number of the camera whose recording ended; absent where a limit of the settings is meant.", OPTIONAL),
	TEXT(path, "Where it was to be written to."),
	TEXT(message, "What the system said, or what to do."),
	{ 0 },
};
#undef OF

#define OF recovered
const struct field recovered_fields[] = {
	TEXT(file, "Absolute path of the video."),
	INT(frames, "Frames in it."),
	INT(duration_ns, "Its length.", .unit = "ns"),
	INT(bytes_cut, "Bytes of an incomplete frame cut off at the end.", .unit = "bytes"),
	TEXT(message, "What could not be brought back.", OPTIONAL),
	{ 0 },
};
#undef OF

#define OF job_progress
const struct field job_progress_fields[] = {
	INT(job, "Number of the job."),
	REAL(progress, "0 to 1."),
	{ 0 },
};
#undef OF

#define OF trigger_clip
static const struct field trigger_clip_fields[] = {
	INT(camera_id, "Number of the camera."),
	TEXT(file, "Absolute path of the video."),
	TEXT(csv, "Absolute path of its timing table.", OPTIONAL),
	INT(frames, "Frames in it."),
	INT(from_sensor_timestamp_ns, "Sensor time of its first frame, CLOCK_MONOTONIC.", .unit = "ns"),
	INT(to_sensor_timestamp_ns, "Sensor time of its last frame.", .unit = "ns"),
	TEXT(from, "Wall time of its first frame."),
	TEXT(to, "Wall time of its last frame."),
	INT(stills_job, "The job that makes pictures of it, whose job_done names their table.", OPTIONAL),
	{ 0 },
};
#undef OF

#define OF trigger_saved
const struct field trigger_saved_fields[] = {
	INT(trigger_id, "Number of the trigger; of several that share clips, each is told."),
	TEXT(label, "What the trigger gave.", OPTIONAL),
	TEXTS(files, "Absolute paths of the videos, in camera order."),
	INT(frames, "Frames in them."),
	TEXT(from, "Wall time of the first frame.", OPTIONAL),
	TEXT(to, "Wall time of the last frame.", OPTIONAL),
	OBJECTS(clips, trigger_clip_fields, trigger_clip, "What each camera wrote."),
	TEXT(message, "What went wrong.", OPTIONAL),
	{ 0 },
};
#undef OF

#define OF mark_event
const struct field mark_event_fields[] = {
	INT(camera_id, "Number of the camera."),
	TEXT(label, "What was noted."),
	TEXT(file, "Absolute path of the video; absent if nothing is recorded.", OPTIONAL),
	INT(frame_number, "Number of the frame that has it."),
	INT(camera_frame, "Its number since the camera's start."),
	INT(sensor_timestamp_ns, "Its sensor time, CLOCK_MONOTONIC.", .unit = "ns"),
	{ 0 },
};
#undef OF

#define OF segment_finished
const struct field segment_finished_fields[] = {
	INT(camera_id, "Number of the camera."),
	TEXT(session, "Name of the session folder."),
	TEXT(file, "Absolute path of the video."),
	TEXT(csv, "Absolute path of its timing table.", OPTIONAL),
	INT(index, "Which of the recording's files it is, from 1."),
	INT(frames, "Frames in it."),
	INT(bytes, "Size of the video.", .unit = "bytes"),
	INT(from_sensor_timestamp_ns, "Sensor time of its first frame, CLOCK_MONOTONIC.", .unit = "ns"),
	INT(to_sensor_timestamp_ns, "Sensor time of its last frame.", .unit = "ns"),
	TEXT(from, "Wall time of its first frame."),
	TEXT(to, "Wall time of its last frame."),
	{ 0 },
};
#undef OF

#define OF job_gap
static const struct field job_gap_fields[] = {
	INT(camera_id, "Number of the camera."),
	{ .name = "from", .type = FIELD_TIME, .at = offsetof(struct OF, from_ns), .help = "The end of the last frame before it." },
	{ .name = "to", .type = FIELD_TIME, .at = offsetof(struct OF, to_ns), .help = "The first frame behind it." },
	{ 0 },
};
#undef OF

#define OF job_done
const struct field job_done_fields[] = {
	INT(job, "Number of the job."),
	BOOL(ok, "Whether it succeeded."),
	TEXTS(files, "Absolute paths of what it made."),
	INT(frames, "Of an export: how many frames its files show.", OPTIONAL),
	OBJECTS(gaps, job_gap_fields, job_gap, "Of an export: where there is no footage for a second or longer.", OPTIONAL),
	TEXT(code, "Error code.", OPTIONAL),
	TEXT(message, "What went wrong.", OPTIONAL),
	{ 0 },
};
#undef OF

#define OF events_lost
const struct field events_lost_fields[] = { INT(count, "How many events were dropped because nobody read them."), { 0 } };
#undef OF

#define OF presence_data
const struct field presence_fields[] = {
	TEXT(line, "The GPIO line, as gpio_trigger names it."),
	TEXT(edge, "rising or falling."),
	INT(monotonic_ns, "When it came, by the kernel: CLOCK_MONOTONIC, which sensor times are in.", .unit = "ns"),
	INT(trigger_id, "Number of its trigger, as trigger_saved has it, where a camera has a prebuffer.", OPTIONAL),
	{ 0 },
};
#undef OF
