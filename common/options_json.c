/* The JSON half of common/options.h. */
#include "common/options.h"

#include "common/util.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

/* The setting that a name means, and the camera; -1: all of them. */
static const struct field *find_setting(const struct options *options, const char *name, int64_t *camera, struct error *err)
{
	const char *key;
	bool own = options_split(name, camera, &key);
	const struct field *f = field_find(options->table, key);

	if (!f)
		options_refuse(options, key, err);
	else if (own && !options_check_own(f, *camera, name, err))
		return NULL;
	return f;
}

static bool add_value(const struct options *options, const char *name, cJSON *values, struct error *err)
{
	int64_t camera;
	const struct field *f = find_setting(options, name, &camera, err);
	cJSON *value;

	if (!f)
		return false;
	value = field_to_json(f, options_for(options, camera));
	cJSON_AddItemToObject(values, name, value ? value : cJSON_CreateNull());
	return true;
}

/* What one camera has otherwise than the others. */
static void add_own(const struct options *options, const struct options_own *own, cJSON *values)
{
	struct error err;

	for (const struct field *f = options->table; f->name; f++) {
		char *name = own->given[f - options->table] ? xasprintf("camera%lld.%s", (long long)own->camera, f->name) : NULL;

		if (name)
			add_value(options, name, values, &err);
		free(name);
	}
}

bool options_to_json(const struct options *options, const struct list *names, cJSON **values, struct error *err)
{
	*values = cJSON_CreateObject();
	for (const struct field *f = options->table; !names->items && f->name; f++)
		add_value(options, f->name, *values, err);
	for (size_t i = 0; !names->items && i < options->n_own; i++)
		add_own(options, &options->own[i], *values);
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

/* As get_config gives it: null is what nobody has set. */
static bool take_value(const struct field *f, void *base, const cJSON *value, struct error *err)
{
	const struct field one[] = { *f, { 0 } };

	if (!(f->flags & FIELD_OPTIONAL) || !cJSON_IsNull(value))
		return field_from_json(f, base, value, err);
	fields_clear(one, base);
	fields_defaults(one, base);
	return true;
}

/* Tries all on an empty copy, so that nothing is changed by a request that is half right. */
static bool check_all(const struct options *options, const cJSON *values, struct error *err)
{
	void *trial = xcalloc(1, fields_bytes(options->table));
	const cJSON *value;
	bool ok = cJSON_IsObject(values) ? true : error_set_argument(err, "values", "values: must be an object");

	fields_defaults(options->table, trial);
	cJSON_ArrayForEach(value, values) {
		int64_t camera;
		const struct field *f = find_setting(options, value->string, &camera, err);

		ok = f && take_value(f, trial, value, err);
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
		int64_t camera;
		const struct field *f = find_setting(options, value->string, &camera, err);
		struct options of = camera < 0 ? *options : options_of_camera(options, camera);

		if (!(f->flags & FIELD_LIVE)) {
			fields_add_text(restart_needed, value->string);
			continue;
		}
		take_value(f, of.base, value, err);
		of.given[f - options->table] = true;
	}
	options_refresh(options);
	return true;
}
