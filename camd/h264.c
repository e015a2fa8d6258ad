#include "camd/h264.h"

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
