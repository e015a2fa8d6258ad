/* The JSON half of common/field.h. */
#include "common/field.h"

#include "common/clock.h"
#include "common/utf8.h"
#include "common/util.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EXACT_INTEGER 9007199254740992.0	/* 2^53 */

static const char *json_type(const cJSON *value)
{
	if (cJSON_IsNull(value))
		return "null";
	if (cJSON_IsBool(value))
		return "true or false";
	if (cJSON_IsNumber(value))
		return "a number";
	if (cJSON_IsString(value))
		return "a string";
	return cJSON_IsArray(value) ? "an array" : "an object";
}

static bool wrong_type(const struct field *f, const cJSON *value, const char *wanted, struct error *err)
{
	return error_set_argument(err, f->name, "%s: is %s, must be %s", f->name, json_type(value), wanted);
}

/* Numbers go through text, so that ranges and messages are those of the text parser. */
static bool number_from_json(const struct field *f, void *base, const cJSON *value, const char *wanted, struct error *err)
{
	char text[64];

	if (!cJSON_IsNumber(value))
		return wrong_type(f, value, wanted, err);
	snprintf(text, sizeof(text), "%.17g", value->valuedouble);
	return field_parse(f, base, text, err);
}

static bool integer_from_json(const struct field *f, int64_t *slot, const cJSON *value, struct error *err)
{
	if (!cJSON_IsNumber(value))
		return wrong_type(f, value, "an integer", err);
	if (value->valuedouble != floor(value->valuedouble) || fabs(value->valuedouble) > EXACT_INTEGER)
		return error_set_argument(err, f->name, "%s: %.17g is not an integer within 2^53", f->name, value->valuedouble);
	*slot = (int64_t)value->valuedouble;
	return true;
}

static size_t item_bytes(const struct field *f)
{
	return f->of == FIELD_OBJECT ? f->item_bytes : f->of == FIELD_INT ? sizeof(int64_t) : sizeof(char *);
}

static bool item_from_json(const struct field *f, void *item, const cJSON *value, struct error *err)
{
	const char *wanted;

	if (f->of == FIELD_OBJECT)
		return fields_from_json(f->fields, item, value, NULL, NULL, err);
	if (f->of == FIELD_INT)
		return integer_from_json(f, item, value, err);
	if (!cJSON_IsString(value))
		return wrong_type(f, value, "a list of strings", err);
	wanted = f->check ? f->check(value->valuestring) : NULL;
	if (wanted)
		return error_set_argument(err, f->name, "%s: '%.60s' is not %s", f->name, value->valuestring, wanted);
	*(char **)item = xstrdup(value->valuestring);
	return true;
}

static bool list_from_json(const struct field *f, struct list *list, const cJSON *value, struct error *err)
{
	struct list read = { .items = NULL };
	const cJSON *item;
	bool lone = f->flags & FIELD_ONE_OR_MANY && !cJSON_IsArray(value);

	if (!lone && !cJSON_IsArray(value))
		return wrong_type(f, value, "an array", err);
	read.items = xcalloc(lone ? 1 : cJSON_GetArraySize(value), item_bytes(f));
	for (item = lone ? value : value->child; item; item = lone ? NULL : item->next) {
		if (!item_from_json(f, (char *)read.items + read.n * item_bytes(f), item, err)) {
			struct field whole = *f;

			whole.at = 0;
			fields_clear((struct field[]){ whole, { 0 } }, &read);
			return false;
		}
		read.n++;
	}
	*list = read;
	return true;
}

