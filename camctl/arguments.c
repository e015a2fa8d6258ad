#include "camctl/arguments.h"

#include "common/util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void arguments_init(struct arguments *arguments, const struct field *table, size_t bytes)
{
	*arguments = (struct arguments){ .table = table, .base = xcalloc(1, bytes) };
	arguments->given = xcalloc(fields_count(table), sizeof(*arguments->given));
	fields_defaults(table, arguments->base);
}

void arguments_finish(struct arguments *arguments)
{
	if (arguments->base)
		fields_clear(arguments->table, arguments->base);
	free(arguments->base);
	free(arguments->given);
	*arguments = (struct arguments){ 0 };
}

bool arguments_is_flag(const char *word)
{
	return word[0] == '-' && word[1];
}

static bool append_integers(const struct field *f, struct list *list, const char *text, struct error *err)
{
	const char *rest = text;

	for (;;) {
		char *end;
		long long value;

		errno = 0;
		value = strtoll(rest, &end, 10);
		if (end == rest || errno || (*end && *end != ','))
			return error_set_argument(err, f->name, "%s: '%.60s' is not a list of integers such as 0,1", f->name, text);
		list->items = xrealloc(list->items, list->n + 1, sizeof(int64_t));
		((int64_t *)list->items)[list->n++] = value;
		if (!*end)
			return true;
		rest = end + 1;
	}
}

/* One value; lists grow by it. */
static bool set(struct arguments *arguments, const struct field *f, const char *text, struct error *err)
{
	void *slot = (char *)arguments->base + f->at;

	arguments->given[f - arguments->table] = true;
	if (f->type == FIELD_LIST && f->of == FIELD_INT)
		return append_integers(f, slot, text, err);
	if (f->type == FIELD_JSON)
		return field_parse_json(f, arguments->base, text, err);
	return field_parse(f, arguments->base, text, err);
}

/* "--camera-id=0" is "camera_id" and "0"; value is NULL without '='. */
static bool split_flag(const char *word, char name[64], const char **value)
{
	const char *equals = strchr(word, '=');
	size_t n = equals ? (size_t)(equals - word) : strlen(word);

	if (n < 3 || n - 2 >= 64 || strncmp(word, "--", 2))
		return false;
	memcpy(name, word + 2, n - 2);
	name[n - 2] = '\0';
	for (char *c = name; *c; c++)
		*c = *c == '-' ? '_' : *c;
	*value = equals ? equals + 1 : NULL;
	return true;
}

/* What may follow a flag that is true by itself: "--enabled false". */
static bool is_truth(const char *word)
{
	return word && (!strcmp(word, "true") || !strcmp(word, "false"));
}

enum arguments_result arguments_take_flag(struct arguments *arguments, const char *const *words, size_t *at, struct error *err)
{
	const struct field *f;
	const char *value;
	char name[64];

	if (!split_flag(words[*at], name, &value))
		return ARGUMENTS_UNKNOWN;
	f = field_find(arguments->table, name);
	if (!f && !strncmp(name, "no_", 3)) {
		f = field_find(arguments->table, name + 3);
		if (!f || f->type != FIELD_BOOL || value)
			return ARGUMENTS_UNKNOWN;
		value = "false";
	}
	if (!f)
		return ARGUMENTS_UNKNOWN;
	if (!value && f->type == FIELD_BOOL)
		value = is_truth(words[*at + 1]) ? words[++*at] : "true";
	if (!value && !words[*at + 1]) {
		error_set_argument(err, f->name, "%.60s: a value is missing", words[*at]);
		return ARGUMENTS_BAD;
	}
	if (!value)
		value = words[++*at];
	return set(arguments, f, value, err) ? ARGUMENTS_TAKEN : ARGUMENTS_BAD;
}

static const struct field *main_field(const struct field *table)
{
	for (const struct field *f = table; f && f->name; f++)
		if (f->flags & FIELD_REQUIRED)
			return f;
	for (const struct field *f = table; f && f->name; f++)
		if (f->type == FIELD_LIST)
			return f;
	return NULL;
}

static void set_member(struct arguments *arguments, const struct field *f, const char *name, const char *value)
{
	arguments->given[f - arguments->table] = true;
	field_set_json_member((struct cJSON **)((char *)arguments->base + f->at), name, value);
}

bool arguments_take_word(struct arguments *arguments, const char *word, struct error *err)
{
	const char *equals = strchr(word, '=');
	char *name = equals ? strndup(word, equals - word) : NULL;
	const struct field *f = name ? field_find(arguments->table, name) : NULL, *only = f ? NULL : main_field(arguments->table);
	bool ok = true;

	if (f)
		ok = set(arguments, f, equals + 1, err);
	else if (only && only->type == FIELD_JSON && name && word[0] != '{')
		set_member(arguments, only, name, equals + 1);
	else if (only && arguments->given[only - arguments->table] && only->type != FIELD_LIST)
		ok = error_set_argument(err, only->name, "%s: one only: '%.60s' is too many", only->name, word);
	else if (only)
		ok = set(arguments, only, word, err);
	else
		ok = error_set_argument(err, word, "'%.60s': no such argument", word);
	free(name);
	return ok;
}

bool arguments_check(const struct arguments *arguments, struct error *err)
{
	for (const struct field *f = arguments->table; f && f->name; f++) {
		if (!(f->flags & FIELD_REQUIRED) || arguments->given[f - arguments->table])
			continue;
		error_set_argument(err, f->name, "%s: is missing", f->name);
		err->code = ERR_MISSING_ARGUMENT;
		return false;
	}
	return true;
}
