#include "camd/avcc.h"

#define MAX_SPS 31	/* five bits count them */
#define MAX_PPS 255

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
	struct bits bits = { .at = sps->data + 4, .end = sps->data + sps->bytes };
	uint32_t chroma_format, depth_luma, depth_chroma;

	read_ue(&bits);			/* id */
	chroma_format = read_ue(&bits);
	if (chroma_format == 3)
		read_bit(&bits);	/* separate planes */
	depth_luma = read_ue(&bits);
	depth_chroma = read_ue(&bits);
	mp4box_u8(box, 0xfc | (chroma_format & 3));
	mp4box_u8(box, 0xf8 | (depth_luma & 7));
	mp4box_u8(box, 0xf8 | (depth_chroma & 7));
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

/* The first SPS if there are as many parameter sets, and as small ones, as the box can hold; NULL otherwise. */
static const struct nal *count_sets(const struct nal *nals, size_t n, unsigned *n_sps, unsigned *n_pps)
{
	const struct nal *first = NULL;

	*n_sps = *n_pps = 0;
	for (size_t i = 0; i < n; i++) {
		if (nals[i].type != NAL_SPS && nals[i].type != NAL_PPS)
			continue;
		if (nals[i].bytes > UINT16_MAX)
			return NULL;
		if (nals[i].type == NAL_PPS)
			++*n_pps;
		else if (!(*n_sps)++)
			first = &nals[i];
	}
	return first && first->bytes >= 4 && *n_sps <= MAX_SPS && *n_pps && *n_pps <= MAX_PPS ? first : NULL;
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
	mp4box_bytes(box, sps->data + 1, 3);	/* profile, constraints, level */
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