bool field_from_json(const struct field *f, void *base, const cJSON *value, struct error *err)
{
	void *slot = (char *)base + f->at;

	switch (f->type) {
	case FIELD_BOOL:
		if (!cJSON_IsBool(value))
			return wrong_type(f, value, "true or false", err);
		*(bool *)slot = cJSON_IsTrue(value);
		return true;
	case FIELD_INT:
		return number_from_json(f, base, value, "an integer", err);
	case FIELD_REAL:
		return number_from_json(f, base, value, "a number", err);
	case FIELD_DURATION:
	case FIELD_TIME:
	case FIELD_AMOUNT:
	case FIELD_SIZE:
		if (cJSON_IsString(value))
			return field_parse(f, base, value->valuestring, err);
		return number_from_json(f, base, value, "a number or a string", err);
	case FIELD_TEXT:
	case FIELD_PATH:
	case FIELD_ENUM:
	case FIELD_COLOUR:
		/* a text that is checked may be one that spells a number */
		if (cJSON_IsNumber(value) && (f->type == FIELD_ENUM || f->check)) {
			char text[32];

			snprintf(text, sizeof(text), "%.12g", value->valuedouble);	/* 4.1, as people write it */
			return field_parse(f, base, text, err);
		}
		if (!cJSON_IsString(value))
			return wrong_type(f, value, "a string", err);
		return field_parse(f, base, value->valuestring, err);
	case FIELD_LIST: {
		struct list list;

		if (!list_from_json(f, &list, value, err))
			return false;
		fields_clear((struct field[]){ *f, { 0 } }, base);
		*(struct list *)slot = list;
		return true;
	}
	case FIELD_OBJECT:
		return fields_from_json(f->fields, slot, value, NULL, NULL, err);
	case FIELD_ID:
		if (!cJSON_IsString(value) && (!cJSON_IsNumber(value) || value->valuedouble != floor(value->valuedouble) ||
					       fabs(value->valuedouble) > EXACT_INTEGER))
			return wrong_type(f, value, "a string or an integer", err);
		__attribute__((fallthrough));
	case FIELD_JSON:
		cJSON_Delete(*(cJSON **)slot);
		*(cJSON **)slot = cJSON_Duplicate(value, true);
		return true;
	}
	return false;
}

bool field_parse_json(const struct field *f, void *base, const char *text, struct error *err)
{
	cJSON *value = cJSON_ParseWithOpts(text, NULL, true);
	bool ok;

	if (!value)
		return error_set_argument(err, f->name, "%s: '%.60s' is not JSON", f->name, text);
	ok = field_from_json(f, base, value, err);
	cJSON_Delete(value);
	return ok;
}

void field_set_json_member(cJSON **object, const char *name, const char *text)
{
	cJSON *value = cJSON_ParseWithOpts(text, NULL, true);

	if (!cJSON_IsNumber(value) && !cJSON_IsBool(value) && !cJSON_IsString(value)) {
		cJSON_Delete(value);
		value = cJSON_CreateString(text);
	}
	if (!*object)
		*object = cJSON_CreateObject();
	cJSON_DeleteItemFromObjectCaseSensitive(*object, name);
	cJSON_AddItemToObject(*object, name, value);
}

