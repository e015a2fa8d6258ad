#include "camd/m2m_keys.h"

#define ASK_AGAIN 3	/* packets without it */
#define MAX_ASKED 3	/* times */

void m2m_keys_ask(struct m2m_keys *keys, bool exact, int64_t time_us)
{
	if (exact || !keys->wanted)
		keys->from_us = time_us;
	keys->wanted = true;
	keys->due = false;
	keys->since = 0;
}

void m2m_keys_ask_soon(struct m2m_keys *keys, int64_t time_us)
{
	if (!keys->wanted)
		*keys = (struct m2m_keys){ .wanted = true, .from_us = time_us + 1 };
	keys->due = true;
}

bool m2m_keys_note(struct m2m_keys *keys, bool key, int64_t time_us)
{
	if (!keys->wanted)
		return false;
	if (key && time_us >= keys->from_us) {
		*keys = (struct m2m_keys){ 0 };
		return false;
	}
	/* one that came too early has used up the asking */
	if (key) {
		keys->due = true;
		return false;
	}
	if (time_us < keys->from_us || ++keys->since < ASK_AGAIN)
		return false;
	keys->since = 0;
	keys->due = true;
	return ++keys->asked == MAX_ASKED;
}
