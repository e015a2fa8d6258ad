/* EXIF as another reader of it finds it: libexif's own, from the finished JPEG. */
#include "camd/exif.h"
#include "camd/still/still.h"
#include "common/clock.h"
#include "common/util.h"
#include "tests/unit/pictures.h"

#include <libexif/exif-data.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include <cmocka.h>

static const struct exif_facts facts = { .camera_id = 3, .id = "v4l2:usb-1", .model = "Caméra 9000" };

static const char *value(ExifData *exif, ExifTag tag)
{
	static char text[512];
	ExifEntry *entry = exif_data_get_entry(exif, tag);

	text[0] = '\0';
	return entry ? exif_entry_get_value(entry, text, sizeof(text)) : NULL;
}

/* The JPEG of a frame with those facts, read back; the frame's own members are set by the caller. */
static ExifData *written(const struct frame *frame)
{
	struct error err = { 0 };
	uint8_t *data;
	size_t bytes, before;
	ExifData *exif;

	assert_true(still_jpeg.write(frame, 90, &data, &bytes, &err));
	before = bytes;
	exif_add(frame, &facts, &data, &bytes);
	assert_true(bytes > before);
	assert_int_equal(data[bytes - 2] << 8 | data[bytes - 1], 0xffd9);
	exif = exif_data_new_from_data(data, (unsigned)bytes);
	assert_non_null(exif);
	free(data);
	return exif;
}

static struct frame *create(void)
{
	struct frame_format format = { PIXEL_I420, 64, 48, bt709_limited };
	struct frame *frame = picture_create(&format, 0);

	frame->sensor_ns = 123456789012345;
	frame->arrived_ns = frame->sensor_ns + 20 * NS_PER_MS;
	frame->wall_ns = INT64_C(1763647387) * NS_PER_S + 123456000 + 20 * NS_PER_MS;	/* 2025-11-20 14:03:07.123456 UTC */
	frame->number = 17;
	frame->camera_frame = 99;
	return frame;
}

static void what_is_known_is_said(void **state)
{
	struct frame *frame = create();
	ExifData *exif;

	(void)state;
	frame->exposure = (struct exposure){
		.known = EXPOSURE_TIME | EXPOSURE_ANALOGUE_GAIN | EXPOSURE_DIGITAL_GAIN, .time_us = 4000, .analogue_gain = 2.5f,
		.digital_gain = 1.5f,
	};
	exif = written(frame);
	assert_string_equal(value(exif, EXIF_TAG_DATE_TIME_ORIGINAL), "2025:11:20 14:03:07");
	assert_string_equal(value(exif, EXIF_TAG_SUB_SEC_TIME_ORIGINAL), "123456");
	assert_string_equal(value(exif, EXIF_TAG_OFFSET_TIME_ORIGINAL), "+00:00");
	assert_string_equal(value(exif, EXIF_TAG_EXPOSURE_TIME), "1/250 sec.");
	assert_string_equal(value(exif, EXIF_TAG_ISO_SPEED_RATINGS), "375");
	assert_string_equal(value(exif, EXIF_TAG_MODEL), facts.model);
	assert_string_equal(value(exif, EXIF_TAG_BODY_SERIAL_NUMBER), facts.id);
	assert_string_equal(value(exif, EXIF_TAG_IMAGE_DESCRIPTION), "camera 3: v4l2:usb-1 (Caméra 9000)");
	assert_string_equal(value(exif, EXIF_TAG_SOFTWARE), "camd " CAMD_VERSION);
	assert_string_equal(value(exif, EXIF_TAG_USER_COMMENT), "sensor_timestamp_ns=123456789012345 frame_number=17 camera_frame=99 "
			    "analogue_gain=2.5 digital_gain=1.5");
	assert_string_equal(value(exif, EXIF_TAG_PIXEL_X_DIMENSION), "64");
	assert_string_equal(value(exif, EXIF_TAG_PIXEL_Y_DIMENSION), "48");
	exif_data_unref(exif);
	frame_unref(frame);
}

static void what_is_not_known_is_not_said(void **state)
{
	struct frame *frame = create();
	ExifData *exif = written(frame);

	(void)state;
	assert_null(value(exif, EXIF_TAG_EXPOSURE_TIME));
	assert_null(value(exif, EXIF_TAG_ISO_SPEED_RATINGS));
	assert_string_equal(value(exif, EXIF_TAG_USER_COMMENT), "sensor_timestamp_ns=123456789012345 frame_number=17 camera_frame=99");
	exif_data_unref(exif);
	frame->exposure = (struct exposure){ .known = EXPOSURE_TIME | EXPOSURE_ANALOGUE_GAIN, .time_us = -1, .analogue_gain = 1e9f };
	exif = written(frame);
	assert_null(value(exif, EXIF_TAG_EXPOSURE_TIME));
	assert_string_equal(value(exif, EXIF_TAG_ISO_SPEED_RATINGS), "65535");
	exif_data_unref(exif);
	frame_unref(frame);
}

/* A picture with it is still that picture. */
static void it_still_decodes(void **state)
{
	struct frame *frame = create();
	tjhandle jpeg = tjInitDecompress();
	struct error err = { 0 };
	uint8_t *data, plain[64 * 48 * 3], with[64 * 48 * 3];
	size_t bytes;

	(void)state;
	assert_true(still_jpeg.write(frame, 90, &data, &bytes, &err));
	assert_int_equal(tjDecompress2(jpeg, data, bytes, plain, 64, 0, 48, TJPF_RGB, 0), 0);
	exif_add(frame, &facts, &data, &bytes);
	assert_int_equal(tjDecompress2(jpeg, data, bytes, with, 64, 0, 48, TJPF_RGB, 0), 0);
	assert_memory_equal(plain, with, sizeof(plain));
	free(data);
	tjDestroy(jpeg);
	frame_unref(frame);
}

static void others_stay_as_they_are(void **state)
{
	struct frame *frame = create();
	uint8_t *data = xcalloc(4, 1);
	size_t bytes = 4;
	struct exif_facts long_facts = { .id = xcalloc(70000, 1), .model = "" };

	(void)state;
	exif_add(frame, &facts, &data, &bytes);
	assert_int_equal(bytes, 4);
	memcpy(data, "\xff\xd8\xff\xd9", 4);
	memset((char *)long_facts.id, 'x', 69999);
	exif_add(frame, &long_facts, &data, &bytes);
	assert_int_equal(bytes, 4);
	bytes = 0;
	exif_add(frame, &facts, &data, &bytes);
	assert_int_equal(bytes, 0);
	free((char *)long_facts.id);
	free(data);
	frame_unref(frame);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_known_is_said),
		cmocka_unit_test(what_is_not_known_is_not_said),
		cmocka_unit_test(it_still_decodes),
		cmocka_unit_test(others_stay_as_they_are),
	};

	clock_use_utc(true);
	return cmocka_run_group_tests_name("exif", tests, NULL, NULL);
}
