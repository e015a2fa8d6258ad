#include "camd/avcc.h"

#include "common/util.h"

#define MAX_SPS 31	/* five bits count them */
#define MAX_PPS 255

/* Profiles whose SPS says how chroma is sampled and how deep samples are, and whose avcC must say it too. */
static bool has_chroma_format(uint8_t profile)
{
	switch (profile) {
	case 44: case 83: case 86: case 100: case 110: case 118: case 122: case 128: case 138: case 144: case 244:
		return true;
	default:
		return false;
	}
}

static void write_chroma_format(struct mp4box *box, const struct nal *sps)
{
	struct h264_chroma chroma = h264_chroma(sps);

	mp4box_u8(box, 0xfc | (chroma.format & 3));
	mp4box_u8(box, 0xf8 | (chroma.depth_luma & 7));
	mp4box_u8(box, 0xf8 | (chroma.depth_chroma & 7));
	mp4box_u8(box, 0);		/* SPS extensions */
}

static void write_sets(struct mp4box *box, const struct nal *nals, size_t n, int type)
{
	for (size_t i = 0; i < n; i++) {
		if (nals[i].type != type)
			continue;
		mp4box_u16(box, (uint16_t)nals[i].bytes);
		mp4box_bytes(box, nals[i].data, nals[i].bytes);
	}
}

/* The SPS of the highest profile if there are as many parameter sets, and as small ones, as the box can hold; NULL otherwise. */
static const struct nal *count_sets(const struct nal *nals, size_t n, unsigned *n_sps, unsigned *n_pps)
{
	const struct nal *highest = NULL;

	*n_sps = *n_pps = 0;
	for (size_t i = 0; i < n; i++) {
		if (nals[i].type != NAL_SPS && nals[i].type != NAL_PPS)
			continue;
		if (nals[i].bytes > UINT16_MAX || (nals[i].type == NAL_SPS && nals[i].bytes < 4))
			return NULL;
		if (nals[i].type == NAL_PPS)
			++*n_pps;
		else if (!(*n_sps)++ || nals[i].data[1] > highest->data[1])
			highest = &nals[i];
	}
	return highest && *n_sps <= MAX_SPS && *n_pps && *n_pps <= MAX_PPS ? highest : NULL;
}

/* Profile; which constraints all of them keep; level. */
static void write_demands(struct mp4box *box, const struct nal *nals, size_t n, const struct nal *highest)
{
	uint8_t constraints = 0xff, level = 0;

	for (size_t i = 0; i < n; i++) {
		if (nals[i].type != NAL_SPS)
			continue;
		constraints &= nals[i].data[2];
		level = MAX(level, nals[i].data[3]);
	}
	mp4box_u8(box, highest->data[1]);
	mp4box_u8(box, constraints);
	mp4box_u8(box, level);
}

bool avcc_write(struct mp4box *box, const struct nal *nals, size_t n)
{
	unsigned n_sps, n_pps;
	const struct nal *sps = count_sets(nals, n, &n_sps, &n_pps);
	size_t avcc;

	if (!sps)
		return false;
	avcc = mp4box_open(box, "avcC");
	mp4box_u8(box, 1);
	write_demands(box, nals, n, sps);
	mp4box_u8(box, 0xfc | 3);		/* NAL units have lengths of four bytes */
	mp4box_u8(box, (uint8_t)(0xe0 | n_sps));
	write_sets(box, nals, n, NAL_SPS);
	mp4box_u8(box, (uint8_t)n_pps);
	write_sets(box, nals, n, NAL_PPS);
	if (has_chroma_format(sps->data[1]))
		write_chroma_format(box, sps);
	mp4box_close(box, avcc);
	return true;
}

/* So many sets of one kind; *at is where they begin, and then where they end. */
static bool read_sets(const uint8_t *data, size_t bytes, size_t *at, unsigned count, int type, struct nal *nals, size_t max, size_t *n)
{
	for (; count; count--) {
		size_t length = bytes - *at >= 2 ? mp4box_get16(data + *at) : 0;

		if (!length || length > bytes - *at - 2 || *n == max || (data[*at + 2] & 31) != type)
			return false;
		nals[(*n)++] = (struct nal){ .data = data + *at + 2, .bytes = length, .type = type };
		*at += 2 + length;
	}
	return true;
}

bool avcc_read(const uint8_t *data, size_t bytes, struct nal *nals, size_t max, size_t *n)
{
	size_t at = 6;

	*n = 0;
	if (bytes < 7 || data[0] != 1 || (data[4] & 3) != 3 || !read_sets(data, bytes, &at, data[5] & 31, NAL_SPS, nals, max, n) || at == bytes)
		return false;
	at++;
	return read_sets(data, bytes, &at, data[at - 1], NAL_PPS, nals, max, n);
}
