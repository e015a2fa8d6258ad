/*
 * THE MESSAGE TABLE: what camd can say. Printing, camctl's printers, `describe` and the reference pages are read off it,
 * and every line that any test receives is checked against it. Read-only data; any thread.
 */
#pragma once

#include "common/field.h"

enum message_kind {
	KIND_REPLY,	/* type status: the answer to a request */
	KIND_NOTICE,	/* type status: unasked, after --greeting or toggle_preview */
	KIND_EVENT,	/* type event: after subscribe */
};

enum message_id {
	MSG_RECORDING_STARTED,
	MSG_RECORDING_STOPPED,
	MSG_SNAPSHOT_TAKEN,
	MSG_STATUS_REPORT,
	MSG_PREVIEW_TOGGLED,
	MSG_QUITTING,
	MSG_PONG,
	MSG_WAITED,
	MSG_DESCRIPTION,
	MSG_CAMERAS,
	MSG_CONFIG,
	MSG_CONFIG_SET,
	MSG_SUBSCRIBED,
	MSG_UNSUBSCRIBED,
	MSG_CONTROLS_SET,
	MSG_CAMERA_SET,
	MSG_OVERLAY_SET,
	MSG_SESSION_STARTED,
	MSG_JOB_STARTED,
	MSG_TRIGGERED,
	MSG_MARKED,
	MSG_CANCELLED,
	MSG_RECORDINGS,
	MSG_PROTECTED,
	MSG_UNPROTECTED,
	MSG_DELETED,
	MSG_FRAME_TAPPED,
	MSG_SYNCED,
	MSG_ERROR,

	MSG_INITIALIZING,
	MSG_INITIALIZED,
	MSG_WARNING,
	MSG_SHUTDOWN,
	MSG_PREVIEW_FRAME,

	EVENT_CAMERA_FOUND,
	EVENT_CAMERA_LOST,
	EVENT_CAMERA_DEGRADED,
	EVENT_MOTION_STARTED,
	EVENT_MOTION_ENDED,
	EVENT_NIGHT_STARTED,
	EVENT_NIGHT_ENDED,
	EVENT_ENCODER_CHANGED,
	EVENT_FRAMES_LOST,
	EVENT_RECORDING_STARTED,
	EVENT_RECORDING_STOPPED,
	EVENT_SEGMENT_FINISHED,
	EVENT_TRIGGER_SAVED,
	EVENT_MARK,
	EVENT_STORAGE_FULL,
	EVENT_STORAGE_SLOW,
	EVENT_RECORDING_DELETED,
	EVENT_RECOVERED,
	EVENT_WARNING,
	EVENT_JOB_PROGRESS,
	EVENT_JOB_DONE,
	EVENT_EVENTS_LOST,
	EVENT_PRESENCE,
	N_MESSAGES,
};

struct message {
	const char *name;
	enum message_kind kind;
	const char *summary;		/* when it is sent, one sentence */
	const struct field *fields;	/* of its data; NULL: empty */
};

extern const struct message messages[N_MESSAGES];	/* by enum message_id */

/* The message of that name among events, or among all others. N_MESSAGES: none. */
enum message_id message_find(const char *name, bool event);

/* The event of that name, or all of them by "*", as bits by enum message_id; 0: there is none. */
uint64_t message_events(const char *name);

/* Frames lost, by cause; totals since the start of the recording. */
struct lost {
	int64_t sensor, starved, encoder, storage;
};

struct started_camera {
	int64_t camera_id;
	char *file, *csv;
	int64_t first_sensor_timestamp_ns, skew_us;
};

struct failed_camera {
	int64_t camera_id;
	char *code, *message;
};

struct recording_started {
	char *session;
	struct list files;		/* of texts */
	struct list cameras;		/* of struct started_camera */
	struct list failed;		/* of struct failed_camera */
};

struct stopped_camera {
	int64_t camera_id;
	char *file;
	int64_t segments, frames, duration_ns, bytes, captured;
	struct lost lost;
	char *error;			/* why the recording ended by itself, NULL if it did not */
};

struct recording_stopped {
	char *session;
	struct list files;
	struct list cameras;		/* of struct stopped_camera */
};

struct shot {
	int64_t camera_id;
	char *file, *format;
	char *csv;			/* NULL: it is not from a ring */
	int64_t sensor_timestamp_ns, frame_number, skew_us;
	int64_t stack, last_sensor_timestamp_ns;	/* FIELD_UNSET: it is one frame */
	double gain;			/* NAN: it is no sum */
};

