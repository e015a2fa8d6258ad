#include "camd/h264.h"

#include "common/util.h"

#include <string.h>

/* Index of the next 00 00 01 at or after at, or bytes if there is none. */
static size_t find_start_code(const uint8_t *data, size_t bytes, size_t at)
{
	while (at + 3 <= bytes) {
		const uint8_t *one = memchr(data + at + 2, 1, bytes - at - 2);

		if (!one)
			return bytes;
		if (!one[-1] && !one[-2])
			return one - data - 2;
		at = one - data - 1;
	}
	return bytes;
}

bool h264_next_nal(const uint8_t *data, size_t bytes, size_t *at, struct nal *nal)
{
	size_t start, end;

	do {
		start = find_start_code(data, bytes, *at);
		if (start + 3 >= bytes)
			return false;
		start += 3;
		end = find_start_code(data, bytes, start);
		*at = end;
		while (end > start && !data[end - 1])
			end--;
	} while (end == start);
	*nal = (struct nal){ .data = data + start, .bytes = end - start, .type = data[start] & 31 };
	return true;
}

bool h264_has_idr(const uint8_t *data, size_t bytes)
{
	struct nal nal;

	for (size_t at = 0; h264_next_nal(data, bytes, &at, &nal);)
		if (nal.type == NAL_IDR)
			return true;
	return false;
}

bool h264_find_parameter_sets(const uint8_t *data, size_t bytes, struct nal *sps, struct nal *pps)
{
	struct nal nal;
	bool have_sps = false, have_pps = false;

	for (size_t at = 0; h264_next_nal(data, bytes, &at, &nal) && !(have_sps && have_pps);) {
		if (nal.type == NAL_SPS && !have_sps) {
			*sps = nal;
			have_sps = true;
		} else if (nal.type == NAL_PPS && !have_pps) {
			*pps = nal;
			have_pps = true;
		}
	}
	return have_sps && have_pps;
}

/* Reads bits of a NAL unit, passing over the emulation prevention bytes (the 03 of 00 00 03). */
struct bits {
	const uint8_t *at, *end;
	unsigned zeros;		/* bytes of zero right before at */
	unsigned left;		/* bits of current that are not read yet */
	uint8_t current;
};

static unsigned read_bit(struct bits *bits)
{
	if (!bits->left) {
		if (bits->zeros >= 2 && bits->at < bits->end && *bits->at == 3) {
			bits->at++;
			bits->zeros = 0;
		}
		bits->current = bits->at < bits->end ? *bits->at++ : 0xff;
		bits->zeros = bits->current ? 0 : bits->zeros + 1;
		bits->left = 8;
	}
	return bits->current >> --bits->left & 1;
}

static uint32_t read_ue(struct bits *bits)
{
	unsigned leading = 0;
	uint32_t value = 1;

	while (leading < 31 && !read_bit(bits))
		leading++;
	while (leading--)
		value = value << 1 | read_bit(bits);
	return value - 1;
}

uint32_t h264_set_id(const struct nal *set)
{
	size_t before = set->type == NAL_SPS ? 4 : 1;
	struct bits bits = { .at = set->data + MIN(before, set->bytes), .end = set->data + set->bytes };

	return read_ue(&bits);
}

struct h264_chroma h264_chroma(const struct nal *sps)
{
	struct bits bits = { .at = sps->data + MIN(4, sps->bytes), .end = sps->data + sps->bytes };
	struct h264_chroma chroma;

	read_ue(&bits);			/* id */
	chroma.format = read_ue(&bits);
	if (chroma.format == 3)
		read_bit(&bits);	/* separate planes */
	chroma.depth_luma = read_ue(&bits);
	chroma.depth_chroma = read_ue(&bits);
	return chroma;
}
