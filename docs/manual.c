#include "docs/manual.h"

#include "common/util.h"

#include <string.h>

void manual_text(const char *text, FILE *to)
{
	for (; *text; text++) {
		if (strchr("\\_*[]|<>#~", *text))
			fputc('\\', to);
		fputc(*text == '`' ? '*' : *text, to);
	}
}

void manual_name(const char *name, bool flag, FILE *to)
{
	for (; *name; name++)
		if (*name == '_')
			fputs(flag ? "-" : "\\_", to);
		else
			fputc(*name, to);
}

const char *manual_placeholder(const struct field *f)
{
	static const char *const names[] = {
		[FIELD_INT] = "NUMBER", [FIELD_REAL] = "NUMBER", [FIELD_TEXT] = "TEXT", [FIELD_PATH] = "PATH", [FIELD_SIZE] = "WxH",
		[FIELD_DURATION] = "TIME", [FIELD_TIME] = "TIME", [FIELD_AMOUNT] = "AMOUNT", [FIELD_LIST] = "LIST", [FIELD_JSON] = "JSON", [FIELD_ID] = "ID",
	};

	return f->type < ARRAY_LEN(names) && names[f->type] ? names[f->type] : "VALUE";
}

void manual_choices(const struct field *f, FILE *to)
{
	for (int i = 0; f->choices[i]; i++) {
		fputs(i ? "|" : "", to);
		manual_name(f->choices[i], false, to);
	}
}

static void print_value(const struct field *f, FILE *to)
{
	if (f->type == FIELD_BOOL)
		return;
	fputs(" _", to);
	if (f->choices)
		manual_choices(f, to);
	else
		fputs(manual_placeholder(f), to);
	fputc('_', to);
}

/* **--target-fps NUMBER**, and what it means. */
static void print_flag(const struct field *f, FILE *to)
{
	fprintf(to, "*--%s", f->type == FIELD_BOOL ? "\\[no-\\]" : "");
	manual_name(f->name, true, to);
	fputc('*', to);
	print_value(f, to);
	fputs("\n\t", to);
	manual_text(f->help, to);
	if (f->min < f->max && f->type != FIELD_TEXT && f->type != FIELD_PATH)
		fprintf(to, " From %.15g to %.15g%s%s.", f->min, f->max, f->unit ? " " : "", f->unit ? f->unit : "");
	if (f->fallback && *f->fallback) {
		fputs(" Default: *", to);
		manual_text(f->fallback, to);
		fputs("*.", to);
	}
	fputs("\n\n", to);
}

void manual_flags(const struct field *table, FILE *to)
{
	for (const struct field *f = table; f && f->name; f++)
		print_flag(f, to);
}
