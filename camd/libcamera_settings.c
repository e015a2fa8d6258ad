#include "camd/libcamera_settings.h"

#include "common/util.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATE "FrameDurationLimits"
#define US_PER_S 1e6
#define EXPOSURE_MODE "ExposureTimeMode"
#define GAIN_MODE "AnalogueGainMode"
#define MODE_AUTOMATIC 0	/* of both; 1 is by hand */

void libcamera_settings_finish(struct libcamera_settings *settings)
{
	free(settings->items);
	*settings = (struct libcamera_settings){ 0 };
}

void libcamera_settings_clear(struct libcamera_settings *settings)
{
	settings->n = 0;
}

static struct libcamera_setting *find(const struct libcamera_settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->n; i++)
		if (!strcmp(settings->items[i].name, name))
			return &settings->items[i];
	return NULL;
}

static void forget(struct libcamera_settings *settings, const char *name)
{
	struct libcamera_setting *setting = find(settings, name);

	if (setting)
		*setting = settings->items[--settings->n];
}

void libcamera_settings_set(struct libcamera_settings *settings, const struct libcamera_setting *setting)
{
	struct libcamera_setting *old = find(settings, setting->name);

	if (!old) {
		settings->items = xrealloc(settings->items, settings->n + 1, sizeof(*settings->items));
		old = &settings->items[settings->n++];
	}
	*old = *setting;
}

/* ---- what there is ---- */

static void list_choices(const struct libcamera_control *from, struct source_control *to)
{
	int most = -1;

	for (size_t i = 0; i < from->n_choices; i++)
		most = MAX(most, from->choices[i].number);
	if (most < 0 || most > 1000)
		return;
	to->type = CONTROL_CHOICE;
	for (int number = 0; number <= most; number++) {
		const char *name = "";

		for (size_t i = 0; i < from->n_choices; i++)
			if (from->choices[i].number == number)
				name = from->choices[i].name;
		fields_add_text(&to->choices, name);
	}
}

static void list_one(const struct libcamera_control *from, struct source_control *to)
{
	static const enum control_type types[] = {
		[LIBCAMERA_BOOL] = CONTROL_BOOL, [LIBCAMERA_INT] = CONTROL_INT, [LIBCAMERA_REAL] = CONTROL_REAL,
		[LIBCAMERA_RECTANGLE] = CONTROL_INT,
	};

	*to = (struct source_control){
		.type = types[from->type], .n = (int)MIN(from->n_numbers, CONTROL_MAX_NUMBERS), .min = from->min,
		.max = from->max, .step = types[from->type] == CONTROL_INT ? 1 : 0, .fallback = from->fallback,
	};
	snprintf(to->name, sizeof(to->name), "%s", from->name);
	memcpy(to->whole, from->whole, sizeof(to->whole));
	if (from->type == LIBCAMERA_INT && from->n_choices && to->n == 1)
		list_choices(from, to);
}

void libcamera_settings_list(const struct libcamera_control *controls, size_t n, struct source *source)
{
	source->controls = xcalloc(n, sizeof(*source->controls));
	for (size_t i = 0; i < n; i++)
		if (strcmp(controls[i].name, RATE))
			list_one(&controls[i], &source->controls[source->n_controls++]);
}

/* ---- what is wanted ---- */

static const struct source_control *find_control(const struct source *source, const char *name)
{
	for (size_t i = 0; i < source->n_controls; i++)
		if (!strcmp(source->controls[i].name, name))
			return &source->controls[i];
	return NULL;
}

static bool read_one(struct libcamera_settings *settings, const struct source *source, const struct control_setting *wanted,
		     struct error *err)
{
	const struct source_control *control = find_control(source, wanted->name);
	struct libcamera_setting setting = { .n_numbers = (uint32_t)wanted->n };

	if (!strcmp(wanted->name, RATE))
		return error_set_argument(err, "controls", "camera %s: its frame rate is set by target_fps, not by " RATE,
					  source->id);
	if (!control)
		return error_set_argument(err, "controls", "camera %s has no control %s; list_cameras shows those it has",
					  source->id, wanted->name);
	if (wanted->n != control->n)
		return error_set_argument(err, "controls", "camera %s: %s takes %d numbers, not %d", source->id,
					  wanted->name, control->n, wanted->n);
	snprintf(setting.name, sizeof(setting.name), "%s", wanted->name);
	memcpy(setting.numbers, wanted->numbers, sizeof(setting.numbers));
	libcamera_settings_set(settings, &setting);
	return true;
}

/* libcamera 0.5 and later can have one by hand and the other automatic; before, one switch is for both. */
static void take_in_hand(struct libcamera_settings *settings, const struct source *source, const char *name, const char *mode)
{
	struct libcamera_setting by_hand = { .n_numbers = 1, .numbers = { 1 } };

	if (!find(settings, name) || find(settings, "AeEnable") || find(settings, mode))
		return;
	if (!find_control(source, mode)) {
		by_hand.numbers[0] = 0;
		mode = "AeEnable";
	}
	snprintf(by_hand.name, sizeof(by_hand.name), "%s", mode);
	if (find_control(source, mode))
		libcamera_settings_set(settings, &by_hand);
}

bool libcamera_settings_read(struct libcamera_settings *settings, const struct source *source,
			     const struct control_setting *wanted, size_t n, struct error *err)
{
	*settings = (struct libcamera_settings){ 0 };
	for (size_t i = 0; i < n; i++) {
		if (read_one(settings, source, &wanted[i], err))
			continue;
		libcamera_settings_finish(settings);
		return false;
	}
	/*
	 * With automatic exposure on, some versions ignore an exposure or gain that is set, and others take it for a
	 * limit of the automatism: only with it off all of them do what was asked for.
	 */
	take_in_hand(settings, source, "ExposureTime", EXPOSURE_MODE);
	take_in_hand(settings, source, "AnalogueGain", GAIN_MODE);
	return true;
}

void libcamera_settings_remember(struct libcamera_settings *all, const struct libcamera_settings *latest)
{
	const struct libcamera_setting *automatic = find(latest, "AeEnable"), *exposure = find(latest, EXPOSURE_MODE),
				       *gain = find(latest, GAIN_MODE);
	bool both = automatic && automatic->numbers[0] != 0;

	if (automatic) {
		forget(all, EXPOSURE_MODE);
		forget(all, GAIN_MODE);
	}
	if (exposure || gain)
		forget(all, "AeEnable");
	if (both || (exposure && exposure->numbers[0] == MODE_AUTOMATIC))
		forget(all, "ExposureTime");
	if (both || (gain && gain->numbers[0] == MODE_AUTOMATIC))
		forget(all, "AnalogueGain");
	for (size_t i = 0; i < latest->n; i++)
		libcamera_settings_set(all, &latest->items[i]);
}

bool libcamera_settings_rate(struct libcamera_settings *settings, const struct libcamera_control *controls, size_t n,
			     double *fps)
{
	struct libcamera_setting setting = { .name = RATE, .n_numbers = 2 };
	double wanted_us = round(US_PER_S / *fps), us;

	for (size_t i = 0; i < n && *fps > 0; i++) {
		if (strcmp(controls[i].name, RATE) || controls[i].max <= 0)
			continue;
		us = MIN(MAX(wanted_us, controls[i].min), controls[i].max);
		setting.numbers[0] = setting.numbers[1] = us;
		libcamera_settings_set(settings, &setting);
		if (us != wanted_us)
			*fps = US_PER_S / us;
		return true;
	}
	return false;
}
