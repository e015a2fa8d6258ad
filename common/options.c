#include "common/options.h"

#include "common/util.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LINE 8192
#define BYTE_ORDER_MARK "\xef\xbb\xbf"	/* with which some editors begin a file */

void options_init(struct options *options, const struct field *table, const struct option_alias *aliases, void *base)
{
	*options = (struct options){ .table = table, .aliases = aliases, .base = base };
	options->given = xcalloc(fields_count(table), sizeof(*options->given));
	fields_defaults(table, base);
}

void options_finish(struct options *options)
{
	fields_clear(options->table, options->base);
	options_free_own(options);
	free(options->given);
	options->given = NULL;
}

bool options_is_given(const struct options *options, const char *name)
{
	const struct field *f = field_find(options->table, name);

	return f && options->given[f - options->table];
}

static const struct option_alias *next_alias(const struct options *options, const struct option_alias *after, const char *name)
{
	const struct option_alias *alias = after ? after + 1 : options->aliases;

	for (; alias && alias->name; alias++)
		if (!strcmp(alias->name, name))
			return alias;
	return NULL;
}

static const char *translate(const struct option_alias *alias, const char *value)
{
	if (alias->implied)
		return alias->implied;
	for (const char *const(*pair)[2] = alias->values; pair && (*pair)[0]; pair++)
		if (!strcasecmp((*pair)[0], value))
			return (*pair)[1];
	return value;
}

/* A size with one half made anew; allocated. Whether that is one is for the size's own parser to say. */
static char *with_part(const struct options *options, const struct option_alias *alias, const char *value)
{
	const struct field *f = field_find(options->table, alias->setting);
	const struct size *old = (const struct size *)((const char *)options->base + f->at);

	if (alias->part == OPTION_WIDTH)
		return xasprintf("%sx%d", value, old->height);
	return xasprintf("%dx%s", old->width, value);
}

static bool set_field(struct options *options, const struct field *f, const char *value, struct error *err)
{
	if (!field_parse(f, options->base, value, err))
		return false;
	options->given[f - options->table] = true;
	return true;
}

/* A switch that is off (`slave = false`) implies nothing. */
static bool is_switched_off(const struct option_alias *alias, const char *value, bool *off, struct error *err)
{
	struct field as_switch = { .name = alias->name, .type = FIELD_BOOL };
	bool on = true;

	if (alias->implied && !field_parse(&as_switch, &on, value, err))
		return false;
	*off = !on;
	return true;
}

static bool set_alias(struct options *options, const struct option_alias *alias, const char *value, struct error *err)
{
	const char *name = alias->name;
	bool off, good = true;

	if (!is_switched_off(alias, value, &off, err))
		return false;
	for (; alias && !off && good; alias = next_alias(options, alias, name)) {
		char *whole = alias->part ? with_part(options, alias, value) : NULL;

		good = set_field(options, field_find(options->table, alias->setting), whole ? whole : translate(alias, value), err);
		free(whole);
	}
	return good;
}

/* A known name like it, old spellings among them; NULL: none. */
static const char *nearest_name(const struct options *options, const char *name)
{
	size_t n = fields_count(options->table), n_aliases = 0;
	struct field *names;
	const char *nearest;

	while (options->aliases && options->aliases[n_aliases].name)
		n_aliases++;
	names = xcalloc(n + n_aliases + 1, sizeof(*names));
	for (size_t i = 0; i < n; i++)
		names[i].name = options->table[i].name;
	for (size_t i = 0; i < n_aliases; i++)
		names[n + i].name = options->aliases[i].name;
	nearest = field_nearest(names, name);
	free(names);
	return nearest;
}

bool options_refuse(const struct options *options, const char *name, struct error *err)
{
	const struct option_alias *alias = next_alias(options, NULL, name);
	const char *nearest = alias ? alias->setting : nearest_name(options, name);

	return error_set_argument(err, name, "unknown setting '%.60s'%s%s%s", name, nearest ? "; did you mean '" : "",
				  nearest ? nearest : "", nearest ? "'?" : "");
}

