/*
 * The timing table beside a video, NAME_frame_timing.csv: one row a frame that is in the video, in its order.
 *
 *   frame_number,write_time_unix,sensor_timestamp_ns,dropped_since_last,total_hardware_drops,
 *   camera_frame,lost_sensor,lost_starved,lost_encoder,lost_storage,
 *   exposure_us,analogue_gain,digital_gain,lux,sensor_temperature_c,mark
 *
 * Used by one thread, the camera's output thread, but for framelog_sync(), which any thread may call. The row is
 * written right after its frame, so that a kill in between costs a row, which recover brings back from the video.
 */
#pragma once

#include "camd/packet.h"
#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAMELOG_HEADER \
	"frame_number,write_time_unix,sensor_timestamp_ns,dropped_since_last,total_hardware_drops," \
	"camera_frame,lost_sensor,lost_starved,lost_encoder,lost_storage," \
	"exposure_us,analogue_gain,digital_gain,lux,sensor_temperature_c,mark\n"

#define MARK_COLUMN 15		/* of the mark, the only text, from 0 */

/* Room for the longest row, its newline and a NUL. */
#define FRAMELOG_ROW_BYTES (320 + 2 * MARK_BYTES)

struct framelog_row framelog_row_of(const struct packet *packet);

/* The row before in a table. */
struct framelog_place {
	uint64_t number;		/* 0: there is none */
	uint64_t camera_frame;		/* 0: what lies between two numberings was not asked for */
};

struct framelog_place framelog_place_of(const struct framelog_row *row);

/* A wall time as the table says it, to the microsecond: in us, and that of a row in ns. Pure; any thread. */
int64_t framelog_written_us(int64_t wall_ns);
int64_t framelog_written_ns(const struct framelog_row *row);

/*
 * Prints a row with its newline; returns its length. What lies between its number and that before it was dropped. At a table's begin
 * row->before says it. Where a new numbering begins in a table, as in clips, which neither recording counts between them was lost: the
 * camera's own count says that. Pure; any thread.
 */
size_t framelog_format_row(char text[FRAMELOG_ROW_BYTES], const struct framelog_row *row, struct framelog_place before);

/* "DIR/NAME_frame_timing.csv" for the video "DIR/NAME.mp4" or ".h264"; allocated, the caller frees. */
char *framelog_path_of(const char *video);

struct framelog;

/* Makes the file, which must not exist, with its header; syncs it and its directory. */
struct framelog *framelog_create(const char *path, struct error *err);

/* Makes sure, where the file system can, that there is room for the next row. False: there is none. */
bool framelog_reserve(struct framelog *framelog, struct error *err);

/* Appends the row of a packet that is in the video now. False: nothing of the row is in the file. */
bool framelog_write(struct framelog *framelog, const struct packet *packet, struct error *err);

uint64_t framelog_bytes(const struct framelog *framelog);

/* Drops the rows behind so many bytes; nothing is written to it any more. For a table whose sync failed. */
bool framelog_cut(struct framelog *framelog, uint64_t bytes, struct error *err);

bool framelog_sync(struct framelog *framelog, struct error *err);
void framelog_destroy(struct framelog *framelog);	/* closes; NULL is allowed */
