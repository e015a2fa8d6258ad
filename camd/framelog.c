#include "camd/framelog.h"

#include "camd/appender.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Room kept ahead of the rows: a thousand of them. */
#define RESERVE_BYTES 65536

struct framelog {
	struct appender file;
	struct framelog_place last;
};

struct framelog_row framelog_row_of(const struct packet *packet)
{
	struct framelog_row row = {
		.number = packet->number,
		.before = packet->before,
		.wall_ns = packet->wall_ns,
		.sensor_ns = packet->sensor_ns,
		.camera_frame = packet->camera_frame,
		.lost_sensor = packet->lost_sensor,
		.lost_starved = packet->lost_starved,
		.lost_encoder = packet->lost_encoder,
		.lost_storage = packet->lost_storage,
		.exposure = packet->exposure,
	};

	memcpy(row.mark, packet->mark, sizeof(row.mark));
	return row;
}

#define REAL_BYTES 24

/* Decimals without exponents; empty for what is unknown, or is no sensible number. */
static const char *format_real(char text[REAL_BYTES], const struct exposure *exposure, unsigned fact, float value)
{
	text[0] = '\0';
	if (exposure->known & fact && isfinite(value) && fabsf(value) < 1e9f)
		snprintf(text, REAL_BYTES, "%.4f", (double)value);
	return text;
}

static size_t format_exposure(char *text, size_t room, const struct exposure *exposure)
{
	char time[16] = "", analogue[REAL_BYTES], digital[REAL_BYTES], lux[REAL_BYTES], temperature[REAL_BYTES];

	if (exposure->known & EXPOSURE_TIME)
		snprintf(time, sizeof(time), "%" PRId32, exposure->time_us);
	return (size_t)snprintf(text, room, "%s,%s,%s,%s,%s", time,
		format_real(analogue, exposure, EXPOSURE_ANALOGUE_GAIN, exposure->analogue_gain),
		format_real(digital, exposure, EXPOSURE_DIGITAL_GAIN, exposure->digital_gain),
		format_real(lux, exposure, EXPOSURE_LUX, exposure->lux),
		format_real(temperature, exposure, EXPOSURE_TEMPERATURE, exposure->temperature_c));
}

/* In quotes, as CSV has it, if need be; and the end of the row. */
static size_t format_mark(char *text, const char *mark)
{
	bool quoted = strpbrk(mark, ",\"");
	char *at = text;

	*at++ = ',';
	if (quoted)
		*at++ = '"';
	for (; *mark; mark++) {
		if (*mark == '"')
			*at++ = '"';
		*at++ = *mark;
	}
	if (quoted)
		*at++ = '"';
	*at++ = '\n';
	*at = '\0';
	return (size_t)(at - text);
}

struct framelog_place framelog_place_of(const struct framelog_row *row)
{
	return (struct framelog_place){ row->number, row->camera_frame };
}

static uint64_t count_dropped(const struct framelog_row *row, struct framelog_place before)
{
	bool anew = before.number && !row->before;
	uint64_t last = before.number && before.number < row->number ? before.number : row->before;

	/* a recording's last frames may be lost, and some before the first one of the next: these are behind no row of theirs */
	if (anew && before.camera_frame && before.camera_frame < row->camera_frame)
		return row->camera_frame - before.camera_frame - 1;
	return row->number > last ? row->number - last - 1 : 0;
}

int64_t framelog_written_us(int64_t wall_ns)
{
	return wall_ns / NS_PER_US + (wall_ns % NS_PER_US >= NS_PER_US / 2);
}

int64_t framelog_written_ns(const struct framelog_row *row)
{
	return MIN(framelog_written_us(row->wall_ns), INT64_MAX / NS_PER_US) * NS_PER_US;
}

size_t framelog_format_row(char text[FRAMELOG_ROW_BYTES], const struct framelog_row *row, struct framelog_place before)
{
	char wall[32] = "";
	size_t length;

	if (row->wall_ns > 0) {
		/* in integers: a double is too short for it */
		int64_t us = framelog_written_us(row->wall_ns);

		snprintf(wall, sizeof(wall), "%" PRId64 ".%06" PRId64, us / 1000000, us % 1000000);
	}
	length = (size_t)snprintf(text, FRAMELOG_ROW_BYTES,
		"%" PRIu64 ",%s,%" PRId64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",",
		row->number, wall, row->sensor_ns, count_dropped(row, before), row->lost_sensor, row->camera_frame, row->lost_sensor,
		row->lost_starved, row->lost_encoder, row->lost_storage);
	length += format_exposure(text + length, FRAMELOG_ROW_BYTES - length, &row->exposure);
	return length + format_mark(text + length, row->mark);
}

char *framelog_path_of(const char *video)
{
	const char *name = strrchr(video, '/');
	const char *dot = strrchr(name ? name : video, '.');
	int bytes = (int)(dot ? (size_t)(dot - video) : strlen(video));

	return xasprintf("%.*s_frame_timing.csv", bytes, video);
}

struct framelog *framelog_create(const char *path, struct error *err)
{
	struct framelog *framelog = xcalloc(1, sizeof(*framelog));
	bool made = appender_create(&framelog->file, path, err);

	if (made && appender_write(&framelog->file, FRAMELOG_HEADER, strlen(FRAMELOG_HEADER), err) &&
	    appender_sync_name(&framelog->file, err))
		return framelog;
	if (made)
		unlink(path);
	framelog_destroy(framelog);
	return NULL;
}

bool framelog_reserve(struct framelog *framelog, struct error *err)
{
	return appender_reserve(&framelog->file, FRAMELOG_ROW_BYTES, RESERVE_BYTES, err);
}

bool framelog_write(struct framelog *framelog, const struct packet *packet, struct error *err)
{
	struct framelog_row row = framelog_row_of(packet);
	char text[FRAMELOG_ROW_BYTES];
	size_t bytes = framelog_format_row(text, &row, framelog->last);

	if (!appender_write(&framelog->file, text, bytes, err))
		return false;
	framelog->last = framelog_place_of(&row);
	return true;
}

uint64_t framelog_bytes(const struct framelog *framelog)
{
	return framelog->file.bytes;
}

bool framelog_cut(struct framelog *framelog, uint64_t bytes, struct error *err)
{
	return appender_cut(&framelog->file, bytes, err);
}

bool framelog_sync(struct framelog *framelog, struct error *err)
{
	return appender_sync(&framelog->file, err);
}

void framelog_destroy(struct framelog *framelog)
{
	if (!framelog)
		return;
	appender_release(&framelog->file);
	appender_close(&framelog->file);
	free(framelog);
}
