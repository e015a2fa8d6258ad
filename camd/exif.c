#include "camd/exif.h"

#include "common/clock.h"
#include "common/util.h"

#include <inttypes.h>
#include <libdeflate.h>
#include <libexif/exif-data.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SOI_BYTES 2
#define APP1_BYTES 4		/* marker and length before the block */
#define MAX_BLOCK (0xffff - 2)
#define MAX_ISO 0xffff		/* 0xffff itself: that, or more */
#define COMMENT_CODE "ASCII\0\0\0"
#define COMMENT_CODE_BYTES 8
#define SRGB 1
#define BLOCK_HEAD_BYTES 6	/* "Exif" and two zeros, which a JPEG wants and a PNG doesn't */
#define PNG_HEAD_BYTES (8 + 25)	/* signature and first chunk */
#define CHUNK_BYTES 12		/* length, name, checksum */

/* A new entry with that many zeroed bytes, which the block owns. */
static uint8_t *add(ExifData *exif, ExifIfd ifd, ExifTag tag, ExifFormat format, size_t components)
{
	ExifEntry *entry = exif_entry_new();
	size_t bytes = components * exif_format_get_size(format);
	uint8_t *data = xcalloc(MAX(bytes, 1), 1);

	entry->tag = tag;
	entry->format = format;
	entry->components = components;
	entry->size = (unsigned)bytes;
	entry->data = data;
	exif_content_add_entry(exif->ifd[ifd], entry);
	exif_entry_unref(entry);
	return data;
}

static void add_text(ExifData *exif, ExifIfd ifd, ExifTag tag, const char *text, size_t length)
{
	memcpy(add(exif, ifd, tag, EXIF_FORMAT_ASCII, length + 1), text, length);
}

static void add_bytes(ExifData *exif, ExifTag tag, const char *bytes, size_t n)
{
	memcpy(add(exif, EXIF_IFD_EXIF, tag, EXIF_FORMAT_UNDEFINED, n), bytes, n);
}

static void add_short(ExifData *exif, ExifTag tag, int value)
{
	exif_set_short(add(exif, EXIF_IFD_EXIF, tag, EXIF_FORMAT_SHORT, 1), EXIF_BYTE_ORDER_INTEL, (ExifShort)value);
}

static void add_long(ExifData *exif, ExifTag tag, int value)
{
	exif_set_long(add(exif, EXIF_IFD_EXIF, tag, EXIF_FORMAT_LONG, 1), EXIF_BYTE_ORDER_INTEL, (ExifLong)value);
}

/* "2026-11-20T14:03:07.123456+01:00" in the pieces in which EXIF has it. */
static void add_time(ExifData *exif, int64_t wall_ns)
{
	char text[CLOCK_ISO_BYTES];

	clock_iso(wall_ns, text);
	text[4] = text[7] = ':';
	text[10] = ' ';
	add_text(exif, EXIF_IFD_0, EXIF_TAG_DATE_TIME, text, 19);
	add_text(exif, EXIF_IFD_EXIF, EXIF_TAG_DATE_TIME_ORIGINAL, text, 19);
	add_text(exif, EXIF_IFD_EXIF, EXIF_TAG_DATE_TIME_DIGITIZED, text, 19);
	add_text(exif, EXIF_IFD_EXIF, EXIF_TAG_SUB_SEC_TIME_ORIGINAL, text + 20, 6);
	add_text(exif, EXIF_IFD_EXIF, EXIF_TAG_OFFSET_TIME, text + 26, 6);
	add_text(exif, EXIF_IFD_EXIF, EXIF_TAG_OFFSET_TIME_ORIGINAL, text + 26, 6);
}

static float gain_of(const struct exposure *exposure)
{
	return (exposure->known & EXPOSURE_ANALOGUE_GAIN ? exposure->analogue_gain : 1) *
	       (exposure->known & EXPOSURE_DIGITAL_GAIN ? exposure->digital_gain : 1);
}

