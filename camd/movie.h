/*
 * The MP4 file around the fragments: the head that makes an unfinished recording play, and the index that turns it into
 * an ordinary MP4 under the same name.
 *
 *   unfinished: ftyp | free: slot | moov, empty | free | fragment | fragment | …
 *   finished:   ftyp | mdat: all of that, as far as players care          … | moov, full
 *
 * The head is one block, so that no frame shares a block with it. Finishing appends the full moov and then overwrites
 * the 16 bytes of the slot by the header of an mdat that reaches up to the moov; until that moment the file is an
 * unfinished one, whatever happens.
 *
 * Not locked: belongs to whoever writes or salvages the file.
 */
#pragma once

#include "camd/appender.h"
#include "camd/frame.h"
#include "camd/h264.h"
#include "common/error.h"
#include "common/movie_head.h"
#include "common/mp4box.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is said about a file when it is begun. */
struct movie_facts {
	int width, height;
	struct colour colour;
	uint32_t frame_ns;		/* nominal duration of a frame */
	int64_t first_wall_ns, first_sensor_ns;
	const char *encoder, *title;	/* NULL or empty: unknown */
};

struct movie_sample {
	uint64_t offset;	/* of the payload in the file */
	uint64_t time_ns;	/* since the first sample; rises */
	uint32_t bytes : 31;
	uint32_t key : 1;
	uint32_t entry;		/* of stsd, from 0: where what a movie holds was encoded in several ways */
};

struct movie {
	uint32_t file_id;
	uint16_t width, height;
	uint32_t frame_ns;
	uint64_t last_ns;		/* how long the last sample lasts; 0: frame_ns */
	uint64_t created;		/* seconds since 1904 */
	struct mp4box stsd, udta;	/* whole boxes */
	struct movie_sample *samples;
	size_t n, capacity;
	size_t first_shown;		/* players begin with this one: those before it are there to decode it from */
};

/* The nominal duration of a frame at so many frames a second; that of 30 for senseless rates. */
uint32_t movie_frame_ns(double fps);

/*
 * Starts a movie; nals must hold its parameter sets. movie_finish() frees it, also after failure. file_id is left 0.
 */
bool movie_init(struct movie *movie, const struct movie_facts *facts, const struct nal *nals, size_t n, struct error *err);

/* Says anew what is in the metadata: of facts, only encoder, title, first_sensor_ns and, unless it is 0, first_wall_ns matter. */
void movie_describe(struct movie *movie, const struct movie_facts *facts);

bool movie_write_head(const struct movie *movie, uint8_t head[MOVIE_HEAD_BYTES], struct error *err);

/* Says what a file that begins like this is. If MOVIE_UNFINISHED, fills movie, to be freed by movie_finish(). */
enum movie_state movie_read_head(struct movie *movie, const uint8_t *head, size_t bytes);

/* What stands before the mdat of a file that is written all at once, so that it plays while it is still being sent somewhere. */
void movie_write_front(const struct movie *movie, struct mp4box *box);

/* No more than this is appended by movie_close(), if one sample more comes. */
uint64_t movie_index_bytes(const struct movie *movie);

void movie_add(struct movie *movie, const struct movie_sample *sample);

/*
 * Makes the file, which ends behind its last fragment, an ordinary MP4 and syncs it. False: it is an unfinished one
 * still.
 */
bool movie_close(const struct movie *movie, struct appender *file, struct error *err);

void movie_finish(struct movie *movie);
