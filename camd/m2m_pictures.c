#include "camd/m2m_pictures.h"

#include "camd/h264.h"
#include "camd/packet_pool.h"
#include "common/util.h"

#include <stdlib.h>
#include <string.h>

#define IDLE_BYTES (8 << 20)
#define MAX_SET 512		/* bytes of a parameter set, start code included */
#define FRONT (2 * MAX_SET)	/* room before a picture for what the driver may have left out */
#define FIRST_LOOK 512		/* bytes in which the first slice begins, as a rule */

struct parameter_set {
	uint8_t data[MAX_SET];	/* behind its start code */
	size_t bytes;
};

struct m2m_pictures {
	struct packet_pool *pool;
	bool h264;
	struct packet *pending;
	size_t filled;			/* of its memory, FRONT included */
	bool fills;
	bool key, lacks_sets;		/* as its first piece has it */
	size_t delimiter_bytes;		/* that it begins with */
	int64_t time_us, taken_us;	/* of the pending one, and of the last that was taken */
	struct parameter_set sps, pps;	/* as they came last */
};

/* What an access unit begins with, up to its first slice. */
struct opening {
	bool nal, slice, idr;	/* nal: right at the start */
	size_t delimiter_bytes;	/* of the access unit delimiter at its start, with start code; 0: none */
	struct nal sps, pps;
};

struct m2m_pictures *m2m_pictures_create(bool h264)
{
	struct m2m_pictures *pictures = xcalloc(1, sizeof(*pictures));

	pictures->pool = packet_pool_create(IDLE_BYTES);
	pictures->h264 = h264;
	pictures->taken_us = -1;
	return pictures;
}

void m2m_pictures_destroy(struct m2m_pictures *pictures)
{
	if (!pictures)
		return;
	packet_unref(pictures->pending);
	packet_pool_close(pictures->pool);
	free(pictures);
}

bool m2m_pictures_pending(const struct m2m_pictures *pictures, int64_t *time_us)
{
	*time_us = pictures->time_us;
	return pictures->pending;
}

bool m2m_pictures_seems_whole(const struct m2m_pictures *pictures)
{
	return !pictures->fills;
}

static bool begins_with_start_code(const uint8_t *data, size_t bytes)
{
	return bytes > 3 && !data[0] && !data[1] && (data[2] == 1 || (!data[2] && data[3] == 1));
}

static struct opening look(const uint8_t *data, size_t bytes)
{
	struct opening opening = { .nal = begins_with_start_code(data, bytes) };
	size_t at = 0, before = 0;
	struct nal nal;

	for (; !opening.slice && h264_next_nal(data, bytes, &at, &nal); before = at) {
		opening.slice = nal.type >= NAL_SLICE && nal.type <= NAL_IDR;
		opening.idr = nal.type == NAL_IDR;
		if (nal.type == NAL_SPS)
			opening.sps = nal;
		else if (nal.type == NAL_PPS)
			opening.pps = nal;
		else if (nal.type == NAL_AUD && !before)
			opening.delimiter_bytes = (size_t)(nal.data + nal.bytes - data);
	}
	return opening;
}

/* Large slices are not searched through: all that counts comes before them. */
static struct opening open_up(const uint8_t *data, size_t bytes)
{
	struct opening opening = look(data, MIN(bytes, FIRST_LOOK));

	return opening.slice || bytes <= FIRST_LOOK ? opening : look(data, bytes);
}

/* One that is too large to keep is none that a camera's encoder makes. */
static void keep_set(struct parameter_set *set, const struct nal *nal)
{
	static const uint8_t start_code[] = { 0, 0, 0, 1 };

	if (!nal->bytes || sizeof(start_code) + nal->bytes > sizeof(set->data))
		return;
	memcpy(set->data, start_code, sizeof(start_code));
	memcpy(set->data + sizeof(start_code), nal->data, nal->bytes);
	set->bytes = sizeof(start_code) + nal->bytes;
}

/* More room, and the picture so far in it. */
static void grow(struct m2m_pictures *pictures, size_t bytes)
{
	struct packet *larger = packet_pool_take(pictures->pool, MAX(bytes, pictures->filled * 2));

	memcpy(packet_pool_memory(larger), packet_pool_memory(pictures->pending), pictures->filled);
	packet_unref(pictures->pending);
	pictures->pending = larger;
}

static void append(struct m2m_pictures *pictures, const struct m2m_piece *piece)
{
	if (pictures->filled + piece->bytes > packet_pool_room(pictures->pending))
		grow(pictures, pictures->filled + piece->bytes);
	memcpy(packet_pool_memory(pictures->pending) + pictures->filled, piece->data, piece->bytes);
	pictures->filled += piece->bytes;
	pictures->fills = piece->fills;
}

static void begin(struct m2m_pictures *pictures, const struct m2m_piece *piece)
{
	pictures->pending = packet_pool_take(pictures->pool, FRONT + piece->bytes);
	pictures->filled = FRONT;
	pictures->time_us = piece->time_us;
	pictures->key = piece->key;
	pictures->lacks_sets = false;
	append(pictures, piece);
}

bool m2m_pictures_add(struct m2m_pictures *pictures, const struct m2m_piece *piece)
{
	struct opening opening;

	if (pictures->pending) {
		append(pictures, piece);
		return true;
	}
	if (!pictures->h264) {
		begin(pictures, piece);
		return true;
	}
	opening = open_up(piece->data, piece->bytes);
	if (piece->time_us == pictures->taken_us && (opening.slice || !opening.nal))
		return false;
	keep_set(&pictures->sps, &opening.sps);
	keep_set(&pictures->pps, &opening.pps);
	/* parameter sets, a delimiter or filler by themselves are no picture */
	if (!opening.slice)
		return true;
	begin(pictures, piece);
	pictures->key = opening.idr;
	pictures->lacks_sets = opening.idr && !(opening.sps.bytes && opening.pps.bytes);
	pictures->delimiter_bytes = opening.delimiter_bytes;
	return true;
}

/* Puts the sets before the picture, but behind a delimiter, which must be the first. Returns by how much the picture grew. */
static size_t put_sets(struct m2m_pictures *pictures, uint8_t *picture)
{
	size_t extra = pictures->sps.bytes + pictures->pps.bytes;
	uint8_t *at = picture - extra;

	memmove(at, picture, pictures->delimiter_bytes);
	at += pictures->delimiter_bytes;
	memcpy(at, pictures->sps.data, pictures->sps.bytes);
	memcpy(at + pictures->sps.bytes, pictures->pps.data, pictures->pps.bytes);
	return extra;
}

struct packet *m2m_pictures_take(struct m2m_pictures *pictures)
{
	struct packet *packet = pictures->pending;
	uint8_t *picture = packet_pool_memory(packet) + FRONT;
	size_t extra = pictures->lacks_sets ? put_sets(pictures, picture) : 0;

	packet->key = pictures->key;
	packet->data = picture - extra;
	packet->bytes = pictures->filled - FRONT + extra;
	pictures->pending = NULL;
	pictures->taken_us = pictures->time_us;
	return packet;
}

void m2m_pictures_drop(struct m2m_pictures *pictures)
{
	packet_unref(pictures->pending);
	pictures->pending = NULL;
}
