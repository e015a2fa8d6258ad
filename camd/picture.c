#include "camd/picture.h"

#include "camd/controls.h"
#include "common/util.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct wishing {
	const struct picture_settings *wanted;
	const struct source *source;
	struct picture_wish wish;	/* the one that is being made */
	struct list *complaints;
};

/* ---- one control of a wish ---- */

static const struct source_control *find(const struct wishing *wishing, const char *name)
{
	return controls_find(wishing->source->controls, wishing->source->n_controls, name);
}

static void complain(const struct wishing *wishing, const char *what)
{
	char *text = xasprintf("%s: %s", wishing->wish.name, what);

	fields_add_text(wishing->complaints, text);
	free(text);
}

static double into_range(const struct wishing *wishing, const struct source_control *control, double number)
{
	double near = MIN(MAX(number, control->min), control->max);
	char *text;

	if (control->type != CONTROL_REAL)
		near = round(near);
	if (fabs(near - number) > (control->type == CONTROL_REAL ? 1e-9 : 0.5)) {
		text = xasprintf("the camera's %s goes from %g to %g: %g it is, not %g", control->name, control->min, control->max, near, number);
		complain(wishing, text);
		free(text);
	}
	return near;
}

static struct control_setting *append(struct wishing *wishing, const struct source_control *control)
{
	struct control_setting *setting = &wishing->wish.settings[wishing->wish.n++];

	*setting = (struct control_setting){ .n = control->n };
	snprintf(setting->name, sizeof(setting->name), "%s", control->name);
	return setting;
}

/* False: the camera hasn't one of that name. */
static bool set_number(struct wishing *wishing, const char *name, double number)
{
	const struct source_control *control = find(wishing, name);

	if (!control || control->n != 1)
		return false;
	append(wishing, control)->numbers[0] = into_range(wishing, control, number);
	return true;
}

/* The first of several names that it has: drivers' names have changed with the kernel. */
static bool set_any(struct wishing *wishing, const char *const *names, double number)
{
	for (; *names; names++)
		if (set_number(wishing, *names, number))
			return true;
	return false;
}

/* A choice by its name, whose number is only relied on where the camera tells no names. */
static bool set_choice(struct wishing *wishing, const char *control_name, const char *choice, int number)
{
	const struct source_control *control = find(wishing, control_name);

	if (!control || control->n != 1)
		return false;
	for (size_t i = 0; i < control->choices.n; i++) {
		if (strcasecmp(((char **)control->choices.items)[i], choice))
			continue;
		append(wishing, control)->numbers[0] = (double)i;
		return true;
	}
	return !control->choices.n && number >= 0 && set_number(wishing, control_name, number);
}

/*
 * A level round its neutral value. libcamera's are such; a V4L2 driver's go from its least by its default to its most, so a
 * step of 1 goes all the way there.
 */
static bool set_level(struct wishing *wishing, const char *name, double value, double neutral)
{
	const struct source_control *control = find(wishing, name);
	double middle, step;

	if (!control || control->n != 1)
		return false;
	if (control->type == CONTROL_REAL)
		return set_number(wishing, name, value);
	middle = isnan(control->fallback) ? (control->min + control->max) / 2 : control->fallback;
	step = MIN(MAX(value - neutral, -1), 1);
	return set_number(wishing, name, round(middle + step * (step < 0 ? middle - control->min : control->max - middle)));
}

/* ---- what settings mean ---- */

static const char *const exposure_modes[] = { "auto_exposure", "exposure_auto", NULL };
static const char *const exposure_times[] = { "exposure_time_absolute", "exposure_absolute", NULL };
static const char *const focus_automatics[] = { "focus_automatic_continuous", "focus_auto", NULL };
static const char *const white_automatics[] = { "white_balance_automatic", "white_balance_temperature_auto", NULL };

#define V4L2_MANUAL 1			/* of auto_exposure; the menu's items have this number in all drivers */
#define V4L2_APERTURE_PRIORITY 3	/* the time is found by the camera: its only automatic, for most webcams */

