#include "common/field.h"

#include "common/clock.h"
#include "common/utf8.h"
#include "common/util.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The sizes that the sensor IMX296's users know by number. */
const struct size field_size_presets[8] = {
	{ 1456, 1088 }, { 1280, 960 }, { 1280, 720 }, { 1024, 768 }, { 800, 600 }, { 640, 480 }, { 480, 360 }, { 320, 240 },
};

static void *slot_of(const struct field *field, void *base)
{
	return (char *)base + field->at;
}

const struct field *field_find(const struct field *table, const char *name)
{
	for (const struct field *f = table; f && f->name; f++)
		if (!strcmp(f->name, name))
			return f;
	return NULL;
}

size_t fields_count(const struct field *table)
{
	size_t n = 0;

	while (table && table[n].name)
		n++;
	return n;
}

size_t fields_bytes(const struct field *table)
{
	size_t end = 0;

	/* no member is larger than this, and what lies behind the last is not touched */
	for (const struct field *f = table; f && f->name; f++)
		end = MAX(end, f->at + sizeof(struct list));
	return end;
}

/* Levenshtein's distance of two short names; long ones count as far apart. */
static int distance(const char *a, const char *b)
{
	size_t n = strlen(b);
	int row[64];

	if (n >= ARRAY_LEN(row))
		return 64;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		int diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < n; j++) {
			int old = row[j + 1];
			int best = MIN(row[j], old) + 1;

			row[j + 1] = MIN(best, diagonal + (a[i] != b[j]));
			diagonal = old;
		}
	}
	return row[n];
}

const char *field_nearest(const struct field *table, const char *name)
{
	const char *best = NULL;
	int best_distance = (int)strlen(name) / 3 + 2;

	for (const struct field *f = table; f->name; f++) {
		int d = distance(name, f->name);

		if (d < best_distance) {
			best_distance = d;
			best = f->name;
		}
	}
	return best;
}

static const char *const type_names[] = {
	[FIELD_BOOL] = "true or false", [FIELD_INT] = "integer", [FIELD_REAL] = "number", [FIELD_TEXT] = "text",
	[FIELD_PATH] = "path", [FIELD_ENUM] = "one of", [FIELD_SIZE] = "size", [FIELD_COLOUR] = "colour", [FIELD_DURATION] = "duration",
	[FIELD_TIME] = "time",
	[FIELD_AMOUNT] = "amount", [FIELD_OBJECT] = "object", [FIELD_JSON] = "any", [FIELD_ID] = "text or integer",
};

const char *field_type_name(const struct field *field)
{
	if (field->type != FIELD_LIST)
		return type_names[field->type];
	switch (field->of) {
	case FIELD_INT:
		return "list of integer";
	case FIELD_TEXT:
		return "list of text";
	case FIELD_PATH:
		return "list of path";
	case FIELD_OBJECT:
		return "list of object";
	default:
		return "list";
	}
}

static bool check_range(const struct field *f, double value, const char *text, struct error *err)
{
	if (f->min == f->max || (value >= f->min && value <= f->max))
		return true;
	return error_set_argument(err, f->name, "%s: %.60s is outside %.15g to %.15g%s%s", f->name, text, f->min, f->max,
				  f->unit ? " " : "", f->unit ? f->unit : "");
}

/* A number with an optional suffix out of `suffixes`, by whose factor it is multiplied. */
struct suffix {
	const char *text;
	double factor;
};

static bool parse_number(const struct field *f, const char *text, const struct suffix *suffixes, double *value, struct error *err)
{
	char *end;

	errno = 0;
	/* strtod also reads "inf", "nan" and hexadecimal numbers, which nobody means */
	if (!text[strspn(text, " ")] || text[strspn(text, "+-.0123456789eE")] == 'x' || isalpha((unsigned char)text[strspn(text, " +-")]))
		return error_set_argument(err, f->name, "%s: '%.60s' is not a number", f->name, text);
	*value = strtod(text, &end);
	if (errno || end == text || !isfinite(*value))
		return error_set_argument(err, f->name, "%s: '%.60s' is not a number", f->name, text);
	end += strspn(end, " ");
	if (!*end)
		return true;
	for (const struct suffix *s = suffixes; s && s->text; s++) {
		if (strcmp(end, s->text))
			continue;
		*value *= s->factor;
		return true;
	}
	return error_set_argument(err, f->name, "%s: '%.60s' is not a number%s%s", f->name, text, f->unit ? " of " : "",
				  f->unit ? f->unit : "");
}