static bool is_among(const char *name, const char *const *names)
{
	for (; names && *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

bool fields_from_json(const struct field *table, void *base, const cJSON *object, const char *const *except,
		      struct list *ignored, struct error *err)
{
	const cJSON *member;

	if (!cJSON_IsObject(object))
		return error_set(err, ERR_BAD_ARGUMENT, "is %s, must be an object", json_type(object));
	cJSON_ArrayForEach(member, object) {
		const struct field *f = field_find(table, member->string);

		if (f) {
			if (!field_from_json(f, base, member, err))
				return false;
		} else if (ignored && !is_among(member->string, except)) {
			fields_add_text(ignored, member->string);
		}
	}
	for (const struct field *f = table; f && f->name; f++) {
		if (!(f->flags & FIELD_REQUIRED) || cJSON_GetObjectItemCaseSensitive(object, f->name))
			continue;
		error_set_argument(err, f->name, "%s: is missing", f->name);
		err->code = ERR_MISSING_ARGUMENT;
		return false;
	}
	return true;
}

void fields_clear(const struct field *table, void *base)
{
	for (const struct field *f = table; f && f->name; f++) {
		void *slot = (char *)base + f->at;
		struct list *list = slot;

		switch (f->type) {
		case FIELD_TEXT:
		case FIELD_PATH:
			free(*(char **)slot);
			*(char **)slot = NULL;
			break;
		case FIELD_JSON:
		case FIELD_ID:
			cJSON_Delete(*(cJSON **)slot);
			*(cJSON **)slot = NULL;
			break;
		case FIELD_OBJECT:
			fields_clear(f->fields, slot);
			break;
		case FIELD_LIST:
			for (size_t i = 0; i < list->n; i++) {
				if (f->of == FIELD_OBJECT)
					fields_clear(f->fields, (char *)list->items + i * f->item_bytes);
				else if (f->of != FIELD_INT)
					free(((char **)list->items)[i]);
			}
			free(list->items);
			*list = (struct list){ 0 };
			break;
		default:
			break;
		}
	}
}

/* As text: cJSON's own numbers are doubles and would lose digits beyond 2^53. */
static cJSON *exact_integer(int64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	return cJSON_CreateRaw(text);
}

/* Enough digits to read back the same time to the nanosecond, and no more than needed. */
static cJSON *plain_number(double value)
{
	char text[40];

	if (!isfinite(value))
		return cJSON_CreateNull();
	snprintf(text, sizeof(text), "%.12g", value);
	if (strtod(text, NULL) != value)
		snprintf(text, sizeof(text), "%.17g", value);
	return cJSON_CreateRaw(text);
}

/* Names of files may be any bytes, JSON is UTF-8: what is none becomes U+FFFD, byte by byte. */
static cJSON *text_to_json(const char *text)
{
	static const char replacement[] = "\xef\xbf\xbd";
	const char *fault = utf8_find_fault(text);
	char *made, *to;
	cJSON *json;

	if (!fault)
		return cJSON_CreateString(text);
	to = made = xcalloc(strlen(text) + 1, sizeof(replacement));
	for (; fault; text = fault + 1, fault = utf8_find_fault(text)) {
		to = mempcpy(to, text, (size_t)(fault - text));
		to = mempcpy(to, replacement, sizeof(replacement) - 1);
	}
	strcpy(to, text);
	json = cJSON_CreateString(made);
	free(made);
	return json;
}

static cJSON *item_to_json(const struct field *f, const struct list *list, size_t i)
{
	if (f->of == FIELD_OBJECT)
		return fields_to_json(f->fields, (const char *)list->items + i * f->item_bytes);
	if (f->of == FIELD_INT)
		return exact_integer(((int64_t *)list->items)[i]);
	return text_to_json(((char **)list->items)[i]);
}

static cJSON *list_to_json(const struct field *f, const struct list *list)
{
	cJSON *array;

	if (f->flags & FIELD_ONE_OR_MANY && list->n == 1)
		return item_to_json(f, list, 0);
	array = cJSON_CreateArray();
	for (size_t i = 0; i < list->n; i++)
		cJSON_AddItemToArray(array, item_to_json(f, list, i));
	return array;
}

static cJSON *colour_to_json(const struct rgba *colour, bool optional)
{
	char *text = field_print_colour(colour);
	cJSON *json = colour->given ? cJSON_CreateString(text) : optional ? NULL : cJSON_CreateNull();

	free(text);
	return json;
}

static cJSON *time_to_json(int64_t wall_ns, bool optional)
{
	char text[CLOCK_ISO_BYTES];

	if (wall_ns == FIELD_UNSET)
		return optional ? NULL : cJSON_CreateNull();
	return cJSON_CreateString(clock_iso(wall_ns, text));
}

cJSON *field_to_json(const struct field *f, const void *base)
{
	const void *slot = (const char *)base + f->at;
	const struct list *list = slot;
	const struct size *size = slot;
	bool optional = f->flags & FIELD_OPTIONAL;
	int64_t number;
	char text[32];

	switch (f->type) {
	case FIELD_BOOL:
		return cJSON_CreateBool(*(const bool *)slot);
	case FIELD_INT:
	case FIELD_AMOUNT:
	case FIELD_DURATION:
		number = *(const int64_t *)slot;
		if (optional && number == FIELD_UNSET)
			return NULL;
		return f->type == FIELD_DURATION ? plain_number(number / field_unit_ns(f)) : exact_integer(number);
	case FIELD_TIME:
		return time_to_json(*(const int64_t *)slot, optional);
	case FIELD_REAL:
		return optional && isnan(*(const double *)slot) ? NULL : plain_number(*(const double *)slot);
	case FIELD_TEXT:
	case FIELD_PATH:
		if (!*(char *const *)slot)
			return optional ? NULL : cJSON_CreateNull();
		return text_to_json(*(char *const *)slot);
	case FIELD_ENUM:
		return *(const int *)slot < 0 ? NULL : cJSON_CreateString(f->choices[*(const int *)slot]);
	case FIELD_COLOUR:
		return colour_to_json(slot, optional);
	case FIELD_SIZE:
		if (optional && !size->width)
			return NULL;
		snprintf(text, sizeof(text), "%dx%d", size->width, size->height);
		return cJSON_CreateString(text);
	case FIELD_OBJECT:
		return fields_to_json(f->fields, slot);
	case FIELD_LIST:
		return optional && !list->items ? NULL : list_to_json(f, list);
	case FIELD_JSON:
	case FIELD_ID:
		if (!*(cJSON *const *)slot)
			return optional ? NULL : cJSON_CreateNull();
		return cJSON_Duplicate(*(cJSON *const *)slot, true);
	}
	return NULL;
}

cJSON *fields_to_json(const struct field *table, const void *base)
{
	cJSON *object = cJSON_CreateObject();

	for (const struct field *f = table; f && f->name; f++) {
		cJSON *value = field_to_json(f, base);

		if (value)
			cJSON_AddItemToObject(object, f->name, value);
	}
	return object;
}

char *fields_print_json(const struct field *table, const void *base)
{
	cJSON *object = fields_to_json(table, base);
	char *text = cJSON_PrintUnformatted(object);

	cJSON_Delete(object);
	return text;
}

static bool check_value(const struct field *f, enum field_type type, const cJSON *value, const char *where, struct error *err)
{
	static const char *const no_choices[] = { NULL };
	bool right;

	switch (type) {
	case FIELD_BOOL:
		right = cJSON_IsBool(value);
		break;
	case FIELD_INT:
	case FIELD_AMOUNT:
		right = cJSON_IsNumber(value) && value->valuedouble == floor(value->valuedouble);
		break;
	case FIELD_REAL:
	case FIELD_DURATION:
		right = cJSON_IsNumber(value);
		break;
	case FIELD_ENUM:
		right = cJSON_IsString(value) && is_among(value->valuestring, f->choices ? f->choices : no_choices);
		break;
	case FIELD_TEXT:
	case FIELD_PATH:
	case FIELD_COLOUR:
	case FIELD_TIME:
		right = cJSON_IsString(value) || (cJSON_IsNull(value) && !(f->flags & FIELD_OPTIONAL));
		break;
	case FIELD_SIZE:
		right = cJSON_IsString(value);
		break;
	case FIELD_ID:
		right = cJSON_IsString(value) || cJSON_IsNumber(value);
		break;
	case FIELD_OBJECT:
		return fields_check_json(f->fields, value, where, err);
	default:
		right = true;
	}
	if (!right)
		return error_set(err, ERR_INTERNAL, "%s: is %s, the table says %s", where, json_type(value), field_type_name(f));
	return true;
}

static bool check_member(const struct field *f, const cJSON *value, const char *where, struct error *err)
{
	const cJSON *item;

	if (f->type != FIELD_LIST)
		return check_value(f, f->type, value, where, err);
	if (f->flags & FIELD_ONE_OR_MANY && !cJSON_IsArray(value))
		return check_value(f, f->of, value, where, err);
	if (!cJSON_IsArray(value))
		return error_set(err, ERR_INTERNAL, "%s: is %s, the table says a list", where, json_type(value));
	cJSON_ArrayForEach(item, value)
		if (!check_value(f, f->of, item, where, err))
			return false;
	return true;
}

bool fields_check_json(const struct field *table, const cJSON *object, const char *where, struct error *err)
{
	const cJSON *member;
	char path[256];

	if (!cJSON_IsObject(object))
		return error_set(err, ERR_INTERNAL, "%s: is %s, must be an object", where, json_type(object));
	cJSON_ArrayForEach(member, object) {
		const struct field *f = field_find(table, member->string);

		snprintf(path, sizeof(path), "%s.%s", where, member->string);
		if (!f)
			return error_set(err, ERR_INTERNAL, "%s: is not in the table", path);
		if (!check_member(f, member, path, err))
			return false;
	}
	for (const struct field *f = table; f && f->name; f++)
		if (!(f->flags & FIELD_OPTIONAL) && !cJSON_GetObjectItemCaseSensitive(object, f->name))
			return error_set(err, ERR_INTERNAL, "%s.%s: is missing", where, f->name);
	return true;
}

size_t field_json_members(const struct cJSON *object)
{
	return cJSON_IsObject(object) ? (size_t)cJSON_GetArraySize(object) : 0;
}

static bool add_number(struct json_member *member, const cJSON *value)
{
	if (member->n == JSON_MEMBER_NUMBERS || !(cJSON_IsNumber(value) || cJSON_IsBool(value)))
		return false;
	member->numbers[member->n++] = cJSON_IsBool(value) ? cJSON_IsTrue(value) : value->valuedouble;
	return true;
}

const struct cJSON *field_json_next(const struct cJSON *object, const struct cJSON *at, struct json_member *member)
{
	const cJSON *value = at ? at->next : object->child, *item;

	if (!value)
		return NULL;
	*member = (struct json_member){ .name = value->string, 
		.object = cJSON_IsObject(value) ? value : NULL, .list = cJSON_IsArray(value) ? value : NULL, .is_bool = cJSON_IsBool(value) };
	if (cJSON_IsString(value))
		member->text = value->valuestring;
	else if (!cJSON_IsArray(value))
		add_number(member, value);
	for (item = cJSON_IsArray(value) ? value->child : NULL; item; item = item->next)
		if (!add_number(member, item)) {
			member->n = 0;
			break;
		}
	return value;
}