static bool wish_automatic_shutter(struct wishing *wishing)
{
	const struct source_control *mode = find(wishing, exposure_modes[0]);

	if (set_number(wishing, "ExposureTimeMode", 0) || set_number(wishing, "AeEnable", 1))
		return true;
	if (!mode)
		mode = find(wishing, exposure_modes[1]);
	return mode && set_any(wishing, exposure_modes, mode->max >= V4L2_APERTURE_PRIORITY ? V4L2_APERTURE_PRIORITY : mode->min);
}

static bool wish_shutter(struct wishing *wishing)
{
	double us = wishing->wanted->shutter_ns / 1e3;

	if (!wishing->wanted->shutter_ns)
		return wish_automatic_shutter(wishing);
	if (set_number(wishing, "ExposureTime", us))
		return true;
	set_any(wishing, exposure_modes, V4L2_MANUAL);
	return set_any(wishing, exposure_times, us / 100);
}

static bool wish_gain(struct wishing *wishing)
{
	if (set_number(wishing, "AnalogueGain", wishing->wanted->gain))
		return true;
	set_number(wishing, "gain_automatic", 0);
	return set_number(wishing, "gain", wishing->wanted->gain);
}

static bool wish_ev(struct wishing *wishing)
{
	return set_number(wishing, "ExposureValue", wishing->wanted->ev);
}

static bool wish_brightness(struct wishing *wishing)
{
	return set_level(wishing, "Brightness", wishing->wanted->brightness, 0);
}

static bool wish_contrast(struct wishing *wishing)
{
	return set_level(wishing, "Contrast", wishing->wanted->contrast, 1);
}

static bool wish_saturation(struct wishing *wishing)
{
	return set_level(wishing, "Saturation", wishing->wanted->saturation, 1);
}

static bool wish_sharpness(struct wishing *wishing)
{
	return set_level(wishing, "Sharpness", wishing->wanted->sharpness, 1);
}

/* What the light is, as libcamera numbers it, as V4L2's menu names it, and its colour temperature. */
static const struct {
	const char *libcamera, *v4l2;
	int number, kelvin;
} lights[] = {
	[AWB_AUTO] = { "AwbAuto", "Auto", 0, 0 },
	[AWB_INCANDESCENT] = { "AwbIncandescent", "Incandescent", 1, 2800 }, [AWB_TUNGSTEN] = { "AwbTungsten", "Incandescent", 2, 3200 },
	[AWB_FLUORESCENT] = { "AwbFluorescent", "Fluorescent", 3, 4300 }, [AWB_INDOOR] = { "AwbIndoor", "Fluorescent", 4, 4000 },
	[AWB_DAYLIGHT] = { "AwbDaylight", "Daylight", 5, 6000 }, [AWB_CLOUDY] = { "AwbCloudy", "Cloudy", 6, 7000 },
	[AWB_CUSTOM] = { "AwbCustom", "", 7, 0 },
};

static bool wish_awb(struct wishing *wishing)
{
	int light = wishing->wanted->awb;

	if (find(wishing, "AwbMode")) {
		set_number(wishing, "AwbEnable", 1);
		return set_choice(wishing, "AwbMode", lights[light].libcamera, lights[light].number);
	}
	if (set_choice(wishing, "white_balance_auto_preset", lights[light].v4l2, -1))
		return true;
	if (light == AWB_AUTO)
		return set_any(wishing, white_automatics, 1);
	set_any(wishing, white_automatics, 0);
	return lights[light].kelvin && set_number(wishing, "white_balance_temperature", lights[light].kelvin);
}

static bool wish_denoise(struct wishing *wishing)
{
	static const struct {
		const char *name;
		int number;
	} modes[] = {
		[DENOISE_OFF] = { "NoiseReductionModeOff", 0 }, [DENOISE_CDN_OFF] = { "NoiseReductionModeMinimal", 3 },
		[DENOISE_CDN_FAST] = { "NoiseReductionModeFast", 1 }, [DENOISE_CDN_HQ] = { "NoiseReductionModeHighQuality", 2 },
	};

	return set_choice(wishing, "NoiseReductionMode", modes[wishing->wanted->denoise].name, modes[wishing->wanted->denoise].number);
}