static const struct suffix time_suffixes[] = {
	{ "s", 1 }, { "ms", 1e-3 }, { "us", 1e-6 }, { "min", 60 }, { "h", 3600 }, { "d", 86400 }, { NULL, 0 },
};

/* Those of rates behind the others, so that these can be had without. */
static const struct suffix rate_suffixes[] = {
	{ "bps", 1 }, { "kbps", 1e3 }, { "Kbps", 1e3 }, { "mbps", 1e6 }, { "Mbps", 1e6 },
	{ "k", 1e3 }, { "K", 1e3 }, { "M", 1e6 }, { "G", 1e9 }, { "T", 1e12 }, { NULL, 0 },
};
static const struct suffix *const amount_suffixes = rate_suffixes + 5;

static bool parse_integer(const struct field *f, const char *text, const struct suffix *suffixes, int64_t *slot, struct error *err)
{
	double value;

	if (!parse_number(f, text, suffixes, &value, err) || !check_range(f, value, text, err))
		return false;
	if (fabs(value) > 9007199254740992.0 || value != floor(value))
		return error_set_argument(err, f->name, "%s: '%.60s' is not a whole number", f->name, text);
	*slot = (int64_t)value;
	return true;
}

double field_unit_ns(const struct field *f)
{
	for (const struct suffix *s = time_suffixes; f->unit && s->text; s++)
		if (!strcmp(s->text, f->unit))
			return round(s->factor * 1e9);
	return 1e9;
}

static bool parse_duration(const struct field *f, const char *text, int64_t *slot, struct error *err)
{
	double value, unit_ns = field_unit_ns(f);

	if (!parse_number(f, text, time_suffixes, &value, err))
		return false;
	if (strpbrk(text, "smhud"))
		value = value * 1e9 / unit_ns;
	if (!check_range(f, value, text, err))
		return false;
	if (fabs(value) > 9e18 / unit_ns)
		return error_set_argument(err, f->name, "%s: '%.60s' is too long a time", f->name, text);
	*slot = llround(value * unit_ns);
	return true;
}

static bool parse_time(const struct field *f, const char *text, int64_t *slot, struct error *err)
{
	int64_t wall_ns;

	if (!clock_read(text, &wall_ns))
		return error_set_argument(err, f->name, "%s: '%.60s' is no time such as 2026-11-20T14:03:07, 20261120_140307 or seconds since 1970",
					  f->name, text);
	*slot = wall_ns;
	return true;
}

static bool parse_bool(const struct field *f, const char *text, bool *slot, struct error *err)
{
	static const char *const words[] = { "false", "true", "no", "yes", "off", "on", "0", "1" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcasecmp(text, words[i]))
			continue;
		*slot = i % 2;
		return true;
	}
	return error_set_argument(err, f->name, "%s: '%.60s' is not true or false", f->name, text);
}

static const char *choice_meant(const struct field *f, const char *text)
{
	for (const char *const(*pair)[2] = f->synonyms; pair && (*pair)[0]; pair++)
		if (!strcasecmp((*pair)[0], text))
			return (*pair)[1];
	return text;
}

static bool parse_enum(const struct field *f, const char *text, int *slot, struct error *err)
{
	char names[256] = "";

	text = choice_meant(f, text);
	for (int i = 0; f->choices[i]; i++) {
		if (!strcasecmp(f->choices[i], text)) {
			*slot = i;
			return true;
		}
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", i ? ", " : "", f->choices[i]);
	}
	return error_set_argument(err, f->name, "%s: '%.60s' is none of %s", f->name, text, names);
}

