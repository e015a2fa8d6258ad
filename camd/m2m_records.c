#include "camd/m2m_records.h"

#include "common/util.h"

static struct m2m_record *nth(struct m2m_records *records, size_t n)
{
	return &records->items[(records->first + n) % M2M_MAX_RECORDS];
}

static void drop(struct m2m_records *records, size_t n)
{
	records->first = (records->first + n) % M2M_MAX_RECORDS;
	records->n -= n;
}

int64_t m2m_records_time(const struct m2m_records *records, const struct frame *frame)
{
	return MAX(frame->sensor_ns / NS_PER_US, records->last_us + 1);
}

void m2m_records_enter(struct m2m_records *records, const struct frame *frame, int64_t time_us)
{
	if (records->n == M2M_MAX_RECORDS)
		drop(records, 1);
	*nth(records, records->n++) = (struct m2m_record){
		.time_us = time_us, .sensor_ns = frame->sensor_ns, .wall_ns = frame->wall_ns, .number = frame->number,
		.camera_frame = frame->camera_frame, .exposure = frame->exposure,
	};
	records->last_us = time_us;
}

struct m2m_record *m2m_records_find(struct m2m_records *records, int64_t time_us)
{
	for (size_t i = 0; i < records->n; i++)
		if (nth(records, i)->time_us == time_us)
			return nth(records, i);
	return NULL;
}

bool m2m_records_take(struct m2m_records *records, int64_t time_us, struct m2m_record *record)
{
	for (size_t i = 0; i < records->n; i++) {
		if (nth(records, i)->time_us != time_us)
			continue;
		*record = *nth(records, i);
		drop(records, i + 1);
		return true;
	}
	return false;
}

void m2m_records_fill(const struct m2m_record *record, struct packet *packet)
{
	packet->sensor_ns = record->sensor_ns;
	packet->wall_ns = record->wall_ns;
	packet->number = record->number;
	packet->camera_frame = record->camera_frame;
	packet->exposure = record->exposure;
}
