/*
 * Boxes of the ISO base media file format (ISO 14496-12), written into memory that grows and read from memory that is
 * not trusted. Pure functions on memory; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mp4box {
	uint8_t *data;		/* allocated; freed by mp4box_finish() */
	size_t bytes, capacity;
};

void mp4box_finish(struct mp4box *box);

/* Big-endian numbers and plain bytes at the end. */
void mp4box_u8(struct mp4box *box, uint8_t value);
void mp4box_u16(struct mp4box *box, uint16_t value);
void mp4box_u32(struct mp4box *box, uint32_t value);
void mp4box_u64(struct mp4box *box, uint64_t value);
void mp4box_bytes(struct mp4box *box, const void *data, size_t bytes);
void mp4box_zeros(struct mp4box *box, size_t bytes);

/*
 * Opens a box of a four-letter type, plain or with version and flags. Returns what mp4box_close() needs to set its
 * size.
 */
size_t mp4box_open(struct mp4box *box, const char *type);
size_t mp4box_open_full(struct mp4box *box, const char *type, uint8_t version, uint32_t flags);
void mp4box_close(struct mp4box *box, size_t start);

/* Overwrites four bytes, in a box or anywhere. */
void mp4box_set32(struct mp4box *box, size_t at, uint32_t value);
void mp4box_put32(uint8_t *at, uint32_t value);

/* A whole hdlr box; type and maker have four letters. */
void mp4box_hdlr(struct mp4box *box, const char *type, const char *maker, const char *name);

uint16_t mp4box_get16(const uint8_t *at);
uint32_t mp4box_get32(const uint8_t *at);
uint64_t mp4box_get64(const uint8_t *at);

/*
 * Finds the box that path names ("moov/trak/mdia": each inside the one before, the first of its type) among the boxes
 * in data. It comes with its header; false if there is none that fits. Boxes on the path must be plain ones, not full
 * boxes.
 */
bool mp4box_find(const uint8_t *data, size_t bytes, const char *path, const uint8_t **found, size_t *found_bytes);
