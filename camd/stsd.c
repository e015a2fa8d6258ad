#include "camd/stsd.h"

#include "camd/avcc.h"

#include <string.h>

#define HEAD_BYTES 16		/* before the first entry */
#define ENTRY_BYTES 86		/* of an entry before the boxes in it */
#define IDS 32
#define NALS_MAX 96

static bool find_avcc(const uint8_t *entry, size_t bytes, const uint8_t **avcc, size_t *avcc_bytes)
{
	if (!mp4box_find(entry + ENTRY_BYTES, bytes - ENTRY_BYTES, "avcC", avcc, avcc_bytes))
		return false;
	*avcc += 8;
	*avcc_bytes -= 8;
	return true;
}

/* Steps through the entries; *at is where to go on, HEAD_BYTES at first. */
static bool next_entry(const struct mp4box *stsd, size_t *at, const uint8_t **entry, size_t *bytes)
{
	if (*at >= stsd->bytes)
		return false;
	*entry = stsd->data + *at;
	*bytes = mp4box_get32(*entry);
	*at += *bytes;
	return true;
}

bool stsd_is_plain(const uint8_t *stsd, size_t bytes)
{
	struct nal nals[NALS_MAX];
	const uint8_t *avcc;
	size_t avcc_bytes, n;

	return bytes >= HEAD_BYTES + ENTRY_BYTES && mp4box_get32(stsd + 12) == 1 && mp4box_get32(stsd + HEAD_BYTES) == bytes - HEAD_BYTES &&
	       !memcmp(stsd + HEAD_BYTES + 4, "avc1", 4) && find_avcc(stsd + HEAD_BYTES, bytes - HEAD_BYTES, &avcc, &avcc_bytes) &&
	       avcc_read(avcc, avcc_bytes, nals, NALS_MAX, &n);
}

uint32_t stsd_find(struct mp4box *stsd, const struct mp4box *plain)
{
	const uint8_t *wanted = plain->data + HEAD_BYTES, *entry;
	size_t wanted_bytes = plain->bytes - HEAD_BYTES, at = HEAD_BYTES, bytes;
	uint32_t i = 0;

	for (; next_entry(stsd, &at, &entry, &bytes); i++)
		if (bytes == wanted_bytes && !memcmp(entry, wanted, bytes))
			return i;
	if (!stsd->bytes)
		mp4box_bytes(stsd, plain->data, HEAD_BYTES);
	mp4box_bytes(stsd, wanted, wanted_bytes);
	mp4box_set32(stsd, 0, (uint32_t)stsd->bytes);
	mp4box_set32(stsd, 12, i + 1);
	return i;
}

int stsd_free_id(const struct mp4box *stsd)
{
	bool taken[IDS] = { false };
	const uint8_t *entry, *avcc;
	size_t at = HEAD_BYTES, bytes, avcc_bytes, n;
	struct nal nals[NALS_MAX];

	while (next_entry(stsd, &at, &entry, &bytes)) {
		if (!find_avcc(entry, bytes, &avcc, &avcc_bytes) || !avcc_read(avcc, avcc_bytes, nals, NALS_MAX, &n))
			return -1;
		for (size_t i = 0; i < n; i++) {
			uint32_t id = h264_set_id(&nals[i]);

			if (id < IDS)
				taken[id] = true;
		}
	}
	for (int id = 0; id < IDS; id++)
		if (!taken[id])
			return id;
	return -1;
}

/* An entry with further sets at the end of a box. */
static bool copy_entry(struct mp4box *to, const uint8_t *entry, size_t bytes, const struct nal *more, size_t n_more)
{
	size_t start = to->bytes, avcc_bytes, n;
	const uint8_t *avcc;
	struct nal nals[2 * NALS_MAX];

	if (!find_avcc(entry, bytes, &avcc, &avcc_bytes) || !avcc_read(avcc, avcc_bytes, nals, NALS_MAX, &n))
		return false;
	memcpy(nals + n, more, n_more * sizeof(*more));
	mp4box_bytes(to, entry, (size_t)(avcc - 8 - entry));
	if (!avcc_write(to, nals, n + n_more))
		return false;
	mp4box_bytes(to, avcc + avcc_bytes, (size_t)(entry + bytes - avcc - avcc_bytes));
	mp4box_close(to, start);
	return true;
}

bool stsd_add_sets(struct mp4box *stsd, const uint8_t *avcc, size_t bytes)
{
	struct mp4box made = { 0 };
	struct nal more[NALS_MAX];
	const uint8_t *entry;
	size_t at = HEAD_BYTES, entry_bytes, n_more;
	bool good = avcc_read(avcc, bytes, more, NALS_MAX, &n_more);

	mp4box_bytes(&made, stsd->data, HEAD_BYTES);
	while (good && next_entry(stsd, &at, &entry, &entry_bytes))
		good = copy_entry(&made, entry, entry_bytes, more, n_more);
	if (!good) {
		mp4box_finish(&made);
		return false;
	}
	mp4box_close(&made, 0);
	mp4box_finish(stsd);
	*stsd = made;
	return true;
}