static void add_exposure(ExifData *exif, const struct exposure *exposure)
{
	if ((exposure->known & EXPOSURE_TIME) && exposure->time_us > 0) {
		ExifRational time = { (ExifLong)exposure->time_us, 1000000 };

		exif_set_rational(add(exif, EXIF_IFD_EXIF, EXIF_TAG_EXPOSURE_TIME, EXIF_FORMAT_RATIONAL, 1), EXIF_BYTE_ORDER_INTEL, time);
	}
	if ((exposure->known & (EXPOSURE_ANALOGUE_GAIN | EXPOSURE_DIGITAL_GAIN)) && gain_of(exposure) > 0)
		add_short(exif, EXIF_TAG_ISO_SPEED_RATINGS, (int)lround(MIN(100.0 * gain_of(exposure), MAX_ISO)));
}

/* What EXIF has no tag for. */
static char *make_comment(const struct frame *frame, const struct exif_facts *facts)
{
	const struct exposure *exposure = &frame->exposure;
	char text[384];
	size_t length = 0;

	length += snprintf(text + length, sizeof(text) - length, "sensor_timestamp_ns=%" PRId64 " frame_number=%" PRIu64 " camera_frame=%" PRIu64,
			   frame->sensor_ns, frame->number, frame->camera_frame);
	if (exposure->known & EXPOSURE_ANALOGUE_GAIN)
		length += snprintf(text + length, sizeof(text) - length, " analogue_gain=%.4g", exposure->analogue_gain);
	if (exposure->known & EXPOSURE_DIGITAL_GAIN)
		length += snprintf(text + length, sizeof(text) - length, " digital_gain=%.4g", exposure->digital_gain);
	if (facts->stack)
		snprintf(text + length, sizeof(text) - length, " stack=%d last_sensor_timestamp_ns=%" PRId64 " gain=%.4g", facts->stack,
			 facts->last_sensor_ns, facts->gain);
	return xstrdup(text);
}

static void add_comment(ExifData *exif, const struct frame *frame, const struct exif_facts *facts)
{
	char *comment = make_comment(frame, facts), *coded = xasprintf("%.*s   %s", COMMENT_CODE_BYTES - 3, COMMENT_CODE, comment);

	memcpy(coded, COMMENT_CODE, COMMENT_CODE_BYTES);
	add_bytes(exif, EXIF_TAG_USER_COMMENT, coded, COMMENT_CODE_BYTES + strlen(comment));
	free(coded);
	free(comment);
}

static char *make_title(const struct exif_facts *facts)
{
	return xasprintf("camera %d: %s (%s)", facts->camera_id, facts->id, facts->model);
}

static void add_camera(ExifData *exif, const struct exif_facts *facts)
{
	char *title = make_title(facts);

	add_text(exif, EXIF_IFD_0, EXIF_TAG_IMAGE_DESCRIPTION, title, strlen(title));
	add_text(exif, EXIF_IFD_0, EXIF_TAG_MODEL, facts->model, strlen(facts->model));
	add_text(exif, EXIF_IFD_0, EXIF_TAG_SOFTWARE, "camd " CAMD_VERSION, strlen("camd " CAMD_VERSION));
	add_text(exif, EXIF_IFD_EXIF, EXIF_TAG_BODY_SERIAL_NUMBER, facts->id, strlen(facts->id));
	free(title);
}

static ExifData *describe(const struct frame *frame, const struct exif_facts *facts)
{
	ExifData *exif = exif_data_new();

	exif_data_set_byte_order(exif, EXIF_BYTE_ORDER_INTEL);
	exif_data_set_data_type(exif, EXIF_DATA_TYPE_COMPRESSED);
	add_camera(exif, facts);
	add_time(exif, frame_exposed_wall_ns(frame));
	add_exposure(exif, &frame->exposure);
	add_comment(exif, frame, facts);
	add_bytes(exif, EXIF_TAG_EXIF_VERSION, "0232", 4);
	add_short(exif, EXIF_TAG_COLOR_SPACE, SRGB);
	add_long(exif, EXIF_TAG_PIXEL_X_DIMENSION, frame->format.width);
	add_long(exif, EXIF_TAG_PIXEL_Y_DIMENSION, frame->format.height);
	exif_data_fix(exif);		/* what else there must be */
	return exif;
}

