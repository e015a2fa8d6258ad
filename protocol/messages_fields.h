/*
 * For the files that make up the table of messages: how a member is written down, and the members of events and of what both
 * replies and events hold. A table says of which struct it is by OF.
 */
#pragma once

#include "protocol/messages.h"

#define INT(member, text, ...) { .name = #member, .type = FIELD_INT, .at = offsetof(struct OF, member), .help = text, __VA_ARGS__ }
#define REAL(member, text, ...) { .name = #member, .type = FIELD_REAL, .at = offsetof(struct OF, member), .help = text, __VA_ARGS__ }
#define BOOL(member, text, ...) { .name = #member, .type = FIELD_BOOL, .at = offsetof(struct OF, member), .help = text, __VA_ARGS__ }
#define TEXT(member, text, ...) { .name = #member, .type = FIELD_TEXT, .at = offsetof(struct OF, member), .help = text, __VA_ARGS__ }
#define SIZE(member, text, ...) { .name = #member, .type = FIELD_SIZE, .at = offsetof(struct OF, member), .help = text, __VA_ARGS__ }
#define TEXTS(member, text, ...) \
	{ .name = #member, .type = FIELD_LIST, .of = FIELD_TEXT, .at = offsetof(struct OF, member), .help = text, __VA_ARGS__ }
#define OBJECTS(member, table, item, text, ...) \
	{ .name = #member, .type = FIELD_LIST, .of = FIELD_OBJECT, .at = offsetof(struct OF, member), .fields = table, \
	  .item_bytes = sizeof(struct item), .help = text, __VA_ARGS__ }
#define OBJECT(member, table, text) \
	{ .name = #member, .type = FIELD_OBJECT, .at = offsetof(struct OF, member), .fields = table, .help = text }
#define OPTIONAL .flags = FIELD_OPTIONAL

/* messages.c */
extern const struct field lost_fields[];

/* messages_events.c: events */
extern const struct field camera_found_fields[], camera_lost_fields[], camera_degraded_fields[], encoder_changed_fields[],
	frames_lost_fields[], camera_started_fields[], camera_stopped_fields[], storage_full_fields[], recovered_fields[],
	job_progress_fields[], trigger_saved_fields[], mark_event_fields[], segment_finished_fields[], job_done_fields[],
	events_lost_fields[], presence_fields[], motion_started_fields[], motion_ended_fields[], night_started_fields[],
	night_ended_fields[];

/* messages_storage.c */
extern const struct field storage_status_fields[], recordings_fields[], files_changed_fields[], recording_deleted_fields[],
	storage_slow_fields[];
