/*
 * Looking for a key frame that was asked for. An encoder makes one of the next picture it comes to, which may be an earlier
 * one than was meant, or none at all: so it is asked for again until the bitstream shows it. Pure; by the encoder's thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct m2m_keys {
	bool wanted;
	bool due;		/* to be asked for, with the next frame that goes in */
	int64_t from_us;	/* it must be of this time or later */
	int since;		/* packets from there on that were none */
	int asked;		/* times in vain */
};

/* A frame that is to be a key frame goes in, or (exact: false) any will do from this one on. */
void m2m_keys_ask(struct m2m_keys *keys, bool exact, int64_t time_us);

/* Something was lost after this time, and only a key frame mends it: asks with the next frame. */
void m2m_keys_ask_soon(struct m2m_keys *keys, int64_t time_us);

/* A packet came out. True: asking is in vain, and has been often enough. */
bool m2m_keys_note(struct m2m_keys *keys, bool key, int64_t time_us);
