/*
 * What is known about the frames that are inside an encoder, by the time that they were given to it with: in microseconds,
 * which is what V4L2 carries, and no two alike. Frames come out in their order, but not all: those before one that came out
 * will never come. One thread.
 */
#pragma once

#include "camd/frame.h"
#include "camd/packet.h"

#define M2M_MAX_RECORDS 64

struct m2m_record {
	int64_t time_us;
	int64_t sensor_ns, wall_ns;
	uint64_t number, camera_frame;
	struct exposure exposure;
	bool is_back;		/* the driver has given the raw picture back */
};

struct m2m_records {
	struct m2m_record items[M2M_MAX_RECORDS];
	size_t first, n;
	int64_t last_us;	/* the time given out last */
};

/* A time for a frame: its own, or right behind the last one's. */
int64_t m2m_records_time(const struct m2m_records *records, const struct frame *frame);

/* Enters a frame. Where there is no room, the oldest goes: it is long lost. */
void m2m_records_enter(struct m2m_records *records, const struct frame *frame, int64_t time_us);

/* NULL: none of that time. */
struct m2m_record *m2m_records_find(struct m2m_records *records, int64_t time_us);

/* Takes out the one of that time, and all before it. False: there is none. */
bool m2m_records_take(struct m2m_records *records, int64_t time_us, struct m2m_record *record);

void m2m_records_fill(const struct m2m_record *record, struct packet *packet);