/* Right behind the first marker, where EXIF is to be. */
static void insert(const uint8_t *block, size_t block_bytes, uint8_t **data, size_t *bytes)
{
	size_t more = APP1_BYTES + block_bytes;
	const uint8_t head[APP1_BYTES] = { 0xff, 0xe1, (uint8_t)((block_bytes + 2) >> 8), (uint8_t)(block_bytes + 2) };

	*data = xrealloc(*data, 1, *bytes + more);
	memmove(*data + SOI_BYTES + more, *data + SOI_BYTES, *bytes - SOI_BYTES);
	memcpy(*data + SOI_BYTES, head, APP1_BYTES);
	memcpy(*data + SOI_BYTES + APP1_BYTES, block, block_bytes);
	*bytes += more;
}

static void write_word(uint8_t *to, uint32_t word)
{
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(word >> (24 - 8 * i));
}

/* Right behind a PNG's first chunk, before what is there already. */
static void insert_chunk(const char *name, const void *content, size_t n, uint8_t **data, size_t *bytes)
{
	size_t more = CHUNK_BYTES + n;
	uint8_t *at;

	*data = xrealloc(*data, 1, *bytes + more);
	at = *data + PNG_HEAD_BYTES;
	memmove(at + more, at, *bytes - PNG_HEAD_BYTES);
	write_word(at, (uint32_t)n);
	memcpy(at + 4, name, 4);
	memcpy(at + 8, content, n);
	write_word(at + 8 + n, libdeflate_crc32(0, at + 4, 4 + n));
	*bytes += more;
}

/* As UTF-8, not compressed, in no language. Frees the text. */
static void insert_text(const char *keyword, char *text, uint8_t **data, size_t *bytes)
{
	size_t head = strlen(keyword) + 5, n = head + strlen(text);
	char *content = xcalloc(1, n);

	memcpy(content, keyword, strlen(keyword));
	memcpy(content + head, text, strlen(text));
	insert_chunk("iTXt", content, n, data, bytes);
	free(content);
	free(text);
}

/* What readers find that know PNG's own words, but not EXIF's. */
static void insert_texts(const struct frame *frame, const struct exif_facts *facts, uint8_t **data, size_t *bytes)
{
	time_t seconds = frame_exposed_wall_ns(frame) / NS_PER_S;
	struct tm parts;
	char time[64];

	/* in the form that PNG asks for */
	strftime(time, sizeof(time), "%a, %d %b %Y %H:%M:%S +0000", gmtime_r(&seconds, &parts));
	insert_text("Comment", make_comment(frame, facts), data, bytes);
	insert_text("Software", xstrdup("camd " CAMD_VERSION), data, bytes);
	insert_text("Creation Time", xstrdup(time), data, bytes);
	insert_text("Description", make_title(facts), data, bytes);
}

void exif_add(const struct frame *frame, const struct exif_facts *facts, uint8_t **data, size_t *bytes)
{
	bool jpeg = *bytes >= SOI_BYTES && !memcmp(*data, "\xff\xd8", SOI_BYTES), png = *bytes > PNG_HEAD_BYTES && !memcmp(*data, "\x89PNG\r\n", 6);
	ExifData *exif;
	unsigned char *block = NULL;
	unsigned block_bytes = 0;

	if (!jpeg && !png)
		return;
	exif = describe(frame, facts);
	exif_data_save_data(exif, &block, &block_bytes);
	if (png)
		insert_texts(frame, facts, data, bytes);
	if (png && block && block_bytes > BLOCK_HEAD_BYTES)
		insert_chunk("eXIf", block + BLOCK_HEAD_BYTES, block_bytes - BLOCK_HEAD_BYTES, data, bytes);
	else if (jpeg && block && block_bytes <= MAX_BLOCK)
		insert(block, block_bytes, data, bytes);
	free(block);
	exif_data_unref(exif);
}
