/*
 * One frame in a recording that is not finished yet: the bytes before its picture, written and checked.
 *
 *   free (record, padding) | prft | moof | mdat header | payload: NAL units behind lengths of four bytes
 *
 * Players read the three boxes on the right. The record in the `free` box on the left is for salvage: it says where in
 * which file the fragment belongs, all that the timing table says about the frame, and a CRC-32 over everything after
 * the CRC, payload included. A fragment is accepted again only if each of its bytes is right. The padding keeps what
 * players parse inside one 4 KiB block: file systems lose and keep whole blocks, and FFmpeg refuses a whole file that
 * ends in the middle of its last `moof`.
 *
 * Pure functions on memory; any thread.
 */
#pragma once

#include "common/frame_facts.h"
#include "common/mp4box.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAGMENT_BLOCK 4096
#define FRAGMENT_HEAD_BYTES_MAX 640		/* from the record to the mdat header */
#define FRAGMENT_MAGIC "\x8B" "camdF\x1D\n"	/* eight bytes right behind the header of the `free` box */
#define FRAGMENT_MAGIC_BYTES 8
#define FRAGMENT_PAYLOAD_MAX (UINT32_C(64) << 20)

struct fragment {
	uint32_t file_id;		/* chosen by chance for each file: an old file's block in a new file is seen */
	uint64_t position;		/* of the fragment in the file */
	uint32_t sequence;		/* counts the fragments of the file from 1 */
	uint32_t payload_bytes;
	bool key;
	int64_t media_ns;		/* sensor time since the file's first frame */
	uint32_t frame_ns;		/* nominal duration of a frame */
	uint16_t width, height;
	struct colour colour;
	struct framelog_row row;
};

/* Replaces what is in box by the fragment's bytes up to the payload, the CRC still missing. */
void fragment_write(struct mp4box *box, const struct fragment *fragment);

/* The CRC goes over the head, then over the payload in any number of pieces, then into the head. */
uint32_t fragment_crc_head(const uint8_t *head, size_t bytes);
uint32_t fragment_crc_payload(uint32_t crc, const void *data, size_t bytes);
void fragment_set_crc(uint8_t *head, uint32_t crc);
uint32_t fragment_crc(const uint8_t *head);	/* what the record says */

/*
 * Reads a head at a place in a file; bytes is how many there are, FRAGMENT_HEAD_BYTES_MAX unless the file ends before.
 * Returns the length of the head if each byte but the CRC's is as fragment_write() would write it there, 0 otherwise.
 */
size_t fragment_read(struct fragment *fragment, const uint8_t *data, size_t bytes, uint64_t position);
