/*
 * What the settings ask of a camera's picture, in words that hold for all cameras (brightness -1 to 1, a shutter in time), and
 * what that means to one of them: libcamera's controls, or V4L2's. Pure functions; any thread.
 */
#pragma once

#include "camd/source/source.h"

enum picture_awb {
	AWB_DEFAULT, AWB_AUTO, AWB_INCANDESCENT, AWB_TUNGSTEN, AWB_FLUORESCENT, AWB_INDOOR, AWB_DAYLIGHT, AWB_CLOUDY, AWB_CUSTOM,
};
enum picture_denoise { DENOISE_AUTO, DENOISE_OFF, DENOISE_CDN_OFF, DENOISE_CDN_FAST, DENOISE_CDN_HQ };
enum picture_focus { FOCUS_DEFAULT, FOCUS_MANUAL, FOCUS_AUTO, FOCUS_CONTINUOUS };

/* Numbers that nobody set are FIELD_UNSET and NAN, choices 0: these are left as the camera has them. */
struct picture_settings {
	int64_t shutter_ns;	/* 0: automatic */
	double gain;
	double ev;
	double brightness, contrast, saturation, sharpness;
	double lens_position;	/* dioptres; of V4L2 cameras the driver's own number */
	int awb, denoise, autofocus_mode;
	double roi[4];		/* x, y, width, height as parts of the sensor's whole; width 0: none is wanted */
	bool hflip, vflip;
};

#define PICTURE_MAX_WISHES 16

/* One setting as the camera's controls, to be set together. */
struct picture_wish {
	const char *name;	/* of the setting, static */
	struct control_setting settings[3];
	size_t n;
};

/* Fills wishes with what can be set, and adds to complaints a text for what can't, and for what is set to something near. */
size_t picture_wishes(const struct picture_settings *wanted, const struct source *source, struct picture_wish wishes[PICTURE_MAX_WISHES],
		      struct list *complaints);

/* NULL, or in words what a roi should look like. roi: may be NULL. */
const char *picture_parse_roi(const char *text, double roi[4]);
