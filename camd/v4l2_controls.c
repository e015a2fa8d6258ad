#include "camd/v4l2_controls.h"

#include "camd/v4l2_identity.h"
#include "common/log.h"
#include "common/util.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CONTROLS 256	/* of a driver's list, which it may not end */
#define MAX_CHOICES 256
#define EXACT_MAX 9007199254740992.0	/* 2^53: whole numbers beyond are not exact in JSON */

struct v4l2_controls {
	const struct v4l2_node *node;
	size_t n;
	struct v4l2_query_ext_ctrl items[MAX_CONTROLS];
};

/* What an automatic has in its hands, and its value that lets go. */
static const struct automatic {
	uint32_t id, master;
	int64_t off;
} automatics[] = {
	{ V4L2_CID_EXPOSURE_ABSOLUTE, V4L2_CID_EXPOSURE_AUTO, V4L2_EXPOSURE_MANUAL },
	{ V4L2_CID_EXPOSURE, V4L2_CID_EXPOSURE_AUTO, V4L2_EXPOSURE_MANUAL },
	{ V4L2_CID_IRIS_ABSOLUTE, V4L2_CID_EXPOSURE_AUTO, V4L2_EXPOSURE_MANUAL },
	{ V4L2_CID_GAIN, V4L2_CID_AUTOGAIN, 0 },
	{ V4L2_CID_ANALOGUE_GAIN, V4L2_CID_AUTOGAIN, 0 },
	{ V4L2_CID_WHITE_BALANCE_TEMPERATURE, V4L2_CID_AUTO_WHITE_BALANCE, 0 },
	{ V4L2_CID_RED_BALANCE, V4L2_CID_AUTO_WHITE_BALANCE, 0 },
	{ V4L2_CID_BLUE_BALANCE, V4L2_CID_AUTO_WHITE_BALANCE, 0 },
	{ V4L2_CID_FOCUS_ABSOLUTE, V4L2_CID_FOCUS_AUTO, 0 },
	{ V4L2_CID_HUE, V4L2_CID_HUE_AUTO, 0 },
	{ V4L2_CID_BRIGHTNESS, V4L2_CID_AUTOBRIGHTNESS, 0 },
	{ V4L2_CID_CHROMA_GAIN, V4L2_CID_CHROMA_AGC, 0 },
	{ V4L2_CID_ISO_SENSITIVITY, V4L2_CID_ISO_SENSITIVITY_AUTO, V4L2_ISO_SENSITIVITY_MANUAL },
};

/* ---- what there is ---- */

static bool is_settable(const struct v4l2_query_ext_ctrl *item)
{
	if (item->flags & (V4L2_CTRL_FLAG_DISABLED | V4L2_CTRL_FLAG_READ_ONLY | V4L2_CTRL_FLAG_HAS_PAYLOAD) || item->nr_of_dims)
		return false;
	switch (item->type) {
	case V4L2_CTRL_TYPE_INTEGER:
	case V4L2_CTRL_TYPE_INTEGER64:
	case V4L2_CTRL_TYPE_BOOLEAN:
	case V4L2_CTRL_TYPE_MENU:
	case V4L2_CTRL_TYPE_INTEGER_MENU:
	case V4L2_CTRL_TYPE_BITMASK:
	case V4L2_CTRL_TYPE_BUTTON:
		return true;
	default:
		return false;
	}
}

struct v4l2_controls *v4l2_controls_create(const struct v4l2_node *node)
{
	struct v4l2_controls *controls = xcalloc(1, sizeof(*controls));
	uint32_t last = 0;

	controls->node = node;
	for (int i = 0; i < 2 * MAX_CONTROLS && controls->n < MAX_CONTROLS; i++) {
		struct v4l2_query_ext_ctrl item = { .id = last | V4L2_CTRL_FLAG_NEXT_CTRL };

		if (v4l2_node_ioctl(node->fd, VIDIOC_QUERY_EXT_CTRL, &item) || item.id <= last)
			break;
		last = item.id;
		item.name[sizeof(item.name) - 1] = '\0';
		if (is_settable(&item))
			controls->items[controls->n++] = item;
	}
	return controls;
}

