#include "common/mp4box.h"

#include "common/util.h"

#include <stdlib.h>
#include <string.h>

void mp4box_finish(struct mp4box *box)
{
	free(box->data);
	*box = (struct mp4box){ 0 };
}

static uint8_t *grow(struct mp4box *box, size_t bytes)
{
	uint8_t *at;

	if (box->capacity - box->bytes < bytes) {
		box->capacity = MAX(box->capacity * 2, box->bytes + bytes + 512);
		box->data = xrealloc(box->data, box->capacity, 1);
	}
	at = box->data + box->bytes;
	box->bytes += bytes;
	return at;
}

static void set(uint8_t *at, uint64_t value, int bytes)
{
	while (bytes--) {
		at[bytes] = (uint8_t)value;
		value >>= 8;
	}
}

static uint64_t get(const uint8_t *at, int bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | *at++;
	return value;
}

void mp4box_u8(struct mp4box *box, uint8_t value)
{
	*grow(box, 1) = value;
}

void mp4box_u16(struct mp4box *box, uint16_t value)
{
	set(grow(box, 2), value, 2);
}

void mp4box_u32(struct mp4box *box, uint32_t value)
{
	set(grow(box, 4), value, 4);
}

void mp4box_u64(struct mp4box *box, uint64_t value)
{
	set(grow(box, 8), value, 8);
}

void mp4box_bytes(struct mp4box *box, const void *data, size_t bytes)
{
	if (bytes)
		memcpy(grow(box, bytes), data, bytes);
}

void mp4box_zeros(struct mp4box *box, size_t bytes)
{
	if (bytes)
		memset(grow(box, bytes), 0, bytes);
}

size_t mp4box_open(struct mp4box *box, const char *type)
{
	size_t start = box->bytes;

	mp4box_u32(box, 0);
	mp4box_bytes(box, type, 4);
	return start;
}

size_t mp4box_open_full(struct mp4box *box, const char *type, uint8_t version, uint32_t flags)
{
	size_t start = mp4box_open(box, type);

	mp4box_u32(box, (uint32_t)version << 24 | flags);
	return start;
}

void mp4box_close(struct mp4box *box, size_t start)
{
	set(box->data + start, box->bytes - start, 4);
}

void mp4box_set32(struct mp4box *box, size_t at, uint32_t value)
{
	set(box->data + at, value, 4);
}

void mp4box_put32(uint8_t *at, uint32_t value)
{
	set(at, value, 4);
}

void mp4box_hdlr(struct mp4box *box, const char *type, const char *maker, const char *name)
{
	size_t hdlr = mp4box_open_full(box, "hdlr", 0, 0);

	mp4box_u32(box, 0);
	mp4box_bytes(box, type, 4);
	mp4box_bytes(box, maker, 4);
	mp4box_zeros(box, 8);
	mp4box_bytes(box, name, strlen(name) + 1);
	mp4box_close(box, hdlr);
}

uint16_t mp4box_get16(const uint8_t *at)
{
	return (uint16_t)get(at, 2);
}

uint32_t mp4box_get32(const uint8_t *at)
{
	return (uint32_t)get(at, 4);
}

uint64_t mp4box_get64(const uint8_t *at)
{
	return get(at, 8);
}

/* The first box of a type among those in data. */
static bool find_type(const uint8_t *data, size_t bytes, const char *type, const uint8_t **found, size_t *found_bytes)
{
	while (bytes >= 8) {
		size_t size = mp4box_get32(data);

		if (size < 8 || size > bytes)
			return false;
		if (!memcmp(data + 4, type, 4)) {
			*found = data;
			*found_bytes = size;
			return true;
		}
		data += size;
		bytes -= size;
	}
	return false;
}

bool mp4box_find(const uint8_t *data, size_t bytes, const char *path, const uint8_t **found, size_t *found_bytes)
{
	for (;;) {
		if (!find_type(data, bytes, path, found, found_bytes))
			return false;
		path += 4;
		if (!*path++)
			return true;
		data = *found + 8;
		bytes = *found_bytes - 8;
	}
}
