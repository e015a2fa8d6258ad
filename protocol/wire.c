#include "protocol/wire.h"

#include "common/clock.h"
#include "common/util.h"
#include "protocol/errors.h"
#include "protocol/json.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A member that stands twice has no meaning that two programs agree on. */
static bool check_no_twins(const cJSON *value, struct error *err)
{
	int n = cJSON_IsObject(value) ? cJSON_GetArraySize(value) : 0;
	const char **names = n ? xcalloc(n, sizeof(*names)) : NULL;
	const cJSON *member;
	bool ok = true;
	int i = 0;

	cJSON_ArrayForEach(member, value) {
		if (names)
			names[i++] = member->string;
		ok = ok && check_no_twins(member, err);
	}
	if (names)
		qsort(names, n, sizeof(*names), compare_names);
	for (i = 1; ok && i < n; i++)
		if (!strcmp(names[i - 1], names[i]))
			ok = error_set(err, ERR_BAD_JSON, "Invalid JSON: member '%.60s' stands twice", names[i]);
	free(names);
	return ok;
}

static cJSON *parse_object(const char *line, size_t bytes, struct error *err)
{
	cJSON *object;

	if (!json_check(line, bytes, err))
		return NULL;
	object = cJSON_ParseWithLength(line, bytes);
	if (!object) {
		error_set(err, ERR_BAD_JSON, "Invalid JSON");
		return NULL;
	}
	if (check_no_twins(object, err))
		return object;
	cJSON_Delete(object);
	return NULL;
}

static const struct field id_field = {
	.name = "id", .type = FIELD_ID, .at = offsetof(struct wire_request, id),
};

static bool parse_head(const cJSON *object, struct wire_request *request, struct error *err)
{
	const cJSON *name = cJSON_GetObjectItemCaseSensitive(object, "command");
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(object, "id");

	if (cJSON_IsString(name))
		request->command_name = xstrdup(name->valuestring);
	if (id && !field_from_json(&id_field, request, id, err)) {
		err->code = ERR_BAD_REQUEST;
		return false;
	}
	if (!name)
		return error_set(err, ERR_BAD_REQUEST, "the member 'command' is missing");
	if (!cJSON_IsString(name))
		return error_set(err, ERR_BAD_REQUEST, "the member 'command' must be a string");
	request->command = command_find(request->command_name);
	if (!request->command)
		return error_set(err, ERR_UNKNOWN_COMMAND, "Unknown command: %.100s", request->command_name);
	return true;
}

bool wire_parse_request(const char *line, size_t bytes, struct wire_request *request, struct error *err)
{
	static const char *const envelope[] = { "command", "id", NULL };
	cJSON *object;
	bool ok;

	*request = (struct wire_request){ 0 };
	object = parse_object(line, bytes, err);
	if (!object)
		return false;
	ok = parse_head(object, request, err);
	if (ok) {
		request->arguments = xcalloc(1, request->command->arguments_bytes);
		fields_defaults(request->command->arguments, request->arguments);
		ok = fields_from_json(request->command->arguments, request->arguments, object, envelope, &request->ignored, err);
	}
	cJSON_Delete(object);
	return ok;
}

void wire_clear_request(struct wire_request *request)
{
	if (request->arguments)
		fields_clear(request->command->arguments, request->arguments);
	free(request->arguments);
	free(request->command_name);
	cJSON_Delete(request->id);
	fields_free_texts(&request->ignored);
	*request = (struct wire_request){ 0 };
}

static char *finish_line(cJSON *object)
{
	char *text = cJSON_PrintUnformatted(object);
	size_t n = strlen(text);

	cJSON_Delete(object);
	text = xrealloc(text, n + 2, 1);
	memcpy(text + n, "\n", 2);
	return text;
}

static cJSON *begin_message(const struct message *message)
{
	bool event = message->kind == KIND_EVENT;
	cJSON *object = cJSON_CreateObject();
	char iso[CLOCK_ISO_BYTES];

	cJSON_AddStringToObject(object, "type", event ? "event" : "status");
	cJSON_AddStringToObject(object, event ? "event" : "status", message->name);
	cJSON_AddStringToObject(object, "timestamp", clock_iso(clock_wall_ns(), iso));
	return object;
}

/* Integers through text: cJSON prints doubles, and beyond 10^15 not all of their digits. */
static cJSON *copy_id(const cJSON *id)
{
	char text[32];

	if (!cJSON_IsNumber(id))
		return cJSON_Duplicate(id, true);
	snprintf(text, sizeof(text), "%.0f", id->valuedouble);
	return cJSON_CreateRaw(text);
}

char *wire_print_message(enum message_id message, const void *data, const struct cJSON *id, const struct list *ignored)
{
	cJSON *object = begin_message(&messages[message]);
	cJSON *members = data ? fields_to_json(messages[message].fields, data) : cJSON_CreateObject();

	if (ignored && ignored->n)
		cJSON_AddItemToObject(members, "ignored", cJSON_CreateStringArray(ignored->items, ignored->n));
	cJSON_AddItemToObject(object, "data", members);
	if (id)
		cJSON_AddItemToObject(object, "id", copy_id(id));
	return finish_line(object);
}

/* Masters of the program that camd replaces compare this text, so where the fault is stands in a member of its own. */
static const char invalid_json[] = "Invalid JSON";