struct snapshot_taken {
	struct list files;
	struct list shots;		/* of struct shot */
	struct list failed;		/* of struct failed_camera */
};

struct camera_status {
	int64_t cam_num;
	bool recording;
	double hardware_fps, capture_fps, collation_fps;
	int64_t captured_frames, collated_frames, duplicated_frames, recorded_frames;
	char *output;			/* the file being written, NULL: none */
	int64_t camera_id;
	char *id, *kind, *model, *state, *encoder, *error;
	struct size size;
	double target_fps;
	struct lost lost;		/* of the recording */
	int64_t bytes, duration_ns, camera_frames, camera_lost;
	int64_t durable_frame, durable_sensor_timestamp_ns, durable_lag_ms;	/* FIELD_UNSET: nothing is recorded, or nothing is down yet */
	bool preview, resuming;
	char *degraded;			/* how it fades: rate, frozen, black, bitrate; NULL: it does not */
	int64_t copied_bytes;
	bool motion, night;
	double dark_score;		/* NAN: nobody looks */
};

/* Writes and syncs by how long they took, each in one of these. */
struct stalls {
	int64_t from_100_ms, from_300_ms, from_1_s, from_3_s, from_10_s;
};

struct storage_status {
	int64_t used_bytes, protected_bytes, cap_bytes, reserve_bytes, recordings;
	int64_t oldest;			/* wall time; FIELD_UNSET: there is none */
	int64_t written_bytes;
	double slowest_write_ms, slowest_sync_ms;
	struct stalls stalls;
};

struct status_report {
	bool recording;
	char *session;
	struct list cameras;		/* of struct camera_status */
	double uptime;
	int64_t free_bytes;
	struct storage_status storage;
	struct list taps;		/* of struct tap_status */
};

struct storage_slow {
	int64_t camera_id;
	bool slow;
	int64_t durable_lag_ms, queued_bytes, lost;
	double slowest_write_ms, slowest_sync_ms, seconds;	/* seconds NAN: it has just begun */
	char *message;
};

/* What a tap's pictures may be made of, NULL-terminated. */
extern const char *const tap_formats[];

struct frame_tapped {
	int64_t camera_id;
	bool stopped;
	char *path;			/* NULL: it has ended */
};

struct synced_camera {
	int64_t camera_id, durable_frame, durable_sensor_timestamp_ns;
};

struct synced {
	struct list cameras;		/* of struct synced_camera */
};

struct tap_status {
	int64_t camera_id;
	char *path;
	struct size size;		/* no picture is larger */
	int format;			/* index in tap_formats */
	double rate;			/* NAN: every frame */
	int64_t pictures;
};

struct preview_toggled {
	struct list camera_id;		/* of int64_t */
	bool enabled;
};

struct pong {
	int64_t monotonic_ns;
};

struct waited {
	int64_t wait_ns;
};

struct description {
	struct list commands, messages, settings, errors;	/* protocol/describe.c has their items */
	int64_t protocol;
	char *version;
};

struct camera_mode {
	struct size size;
	double max_fps;
};

struct camera_control {
	char *name, *type;
	int64_t count;			/* of numbers that make a value */
	double min, max, step, fallback;	/* NAN: there is none */
	struct list choices;		/* of texts */
};

struct camera_info {
	int64_t camera_id;
	char *id, *kind, *model;
	struct list modes;		/* of struct camera_mode */
	struct list controls;		/* of struct camera_control */
	char *state;
};

struct cameras {
	struct list cameras;		/* of struct camera_info */
};

struct config_values {
	struct cJSON *values;		/* an object */
	struct list restart_needed;	/* of texts: what takes effect with the next start only */
};

struct controls_set {
	struct list camera_id;		/* of int64_t */
	struct cJSON *controls;		/* as given */
};

struct session_started {
	char *session, *path;
};

struct camera_set {
	struct list camera_id;
	bool enabled;
};

/* Where an overlay may stand, NULL-terminated: three above, left to right, then three below. */
extern const char *const overlay_positions[];

struct overlay_set {
	struct list camera_id;
	bool enabled;
	char *text;
	int64_t size;
	int position;			/* index in overlay_positions */
	struct rgba color, background;
};

struct subscribed {
	struct list events;		/* of texts */
};

struct job_started {
	int64_t job;
};