static bool wish_focus(struct wishing *wishing)
{
	static const char *const names[] = { "", "AfModeManual", "AfModeAuto", "AfModeContinuous" };
	int mode = wishing->wanted->autofocus_mode;

	if (set_choice(wishing, "AfMode", names[mode], mode - 1)) {
		if (mode == FOCUS_AUTO)
			set_number(wishing, "AfTrigger", 0);	/* it focuses once, and not before it is told to */
		return true;
	}
	return mode != FOCUS_AUTO && set_any(wishing, focus_automatics, mode == FOCUS_CONTINUOUS);
}

static bool wish_lens(struct wishing *wishing)
{
	if (find(wishing, "LensPosition")) {
		set_choice(wishing, "AfMode", "AfModeManual", 0);
		return set_number(wishing, "LensPosition", wishing->wanted->lens_position);
	}
	set_any(wishing, focus_automatics, 0);
	return set_number(wishing, "focus_absolute", wishing->wanted->lens_position);
}

static bool wish_roi(struct wishing *wishing)
{
	const struct source_control *crop = find(wishing, "ScalerCrop");
	const double *roi = wishing->wanted->roi, *whole = crop ? crop->whole : NULL;
	struct control_setting *setting;

	if (!crop || crop->n != 4 || whole[2] <= 0 || whole[3] <= 0)
		return false;
	setting = append(wishing, crop);
	for (int i = 0; i < 4; i++)
		setting->numbers[i] = round(roi[i] * whole[2 + i % 2]) + (i < 2 ? whole[i] : 0);
	return true;
}

static bool wish_hflip(struct wishing *wishing)
{
	return wishing->source->hflip || set_number(wishing, "horizontal_flip", 1);
}

static bool wish_vflip(struct wishing *wishing)
{
	return wishing->source->vflip || set_number(wishing, "vertical_flip", 1);
}

/* ---- all of them ---- */

size_t picture_wishes(const struct picture_settings *wanted, const struct source *source, struct picture_wish wishes[PICTURE_MAX_WISHES],
		      struct list *complaints)
{
	const struct {
		const char *name;
		bool wanted;
		bool (*make)(struct wishing *wishing);
	} all[] = {
		{ "shutter", wanted->shutter_ns != FIELD_UNSET, wish_shutter }, { "gain", wanted->gain > 0, wish_gain },
		{ "ev", !isnan(wanted->ev), wish_ev }, { "brightness", !isnan(wanted->brightness), wish_brightness },
		{ "contrast", !isnan(wanted->contrast), wish_contrast }, { "saturation", !isnan(wanted->saturation), wish_saturation },
		{ "sharpness", !isnan(wanted->sharpness), wish_sharpness }, { "awb", wanted->awb != AWB_DEFAULT, wish_awb },
		{ "denoise", wanted->denoise != DENOISE_AUTO, wish_denoise },
		{ "autofocus_mode", wanted->autofocus_mode != FOCUS_DEFAULT, wish_focus },
		{ "lens_position", !isnan(wanted->lens_position), wish_lens }, { "roi", wanted->roi[2] > 0, wish_roi },
		{ "hflip", wanted->hflip, wish_hflip }, { "vflip", wanted->vflip, wish_vflip },
	};
	struct wishing wishing = { .wanted = wanted, .source = source, .complaints = complaints };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		if (!all[i].wanted)
			continue;
		wishing.wish = (struct picture_wish){ .name = all[i].name };
		if (!all[i].make(&wishing))
			complain(&wishing, "the camera has nothing of the kind; it goes on without");
		else if (wishing.wish.n)
			wishes[n++] = wishing.wish;
	}
	return n;
}

const char *picture_parse_roi(const char *text, double roi[4])
{
	double numbers[4];
	int used = 0;
	bool good = sscanf(text, "%lf,%lf,%lf,%lf%n", &numbers[0], &numbers[1], &numbers[2], &numbers[3], &used) == 4 && !text[used];

	for (int i = 0; good && i < 4; i++)
		good = numbers[i] >= 0 && numbers[i] <= 1;
	good = good && numbers[2] > 0 && numbers[3] > 0 && numbers[0] + numbers[2] < 1 + 1e-9 && numbers[1] + numbers[3] < 1 + 1e-9;
	if (!good)
		return "x,y,width,height as parts of the whole picture, such as 0.25,0.25,0.5,0.5";
	if (roi)
		memcpy(roi, numbers, sizeof(numbers));
	return NULL;
}
