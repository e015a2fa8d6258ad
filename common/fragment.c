#include "common/fragment.h"

#include "common/util.h"

#include <string.h>
#include <libdeflate.h>

#define VERSION 3
#define TIME_MAX_NS (INT64_MAX / 2)	/* 146 years */
#define FLAG_KEY 1

/* Places in the record. */
#define AT_MAGIC 8
#define AT_CRC 16
#define AT_REST 20
#define AT_MARK_BYTES 160
#define RECORD_BYTES 162	/* and the mark */

#define PRFT_BYTES 32
#define MOOF_BYTES 100
#define MDAT_HEADER_BYTES 8
#define PARSED_BYTES (PRFT_BYTES + MOOF_BYTES + MDAT_HEADER_BYTES)

#define UNIX_TO_NTP_S INT64_C(2208988800)

_Static_assert(RECORD_BYTES + MARK_BYTES + 2 * PARSED_BYTES <= FRAGMENT_HEAD_BYTES_MAX, "room for the head");

/* Zeros that make what follows them stay within one block. */
static size_t padding_at(uint64_t position, size_t record_bytes)
{
	size_t in_block = (position + record_bytes) % FRAGMENT_BLOCK;

	return in_block + PARSED_BYTES > FRAGMENT_BLOCK ? FRAGMENT_BLOCK - in_block : 0;
}

static void write_real(struct mp4box *box, float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	mp4box_u32(box, bits);
}

static float read_real(const uint8_t *at)
{
	uint32_t bits = mp4box_get32(at);
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static void write_exposure(struct mp4box *box, const struct exposure *exposure)
{
	mp4box_u32(box, exposure->known);
	mp4box_u32(box, (uint32_t)exposure->time_us);
	write_real(box, exposure->analogue_gain);
	write_real(box, exposure->digital_gain);
	write_real(box, exposure->lux);
	write_real(box, exposure->temperature_c);
}

static void write_row(struct mp4box *box, const struct framelog_row *row)
{
	mp4box_u64(box, (uint64_t)row->sensor_ns);
	mp4box_u64(box, (uint64_t)row->wall_ns);
	mp4box_u64(box, row->number);
	mp4box_u64(box, row->camera_frame);
	mp4box_u64(box, row->lost_sensor);
	mp4box_u64(box, row->lost_starved);
	mp4box_u64(box, row->lost_encoder);
	mp4box_u64(box, row->lost_storage);
	write_exposure(box, &row->exposure);
	mp4box_u64(box, row->before);
	mp4box_u16(box, (uint16_t)strlen(row->mark));
	mp4box_bytes(box, row->mark, strlen(row->mark));
}

static void write_record(struct mp4box *box, const struct fragment *fragment)
{
	size_t record = mp4box_open(box, "free");

	mp4box_bytes(box, FRAGMENT_MAGIC, FRAGMENT_MAGIC_BYTES);
	mp4box_u32(box, 0);	/* the CRC */
	mp4box_u16(box, VERSION);
	mp4box_u16(box, fragment->key ? FLAG_KEY : 0);
	mp4box_u32(box, fragment->file_id);
	mp4box_u32(box, fragment->sequence);
	mp4box_u64(box, fragment->position);
	mp4box_u32(box, fragment->payload_bytes);
	mp4box_u32(box, fragment->frame_ns);
	mp4box_u16(box, fragment->width);
	mp4box_u16(box, fragment->height);
	mp4box_u8(box, fragment->colour.primaries);
	mp4box_u8(box, fragment->colour.transfer);
	mp4box_u8(box, fragment->colour.matrix);
	mp4box_u8(box, fragment->colour.full_range);
	mp4box_u64(box, (uint64_t)fragment->media_ns);
	write_row(box, &fragment->row);
	mp4box_zeros(box, padding_at(fragment->position, box->bytes));
	mp4box_close(box, record);
}

/* Wall time of the frame, as NTP. */
static void write_prft(struct mp4box *box, const struct fragment *fragment)
{
	uint64_t wall_ns = fragment->row.wall_ns > 0 ? (uint64_t)fragment->row.wall_ns : 0;
	uint64_t seconds = wall_ns / NS_PER_S + UNIX_TO_NTP_S;
	uint64_t fraction = ((wall_ns % NS_PER_S) << 32) / NS_PER_S;
	size_t prft = mp4box_open_full(box, "prft", 1, 24);	/* 24: the time is that of the capture */

	mp4box_u32(box, 1);
	mp4box_u64(box, seconds << 32 | fraction);
	mp4box_u64(box, (uint64_t)fragment->media_ns);
	mp4box_close(box, prft);
}

static void write_traf(struct mp4box *box, const struct fragment *fragment)
{
	size_t traf = mp4box_open(box, "traf"), inner;

	/* base is the moof; default duration, size and flags are here, so that trun needs none */
	inner = mp4box_open_full(box, "tfhd", 0, 0x020038);
	mp4box_u32(box, 1);
	mp4box_u32(box, fragment->frame_ns);
	mp4box_u32(box, fragment->payload_bytes);
	mp4box_u32(box, fragment->key ? 0x02000000 : 0x01010000);
	mp4box_close(box, inner);
	inner = mp4box_open_full(box, "tfdt", 1, 0);
	mp4box_u64(box, (uint64_t)fragment->media_ns);
	mp4box_close(box, inner);
	inner = mp4box_open_full(box, "trun", 0, 0x000001);
	mp4box_u32(box, 1);
	mp4box_u32(box, MOOF_BYTES + MDAT_HEADER_BYTES);
	mp4box_close(box, inner);
	mp4box_close(box, traf);
}

void fragment_write(struct mp4box *box, const struct fragment *fragment)
{
	size_t moof, mfhd;

	box->bytes = 0;
	write_record(box, fragment);
	write_prft(box, fragment);
	moof = mp4box_open(box, "moof");
	mfhd = mp4box_open_full(box, "mfhd", 0, 0);
	mp4box_u32(box, fragment->sequence);
	mp4box_close(box, mfhd);
	write_traf(box, fragment);
	mp4box_close(box, moof);
	mp4box_u32(box, MDAT_HEADER_BYTES + fragment->payload_bytes);
	mp4box_bytes(box, "mdat", 4);
}

uint32_t fragment_crc_head(const uint8_t *head, size_t bytes)
{
	return fragment_crc_payload(0, head + AT_REST, bytes - AT_REST);
}

uint32_t fragment_crc_payload(uint32_t crc, const void *data, size_t bytes)
{
	return libdeflate_crc32(crc, data, bytes);
}

void fragment_set_crc(uint8_t *head, uint32_t crc)
{
	mp4box_put32(head + AT_CRC, crc);
}

uint32_t fragment_crc(const uint8_t *head)
{
	return mp4box_get32(head + AT_CRC);
}

static void read_record(struct fragment *fragment, const uint8_t *at)
{
	*fragment = (struct fragment){
		.key = mp4box_get16(at + 22) & FLAG_KEY,
		.file_id = mp4box_get32(at + 24),
		.sequence = mp4box_get32(at + 28),
		.position = mp4box_get64(at + 32),
		.payload_bytes = mp4box_get32(at + 40),
		.frame_ns = mp4box_get32(at + 44),
		.width = mp4box_get16(at + 48),
		.height = mp4box_get16(at + 50),
		.colour = { .primaries = at[52], .transfer = at[53], .matrix = at[54], .full_range = at[55] },
		.media_ns = (int64_t)mp4box_get64(at + 56),
		.row = {
			.sensor_ns = (int64_t)mp4box_get64(at + 64),
			.wall_ns = (int64_t)mp4box_get64(at + 72),
			.number = mp4box_get64(at + 80),
			.camera_frame = mp4box_get64(at + 88),
			.lost_sensor = mp4box_get64(at + 96),
			.lost_starved = mp4box_get64(at + 104),
			.lost_encoder = mp4box_get64(at + 112),
			.lost_storage = mp4box_get64(at + 120),
			.exposure = {
				.known = mp4box_get32(at + 128), .time_us = (int32_t)mp4box_get32(at + 132),
				.analogue_gain = read_real(at + 136), .digital_gain = read_real(at + 140),
				.lux = read_real(at + 144), .temperature_c = read_real(at + 148),
			},
			.before = mp4box_get64(at + 152),
		},
	};
}

/* False: there can't be such a mark. */
static bool read_mark(struct fragment *fragment, const uint8_t *at, size_t bytes)
{
	size_t length = mp4box_get16(at + AT_MARK_BYTES);

	if (length >= MARK_BYTES || RECORD_BYTES + length > bytes)
		return false;
	memcpy(fragment->row.mark, at + RECORD_BYTES, length);
	/* it becomes a field of a table of lines */
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)fragment->row.mark[i] < ' ')
			return false;
	return true;
}

