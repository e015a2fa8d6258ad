/* What messages about storage hold. */
#include "protocol/messages_fields.h"

#define OF stalls
static const struct field stalls_fields[] = {
	INT(from_100_ms, "Those that took 100 ms or more, but not 300."),
	INT(from_300_ms, "300 ms or more, but not 1 s."),
	INT(from_1_s, "1 s or more, but not 3."),
	INT(from_3_s, "3 s or more, but not 10."),
	INT(from_10_s, "10 s or more."),
	{ 0 },
};
#undef OF

#define OF storage_status
const struct field storage_status_fields[] = {
	INT(used_bytes, "What the recordings of all sessions take: videos and timing tables, those being written included.", .unit = "bytes"),
	INT(protected_bytes, "What the protected ones of them take.", .unit = "bytes"),
	INT(cap_bytes, "Most that they may take, by storage_cap; 0: no limit.", .unit = "bytes"),
	INT(reserve_bytes, "What is kept free on the disk, by storage_reserve.", .unit = "bytes"),
	INT(recordings, "How many there are that are finished."),
	{ .name = "oldest", .type = FIELD_TIME, .at = offsetof(struct storage_status, oldest), .flags = FIELD_OPTIONAL,
	  .help = "When the oldest of them began; absent if there is none." },
	INT(written_bytes, "Bytes of videos written since camd's start.", .unit = "bytes"),
	REAL(slowest_write_ms, "Longest that the disk took for a frame and its row since camd's start.", .unit = "ms"),
	REAL(slowest_sync_ms, "Longest that it took to push down a video and its table.", .unit = "ms"),
	OBJECT(stalls, stalls_fields, "How many of these writes and syncs took long."),
	{ 0 },
};
#undef OF

#define OF storage_slow
const struct field storage_slow_fields[] = {
	INT(camera_id, "Number of the camera."),
	BOOL(slow, "true: it begins; false: it is over."),
	INT(durable_lag_ms, "Age of the oldest frame that is not on the disk, as in get_status.", .unit = "ms"),
	INT(queued_bytes, "What waits to be written.", .unit = "bytes"),
	INT(lost, "Frames that the storage has cost the recording so far, whole groups of pictures."),
	REAL(slowest_write_ms, "Longest that a write has taken since camd's start.", .unit = "ms"),
	REAL(slowest_sync_ms, "Longest that a sync has taken since camd's start; one that is under way does not count.", .unit = "ms"),
	REAL(seconds, "How long it was slow; absent if it begins.", .unit = "s", OPTIONAL),
	TEXT(message, "The same in words, and what to do."),
	{ 0 },
};
#undef OF

#define OF recording_deleted
const struct field recording_deleted_fields[] = {
	TEXT(file, "Absolute path of the video; its timing table went, too."),
	TEXT(cause, "cap, reserve or age (of the settings storage_cap, storage_reserve, keep_for), or command."),
	INT(bytes, "What it took on the disk.", .unit = "bytes", OPTIONAL),
	{ 0 },
};
#undef OF

#define OF recording_entry
static const struct field recording_entry_fields[] = {
	TEXT(file, "Absolute path of the video."),
	TEXT(csv, "Absolute path of its timing table; null if there is none."),
	TEXT(session, "Name of the session folder."),
	INT(camera_id, "Number of the camera."),
	{ .name = "from", .type = FIELD_TIME, .at = offsetof(struct recording_entry, from_ns), .help = "When it begins: the first frame's time if it is known, else that of the name." },
	{ .name = "to", .type = FIELD_TIME, .at = offsetof(struct recording_entry, to_ns), .help = "When it ends." },
	INT(frames, "Frames in it; absent if that is not known, or it is being written.", OPTIONAL),
	INT(duration_ns, "How long it is; absent likewise.", .unit = "ns", OPTIONAL),
	INT(bytes, "Size of the video.", .unit = "bytes"),
	BOOL(protected, "Whether it is protected."),
	BOOL(finished, "Whether it is whole; false: it is being written."),
	{ 0 },
};
#undef OF

#define OF recordings
const struct field recordings_fields[] = {
	INT(total, "How many there are that were asked for."),
	INT(bytes, "What these take on the disk.", .unit = "bytes"),
	OBJECTS(recordings, recording_entry_fields, recording_entry, "Those of the page, oldest first."),
	{ 0 },
};
#undef OF

#define OF failed_file
static const struct field failed_file_fields[] = {
	TEXT(file, "As it was named."),
	TEXT(code, "Error code."),
	TEXT(message, "What went wrong."),
	{ 0 },
};
#undef OF

#define OF files_changed
const struct field files_changed_fields[] = {
	TEXTS(files, "Absolute paths of the videos for which it was done."),
	OBJECTS(failed, failed_file_fields, failed_file, "Those for which it wasn't.", OPTIONAL),
	{ 0 },
};
#undef OF
