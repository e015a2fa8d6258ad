/* What settings of the picture mean to a camera's own controls. */
#include "camd/picture.h"
#include "common/util.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct picture_settings none = {
	.shutter_ns = FIELD_UNSET, .gain = NAN, .ev = NAN, .brightness = NAN, .contrast = NAN, .saturation = NAN, .sharpness = NAN,
	.lens_position = NAN,
};

#define NUMBER(its_name, its_type, its_min, its_max, its_fallback) \
	{ .name = its_name, .type = its_type, .n = 1, .min = its_min, .max = its_max, .fallback = its_fallback }

static char *awb_names[] = { (char *)"AwbAuto", (char *)"AwbIncandescent", (char *)"", (char *)"", (char *)"AwbIndoor", (char *)"AwbDaylight" };
static char *presets[] = { (char *)"Manual", (char *)"Auto", (char *)"Incandescent", (char *)"Fluorescent" };

static struct source_control of_libcamera[] = {
	NUMBER("ExposureTime", CONTROL_INT, 100, 33000, NAN), NUMBER("AnalogueGain", CONTROL_REAL, 1, 16, NAN),
	NUMBER("AeEnable", CONTROL_BOOL, 0, 1, 1), NUMBER("Brightness", CONTROL_REAL, -1, 1, 0), NUMBER("Contrast", CONTROL_REAL, 0, 32, 1),
	NUMBER("ExposureValue", CONTROL_REAL, -8, 8, 0), NUMBER("AfMode", CONTROL_INT, 0, 2, 0), NUMBER("AfTrigger", CONTROL_INT, 0, 1, 0),
	NUMBER("LensPosition", CONTROL_REAL, 0, 12, 1), NUMBER("NoiseReductionMode", CONTROL_INT, 0, 4, 0),
	{ .name = "AwbMode", .type = CONTROL_CHOICE, .n = 1, .min = 0, .max = 5, .choices = { ARRAY_LEN(awb_names), awb_names } },
	{ .name = "ScalerCrop", .type = CONTROL_INT, .n = 4, .min = 0, .max = 1472, .whole = { 16, 0, 1456, 1088 } },
};

static struct source_control of_v4l2[] = {
	NUMBER("brightness", CONTROL_INT, 0, 255, 128), NUMBER("contrast", CONTROL_INT, 0, 100, 20), NUMBER("sharpness", CONTROL_INT, 0, 7, 0),
	NUMBER("saturation", CONTROL_INT, 0, 255, NAN), NUMBER("auto_exposure", CONTROL_CHOICE, 0, 3, 3),
	NUMBER("exposure_time_absolute", CONTROL_INT, 3, 2047, 250), NUMBER("gain", CONTROL_INT, 0, 255, 0),
	NUMBER("white_balance_automatic", CONTROL_BOOL, 0, 1, 1), NUMBER("white_balance_temperature", CONTROL_INT, 2800, 6500, 4000),
	NUMBER("focus_automatic_continuous", CONTROL_BOOL, 0, 1, 1), NUMBER("focus_absolute", CONTROL_INT, 0, 250, 0),
	NUMBER("horizontal_flip", CONTROL_BOOL, 0, 1, 0),
};

static struct source_control of_old_v4l2[] = {
	NUMBER("exposure_auto", CONTROL_CHOICE, 0, 1, 0), NUMBER("exposure_absolute", CONTROL_INT, 3, 2047, 250),
	NUMBER("gain_automatic", CONTROL_BOOL, 0, 1, 1), NUMBER("gain", CONTROL_INT, 0, 255, 0), NUMBER("focus_auto", CONTROL_BOOL, 0, 1, 1),
	{ .name = "white_balance_auto_preset", .type = CONTROL_CHOICE, .n = 1, .min = 0, .max = 3, .choices = { ARRAY_LEN(presets), presets } },
};

#define CAMERA(its) { .controls = its, .n_controls = ARRAY_LEN(its) }