static bool check_own(const struct options *options, int64_t camera, const char *name, const char *key, struct error *err)
{
	const struct field *f = field_find(options->table, key);
	const struct option_alias *alias = f ? NULL : next_alias(options, NULL, key);

	if (!f && !alias)
		return options_refuse(options, key, err);
	for (; alias; alias = next_alias(options, alias, key))
		if (!options_check_own(field_find(options->table, alias->setting), camera, name, err))
			return false;
	return !f || options_check_own(f, camera, name, err);
}

bool options_set(struct options *options, const char *name, const char *value, struct error *err)
{
	const struct field *f = field_find(options->table, name);
	const struct option_alias *alias = f ? NULL : next_alias(options, NULL, name);
	struct options own;
	const char *key;
	int64_t camera;

	if (options_split(name, &camera, &key)) {
		if (!check_own(options, camera, name, key, err))
			return false;
		own = options_of_camera(options, camera);
		return options_set(&own, key, value, err);
	}
	if (f)
		return set_field(options, f, value, err);
	return alias ? set_alias(options, alias, value, err) : options_refuse(options, name, err);
}

static char *trim(char *text)
{
	size_t n;

	text += strspn(text, " \t");
	n = strlen(text);
	while (n && isspace((unsigned char)text[n - 1]))
		text[--n] = '\0';
	return text;
}

/* Cuts a comment off: a '#' at the start or behind white space, so that file names may hold one, and not within quotes. */
static void cut_comment(char *line)
{
	char quote = '\0', before = ' ';

	for (char *at = line; *at; before = *at++) {
		if (quote)
			quote = *at == quote ? '\0' : quote;
		else if ((*at == '"' || *at == '\'') && (isspace((unsigned char)before) || before == '='))
			quote = *at;
		else if (*at == '#' && isspace((unsigned char)before)) {
			*at = '\0';
			return;
		}
	}
}

static bool use_line(struct options *options, char *line, struct error *err)
{
	char *equals, *key, *value;
	const struct field *f;
	size_t n;

	cut_comment(line);
	line = trim(line);
	if (!*line)
		return true;
	equals = strchr(line, '=');
	if (!equals)
		return error_set(err, ERR_BAD_ARGUMENT, "'%.60s' is not of the form key = value", line);
	*equals = '\0';
	key = trim(line);
	value = trim(equals + 1);
	n = strlen(value);
	if (n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n - 1] == value[0]) {
		value[n - 1] = '\0';
		value++;
	}
	f = field_find(options->table, key);
	if (f && f->flags & FIELD_NOT_IN_FILE)
		return error_set_argument(err, key, "%s: is a flag, not a key of this file", key);
	return options_set(options, key, value, err);
}

bool options_read_file(struct options *options, const char *path, options_warn_fn warn, void *user, struct error *err)
{
	FILE *file = fopen(path, "re");
	char line[MAX_LINE], text[1024], *begin;
	struct error problem;
	int number = 0;
	bool ok;

	if (!file)
		return error_set_errno(err, errno, "config file %s", path);
	while (fgets(line, sizeof(line), file)) {
		bool whole = strchr(line, '\n') || feof(file);

		begin = number++ || strncmp(line, BYTE_ORDER_MARK, 3) ? line : line + 3;
		if (whole && use_line(options, begin, &problem))
			continue;
		if (!whole) {
			error_set(&problem, ERR_BAD_ARGUMENT, "line is too long");
			for (int c = 0; c != '\n' && c != EOF;)
				c = fgetc(file);
		}
		snprintf(text, sizeof(text), "%s line %d: %s", path, number, problem.text);
		warn(user, text);
	}
	ok = !ferror(file);
	if (!ok)
		error_set_errno(err, errno, "config file %s", path);
	fclose(file);
	options_refresh(options);
	return ok;
}