struct cancelled {
	int64_t job;
};

struct recording_entry {
	char *file, *csv, *session;
	int64_t camera_id;
	int64_t from_ns, to_ns;		/* wall times */
	int64_t frames, duration_ns, bytes;
	bool protected, finished;
};

struct recordings {
	int64_t total, bytes;
	struct list recordings;		/* of struct recording_entry */
};

struct failed_file {
	char *file, *code, *message;
};

struct files_changed {
	struct list files;		/* of texts */
	struct list failed;		/* of struct failed_file */
};

struct error_data {
	char *message, *code, *command, *argument, *detail;
};

struct initializing {
	char *device;
};

struct initialized {
	int64_t cameras;
	char *session;
	int64_t protocol;
	char *version;
	struct list encoders;		/* of texts */
	char *config;			/* NULL: no file was read */
};

struct warning {
	char *message, *code;
};

struct shutdown_data {
	char *signal;
};

struct preview_frame {
	int64_t camera_id;
	char *frame;			/* base64 */
	double timestamp;		/* unix seconds */
	int64_t frame_number, sensor_timestamp_ns;
	struct size size;
};

struct camera_event {
	int64_t camera_id;
	char *id, *model, *code, *message;
};

struct camera_degraded {
	int64_t camera_id;
	char *reason;			/* rate, frozen, black, bitrate */
	bool degraded;			/* false: it is over */
	double seconds;			/* since it began */
	double measured, expected;
	char *message;
};

struct motion_box {				/* as parts of the picture */
	double x, y, width, height;
};

struct motion_event {
	int64_t camera_id;
	struct motion_box box;
	double area;
	int64_t sensor_timestamp_ns;
	double duration;		/* of motion_ended */
};

struct night_event {
	int64_t camera_id;
	double score;
	int64_t sensor_timestamp_ns;
	double duration;		/* of night_ended */
};

struct encoder_changed {
	int64_t camera_id;
	char *encoder, *before;
};

struct frames_lost {
	int64_t camera_id, frame_number;
	struct lost lost;		/* newly lost */
};

struct camera_started {			/* event recording_started */
	int64_t camera_id;
	char *session, *file, *csv;
	int64_t first_sensor_timestamp_ns;
};

struct camera_stopped {			/* event recording_stopped */
	char *session, *cause;
	struct stopped_camera camera;
};

struct triggered {
	int64_t trigger_id;
	struct list camera_id;
	int64_t sensor_timestamp_ns;
	double available;
};

struct marked {
	struct list camera_id;
};

struct trigger_clip {
	int64_t camera_id;
	char *file, *csv;
	int64_t frames, from_sensor_timestamp_ns, to_sensor_timestamp_ns;
	char *from, *to;		/* allocated */
	int64_t stills_job;		/* FIELD_UNSET: none */
};

struct trigger_saved {
	int64_t trigger_id;
	char *label;
	struct list files;
	int64_t frames;
	char *from, *to;
	struct list clips;		/* of struct trigger_clip */
	char *message;			/* what went wrong, NULL: nothing */
};

struct mark_event {
	int64_t camera_id;
	char *label, *file;
	int64_t frame_number, camera_frame, sensor_timestamp_ns;
};

struct segment_finished {
	int64_t camera_id;
	char *session, *file, *csv;
	int64_t index, frames, bytes, from_sensor_timestamp_ns, to_sensor_timestamp_ns;
	char *from, *to;
};

struct storage_full {
	int64_t camera_id;		/* FIELD_UNSET: it is about all */
	char *path, *message;
};

struct recording_deleted {
	char *file, *cause;
	int64_t bytes;
};

struct recovered {
	char *file;
	int64_t frames, duration_ns, bytes_cut;
	char *message;			/* what could not be brought back, NULL: nothing */
};

struct job_progress {
	int64_t job;
	double progress;		/* 0 to 1 */
};

struct job_gap {
	int64_t camera_id;
	int64_t from_ns, to_ns;		/* wall times */
};

struct job_done {
	int64_t job;
	bool ok;
	struct list files;
	int64_t frames;
	struct list gaps;		/* of job_gap */
	char *code, *message;
};

struct presence_data {
	char *line, *edge;		/* as the setting names it; rising, falling */
	int64_t monotonic_ns;
	int64_t trigger_id;		/* FIELD_UNSET: there are no clips */
};

struct events_lost {
	int64_t count;
};
