#include "camd/controls.h"

#include "common/util.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Letters and digits count: "Exposure Time, Absolute" is exposure_time_absolute. */
static bool is_same_name(const char *a, const char *b)
{
	for (;; a++, b++) {
		while (*a && !isalnum((unsigned char)*a))
			a++;
		while (*b && !isalnum((unsigned char)*b))
			b++;
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return false;
		if (!*a)
			return true;
	}
}

const struct source_control *controls_find(const struct source_control *controls, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (is_same_name(controls[i].name, name))
			return &controls[i];
	return NULL;
}

/* The names that it could have been, as far as they fit. */
static bool refuse_unknown(const struct source_control *controls, size_t n, const char *name, struct error *err)
{
	char names[160] = "";
	size_t length = 0;

	if (!n)
		return error_set_argument(err, name, "control '%.60s': the camera has no controls", name);
	for (size_t i = 0; i < n && length < sizeof(names) - 1; i++)
		length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%s", i ? ", " : "", controls[i].name);
	return error_set_argument(err, name, "control '%.60s': the camera has none of that name; list_cameras tells all: %s%s", name, names,
				  length >= sizeof(names) - 1 ? "…" : "");
}

static bool refuse_choice(const struct source_control *control, const char *text, struct error *err)
{
	char names[160] = "";
	size_t length = 0;

	for (size_t i = 0; i < control->choices.n && length < sizeof(names) - 1; i++) {
		const char *name = ((char **)control->choices.items)[i];

		if (*name)
			length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%s", length ? ", " : "", name);
	}
	return error_set_argument(err, control->name, "control %s: '%.60s' is none of its choices: %s", control->name, text, names);
}

static bool set_choice(const struct source_control *control, const char *text, struct control_setting *setting, struct error *err)
{
	if (control->type != CONTROL_CHOICE)
		return error_set_argument(err, control->name, "control %s takes %s, not '%.60s'", control->name,
					  control->type == CONTROL_BOOL ? "true or false" : "a number", text);
	for (size_t i = 0; i < control->choices.n; i++) {
		const char *name = ((char **)control->choices.items)[i];

		if (!*name || strcasecmp(name, text))
			continue;
		setting->numbers[0] = (double)i;
		setting->n = 1;
		return true;
	}
	return refuse_choice(control, text, err);
}

static bool check_number(const struct source_control *control, double number, struct error *err)
{
	if (!isfinite(number) || number < control->min || number > control->max)
		return error_set_argument(err, control->name, "control %s: %g is outside of %g to %g", control->name, number, control->min,
					  control->max);
	if (control->type != CONTROL_REAL && number != floor(number))
		return error_set_argument(err, control->name, "control %s: %g is not a whole number", control->name, number);
	return true;
}

static bool set_numbers(const struct source_control *control, const struct json_member *member, struct control_setting *setting,
			struct error *err)
{
	if ((int)member->n != control->n)
		return error_set_argument(err, control->name, "control %s takes %d number%s, not %zu", control->name, control->n,
					  control->n == 1 ? "" : "s", member->n);
	for (int i = 0; i < control->n; i++) {
		if (!check_number(control, member->numbers[i], err))
			return false;
		setting->numbers[i] = member->numbers[i];
	}
	setting->n = control->n;
	return true;
}

static bool parse_one(const struct source_control *controls, size_t n_controls, const struct json_member *member,
		      struct control_setting *setting, struct error *err)
{
	const struct source_control *control = controls_find(controls, n_controls, member->name);

	if (!control)
		return refuse_unknown(controls, n_controls, member->name, err);
	snprintf(setting->name, sizeof(setting->name), "%s", control->name);
	if (member->text)
		return set_choice(control, member->text, setting, err);
	if (!member->n)
		return error_set_argument(err, control->name, "control %s: its value must be a number, true or false, the name of a choice, "
					  "or an array of up to %d numbers", control->name, CONTROL_MAX_NUMBERS);
	return set_numbers(control, member, setting, err);
}

bool controls_parse(const struct source_control *controls, size_t n_controls, const struct cJSON *object,
		    struct control_setting **settings, size_t *n, struct error *err)
{
	struct json_member member;
	size_t wanted = field_json_members(object);

	*n = 0;
	if (!wanted)
		return error_set_argument(err, "controls", "controls must be an object with at least one control, such as {\"ExposureTime\": 5000}");
	*settings = xcalloc(wanted, sizeof(**settings));
	for (const struct cJSON *at = NULL; (at = field_json_next(object, at, &member));)
		if (!parse_one(controls, n_controls, &member, &(*settings)[(*n)++], err)) {
			free(*settings);
			*settings = NULL;
			*n = 0;
			return false;
		}
	return true;
}
