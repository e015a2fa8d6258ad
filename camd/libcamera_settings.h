/*
 * Controls of libcamera's cameras: what there is, and what was set. A list of settings is used under its owner's lock.
 */
#pragma once

#include "camd/source/libcamera.h"
#include "camd/source/source.h"

/* What was set, by name, the latest value of each. */
struct libcamera_settings {
	struct libcamera_setting *items;
	size_t n;
};

void libcamera_settings_finish(struct libcamera_settings *settings);
void libcamera_settings_clear(struct libcamera_settings *settings);
void libcamera_settings_set(struct libcamera_settings *settings, const struct libcamera_setting *setting);

/* What the camera offers to users, into source->controls; the frame rate is none of it, for that is camd's own setting. */
void libcamera_settings_list(const struct libcamera_control *controls, size_t n, struct source *source);

/*
 * The user's wish as libcamera needs it: checked by what the source offers, and with what must be set along with it. All
 * of it, or none and false.
 */
bool libcamera_settings_read(struct libcamera_settings *settings, const struct source *source,
			     const struct control_setting *wanted, size_t n, struct error *err);

/* Adds what was set anew to all that was set so far, and takes out what it makes void. */
void libcamera_settings_remember(struct libcamera_settings *all, const struct libcamera_settings *latest);

/*
 * Makes the rate, if it is one, exact, as near as the camera comes to it: adds the setting and tells the rate. False: this
 * camera has its own rate.
 */
bool libcamera_settings_rate(struct libcamera_settings *settings, const struct libcamera_control *controls, size_t n,
			     double *fps);
