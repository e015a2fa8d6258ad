#include "camctl/picture.h"

#include "common/util.h"

#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#define MAX_SIDE 8192
#define BYTES_PER_PIXEL 4

struct picture_decoder {
	tjhandle jpeg;
};

struct picture_decoder *picture_decoder_create(void)
{
	struct picture_decoder *decoder = xcalloc(1, sizeof(*decoder));

	decoder->jpeg = tjInitDecompress();
	return decoder;
}

void picture_decoder_destroy(struct picture_decoder *decoder)
{
	if (!decoder)
		return;
	tjDestroy(decoder->jpeg);
	free(decoder);
}

/* -1: no such digit. */
static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Up to the first character that is no digit: the padding, as a rule. Allocated. */
static uint8_t *from_base64(const char *text, size_t *bytes)
{
	uint8_t *data = xcalloc(strlen(text) / 4 * 3 + 3, 1);
	uint32_t bits = 0;
	int n_bits = 0, digit;

	*bytes = 0;
	for (; (digit = base64_digit(*text)) >= 0; text++) {
		bits = bits << 6 | (uint32_t)digit;
		n_bits += 6;
		if (n_bits < 8)
			continue;
		n_bits -= 8;
		data[(*bytes)++] = (uint8_t)(bits >> n_bits);
	}
	return data;
}

static bool decode(struct picture_decoder *decoder, struct picture *picture, const uint8_t *jpeg, size_t bytes, struct error *err)
{
	struct picture decoded = { 0 };
	int subsampling, colours;

	if (tjDecompressHeader3(decoder->jpeg, jpeg, bytes, &decoded.width, &decoded.height, &subsampling, &colours) ||
	    decoded.width > MAX_SIDE || decoded.height > MAX_SIDE)
		return error_set(err, ERR_IO, "a preview is no JPEG of at most %dx%d", MAX_SIDE, MAX_SIDE);
	decoded.rgba = xcalloc((size_t)decoded.width * (size_t)decoded.height, BYTES_PER_PIXEL);
	if (tjDecompress2(decoder->jpeg, jpeg, bytes, decoded.rgba, decoded.width, 0, decoded.height, TJPF_RGBA, 0)) {
		picture_clear(&decoded);
		return error_set(err, ERR_IO, "a preview is damaged: %s", tjGetErrorStr2(decoder->jpeg));
	}
	picture_clear(picture);
	*picture = decoded;
	return true;
}

bool picture_decode(struct picture_decoder *decoder, struct picture *picture, const char *base64, struct error *err)
{
	size_t bytes;
	uint8_t *jpeg = from_base64(base64, &bytes);
	bool done = decode(decoder, picture, jpeg, bytes, err);

	free(jpeg);
	return done;
}

void picture_clear(struct picture *picture)
{
	free(picture->rgba);
	*picture = (struct picture){ 0 };
}
