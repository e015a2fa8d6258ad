/*
 * Changes videos in ways that get past their checksums: a fragment's facts are changed and its head is written anew, fragments are
 * left out, repeated and zeroed; whatever was changed, most of the time checksums and positions are made right again.
 */
#include "tests/fuzz/fuzz.h"

#include "camd/movie.h"
#include "common/fragment.h"
#include "common/util.h"

#include <libdeflate.h>
#include <string.h>

#define MAGIC_AT 8
#define POSITION_AT 32
#define MOST 64

size_t LLVMFuzzerMutate(uint8_t *data, size_t bytes, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t most, unsigned seed);

/* Where fragments seem to begin. */
static size_t find_fragments(const uint8_t *data, size_t bytes, size_t starts[MOST])
{
	const uint8_t *at = data, *found;
	size_t n = 0;

	while (n < MOST && (found = memmem(at, bytes - (size_t)(at - data), FRAGMENT_MAGIC, FRAGMENT_MAGIC_BYTES))) {
		if (found - data >= MAGIC_AT)
			starts[n++] = (size_t)(found - data) - MAGIC_AT;
		at = found + FRAGMENT_MAGIC_BYTES;
	}
	return n;
}

static size_t read_head(const uint8_t *data, size_t bytes, size_t start, struct fragment *fragment)
{
	return fragment_read(fragment, data + start, MIN(bytes - start, (size_t)FRAGMENT_HEAD_BYTES_MAX), start);
}

static void make_right(uint8_t *data, size_t bytes)
{
	size_t starts[MOST], n = find_fragments(data, bytes, starts);
	struct fragment fragment;

	if (bytes >= MOVIE_HEAD_BYTES)
		mp4box_put32(data + MOVIE_HEAD_BYTES - 4, libdeflate_crc32(0, data, MOVIE_HEAD_BYTES - 4));
	for (size_t i = 0; i < n; i++) {
		size_t start = starts[i], head;
		uint32_t crc;

		if (bytes - start < POSITION_AT + 8)
			continue;
		mp4box_put32(data + start + POSITION_AT, 0);
		mp4box_put32(data + start + POSITION_AT + 4, (uint32_t)start);
		head = read_head(data, bytes, start, &fragment);
		if (!head || fragment.payload_bytes > bytes - start - head)
			continue;
		crc = fragment_crc_head(data + start, head);
		crc = fragment_crc_payload(crc, data + start + head, fragment.payload_bytes);
		fragment_set_crc(data + start, crc);
	}
}

/* Another head, which may be longer or shorter, before the same payload. */
static size_t replace_head(uint8_t *data, size_t bytes, size_t most, size_t start, size_t old, const struct mp4box *head)
{
	size_t tail = bytes - start - old;

	if (start + head->bytes + tail > most)
		return bytes;
	memmove(data + start + head->bytes, data + start + old, tail);
	memcpy(data + start, head->data, head->bytes);
	return start + head->bytes + tail;
}

static size_t change_facts(uint8_t *data, size_t bytes, size_t most, size_t start)
{
	struct fragment fragment;
	size_t old = read_head(data, bytes, start, &fragment);
	struct mp4box head = { 0 };

	if (!old)
		return bytes;
	LLVMFuzzerMutate((uint8_t *)&fragment.row, sizeof(fragment.row), sizeof(fragment.row));
	if (start % 3 == 0)
		LLVMFuzzerMutate((uint8_t *)&fragment.media_ns, sizeof(fragment.media_ns), sizeof(fragment.media_ns));
	if (start % 5 == 0)
		LLVMFuzzerMutate((uint8_t *)&fragment.sequence, sizeof(fragment.sequence), sizeof(fragment.sequence));
	fragment.row.mark[MARK_BYTES - 1] = '\0';
	fragment_write(&head, &fragment);
	bytes = replace_head(data, bytes, most, start, old, &head);
	mp4box_finish(&head);
	return bytes;
}

/* From one fragment to the next: left out, doubled, or zeroed. */
static size_t change_order(uint8_t *data, size_t bytes, size_t most, size_t from, size_t to, unsigned how)
{
	size_t length = to - from;

	if (how % 3 == 0) {
		memmove(data + from, data + to, bytes - to);
		return bytes - length;
	}
	if (how % 3 == 1 && bytes + length <= most) {
		memmove(data + to + length, data + to, bytes - to);
		memcpy(data + to, data + from, length);
		return bytes + length;
	}
	memset(data + from, 0, length);
	return bytes;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t most, unsigned seed)
{
	size_t starts[MOST], n = find_fragments(data, bytes, starts), one = n ? seed / 16 % n : 0;

	if (n && seed % 4 == 0)
		bytes = change_facts(data, bytes, most, starts[one]);
	else if (n && seed % 4 == 1)
		bytes = change_order(data, bytes, most, starts[one], one + 1 < n ? starts[one + 1] : bytes, seed / 4096);
	else
		bytes = LLVMFuzzerMutate(data, bytes, most);
	if (seed / 4 % 4)
		make_right(data, bytes);
	return bytes;
}