void v4l2_controls_destroy(struct v4l2_controls *controls)
{
	free(controls);
}

/* As v4l2-ctl does it. Never longer than the driver's name. */
static void spell(const char *name, char *spelling)
{
	bool gap = false;

	for (char *at = spelling; *name; name++) {
		if (!isascii((unsigned char)*name) || !isalnum((unsigned char)*name)) {
			gap = at > spelling;
			continue;
		}
		if (gap)
			*at++ = '_';
		gap = false;
		*at++ = (char)tolower((unsigned char)*name);
		*at = '\0';
	}
}

/* The spelling of one; a further control that is spelt the same gets a number. */
static void write_name(const struct v4l2_controls *controls, size_t i, char name[40])
{
	char other[sizeof(controls->items[i].name)];
	int nth = 1;

	*name = '\0';
	spell(controls->items[i].name, name);
	for (size_t k = 0; k < i; k++) {
		*other = '\0';
		spell(controls->items[k].name, other);
		nth += !strcmp(other, name);
	}
	if (!*name)
		snprintf(name, 40, "control_%08x", controls->items[i].id);
	else if (nth > 1)
		snprintf(name + strlen(name), 8, "_%d", nth % 1000);
}

/* The names of the numbers from 0 on; integer menus have numbers for names. */
static struct list list_choices(const struct v4l2_controls *controls, const struct v4l2_query_ext_ctrl *item)
{
	struct list choices = { 0 };
	char text[40];

	for (int64_t i = 0; i <= MIN(item->maximum, MAX_CHOICES - 1); i++) {
		struct v4l2_querymenu entry = { .id = item->id, .index = (uint32_t)i };

		*text = '\0';
		if (i >= item->minimum && !v4l2_node_ioctl(controls->node->fd, VIDIOC_QUERYMENU, &entry)) {
			if (item->type == V4L2_CTRL_TYPE_INTEGER_MENU)
				snprintf(text, sizeof(text), "%lld", (long long)entry.value);
			else
				v4l2_identity_copy(text, sizeof(entry.name), (const char *)entry.name);
		}
		fields_add_text(&choices, text);
	}
	return choices;
}

static enum control_type type_of(const struct v4l2_query_ext_ctrl *item)
{
	switch (item->type) {
	case V4L2_CTRL_TYPE_BOOLEAN:
	case V4L2_CTRL_TYPE_BUTTON:
		return CONTROL_BOOL;
	case V4L2_CTRL_TYPE_MENU:
	case V4L2_CTRL_TYPE_INTEGER_MENU:
		return CONTROL_CHOICE;
	default:
		return CONTROL_INT;
	}
}

static double exact(int64_t value)
{
	return MAX(MIN((double)value, EXACT_MAX), -EXACT_MAX);
}

static void describe(const struct v4l2_controls *controls, size_t i, struct source_control *control)
{
	const struct v4l2_query_ext_ctrl *item = &controls->items[i];
	char name[40];

	write_name(controls, i, name);
	*control = (struct source_control){
		.type = type_of(item), .n = 1, .min = exact(item->minimum), .max = exact(item->maximum),
		.step = item->step > 1 ? exact((int64_t)MIN(item->step, INT64_MAX)) : 0, .fallback = exact(item->default_value),
	};
	snprintf(control->name, sizeof(control->name), "%s", name);
	if (item->type == V4L2_CTRL_TYPE_BUTTON) {
		control->max = 1;
		control->fallback = NAN;
	} else if (item->type == V4L2_CTRL_TYPE_BITMASK) {
		control->min = 0;
		control->max = (uint32_t)item->maximum;
		control->fallback = (uint32_t)item->default_value;
	} else if (control->type == CONTROL_CHOICE) {
		control->max = MIN(control->max, MAX_CHOICES - 1);
		control->choices = list_choices(controls, item);
	}
}

