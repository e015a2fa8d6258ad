#include "camd/moov.h"

#include "common/util.h"

#define TRACK 1

/*
 * What is said of the whole movie is in milliseconds, rounded up: GStreamer (1.22) multiplies the product of one scale and the other's
 * duration by 10 in 64 bits, and leaves out the track where that overflows by bad luck.
 */
#define MOVIE_UNITS_PER_S 1000

static void write_matrix(struct mp4box *box)
{
	static const uint32_t unity[9] = { 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000 };

	for (size_t i = 0; i < ARRAY_LEN(unity); i++)
		mp4box_u32(box, unity[i]);
}

/*
 * How times are written into a moov: in units of 1/scale s. The scale is the finest in which each difference of two
 * times fits the 32 bits that it has. Rounded are the times, not the differences, so that errors don't add up.
 */
struct scale {
	uint32_t per_s;
	uint32_t ns;	/* a unit */
};

static uint64_t scaled(const struct scale *scale, uint64_t time_ns)
{
	return time_ns / scale->ns + (time_ns % scale->ns >= (scale->ns + 1) / 2);
}

/* When sample i begins; the one behind the last: when the movie ends. */
static uint64_t time_ns(const struct movie *movie, size_t i)
{
	if (!movie->n)
		return 0;
	if (i == movie->n)
		return time_ns(movie, i - 1) + (movie->last_ns ? movie->last_ns : movie->frame_ns);
	return movie->samples[i].time_ns - movie->samples[0].time_ns;
}

static uint64_t duration_of(const struct movie *movie, const struct scale *scale)
{
	return scaled(scale, time_ns(movie, movie->n));
}

static uint64_t delta_of(const struct movie *movie, const struct scale *scale, size_t i)
{
	return scaled(scale, time_ns(movie, i + 1)) - scaled(scale, time_ns(movie, i));
}

static struct scale find_scale(const struct movie *movie)
{
	struct scale scale = { .per_s = 1000000000, .ns = 1 };

	for (size_t i = 0; i < movie->n && scale.per_s > 1;)
		if (delta_of(movie, &scale, i) > UINT32_MAX) {
			scale = (struct scale){ .per_s = scale.per_s / 1000, .ns = scale.ns * 1000 };
			i = 0;
		} else {
			i++;
		}
	return scale;
}

static void write_stts(struct mp4box *box, const struct movie *movie, const struct scale *scale)
{
	size_t stts = mp4box_open_full(box, "stts", 0, 0), count_at = box->bytes;
	uint32_t runs = 0, length = 0, delta = 0;

	mp4box_u32(box, 0);
	for (size_t i = 0; i < movie->n; i++) {
		uint32_t next = (uint32_t)delta_of(movie, scale, i);

		if (length && next != delta) {
			mp4box_u32(box, length);
			mp4box_u32(box, delta);
			runs++;
			length = 0;
		}
		delta = next;
		length++;
	}
	if (length) {
		mp4box_u32(box, length);
		mp4box_u32(box, delta);
		runs++;
	}
	mp4box_set32(box, count_at, runs);
	mp4box_close(box, stts);
}

static void write_stss(struct mp4box *box, const struct movie *movie)
{
	size_t stss = mp4box_open_full(box, "stss", 0, 0), count_at = box->bytes;
	uint32_t n = 0;

	mp4box_u32(box, 0);
	for (size_t i = 0; i < movie->n; i++) {
		if (!movie->samples[i].key)
			continue;
		mp4box_u32(box, (uint32_t)i + 1);
		n++;
	}
	mp4box_set32(box, count_at, n);
	mp4box_close(box, stss);
}

/* Each sample is a chunk: all lie apart. A run of chunks has the same entry of stsd. */
static void write_chunks(struct mp4box *box, const struct movie *movie)
{
	size_t stsc = mp4box_open_full(box, "stsc", 0, 0), count_at = box->bytes;
	uint32_t runs = 0;

	mp4box_u32(box, 0);
	for (size_t i = 0; i < movie->n; i++) {
		if (i && movie->samples[i].entry == movie->samples[i - 1].entry)
			continue;
		mp4box_u32(box, (uint32_t)i + 1);
		mp4box_u32(box, 1);
		mp4box_u32(box, movie->samples[i].entry + 1);
		runs++;
	}
	mp4box_set32(box, count_at, runs);
	mp4box_close(box, stsc);
}

static void write_places(struct mp4box *box, const struct movie *movie)
{
	size_t start;

	write_chunks(box, movie);
	start = mp4box_open_full(box, "stsz", 0, 0);
	mp4box_u32(box, 0);
	mp4box_u32(box, (uint32_t)movie->n);
	for (size_t i = 0; i < movie->n; i++)
		mp4box_u32(box, movie->samples[i].bytes);
	mp4box_close(box, start);
	start = mp4box_open_full(box, "co64", 0, 0);
	mp4box_u32(box, (uint32_t)movie->n);
	for (size_t i = 0; i < movie->n; i++)
		mp4box_u64(box, movie->samples[i].offset);
	mp4box_close(box, start);
}

