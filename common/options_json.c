/* The JSON half of common/options.h. */
#include "common/options.h"

#include "common/util.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

static bool add_value(const struct options *options, const char *name, cJSON *values, struct error *err)
{
	const struct field *f = field_find(options->table, name);
	cJSON *value;

	if (!f)
		return options_refuse(options, name, err);
	value = field_to_json(f, options->base);
	cJSON_AddItemToObject(values, f->name, value ? value : cJSON_CreateNull());
	return true;
}

bool options_to_json(const struct options *options, const struct list *names, cJSON **values, struct error *err)
{
	*values = cJSON_CreateObject();
	for (const struct field *f = options->table; !names->items && f->name; f++)
		add_value(options, f->name, *values, err);
	for (size_t i = 0; i < names->n; i++) {
		if (add_value(options, ((char **)names->items)[i], *values, err))
			continue;
		cJSON_Delete(*values);
		*values = NULL;
		return false;
	}
	return true;
}

void options_free_json(cJSON *values)
{
	cJSON_Delete(values);
}

/* Tries all on an empty copy, so that nothing is changed by a request that is half right. */
static bool check_all(const struct options *options, const cJSON *values, struct error *err)
{
	void *trial = xcalloc(1, fields_bytes(options->table));
	const cJSON *value;
	bool ok = cJSON_IsObject(values) ? true : error_set_argument(err, "values", "values: must be an object");

	fields_defaults(options->table, trial);
	cJSON_ArrayForEach(value, values) {
		const struct field *f = field_find(options->table, value->string);

		ok = f ? field_from_json(f, trial, value, err) : options_refuse(options, value->string, err);
		if (!ok)
			break;
	}
	fields_clear(options->table, trial);
	free(trial);
	return ok;
}

bool options_from_json(struct options *options, const cJSON *values, struct list *restart_needed, struct error *err)
{
	const cJSON *value;

	*restart_needed = (struct list){ .items = xcalloc(1, sizeof(char *)) };
	if (!check_all(options, values, err)) {
		fields_free_texts(restart_needed);
		return false;
	}
	cJSON_ArrayForEach(value, values) {
		const struct field *f = field_find(options->table, value->string);

		if (!(f->flags & FIELD_LIVE)) {
			fields_add_text(restart_needed, f->name);
			continue;
		}
		field_from_json(f, options->base, value, err);
		options->given[f - options->table] = true;
	}
	return true;
}