static const struct source libcamera = CAMERA(of_libcamera), v4l2 = CAMERA(of_v4l2), old_v4l2 = CAMERA(of_old_v4l2), bare = { 0 };

/* All wishes as text: "name=1 other=2 " in their order; complaints behind "!". */
static void check(const struct source *source, const struct picture_settings *wanted, const char *expected)
{
	struct picture_wish wishes[PICTURE_MAX_WISHES];
	struct list complaints = { 0 };
	size_t n = picture_wishes(wanted, source, wishes, &complaints), at = 0;
	char text[1024] = "";

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < wishes[i].n; k++) {
			const struct control_setting *setting = &wishes[i].settings[k];

			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s=%g", setting->name, setting->numbers[0]);
			for (int j = 1; j < setting->n; j++)
				at += (size_t)snprintf(text + at, sizeof(text) - at, ",%g", setting->numbers[j]);
			at += (size_t)snprintf(text + at, sizeof(text) - at, " ");
		}
	for (size_t i = 0; i < complaints.n; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "!%s ", ((char **)complaints.items)[i]);
	assert_string_equal(text, expected);
	fields_free_texts(&complaints);
}

#define CHECK(source, expected, ...) \
	do { \
		struct picture_settings wanted = none; \
		__VA_ARGS__; \
		check(&source, &wanted, expected); \
	} while (0)

#define LACKS "the camera has nothing of the kind; it goes on without "

static void what_nobody_asks_stays(void **state)
{
	(void)state;
	CHECK(libcamera, "");
	CHECK(v4l2, "");
	CHECK(libcamera, "", wanted.gain = 0);
}

static void exposure(void **state)
{
	(void)state;
	CHECK(libcamera, "ExposureTime=5000 ", wanted.shutter_ns = 5000000);
	CHECK(libcamera, "AeEnable=1 ", wanted.shutter_ns = 0);
	CHECK(libcamera, "ExposureTime=33000 !shutter: the camera's ExposureTime goes from 100 to 33000: 33000 it is, not 1e+06 ",
	      wanted.shutter_ns = 1000000000);
	CHECK(v4l2, "auto_exposure=1 exposure_time_absolute=50 ", wanted.shutter_ns = 5000000);
	CHECK(v4l2, "auto_exposure=3 ", wanted.shutter_ns = 0);
	CHECK(old_v4l2, "exposure_auto=1 exposure_absolute=100 ", wanted.shutter_ns = 10000000);
	CHECK(old_v4l2, "exposure_auto=0 ", wanted.shutter_ns = 0);
	CHECK(bare, "!shutter: " LACKS, wanted.shutter_ns = 5000000);
	CHECK(libcamera, "AnalogueGain=2.5 ", wanted.gain = 2.5);
	CHECK(v4l2, "gain=100 ", wanted.gain = 100);
	CHECK(old_v4l2, "gain_automatic=0 gain=7 ", wanted.gain = 7);
	CHECK(libcamera, "ExposureValue=-1.5 ", wanted.ev = -1.5);
	CHECK(v4l2, "!ev: " LACKS, wanted.ev = 1);
}

static void levels(void **state)
{
	(void)state;
	CHECK(libcamera, "Brightness=0.25 Contrast=1.5 !sharpness: " LACKS, wanted.brightness = 0.25, wanted.contrast = 1.5, wanted.sharpness = 1);
	CHECK(v4l2, "brightness=0 ", wanted.brightness = -1);
	CHECK(v4l2, "brightness=128 ", wanted.brightness = 0);
	CHECK(v4l2, "brightness=192 ", wanted.brightness = 0.5);
	CHECK(v4l2, "brightness=255 ", wanted.brightness = 1);
	CHECK(v4l2, "contrast=0 ", wanted.contrast = 0);
	CHECK(v4l2, "contrast=20 ", wanted.contrast = 1);
	CHECK(v4l2, "contrast=60 ", wanted.contrast = 1.5);
	CHECK(v4l2, "contrast=100 ", wanted.contrast = 30);
	CHECK(v4l2, "sharpness=7 ", wanted.sharpness = 2);
	CHECK(v4l2, "saturation=64 ", wanted.saturation = 0.5);
}

