/*
 * The side of an encoder that packets come out at: puts the pictures together, finds the frame that each belongs to, sees to
 * it that nothing goes out that refers to something lost, and looks whether the key frames that were asked for come.
 *
 * One thread, the encoder's. The members are for the encoder to read; only those of keys to set.
 */
#pragma once

#include "camd/m2m_keys.h"
#include "camd/m2m_pictures.h"
#include "camd/m2m_queue.h"
#include "camd/m2m_records.h"

typedef void (*m2m_packet_fn)(void *user, struct packet *packet);	/* takes over the reference */

struct m2m_coded {
	const char *name;	/* for the log */
	bool h264;
	m2m_packet_fn on_packet;
	void *user;
	struct m2m_pictures *pictures;
	struct m2m_records records;
	struct m2m_keys keys;
	bool await_key;		/* what refers to something lost is dropped */
	bool asks_in_vain;	/* key frames that are asked for don't come */
	bool splits;		/* pictures come in pieces that don't fill a buffer */
	bool last;		/* all that was inside is out */
	uint64_t n_given;	/* packets */
	uint64_t n_damaged;
};

/* name is borrowed. */
void m2m_coded_init(struct m2m_coded *coded, const char *name, bool h264, m2m_packet_fn on_packet, void *user);
void m2m_coded_finish(struct m2m_coded *coded);	/* harmless where all is zero */

/* Takes in what a buffer held. Nothing refers to the buffer afterwards. */
void m2m_coded_take(struct m2m_coded *coded, const struct m2m_done *done, const struct m2m_buffer *buffer);

/* Whether there may be more than the one buffer that poll() has shown, and it is worth a call to find out. */
bool m2m_coded_expects_more(const struct m2m_coded *coded);

/* The driver has given back the raw picture of that time. */
void m2m_coded_on_raw_back(struct m2m_coded *coded, int64_t time_us);

/* Gives out the picture that is being put together, if it is whole to all appearances, or in any case. */
void m2m_coded_give_out_whole(struct m2m_coded *coded);
void m2m_coded_give_out(struct m2m_coded *coded);

bool m2m_coded_is_pending(const struct m2m_coded *coded);

/* Nothing that went in is still to come out. */
bool m2m_coded_is_empty(const struct m2m_coded *coded);

/* Forgets all that is inside. */
void m2m_coded_begin_anew(struct m2m_coded *coded);