void v4l2_controls_describe(const struct v4l2_controls *controls, struct source *source)
{
	source->controls = xcalloc(MAX(controls->n, 1), sizeof(*source->controls));
	source->n_controls = controls->n;
	for (size_t i = 0; i < controls->n; i++)
		describe(controls, i, &source->controls[i]);
}

/* ---- setting them ---- */

static const struct v4l2_query_ext_ctrl *find_by_id(const struct v4l2_controls *controls, uint32_t id)
{
	for (size_t i = 0; i < controls->n; i++)
		if (controls->items[i].id == id)
			return &controls->items[i];
	return NULL;
}

static const struct v4l2_query_ext_ctrl *find_by_name(const struct v4l2_controls *controls, const char *name)
{
	char wanted[64] = "", own[40];

	spell(name, wanted);
	for (size_t i = 0; i < controls->n; i++) {
		write_name(controls, i, own);
		if (!strcmp(own, wanted))
			return &controls->items[i];
	}
	return NULL;
}

/* One on its way to the driver. */
struct change {
	const struct v4l2_query_ext_ctrl *item;
	const char *name;
	int64_t value, before;
	bool known_before;
};

static void put_value(struct v4l2_ext_control *control, const struct change *change, int64_t value)
{
	*control = (struct v4l2_ext_control){ .id = change->item->id };
	if (change->item->type == V4L2_CTRL_TYPE_INTEGER64)
		control->value64 = value;
	else
		control->value = (int32_t)(uint32_t)value;	/* bit masks use the sign bit, too */
}

/* 0 or an errno */
static int apply(const struct v4l2_controls *controls, const struct change *changes, size_t n)
{
	struct v4l2_ext_control values[MAX_CONTROLS];
	struct v4l2_ext_controls request = { .which = V4L2_CTRL_WHICH_CUR_VAL, .count = (uint32_t)n, .controls = values };

	for (size_t i = 0; i < n; i++)
		put_value(&values[i], &changes[i], changes[i].value);
	return v4l2_node_ioctl(controls->node->fd, VIDIOC_S_EXT_CTRLS, &request) ? errno : 0;
}

static void remember(const struct v4l2_controls *controls, struct change *change)
{
	struct v4l2_ext_control value = { .id = change->item->id };
	struct v4l2_ext_controls request = { .which = V4L2_CTRL_WHICH_CUR_VAL, .count = 1, .controls = &value };

	if (change->item->flags & V4L2_CTRL_FLAG_WRITE_ONLY || v4l2_node_ioctl(controls->node->fd, VIDIOC_G_EXT_CTRLS, &request))
		return;
	change->before = change->item->type == V4L2_CTRL_TYPE_INTEGER64 ? value.value64 : value.value;
	change->known_before = true;
}

/* In the opposite order, for an automatic may have been switched off first. */
static void restore(const struct v4l2_controls *controls, const struct change *changes, size_t n)
{
	while (n--) {
		struct change back = changes[n];

		back.value = back.before;
		if (back.known_before && apply(controls, &back, 1))
			log_warning("camera %s: %s can't be set back", controls->node->path, back.name);
	}
}

static const struct automatic *find_automatic(const struct v4l2_controls *controls, uint32_t id)
{
	for (size_t i = 0; i < ARRAY_LEN(automatics); i++)
		if (automatics[i].id == id && find_by_id(controls, automatics[i].master))
			return &automatics[i];
	return NULL;
}

/* The flags as they are now: automatics change them. */
static uint32_t flags_now(const struct v4l2_controls *controls, uint32_t id)
{
	struct v4l2_query_ext_ctrl item = { .id = id };

	return v4l2_node_ioctl(controls->node->fd, VIDIOC_QUERY_EXT_CTRL, &item) ? 0 : item.flags;
}