static void empty_lists(struct options *options, const struct field *f, bool *begun)
{
	if (f->type != FIELD_LIST || begun[f - options->table])
		return;
	fields_clear((struct field[]){ *f, { 0 } }, options->base);
	begun[f - options->table] = true;
}

/* One flag; *at is stepped over a value in the next argument. */
static bool use_flag(struct options *options, int argc, char **argv, int *at, bool *begun, struct error *err)
{
	char name[128];
	const char *flag = argv[*at], *equals = strchr(flag, '='), *value, *key;
	size_t n = equals ? (size_t)(equals - flag) : strlen(flag);
	const struct option_alias *alias;
	const struct field *f;
	int64_t camera;

	if (strncmp(flag, "--", 2) || n < 3 || n - 2 >= sizeof(name))
		return error_set(err, ERR_BAD_ARGUMENT, "'%.60s' is not a flag (see --help)", flag);
	snprintf(name, sizeof(name), "%.*s", (int)n - 2, flag + 2);
	for (char *c = name; *c; c++)
		*c = *c == '-' ? '_' : *c;
	options_split(name, &camera, &key);
	f = field_find(options->table, key);
	alias = f ? NULL : next_alias(options, NULL, key);
	if (!f && !alias && !strncmp(name, "no_", 3)) {
		options_split(name + 3, &camera, &key);
		f = field_find(options->table, key);
		if (f && f->type == FIELD_BOOL && !equals)
			return options_set(options, name + 3, "false", err);
		f = NULL;
	}
	if (f && camera < 0)
		empty_lists(options, f, begun);
	value = equals ? equals + 1 : NULL;
	if (!value && ((f && f->type == FIELD_BOOL) || (alias && alias->implied)))
		value = "true";
	if (!value && (f || alias)) {
		if (*at + 1 >= argc)
			return error_set_argument(err, name, "%.60s: a value is missing", flag);
		value = argv[++*at];
	}
	return options_set(options, name, value ? value : "", err);
}

bool options_read_arguments(struct options *options, int argc, char **argv, struct error *err)
{
	bool *begun = xcalloc(fields_count(options->table), sizeof(*begun));
	bool ok = true;

	for (int i = 1; ok && i < argc; i++)
		ok = use_flag(options, argc, argv, &i, begun, err);
	free(begun);
	options_refresh(options);
	return ok;
}

static char *flag_of(const char *name)
{
	char *flag = xstrdup(name);

	for (char *c = flag; *c; c++)
		*c = *c == '_' ? '-' : *c;
	return flag;
}

void options_print_help(const struct field *table, FILE *to)
{
	for (const struct field *f = table; f->name; f++) {
		char *flag = flag_of(f->name);

		fprintf(to, "  --%s%s", f->type == FIELD_BOOL ? "[no-]" : "", flag);
		if (f->type != FIELD_BOOL)
			fprintf(to, " %s", f->type == FIELD_ENUM ? "" : f->unit ? f->unit : field_type_name(f));
		for (int i = 0; f->choices && f->choices[i]; i++)
			fprintf(to, "%s%s", i ? "|" : "", f->choices[i]);
		fprintf(to, "\n        %s", f->help);
		if (f->fallback && *f->fallback)
			fprintf(to, " Default: %s.", f->fallback);
		fputs("\n", to);
		free(flag);
	}
}

void options_print_aliases(const struct option_alias *aliases, FILE *to)
{
	for (const struct option_alias *alias = aliases; alias->name; alias++) {
		char *flag = flag_of(alias->name), *setting = flag_of(alias->setting);

		fprintf(to, "  --%s: --%s%s%s%s\n", flag, setting, alias->implied ? "=" : "", alias->implied ? alias->implied : "",
			alias->part == OPTION_WIDTH ? ", its width" : alias->part == OPTION_HEIGHT ? ", its height" : "");
		free(flag);
		free(setting);
	}
}
