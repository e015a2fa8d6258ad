#include "camctl/import.h"

#include "common/field.h"
#include "common/util.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX ((size_t)1 << 20)
#define DEPTH_MAX 4
#define MOST 1e9		/* no number of theirs is larger */
#define DEFAULT_RATE 30.0	/* camd's */
#define FRAME_RING_MAX 1000.0	/* likewise */

struct import {
	FILE *to;
	struct list notes;	/* what has no counterpart; texts */
	size_t n_rules;		/* keys that are known */
	/* what is put together of several keys; NAN: not given */
	double width, height, rate, frames, before_s;
	bool night_given, night, stills;
	char *night_mode;
};

static void note(struct import *import, const char *key, const char *value, const char *why)
{
	char *text = xasprintf("%s%s%s: %s", key, *value ? " = " : "", value, why);

	/* a comment ends with its line */
	for (char *c = text; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = '?';
	fields_add_text(&import->notes, text);
	free(text);
}

static void print_setting(struct import *import, const char *setting, const char *value, const char *key)
{
	fprintf(import->to, "%s = %s\t# %s\n", setting, value, key);
}

/* ---- values ---- */

/* As it stands in the file; lists and the like are not repeated. */
static void print_value(const struct json_member *member, char text[64])
{
	text[0] = '\0';
	if (member->text)
		snprintf(text, 64, "%s", member->text);
	else if (member->is_bool)
		strcpy(text, member->numbers[0] ? "true" : "false");
	else if (member->n == 1)
		snprintf(text, 64, "%.10g", member->numbers[0]);
}

/* A number that makes sense, also one that is written as text; NAN: it is none. */
static double number_of(const struct json_member *member)
{
	double value = member->n == 1 && !member->is_bool ? member->numbers[0] : NAN;
	char *end;

	if (member->text && *member->text) {
		value = strtod(member->text, &end);
		if (*end)
			value = NAN;
	}
	return value >= 0 && value <= MOST ? value : NAN;
}

/* Whether a text can stand behind a `=` and come out as it is. */
static bool is_plain(const char *text)
{
	if (!*text || isspace((unsigned char)*text) || isspace((unsigned char)text[strlen(text) - 1]))
		return false;
	for (const char *c = text; *c; c++)
		if (iscntrl((unsigned char)*c) || strchr("#\"'", *c))
			return false;
	return true;
}

/* ---- rules ---- */

static bool take_number(struct import *import, const struct import_rule *rule, double value)
{
	char text[40];

	snprintf(text, sizeof(text), rule->kind == IMPORT_GIGABYTES ? "%.10gG" : "%.10g", value);
	if (rule->setting)
		print_setting(import, rule->setting, text, rule->key);
	if (rule->why)
		fprintf(import->to, "%s\n", rule->why);
	switch (rule->kind) {
	case IMPORT_WIDTH:
		import->width = value;
		break;
	case IMPORT_HEIGHT:
		import->height = value;
		break;
	case IMPORT_RATE:
		import->rate = value;
		print_setting(import, "target_fps", text, rule->key);
		break;
	case IMPORT_FRAMES:
		import->frames = value;
		snprintf(text, sizeof(text), "%.0f", fmin(value, FRAME_RING_MAX));
		print_setting(import, "frame_ring", text, rule->key);
		if (value > FRAME_RING_MAX)
			note(import, rule->key, "", "frame_ring keeps 1000 raw frames at most; prebuffer has the rest, encoded");
		break;
	case IMPORT_BEFORE:
		import->before_s = value;
		break;
	default:
		break;
	}
	return true;
}

static bool take_text(struct import *import, const struct import_rule *rule, const char *value)
{
	char *text;

	if (!is_plain(value))
		return false;
	text = rule->kind == IMPORT_DEVICE ? xasprintf("v4l2:%s", value) : xstrdup(value);
	for (char *c = text; rule->kind == IMPORT_LEVEL && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	if (rule->kind == IMPORT_NIGHT_MODE) {
		free(import->night_mode);
		import->night_mode = xstrdup(text);
	} else {
		print_setting(import, rule->kind == IMPORT_DEVICE ? "camera" : rule->setting, text, rule->key);
	}
	free(text);
	return true;
}

/* Pictures are in one format; theirs are made of raw frames. */
static bool take_formats(struct import *import, const struct import_rule *rule, const struct cJSON *list)
{
	static const char *const formats[] = { "jpg", "png", "npy", NULL };
	struct json_member item;

	for (const struct cJSON *at = NULL; (at = field_json_next(list, at, &item));) {
		bool known = false;

		for (size_t i = 0; item.text && formats[i]; i++)
			known = known || !strcmp(item.text, formats[i]);
		if (known && !import->stills) {
			print_setting(import, "stills", item.text, rule->key);
			print_setting(import, "stills_from", "ring", rule->key);
			import->stills = true;
		} else {
			note(import, rule->key, item.text ? item.text : "", known ? "a trigger's pictures are in one format, the first" : "no format of pictures");
		}
	}
	return true;
}

static bool take_switch(struct import *import, const struct import_rule *rule, bool on)
{
	if (rule->kind == IMPORT_NIGHT) {
		import->night_given = true;
		import->night = on;
		return true;
	}
	if (rule->kind == IMPORT_SWITCH) {
		print_setting(import, rule->setting, on ? "true" : "false", rule->key);
		return true;
	}
	print_setting(import, "show_frame_number", on ? "true" : "false", rule->key);
	if (!on)
		return true;
	print_setting(import, "overlay_text", "%Y-%m-%d %H:%M:%S (UTC)", rule->key);
	print_setting(import, "overlay_position", "top_left", rule->key);
	print_setting(import, "timezone", "utc", rule->key);
	return true;
}

/* False: the value is none that the key could have. */
static bool carry_out(struct import *import, const struct import_rule *rule, const struct json_member *member)
{
	char value[64];

	print_value(member, value);
	switch (rule->kind) {
	case IMPORT_NOTHING:
		note(import, rule->key, value, rule->why);
		return true;
	case IMPORT_TEXT:
	case IMPORT_LEVEL:
	case IMPORT_DEVICE:
	case IMPORT_NIGHT_MODE:
		return member->text && take_text(import, rule, member->text);
	case IMPORT_FORMATS:
		return member->list && take_formats(import, rule, member->list);
	case IMPORT_SWITCH:
	case IMPORT_STAMP:
	case IMPORT_NIGHT:
		return member->is_bool && take_switch(import, rule, member->numbers[0] != 0);
	default:
		return !isnan(number_of(member)) && take_number(import, rule, number_of(member));
	}
}

static const struct import_rule *find_rule(const char *key)
{
	for (const struct import_rule *rule = import_rules; rule->key; rule++)
		if (!strcmp(rule->key, key))
			return rule;
	return NULL;
}

static const char *nearest_key(const char *key)
{
	struct field names[64] = { 0 };

	for (size_t i = 0; import_rules[i].key && i + 1 < ARRAY_LEN(names); i++)
		names[i].name = import_rules[i].key;
	return field_nearest(names, key);
}

static void refuse_unknown(struct import *import, const char *key, const char *value)
{
	const char *nearest = nearest_key(key);
	char *why = nearest ? xasprintf("not known; nearly so is called %s", nearest) : xstrdup("not known");

	note(import, key, value, why);
	free(why);
}

static void take_object(struct import *import, const struct cJSON *object, const char *prefix, int depth);

static void take_member(struct import *import, const struct json_member *member, const char *prefix, int depth)
{
	char *key = xasprintf("%s%s%s", prefix, *prefix ? "." : "", member->name);
	const struct import_rule *rule = find_rule(key);
	char value[64];

	print_value(member, value);
	if (member->object && depth < DEPTH_MAX) {
		take_object(import, member->object, key, depth + 1);
	} else if (!rule) {
		refuse_unknown(import, key, value);
	} else {
		import->n_rules++;
		if (!carry_out(import, rule, member))
			note(import, key, value, "this value can't be used");
	}
	free(key);
}

static void take_object(struct import *import, const struct cJSON *object, const char *prefix, int depth)
{
	struct json_member member;

	for (const struct cJSON *at = NULL; (at = field_json_next(object, at, &member));)
		take_member(import, &member, prefix, depth);
}

/* ---- what is put together ---- */

static void print_size(struct import *import)
{
	char text[64];

	if (isnan(import->width) && isnan(import->height))
		return;
	if (isnan(import->width) || isnan(import->height)) {
		note(import, isnan(import->width) ? "height" : "width", "", "one without the other makes no size");
		return;
	}
	snprintf(text, sizeof(text), "%.0fx%.0f", import->width, import->height);
	print_setting(import, "resolution", text, "width and height");
}

/* The ring must reach back as far as triggers do. */
static void print_buffer(struct import *import)
{
	double rate = import->rate > 0 ? import->rate : DEFAULT_RATE, ring_s = import->frames / rate;
	char text[64];

	if (isnan(ring_s) && isnan(import->before_s))
		return;
	snprintf(text, sizeof(text), "%.10g", fmax(ring_s, import->before_s));
	print_setting(import, "prebuffer", text, isnan(ring_s) ? "export.save_before_s" : "ring, in seconds at that rate");
}

static void print_night(struct import *import)
{
	const char *mode = import->night_mode ? import->night_mode : "still";

	if (import->night_given && !import->night)
		print_setting(import, "night_mode", "off", "night.enable");
	else if (import->night_given)
		print_setting(import, "night_mode", mode, "night.enable and night.mode");
	else if (import->night_mode)
		note(import, "night.mode", import->night_mode, "of no use without night.enable");
}

static void print_notes(struct import *import)
{
	fprintf(import->to, "%s", import->notes.n ? "\n# Without a counterpart here:\n" : "");
	for (size_t i = 0; i < import->notes.n; i++)
		fprintf(import->to, "#   %s\n", ((char **)import->notes.items)[i]);
}

/* ---- the file ---- */

static bool read_file(const char *path, char **text, struct error *err)
{
	FILE *file = fopen(path, "re");
	size_t n;
	bool ok;

	if (!file)
		return error_set_errno(err, errno, "%s", path);
	*text = xcalloc(FILE_BYTES_MAX + 1, 1);
	n = fread(*text, 1, FILE_BYTES_MAX + 1, file);
	if (ferror(file))
		ok = error_set_errno(err, errno, "%s", path);
	else if (n > FILE_BYTES_MAX || memchr(*text, '\0', n))
		ok = error_set(err, ERR_UNSUPPORTED, "%s: it is no file of settings", path);
	else
		ok = true;
	fclose(file);
	return ok;
}

struct document {
	struct cJSON *json;
};

static const struct field document_fields[] = {
	{ .name = "settings", .type = FIELD_JSON, .at = offsetof(struct document, json), .flags = FIELD_OPTIONAL },
	{ 0 },
};

static bool translate(const struct cJSON *json, const char *path, FILE *to, struct error *err)
{
	struct import import = { .to = to, .width = NAN, .height = NAN, .rate = NAN, .frames = NAN, .before_s = NAN };

	if (!field_json_members(json))
		return error_set(err, ERR_BAD_JSON, "%s: it is no JSON object with settings", path);
	fprintf(to, "# Settings of camd, by camctl import. Put them where camd looks for them, such as ~/.config/camd/camd.conf.\n\n");
	take_object(&import, json, "", 0);
	print_size(&import);
	print_buffer(&import);
	print_night(&import);
	print_notes(&import);
	fields_free_texts(&import.notes);
	free(import.night_mode);
	if (!import.n_rules)
		return error_set(err, ERR_UNSUPPORTED, "%s: it has no setting of Dash of Pi or Pi Cam Service", path);
	return true;
}

bool import_print(const char *path, FILE *to, struct error *err)
{
	struct document document = { 0 };
	char *text = NULL;
	bool ok = read_file(path, &text, err);

	if (ok && !field_parse_json(document_fields, &document, text, NULL))
		ok = error_set(err, ERR_BAD_JSON, "%s: it is not JSON", path);
	ok = ok && translate(document.json, path, to, err);
	fields_clear(document_fields, &document);
	free(text);
	return ok;
}
