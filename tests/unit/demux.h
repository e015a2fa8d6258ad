/* What libavformat finds in a video: for tests that ask a second opinion about files. */
#pragma once

#include "tests/unit/clip.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct demuxed {
	bool opened;
	size_t n;
	int64_t *pts_ns;	/* INT64_MIN: none */
	uint32_t *crc;		/* of the payload */
	bool *key;
	int64_t duration_ns;
	int units_per_s;
	int width, height;
	int primaries, transfer, matrix, range;
	char encoder[300], title[300], comment[300], created[64];
};

/* The caller frees with demux_free(), also what could not be opened. */
void demux_memory(struct demuxed *demuxed, const uint8_t *data, size_t bytes);
void demux_file(struct demuxed *demuxed, const char *path);
void demux_free(struct demuxed *demuxed);

/* The CRC that a packet's payload must have in an MP4 file. */
uint32_t demux_crc_of(const struct packet *packet);

/*
 * Checks that the file has just these packets of the clip, in this order, at their times. picks NULL: packets 0, 1, 2 …
 */
bool demux_matches(const struct demuxed *demuxed, const struct clip *clip, const size_t *picks, size_t n);

/* A file's bytes; allocated. Fails the test if it can't be read. */
uint8_t *slurp(const char *path, size_t *bytes);
void spill(const char *path, const void *data, size_t bytes);
