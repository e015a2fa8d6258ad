/* What is completed of camd's flags, settings and events. */
#include "docs/pages.h"

#include "camd/config.h"
#include "docs/completion.h"
#include "protocol/messages.h"

#include <string.h>

/* Old spellings are of the setting's kind; a switch among them takes no value. */
static void each_alias(completion_fn print, FILE *to)
{
	for (const struct option_alias *alias = config_aliases; alias->name; alias++) {
		struct field f = *field_find(config_fields, alias->setting);
		char flag[COMPLETION_FLAG_BYTES];

		if (alias > config_aliases && !strcmp(alias[-1].name, alias->name))
			continue;
		f.type = alias->implied ? FIELD_BOOL : alias->values ? FIELD_BOOL : f.type;
		f.choices = alias->implied || alias->values ? NULL : f.choices;
		completion_flag(flag, "", alias->name);
		print(&f, flag, to);
	}
}

static void print_settings(FILE *to)
{
	for (const struct field *f = config_fields; f->name; f++)
		fprintf(to, " %s", f->name);
}

static void print_events(FILE *to)
{
	for (int i = 0; i < N_MESSAGES; i++)
		if (messages[i].kind == KIND_EVENT)
			fprintf(to, " %s", messages[i].name);
}

void completion_print_camd(FILE *to)
{
	fputs("_camd_flags() { echo --help --version --print-config", to);
	completion_each(config_fields, completion_name, to);
	each_alias(completion_name, to);
	fputs("; }\n\n# Those that take the next word along.\n_camd_flags_with_value() { echo", to);
	completion_each(config_fields, completion_name_with_value, to);
	each_alias(completion_name_with_value, to);
	fputs("; }\n\n# Names of settings, each with $1 behind it.\n_camd_settings() {\n    printf \"%s$1 \"", to);
	print_settings(to);
	fputs("\n}\n\n_camd_events() { echo '*'", to);
	print_events(to);
	fputs("; }\n\n# What the value of flag $1 can be.\n_camd_values() {\n    case $1 in\n", to);
	completion_each(config_fields, completion_value_case, to);
	each_alias(completion_value_case, to);
	fputs("    esac\n}\n\n", to);
}