char *wire_print_error(const struct error *error, const char *command, const struct cJSON *id)
{
	bool split = error->code == ERR_BAD_JSON && !strncmp(error->text, invalid_json, sizeof(invalid_json) - 1);
	struct error_data data = {
		.message = (char *)(split ? invalid_json : error->text),
		.detail = split && error->text[sizeof(invalid_json) - 1] ? (char *)error->text + sizeof(invalid_json) + 1 : NULL,
		.code = (char *)error_code_name(error->code), .command = (char *)command,
		.argument = error->argument[0] ? (char *)error->argument : NULL,
	};

	return wire_print_message(MSG_ERROR, &data, id, NULL);
}

char *wire_print_request(const struct command *command, const void *arguments, int64_t id)
{
	cJSON *object = cJSON_CreateObject();

	cJSON_AddStringToObject(object, "command", command->name);
	for (const struct field *f = command->arguments; arguments && f && f->name; f++) {
		cJSON *value = field_to_json(f, arguments);

		if (value)
			cJSON_AddItemToObject(object, f->name, value);
	}
	if (id >= 0)
		cJSON_AddNumberToObject(object, "id", id);
	return finish_line(object);
}

static bool check_ignored(cJSON *data, struct error *err)
{
	cJSON *ignored = cJSON_DetachItemFromObjectCaseSensitive(data, "ignored");
	bool ok = !ignored || cJSON_IsArray(ignored);

	cJSON_Delete(ignored);
	return ok ? true : error_set(err, ERR_INTERNAL, "data.ignored: must be a list");
}

static bool check_message(const cJSON *object, enum message_id *id, struct error *err)
{
	const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "type"));
	bool event = type && !strcmp(type, "event");
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, event ? "event" : "status"));
	cJSON *data = cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(object, "data"), true);
	bool ok = false;

	*id = name ? message_find(name, event) : N_MESSAGES;
	if (!type || (!event && strcmp(type, "status")) || *id == N_MESSAGES)
		error_set(err, ERR_INTERNAL, "no such message: type %s, name %s", type ? type : "?", name ? name : "?");
	else if (!cJSON_IsString(cJSON_GetObjectItemCaseSensitive(object, "timestamp")))
		error_set(err, ERR_INTERNAL, "%s: timestamp is missing", name);
	else if (!cJSON_IsObject(data))
		error_set(err, ERR_INTERNAL, "%s: data is missing", name);
	else
		ok = check_ignored(data, err) && fields_check_json(messages[*id].fields, data, name, err);
	cJSON_Delete(data);
	return ok;
}

bool wire_parse_message(const char *line, size_t bytes, struct wire_message *message, struct error *err)
{
	*message = (struct wire_message){ 0 };
	/* camd's own lines may nest deeper than a request may (describe), so the grammar check is cJSON's */
	message->json = cJSON_ParseWithLengthOpts(line, bytes, NULL, false);
	if (!cJSON_IsObject(message->json))
		return error_set(err, ERR_BAD_JSON, "not a message: %.100s", line);
	return check_message(message->json, &message->message, err);
}

void wire_clear_message(struct wire_message *message)
{
	cJSON_Delete(message->json);
	message->json = NULL;
}

/* Steps into one member or index. length: set instead, for "#". */
static const cJSON *step(const cJSON *value, const char *name, size_t bytes)
{
	char member[128];
	char *end;
	long index;

	if (bytes >= sizeof(member))
		return NULL;
	memcpy(member, name, bytes);
	member[bytes] = '\0';
	if (cJSON_IsObject(value))
		return cJSON_GetObjectItemCaseSensitive(value, member);
	index = strtol(member, &end, 10);
	return cJSON_IsArray(value) && end != member && !*end ? cJSON_GetArrayItem(value, index) : NULL;
}

static const cJSON *look(const struct wire_message *message, const char *path, int *length)
{
	const cJSON *value = message->json;

	*length = -1;
	while (value && *path) {
		size_t bytes = strcspn(path, ".");

		if (bytes == 1 && path[0] == '#') {
			*length = cJSON_IsArray(value) ? cJSON_GetArraySize(value) : -1;
			return NULL;
		}
		value = step(value, path, bytes);
		path += bytes + (path[bytes] == '.');
	}
	return value;
}

const char *wire_text(const struct wire_message *message, const char *path)
{
	int length;

	return cJSON_GetStringValue(look(message, path, &length));
}

double wire_number(const struct wire_message *message, const char *path, double fallback)
{
	int length;
	const cJSON *value = look(message, path, &length);

	if (length >= 0)
		return length;
	return cJSON_IsNumber(value) ? value->valuedouble : fallback;
}

int64_t wire_integer(const struct wire_message *message, const char *path, int64_t fallback)
{
	double value = wire_number(message, path, NAN);

	return isnan(value) ? fallback : (int64_t)value;
}

bool wire_bool(const struct wire_message *message, const char *path, bool fallback)
{
	int length;
	const cJSON *value = look(message, path, &length);

	return cJSON_IsBool(value) ? cJSON_IsTrue(value) : fallback;
}

const char *wire_member_name(const struct wire_message *message, const char *path, int index)
{
	int length;
	const cJSON *value = look(message, path, &length);
	const cJSON *member = cJSON_IsObject(value) ? cJSON_GetArrayItem(value, index) : NULL;

	return member ? member->string : NULL;
}

char *wire_value_text(const struct wire_message *message, const char *path)
{
	int length;
	const cJSON *value = look(message, path, &length);

	if (length >= 0)
		return xasprintf("%d", length);
	if (cJSON_IsString(value))
		return xstrdup(value->valuestring);
	return value ? cJSON_PrintUnformatted(value) : NULL;
}

char *wire_pretty(const struct wire_message *message)
{
	return cJSON_Print(cJSON_GetObjectItemCaseSensitive(message->json, "data"));
}
