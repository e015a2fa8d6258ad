#include "common/movie_head.h"

#include <string.h>
#include <libdeflate.h>

void movie_head_ftyp(struct mp4box *box)
{
	size_t ftyp = mp4box_open(box, "ftyp");

	mp4box_bytes(box, "isom", 4);
	mp4box_u32(box, 0x200);
	mp4box_bytes(box, "isomiso6avc1mp41", 16);
	mp4box_close(box, ftyp);
}

uint32_t movie_head_crc(const uint8_t head[MOVIE_HEAD_BYTES])
{
	return libdeflate_crc32(0, head, MOVIE_HEAD_BYTES - 4);
}

static bool is_zero(const uint8_t *data, size_t bytes)
{
	return !data[0] && !memcmp(data, data + 1, bytes - 1);
}

static const uint8_t slot_finished[8] = { 0, 0, 0, 1, 'm', 'd', 'a', 't' };
static const uint8_t slot_unfinished[8] = { 0, 0, 0, MOVIE_SLOT_BYTES, 'f', 'r', 'e', 'e' };

enum movie_state movie_head_read(const uint8_t *head, size_t bytes, uint32_t *file_id)
{
	struct mp4box ftyp = { 0 };
	bool ours;

	*file_id = 0;
	if (bytes < MOVIE_HEAD_BYTES)
		return MOVIE_FOREIGN;
	if (is_zero(head, MOVIE_HEAD_BYTES))
		return MOVIE_DAMAGED;
	movie_head_ftyp(&ftyp);
	ours = !memcmp(head, ftyp.data, ftyp.bytes);
	mp4box_finish(&ftyp);
	if (ours && !memcmp(head + MOVIE_SLOT, slot_finished, sizeof(slot_finished)))
		return MOVIE_FINISHED;
	if (!ours || memcmp(head + MOVIE_SLOT, slot_unfinished, sizeof(slot_unfinished)) ||
	    memcmp(head + MOVIE_SLOT + sizeof(slot_unfinished), MOVIE_SLOT_MAGIC, 4))
		return MOVIE_FOREIGN;
	if (mp4box_get32(head + MOVIE_HEAD_BYTES - 4) != movie_head_crc(head))
		return MOVIE_DAMAGED;
	*file_id = mp4box_get32(head + MOVIE_SLOT + 12);
	return MOVIE_UNFINISHED;
}

uint64_t movie_head_index_at(const uint8_t *head)
{
	return MOVIE_SLOT + mp4box_get64(head + MOVIE_SLOT + sizeof(slot_finished));
}

void movie_head_reopen(uint8_t *head, uint32_t file_id)
{
	uint8_t *at = head + MOVIE_SLOT;

	memcpy(at, slot_unfinished, sizeof(slot_unfinished));
	memcpy(at + sizeof(slot_unfinished), MOVIE_SLOT_MAGIC, 4);
	for (int i = 0; i < 4; i++)
		at[12 + i] = (uint8_t)(file_id >> (24 - 8 * i));
}
