#include "camd/night.h"

#include "camd/controls.h"
#include "common/clock.h"
#include "common/util.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A webcam's leave to make frames as long as the exposure takes, as drivers call it. */
static const char *const free_rates[] = { "exposure_dynamic_framerate", "exposure_auto_priority" };

static const struct source_control *find(const struct source *source, const char *name)
{
	return controls_find(source->controls, source->n_controls, name);
}

/* ---- dusk ---- */

/* Notes what it was, for the day. Automatic exposure, once taken in hand, is not a number to come back to. */
static void note_before(struct night *night, const struct keeper *keeper, const struct control_setting *setting)
{
	const struct control_setting *old = keeper_setting(keeper, setting->name);
	const struct source_control *control = find(keeper_source(keeper), setting->name);

	if (night->n == NIGHT_MAX_CONTROLS)
		return;
	night->before[night->n] = old ? *old : *setting;
	night->was_set[night->n] = old;
	if (!old)
		night->before[night->n].numbers[0] = control ? control->fallback : NAN;
	night->n++;
}

static void set_for_night(struct night *night, struct keeper *keeper, const struct night_settings *settings, keeper_done_fn done, void *user)
{
	const struct picture_settings wanted = {
		.shutter_ns = settings->exposure_ns, .gain = settings->gain, .ev = NAN, .brightness = NAN, .contrast = NAN, .saturation = NAN,
		.sharpness = NAN, .lens_position = NAN,
	};
	struct picture_wish wishes[PICTURE_MAX_WISHES];
	struct list complaints = { 0 };
	size_t n = picture_wishes(&wanted, keeper_source(keeper), wishes, &complaints);

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < wishes[i].n; k++)
			note_before(night, keeper, &wishes[i].settings[k]);
		keeper_set_controls(keeper, wishes[i].settings, wishes[i].n, done, user);
	}
	for (size_t i = 0; i < complaints.n; i++) {
		struct error err;

		error_set(&err, ERR_UNSUPPORTED, "by night: %s", ((char **)complaints.items)[i]);
		done(user, &err);
	}
	fields_free_texts(&complaints);
}

/* True: the camera will make its frames longer by itself. */
static bool free_rate(struct night *night, struct keeper *keeper, keeper_done_fn done, void *user)
{
	for (size_t i = 0; i < ARRAY_LEN(free_rates); i++) {
		const struct source_control *control = find(keeper_source(keeper), free_rates[i]);
		struct control_setting setting = { .n = 1, .numbers = { 1 } };

		if (!control)
			continue;
		if (night->entered)
			return true;	/* it is set again with the others */
		snprintf(setting.name, sizeof(setting.name), "%s", control->name);
		note_before(night, keeper, &setting);
		keeper_set_controls(keeper, &setting, 1, done, user);
		return true;
	}
	return false;
}

static void slow_down(struct night *night, struct keeper *keeper, const struct night_settings *settings, keeper_done_fn done, void *user)
{
	const struct source *source = keeper_source(keeper);

	if (!settings->slow || settings->exposure_ns == FIELD_UNSET || settings->exposure_ns <= source->period_ns)
		return;
	night->slow = true;
	night->other_rate = !free_rate(night, keeper, done, user);
	if (night->other_rate)
		keeper_set_rate(keeper, (double)NS_PER_S / (double)settings->exposure_ns, done, user);
}

/* ---- dawn ---- */

/* What makes something automatic again that was. False: it is a number like others. */
static bool set_automatic(const struct source *source, const char *name, struct control_setting *setting)
{
	bool exposure = !strcmp(name, "ExposureTime"), gain = !strcmp(name, "AnalogueGain");
	const struct source_control *control = find(source, exposure ? "ExposureTimeMode" : "AnalogueGainMode");

	if (!exposure && !gain)
		return false;
	*setting = (struct control_setting){ .n = 1, .numbers = { control ? 0 : 1 } };
	snprintf(setting->name, sizeof(setting->name), "%s", control ? control->name : "AeEnable");
	return true;
}

/* Backwards: what was taken in hand first becomes automatic last, when its number can't be set any more. */
static void set_for_day(struct night *night, struct keeper *keeper, keeper_done_fn done, void *user)
{
	while (night->n) {
		size_t last = --night->n;
		struct control_setting setting = night->before[last];

		if (!night->was_set[last] && !set_automatic(keeper_source(keeper), night->before[last].name, &setting) &&
		    isnan(setting.numbers[0]))
			continue;
		if (find(keeper_source(keeper), setting.name))
			keeper_set_controls(keeper, &setting, 1, done, user);
	}
}

void night_set(struct night *night, struct keeper *keeper, const struct night_settings *settings, keeper_done_fn done, void *user)
{
	if (!keeper_source(keeper))
		return;
	if (night->has_fallen) {
		if (!night->entered)
			set_for_night(night, keeper, settings, done, user);
		slow_down(night, keeper, settings, done, user);
	} else if (night->entered) {
		set_for_day(night, keeper, done, user);
		if (night->other_rate)
			keeper_set_rate(keeper, 0, done, user);
		night->slow = night->other_rate = false;
	}
	night->entered = night->has_fallen;
}