static void write_stbl(struct mp4box *box, const struct movie *movie, const struct scale *scale)
{
	size_t stbl = mp4box_open(box, "stbl");

	mp4box_bytes(box, movie->stsd.data, movie->stsd.bytes);
	write_stts(box, movie, scale);
	if (movie->n)
		write_stss(box, movie);
	write_places(box, movie);
	mp4box_close(box, stbl);
}

static void write_minf(struct mp4box *box, const struct movie *movie, const struct scale *scale)
{
	size_t minf = mp4box_open(box, "minf"), inner, dref, url;

	inner = mp4box_open_full(box, "vmhd", 0, 1);
	mp4box_zeros(box, 8);
	mp4box_close(box, inner);
	inner = mp4box_open(box, "dinf");
	dref = mp4box_open_full(box, "dref", 0, 0);
	mp4box_u32(box, 1);
	url = mp4box_open_full(box, "url ", 0, 1);	/* 1: in this file */
	mp4box_close(box, url);
	mp4box_close(box, dref);
	mp4box_close(box, inner);
	write_stbl(box, movie, scale);
	mp4box_close(box, minf);
}

/* How long it plays, from the first sample shown on, in the movie's units. */
static uint64_t played(const struct movie *movie)
{
	uint64_t unit_ns = NS_PER_S / MOVIE_UNITS_PER_S;

	return (time_ns(movie, movie->n) - time_ns(movie, movie->first_shown) + unit_ns - 1) / unit_ns;
}

static void write_edit(struct mp4box *box, const struct movie *movie, const struct scale *scale)
{
	size_t edts = mp4box_open(box, "edts"), elst = mp4box_open_full(box, "elst", 1, 0);

	mp4box_u32(box, 1);
	mp4box_u64(box, played(movie));
	mp4box_u64(box, scaled(scale, time_ns(movie, movie->first_shown)));
	mp4box_u32(box, 0x10000);	/* speed */
	mp4box_close(box, elst);
	mp4box_close(box, edts);
}

static void write_trak(struct mp4box *box, const struct movie *movie, const struct scale *scale)
{
	size_t trak = mp4box_open(box, "trak"), mdia, inner;

	inner = mp4box_open_full(box, "tkhd", 1, 3);	/* 3: enabled, in the movie */
	mp4box_u64(box, movie->created);
	mp4box_u64(box, movie->created);
	mp4box_u32(box, TRACK);
	mp4box_u32(box, 0);
	mp4box_u64(box, played(movie));
	mp4box_zeros(box, 16);
	write_matrix(box);
	mp4box_u32(box, (uint32_t)movie->width << 16);
	mp4box_u32(box, (uint32_t)movie->height << 16);
	mp4box_close(box, inner);
	if (movie->first_shown)
		write_edit(box, movie, scale);
	mdia = mp4box_open(box, "mdia");
	inner = mp4box_open_full(box, "mdhd", 1, 0);
	mp4box_u64(box, movie->created);
	mp4box_u64(box, movie->created);
	mp4box_u32(box, scale->per_s);
	mp4box_u64(box, duration_of(movie, scale));
	mp4box_u16(box, 0x55c4);	/* language: undetermined */
	mp4box_u16(box, 0);
	mp4box_close(box, inner);
	mp4box_hdlr(box, "vide", "\0\0\0\0", "camd");
	write_minf(box, movie, scale);
	mp4box_close(box, mdia);
	mp4box_close(box, trak);
}

static void write_mvex(struct mp4box *box, const struct movie *movie)
{
	size_t mvex = mp4box_open(box, "mvex"), trex = mp4box_open_full(box, "trex", 0, 0);

	mp4box_u32(box, TRACK);
	mp4box_u32(box, 1);		/* sample description */
	mp4box_u32(box, movie->frame_ns);
	mp4box_u32(box, 0);
	mp4box_u32(box, 0);
	mp4box_close(box, trex);
	mp4box_close(box, mvex);
}

void moov_write(struct mp4box *box, const struct movie *movie, bool fragments_follow)
{
	struct scale scale = find_scale(movie);
	size_t moov = mp4box_open(box, "moov"), mvhd = mp4box_open_full(box, "mvhd", 1, 0);

	mp4box_u64(box, movie->created);
	mp4box_u64(box, movie->created);
	mp4box_u32(box, MOVIE_UNITS_PER_S);
	mp4box_u64(box, played(movie));
	mp4box_u32(box, 0x10000);	/* speed */
	mp4box_u16(box, 0x100);		/* volume */
	mp4box_zeros(box, 10);
	write_matrix(box);
	mp4box_zeros(box, 24);
	mp4box_u32(box, TRACK + 1);
	mp4box_close(box, mvhd);
	write_trak(box, movie, &scale);
	if (fragments_follow)
		write_mvex(box, movie);
	mp4box_bytes(box, movie->udta.data, movie->udta.bytes);
	mp4box_close(box, moov);
}