static bool refuse_inactive(const struct v4l2_controls *controls, const struct change *change, struct error *err)
{
	const struct automatic *automatic = find_automatic(controls, change->item->id);
	const struct v4l2_query_ext_ctrl *master = automatic ? find_by_id(controls, automatic->master) : NULL;
	struct v4l2_querymenu entry = { .id = master ? master->id : 0, .index = automatic ? (uint32_t)automatic->off : 0 };
	char name[40], off[40] = "false";

	if (!master)
		return error_set_argument(err, change->name, "camera %s: %s can't be set while the camera's other settings leave it "
					  "without effect", controls->node->path, change->name);
	write_name(controls, (size_t)(master - controls->items), name);
	if (master->type == V4L2_CTRL_TYPE_MENU) {
		v4l2_node_ioctl(controls->node->fd, VIDIOC_QUERYMENU, &entry);
		v4l2_identity_copy(off, sizeof(entry.name), (const char *)entry.name);
	}
	return error_set_argument(err, change->name, "camera %s: %s is in the hands of %s: set that to '%s', too", controls->node->path,
				  change->name, name, off);
}

static bool is_among(const struct change *changes, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++)
		if (changes[i].item->id == id)
			return true;
	return false;
}

/*
 * Drivers disagree on what happens to a control that an automatic has: some take the value and forget it. Before they are set,
 * those whose automatic is to be set with them are passed over.
 */
static bool check_active(const struct v4l2_controls *controls, const struct change *changes, size_t n, bool before,
			 struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		const struct automatic *automatic = find_automatic(controls, changes[i].item->id);

		if (before && automatic && is_among(changes, n, automatic->master))
			continue;
		if (flags_now(controls, changes[i].item->id) & V4L2_CTRL_FLAG_INACTIVE)
			return refuse_inactive(controls, &changes[i], err);
	}
	return true;
}

static bool refuse(const struct v4l2_controls *controls, const struct change *change, int number, struct error *err)
{
	const char *path = controls->node->path, *name = change->name;
	long long value = change->value;

	if (number == ENODEV)
		return error_set(err, ERR_CAMERA_LOST, "camera %s: it has been unplugged", path);
	if (flags_now(controls, change->item->id) & V4L2_CTRL_FLAG_INACTIVE)
		return refuse_inactive(controls, change, err);
	switch (number) {
	case EINVAL:
	case ERANGE:
	case EILSEQ:
		return error_set_argument(err, name, "camera %s: %s: the driver doesn't take %lld", path, name, value);
	case EBUSY:
		return error_set(err, ERR_BUSY, "camera %s: %s can't be set while the camera streams", path, name);
	default:
		return error_set_errno(err, number, "camera %s: %s can't be set to %lld", path, name, value);
	}
}

/* One by one, for drivers that can't take several, and to find out which one it is that they don't take. */
static bool apply_singly(const struct v4l2_controls *controls, const struct change *changes, size_t n, struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		int number = apply(controls, &changes[i], 1);

		if (!number)
			continue;
		refuse(controls, &changes[i], number, err);
		restore(controls, changes, i);
		return false;
	}
	return true;
}

static bool add_change(const struct v4l2_controls *controls, const struct control_setting *setting, bool first,
		       struct change *changes, size_t *n, struct error *err)
{
	const struct v4l2_query_ext_ctrl *item = find_by_name(controls, setting->name);

	if (!item || *n == MAX_CONTROLS)
		return error_set_argument(err, setting->name, "camera %s: it has no control '%s'", controls->node->path,
					  setting->name);
	if (setting->n != 1)
		return error_set_argument(err, setting->name, "camera %s: %s takes one number, not %d", controls->node->path,
					  setting->name, setting->n);
	if ((type_of(item) != CONTROL_INT) != first)
		return true;
	if (item->type == V4L2_CTRL_TYPE_BUTTON && setting->numbers[0] == 0)
		return true;
	changes[*n] = (struct change){ .item = item, .name = setting->name, .value = (int64_t)setting->numbers[0] };
	remember(controls, &changes[(*n)++]);
	return true;
}