static bool parse_size(const struct field *f, const char *text, struct size *slot, struct error *err)
{
	int width, height, used = 0;

	if (strlen(text) == 1 && text[0] >= '0' && text[0] <= '7') {
		*slot = field_size_presets[text[0] - '0'];
		return true;
	}
	if (sscanf(text, "%5dx%5d%n", &width, &height, &used) != 2 || text[used] || !isdigit((unsigned char)text[0]))
		return error_set_argument(err, f->name, "%s: '%.60s' is neither a size such as 1280x720 nor a preset 0-7", f->name, text);
	if (width < 16 || height < 16 || width > 16384 || height > 16384 || width % 2 || height % 2)
		return error_set_argument(err, f->name, "%s: %dx%d is not a size of even numbers from 16x16 to 16384x16384", f->name,
					  width, height);
	*slot = (struct size){ width, height };
	return true;
}

static bool parse_colour(const struct field *f, const char *text, struct rgba *slot, struct error *err)
{
	static const struct {
		const char *name;
		struct rgba colour;
	} named[] = {
		{ "none", { 0, 0, 0, 0, true } }, { "white", { 255, 255, 255, 255, true } }, { "black", { 0, 0, 0, 255, true } },
		{ "grey", { 128, 128, 128, 255, true } }, { "red", { 255, 0, 0, 255, true } }, { "green", { 0, 255, 0, 255, true } },
		{ "blue", { 0, 0, 255, 255, true } }, { "yellow", { 255, 255, 0, 255, true } }, { "cyan", { 0, 255, 255, 255, true } },
		{ "magenta", { 255, 0, 255, 255, true } }, { "orange", { 255, 165, 0, 255, true } },
	};
	const char *digits = text + (text[0] == '#');
	size_t n = strlen(digits);
	unsigned long value;

	for (size_t i = 0; i < ARRAY_LEN(named); i++) {
		if (!strcasecmp(text, named[i].name)) {
			*slot = named[i].colour;
			return true;
		}
	}
	if ((n != 6 && n != 8) || digits[strspn(digits, "0123456789abcdefABCDEF")])
		return error_set_argument(err, f->name, "%s: '%.60s' is neither a colour such as white, red, yellow, nor one in hexadecimal "
					  "such as ff8000 (red, green, blue), ff800080 (half transparent), nor none", f->name, text);
	value = strtoul(digits, NULL, 16) << (n == 6 ? 8 : 0) | (n == 6 ? 255 : 0);
	*slot = (struct rgba){ (uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value, true };
	return true;
}

static bool parse_list_item(const struct field *f, struct list *list, const char *text, struct error *err)
{
	const char *wanted = f->check ? f->check(text) : NULL;

	if (wanted)
		return error_set_argument(err, f->name, "%s: '%.60s' is not %s", f->name, text, wanted);
	if (f->of == FIELD_TEXT || f->of == FIELD_PATH) {
		fields_add_text(list, text);
		return true;
	}
	return error_set_argument(err, f->name, "%s: cannot be set from text", f->name);
}

static bool parse_text(const struct field *f, const char *text, char **slot, struct error *err)
{
	const char *wanted = f->check ? f->check(text) : NULL, *fault = f->type == FIELD_TEXT ? utf8_find_fault(text) : NULL;
	char *copy;

	/* it would come out in JSON; paths may be anything */
	if (fault)
		return error_set_argument(err, f->name, "%s: it is not UTF-8, at byte %td", f->name, fault - text + 1);
	if (f->max && strlen(text) > f->max)
		return error_set_argument(err, f->name, "%s: longer than %.0f bytes", f->name, f->max);
	if (wanted)
		return error_set_argument(err, f->name, "%s: '%.60s' is not %s", f->name, text, wanted);
	copy = xstrdup(text);
	free(*slot);
	*slot = copy;
	return true;
}

bool field_parse(const struct field *f, void *base, const char *text, struct error *err)
{
	void *slot = slot_of(f, base);
	double real;

	switch (f->type) {
	case FIELD_BOOL:
		return parse_bool(f, text, slot, err);
	case FIELD_INT:
		return parse_integer(f, text, NULL, slot, err);
	case FIELD_AMOUNT:
		return parse_integer(f, text, f->unit && !strcmp(f->unit, "bit/s") ? rate_suffixes : amount_suffixes, slot, err);
	case FIELD_REAL:
		if (!parse_number(f, text, NULL, &real, err) || !check_range(f, real, text, err))
			return false;
		*(double *)slot = real;
		return true;
	case FIELD_DURATION:
		return parse_duration(f, text, slot, err);
	case FIELD_TIME:
		return parse_time(f, text, slot, err);
	case FIELD_ENUM:
		return parse_enum(f, text, slot, err);
	case FIELD_SIZE:
		return parse_size(f, text, slot, err);
	case FIELD_COLOUR:
		return parse_colour(f, text, slot, err);
	case FIELD_TEXT:
	case FIELD_PATH:
		return parse_text(f, text, slot, err);
	case FIELD_LIST:
		return parse_list_item(f, slot, text, err);
	default:
		return error_set_argument(err, f->name, "%s: cannot be set from text", f->name);
	}
}

static char *print_list(const struct list *list)
{
	char *all = xstrdup("");

	for (size_t i = 0; i < list->n; i++) {
		char *longer = xasprintf("%s%s%s", all, i ? "\n" : "", ((char **)list->items)[i]);

		free(all);
		all = longer;
	}
	return all;
}

char *field_print_colour(const struct rgba *colour)
{
	if (!colour->given)
		return xstrdup("");
	if (!colour->alpha)
		return xstrdup("none");
	if (colour->alpha == 255)
		return xasprintf("%02x%02x%02x", colour->red, colour->green, colour->blue);
	return xasprintf("%02x%02x%02x%02x", colour->red, colour->green, colour->blue, colour->alpha);
}

static char *print_time(int64_t wall_ns)
{
	char text[CLOCK_ISO_BYTES];

	return xstrdup(wall_ns == FIELD_UNSET ? "" : clock_iso(wall_ns, text));
}

char *field_print(const struct field *f, const void *base)
{
	const void *slot = (const char *)base + f->at;

	switch (f->type) {
	case FIELD_BOOL:
		return xstrdup(*(const bool *)slot ? "true" : "false");
	case FIELD_INT:
	case FIELD_AMOUNT:
		return xasprintf("%lld", (long long)*(const int64_t *)slot);
	case FIELD_REAL:
		return xasprintf("%.15g", *(const double *)slot);
	case FIELD_DURATION:
		return xasprintf("%.15g", *(const int64_t *)slot / field_unit_ns(f));
	case FIELD_TIME:
		return print_time(*(const int64_t *)slot);
	case FIELD_ENUM:
		return xstrdup(*(const int *)slot < 0 ? "" : f->choices[*(const int *)slot]);
	case FIELD_SIZE:
		return xasprintf("%dx%d", ((const struct size *)slot)->width, ((const struct size *)slot)->height);
	case FIELD_COLOUR:
		return field_print_colour(slot);
	case FIELD_TEXT:
	case FIELD_PATH:
		return xstrdup(*(char *const *)slot ? *(char *const *)slot : "");
	case FIELD_LIST:
		return print_list(slot);
	default:
		return xstrdup("");
	}
}

static void set_absent(const struct field *f, void *slot)
{
	switch (f->type) {
	case FIELD_BOOL:
		*(bool *)slot = false;
		break;
	case FIELD_INT:
	case FIELD_AMOUNT:
	case FIELD_DURATION:
	case FIELD_TIME:
		*(int64_t *)slot = f->flags & FIELD_OPTIONAL ? FIELD_UNSET : 0;
		break;
	case FIELD_REAL:
		*(double *)slot = f->flags & FIELD_OPTIONAL ? NAN : 0;
		break;
	case FIELD_ENUM:
		*(int *)slot = f->flags & FIELD_OPTIONAL ? -1 : 0;
		break;
	case FIELD_SIZE:
		*(struct size *)slot = (struct size){ 0 };
		break;
	case FIELD_COLOUR:
		*(struct rgba *)slot = (struct rgba){ 0 };
		break;
	case FIELD_TEXT:
	case FIELD_PATH:
	case FIELD_JSON:
	case FIELD_ID:
		*(void **)slot = NULL;
		break;
	case FIELD_LIST:
		*(struct list *)slot = (struct list){ 0 };
		break;
	case FIELD_OBJECT:
		fields_defaults(f->fields, slot);
		break;
	}
}

void fields_defaults(const struct field *table, void *base)
{
	for (const struct field *f = table; f && f->name; f++) {
		struct error err;

		set_absent(f, slot_of(f, base));
		if (f->fallback && !field_parse(f, base, f->fallback, &err)) {
			fprintf(stderr, "default of %s: %s\n", f->name, err.text);
			abort();
		}
	}
}

/* What is the same stays where it is: somebody may be reading it. */
static void copy_text(char **to, const char *from)
{
	if (*to && from && !strcmp(*to, from))
		return;
	free(*to);
	*to = from ? xstrdup(from) : NULL;
}

void field_copy(const struct field *f, void *to, const void *from)
{
	static const size_t plain_bytes[] = {
		[FIELD_BOOL] = sizeof(bool), [FIELD_INT] = sizeof(int64_t), [FIELD_AMOUNT] = sizeof(int64_t),
		[FIELD_DURATION] = sizeof(int64_t), [FIELD_TIME] = sizeof(int64_t), [FIELD_REAL] = sizeof(double), [FIELD_ENUM] = sizeof(int),
		[FIELD_SIZE] = sizeof(struct size), [FIELD_COLOUR] = sizeof(struct rgba),
	};
	const void *source = (const char *)from + f->at;
	const struct list *texts = source;
	void *slot = slot_of(f, to);

	if (f->type == FIELD_TEXT || f->type == FIELD_PATH) {
		copy_text(slot, *(char *const *)source);
	} else if (f->type == FIELD_LIST) {
		fields_free_texts(slot);
		for (size_t i = 0; i < texts->n; i++)
			fields_add_text(slot, ((char **)texts->items)[i]);
	} else {
		assert(f->type < ARRAY_LEN(plain_bytes) && plain_bytes[f->type]);
		memcpy(slot, source, plain_bytes[f->type]);
	}
}

void fields_add_text(struct list *texts, const char *text)
{
	texts->items = xrealloc(texts->items, texts->n + 1, sizeof(char *));
	((char **)texts->items)[texts->n++] = xstrdup(text);
}

void fields_free_texts(struct list *texts)
{
	for (size_t i = 0; i < texts->n; i++)
		free(((char **)texts->items)[i]);
	free(texts->items);
	*texts = (struct list){ 0 };
}

/* A table cell must not hold the character that ends it. */
static void print_cell(const char *text, FILE *to)
{
	for (; *text; text++)
		fprintf(to, *text == '|' ? "\\|" : "%c", *text);
}

static void print_type(const struct field *f, FILE *to)
{
	fputs(field_type_name(f), to);
	for (int i = 0; f->choices && f->choices[i]; i++)
		fprintf(to, "%s`%s`", i ? ", " : " ", f->choices[i]);
	if (f->min != f->max && f->type != FIELD_TEXT && f->type != FIELD_PATH)
		fprintf(to, ", %.15g to %.15g", f->min, f->max);
	if (f->unit)
		fprintf(to, " %s", f->unit);
}

void fields_print_markdown(const struct field *table, const char *prefix, bool arguments, FILE *to)
{
	for (const struct field *f = table; f && f->name; f++) {
		char *name = xasprintf("%s%s", prefix, f->name);

		fprintf(to, "| `%s`%s | ", name, f->flags & FIELD_OPTIONAL || (arguments && !(f->flags & FIELD_REQUIRED)) ? " ?" : "");
		print_type(f, to);
		fputs(" | ", to);
		if (f->fallback)
			fprintf(to, "`%s`", f->fallback);
		fputs(" | ", to);
		print_cell(f->help ? f->help : "", to);
		fputs(" |\n", to);
		if (f->fields && f->fields != table) {	/* a table may nest in itself */
			char *inner = xasprintf(f->type == FIELD_LIST ? "%s[]." : "%s.", name);

			fields_print_markdown(f->fields, inner, arguments, to);
			free(inner);
		}
		free(name);
	}
}
