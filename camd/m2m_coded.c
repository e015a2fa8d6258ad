#include "camd/m2m_coded.h"

#include "common/log.h"

#include <string.h>

#define YOUNG 32		/* packets in which it is learnt whether pictures come in pieces */
#define FULL_PART 256		/* a buffer with less than this part of it free may have been too small */
#define MAX_TOLD 20		/* damaged pictures that the log tells of */

void m2m_coded_init(struct m2m_coded *coded, const char *name, bool h264, m2m_packet_fn on_packet, void *user)
{
	*coded = (struct m2m_coded){
		.name = name, .h264 = h264, .on_packet = on_packet, .user = user, .pictures = m2m_pictures_create(h264),
	};
}

void m2m_coded_finish(struct m2m_coded *coded)
{
	m2m_pictures_destroy(coded->pictures);
	coded->pictures = NULL;
}

/* Everything from here on to the next key frame refers to something that is lost. */
static void lose_chain(struct m2m_coded *coded, int64_t time_us)
{
	if (!coded->h264)
		return;
	coded->await_key = true;
	m2m_keys_ask_soon(&coded->keys, time_us);
}

static void note_key(struct m2m_coded *coded, bool key, int64_t time_us)
{
	if (key)
		coded->await_key = false;
	if (m2m_keys_note(&coded->keys, key, time_us))
		coded->asks_in_vain = true;
}

void m2m_coded_give_out(struct m2m_coded *coded)
{
	struct m2m_record record;
	struct packet *packet;
	int64_t time_us;

	if (!m2m_pictures_pending(coded->pictures, &time_us))
		return;
	packet = m2m_pictures_take(coded->pictures);
	if (!m2m_records_take(&coded->records, time_us, &record)) {
		log_warning("%s: gave a picture of %lld us, and was given none", coded->name, (long long)time_us);
		lose_chain(coded, coded->records.last_us);
		packet_unref(packet);
		return;
	}
	note_key(coded, packet->key, time_us);
	if (coded->await_key) {
		packet_unref(packet);
		return;
	}
	m2m_records_fill(&record, packet);
	coded->n_given++;
	coded->on_packet(coded->user, packet);
}

/*
 * A picture is whole when its buffer had room left and the driver is through with what it was made from; what seems whole
 * earlier waits, which costs nothing. Where that is not to be relied on, the next picture shows that this one is whole.
 */
void m2m_coded_give_out_whole(struct m2m_coded *coded)
{
	const struct m2m_record *record;
	int64_t time_us;

	if (!m2m_pictures_pending(coded->pictures, &time_us) || coded->splits || !m2m_pictures_seems_whole(coded->pictures))
		return;
	record = m2m_records_find(&coded->records, time_us);
	if (!record || record->is_back)
		m2m_coded_give_out(coded);
}

static void on_damaged(struct m2m_coded *coded, int64_t time_us)
{
	struct m2m_record ignored;
	int64_t pending_us;

	if (m2m_pictures_pending(coded->pictures, &pending_us)) {
		if (pending_us == time_us)
			m2m_pictures_drop(coded->pictures);
		else
			m2m_coded_give_out(coded);
	}
	if (coded->n_damaged++ < MAX_TOLD)
		log_warning("%s: gave a damaged picture; going on from the next key frame", coded->name);
	m2m_records_take(&coded->records, time_us, &ignored);
	lose_chain(coded, time_us);
}

static void on_piece(struct m2m_coded *coded, const struct m2m_piece *piece)
{
	int64_t pending_us;

	if (m2m_pictures_pending(coded->pictures, &pending_us)) {
		if (pending_us != piece->time_us)
			m2m_coded_give_out(coded);
		else if (m2m_pictures_seems_whole(coded->pictures))
			coded->splits = true;
	}
	if (m2m_pictures_add(coded->pictures, piece))
		return;
	if (!coded->splits)
		log_warning("%s: gave more of a picture that had seemed whole; going on from the next key frame", coded->name);
	coded->splits = true;
	lose_chain(coded, piece->time_us);
}

void m2m_coded_take(struct m2m_coded *coded, const struct m2m_done *done, const struct m2m_buffer *buffer)
{
	size_t end = done->offset + done->bytes;
	struct m2m_piece piece = {
		.data = (const uint8_t *)buffer->memory[0] + done->offset, .bytes = done->bytes, .key = done->key,
		.fills = buffer->lengths[0] - end < buffer->lengths[0] / FULL_PART, .time_us = done->time_us,
	};

	/* the last may be empty, and its time then means nothing */
	if (done->damaged)
		on_damaged(coded, done->time_us);
	else if (done->bytes)
		on_piece(coded, &piece);
	coded->last |= done->last;
}

bool m2m_coded_expects_more(const struct m2m_coded *coded)
{
	return coded->n_given < YOUNG;
}

void m2m_coded_on_raw_back(struct m2m_coded *coded, int64_t time_us)
{
	struct m2m_record *record = m2m_records_find(&coded->records, time_us);

	if (record)
		record->is_back = true;
}

bool m2m_coded_is_pending(const struct m2m_coded *coded)
{
	int64_t ignored;

	return m2m_pictures_pending(coded->pictures, &ignored);
}

bool m2m_coded_is_empty(const struct m2m_coded *coded)
{
	return !coded->records.n && !m2m_coded_is_pending(coded);
}

void m2m_coded_begin_anew(struct m2m_coded *coded)
{
	m2m_pictures_drop(coded->pictures);
	coded->records.n = 0;
	coded->last = false;
}