static void light(void **state)
{
	(void)state;
	CHECK(libcamera, "AwbMode=4 ", wanted.awb = AWB_INDOOR);
	CHECK(libcamera, "!awb: " LACKS, wanted.awb = AWB_TUNGSTEN);
	CHECK(v4l2, "white_balance_automatic=1 ", wanted.awb = AWB_AUTO);
	CHECK(v4l2, "white_balance_automatic=0 white_balance_temperature=6000 ", wanted.awb = AWB_DAYLIGHT);
	CHECK(old_v4l2, "white_balance_auto_preset=2 ", wanted.awb = AWB_TUNGSTEN);
	CHECK(old_v4l2, "white_balance_auto_preset=1 ", wanted.awb = AWB_AUTO);
	CHECK(v4l2, "!awb: " LACKS, wanted.awb = AWB_CUSTOM);
	CHECK(libcamera, "NoiseReductionMode=2 ", wanted.denoise = DENOISE_CDN_HQ);
	CHECK(v4l2, "!denoise: " LACKS, wanted.denoise = DENOISE_OFF);
}

static void focus(void **state)
{
	(void)state;
	CHECK(libcamera, "AfMode=1 AfTrigger=0 ", wanted.autofocus_mode = FOCUS_AUTO);
	CHECK(libcamera, "AfMode=2 ", wanted.autofocus_mode = FOCUS_CONTINUOUS);
	CHECK(libcamera, "AfMode=0 LensPosition=2.5 ", wanted.lens_position = 2.5);
	CHECK(v4l2, "focus_automatic_continuous=1 ", wanted.autofocus_mode = FOCUS_CONTINUOUS);
	CHECK(v4l2, "!autofocus_mode: " LACKS, wanted.autofocus_mode = FOCUS_AUTO);
	CHECK(v4l2, "focus_automatic_continuous=0 focus_absolute=120 ", wanted.lens_position = 120);
	CHECK(old_v4l2, "focus_auto=0 ", wanted.autofocus_mode = FOCUS_MANUAL);
}

static void place(void **state)
{
	struct source turned = libcamera;

	(void)state;
	CHECK(libcamera, "ScalerCrop=380,544,728,544 ", memcpy(wanted.roi, ((double[]){ 0.25, 0.5, 0.5, 0.5 }), sizeof(wanted.roi)));
	CHECK(v4l2, "!roi: " LACKS, wanted.roi[2] = wanted.roi[3] = 0.5);
	CHECK(v4l2, "horizontal_flip=1 !vflip: " LACKS, wanted.hflip = wanted.vflip = true);
	turned.hflip = true;
	CHECK(turned, "!vflip: " LACKS, wanted.hflip = wanted.vflip = true);
}

static void rois_are_four_fractions(void **state)
{
	static const char *const bad[] = { "", "1", "0,0,1", "0,0,0,1", "0.5,0,0.6,1", "-0.1,0,1,1", "0,0,1,1,", "0,0,1,x", "nan,0,1,1", "0,0,2,1" };
	double roi[4];

	(void)state;
	assert_null(picture_parse_roi("0.25,0,0.75,1", roi));
	assert_float_equal(roi[2], 0.75, 1e-12);
	assert_null(picture_parse_roi("0, 0, 1, 1", NULL));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (!picture_parse_roi(bad[i], NULL))
			fail_msg("'%s' is taken", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_nobody_asks_stays), cmocka_unit_test(exposure), cmocka_unit_test(levels), cmocka_unit_test(light),
		cmocka_unit_test(focus), cmocka_unit_test(place), cmocka_unit_test(rois_are_four_fractions),
	};

	return cmocka_run_group_tests_name("picture", tests, NULL, NULL);
}