/* Times that can be: their differences, and the differences of these, are numbers, too. */
static bool has_times(const struct fragment *fragment)
{
	const struct framelog_row *row = &fragment->row;

	return fragment->media_ns >= 0 && fragment->media_ns <= INT64_MAX / 4 && row->sensor_ns >= 0 && row->sensor_ns <= TIME_MAX_NS &&
	       row->wall_ns >= 0 && row->wall_ns <= TIME_MAX_NS;
}

size_t fragment_read(struct fragment *fragment, const uint8_t *data, size_t bytes, uint64_t position)
{
	uint8_t memory[FRAGMENT_HEAD_BYTES_MAX];
	struct mp4box expected = { .data = memory, .capacity = sizeof(memory) };	/* large enough: never grows */

	if (bytes < RECORD_BYTES || memcmp(data + AT_MAGIC, FRAGMENT_MAGIC, FRAGMENT_MAGIC_BYTES))
		return 0;
	read_record(fragment, data);
	if (!read_mark(fragment, data, bytes))
		return 0;
	if (fragment->position != position || !fragment->payload_bytes || fragment->payload_bytes > FRAGMENT_PAYLOAD_MAX ||
	    !has_times(fragment))
		return 0;
	fragment_write(&expected, fragment);
	fragment_set_crc(memory, fragment_crc(data));
	return expected.bytes <= bytes && !memcmp(data, memory, expected.bytes) ? expected.bytes : 0;
}