/* The settings as changes, switches and choices first: they may be what frees the others. A button that isn't pushed is none. */
static bool plan(const struct v4l2_controls *controls, const struct control_setting *settings, size_t n, struct change *changes,
		 size_t *n_changes, struct error *err)
{
	*n_changes = 0;
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < n; i++)
			if (!add_change(controls, &settings[i], pass == 0, changes, n_changes, err))
				return false;
	return true;
}

bool v4l2_controls_set(const struct v4l2_controls *controls, const struct control_setting *settings, size_t n, struct error *err)
{
	struct change changes[MAX_CONTROLS];
	size_t n_changes;

	if (!plan(controls, settings, n, changes, &n_changes, err) || !check_active(controls, changes, n_changes, true, err))
		return false;
	if (!n_changes)
		return true;
	if (apply(controls, changes, n_changes) && !apply_singly(controls, changes, n_changes, err))
		return false;
	if (check_active(controls, changes, n_changes, false, err))
		return true;
	restore(controls, changes, n_changes);
	return false;
}

/* ---- at the opening ---- */

static bool is_given(const struct v4l2_controls *controls, const struct control_setting *settings, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++) {
		const struct v4l2_query_ext_ctrl *item = find_by_name(controls, settings[i].name);

		if (item && item->id == id)
			return true;
	}
	return false;
}

/* Sets one that is there and isn't given, and logs what it does. */
static void set_default(const struct v4l2_controls *controls, uint32_t id, int64_t value, const char *name, const char *why)
{
	struct change change = { .item = find_by_id(controls, id), .name = name, .value = value };
	int number;

	remember(controls, &change);
	if (change.known_before && change.before == value)
		return;
	number = apply(controls, &change, 1);
	if (number)
		log_warning("camera %s: %s can't be set to %lld (%s): %s", controls->node->path, name, (long long)value,
			    strerror(number), why);
	else
		log_info("camera %s: %s set to %lld: %s", controls->node->path, name, (long long)value, why);
}

/* A webcam may otherwise halve its rate in dim light, whatever was agreed. */
static void keep_rate(const struct v4l2_controls *controls)
{
	if (find_by_id(controls, V4L2_CID_EXPOSURE_AUTO_PRIORITY))
		set_default(controls, V4L2_CID_EXPOSURE_AUTO_PRIORITY, 0, "exposure_dynamic_framerate",
			    "its rate would sink in dim light");
}

/* Who chose a frequency knows the mains; who didn't may leave it to a camera that can find out. */
static void avoid_flicker(const struct v4l2_controls *controls)
{
	const struct v4l2_query_ext_ctrl *item = find_by_id(controls, V4L2_CID_POWER_LINE_FREQUENCY);
	struct change change = { .item = item };
	static const char *const names[] = { "switched off", "50 Hz", "60 Hz" };

	if (!item)
		return;
	remember(controls, &change);
	if (!change.known_before || change.before != item->default_value || change.before == V4L2_CID_POWER_LINE_FREQUENCY_AUTO)
		return;
	if (item->maximum >= V4L2_CID_POWER_LINE_FREQUENCY_AUTO)
		set_default(controls, item->id, V4L2_CID_POWER_LINE_FREQUENCY_AUTO, "power_line_frequency",
			    "lamps may flicker with the other frequency");
	else
		log_info("camera %s: its power_line_frequency is %s; set it if pictures flicker or the rate sinks under lamps",
			 controls->node->path, names[MAX(MIN(change.before, 2), 0)]);
}

void v4l2_controls_prepare(const struct v4l2_controls *controls, const struct control_setting *settings, size_t n)
{
	struct error err;

	if (!is_given(controls, settings, n, V4L2_CID_EXPOSURE_AUTO_PRIORITY))
		keep_rate(controls);
	if (!is_given(controls, settings, n, V4L2_CID_POWER_LINE_FREQUENCY))
		avoid_flicker(controls);
	if (!n || v4l2_controls_set(controls, settings, n, &err))
		return;
	/* as many as it takes */
	for (size_t i = 0; i < n; i++)
		if (!v4l2_controls_set(controls, &settings[i], 1, &err))
			log_warning("%s", err.text);
}
