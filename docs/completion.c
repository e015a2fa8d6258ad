#include "docs/completion.h"

#include "common/util.h"

#include <string.h>

void completion_flag(char flag[COMPLETION_FLAG_BYTES], const char *before, const char *name)
{
	snprintf(flag, COMPLETION_FLAG_BYTES, "--%s%s", before, name);
	for (char *c = flag; *c; c++)
		*c = *c == '_' ? '-' : *c;
}

void completion_each(const struct field *table, completion_fn print, FILE *to)
{
	char flag[COMPLETION_FLAG_BYTES];

	for (const struct field *f = table; f && f->name; f++) {
		completion_flag(flag, "", f->name);
		print(f, flag, to);
		if (f->type != FIELD_BOOL)
			continue;
		completion_flag(flag, "no-", f->name);
		print(f, flag, to);
	}
}

void completion_name(const struct field *f, const char *flag, FILE *to)
{
	(void)f;
	fprintf(to, " %s", flag);
}

void completion_name_with_value(const struct field *f, const char *flag, FILE *to)
{
	if (f->type != FIELD_BOOL)
		fprintf(to, " %s", flag);
}

void completion_value_case(const struct field *f, const char *flag, FILE *to)
{
	if (f->type == FIELD_BOOL)
		return;
	if (f->choices) {
		fprintf(to, "    %s) echo", flag);
		for (int i = 0; f->choices[i]; i++)
			fprintf(to, " %s", f->choices[i]);
		fputs(" ;;\n", to);
	} else if (f->type == FIELD_PATH) {
		fprintf(to, "    %s) echo @%s ;;\n", flag, strstr(flag, "dir") ? "directories" : "files");
	} else if (!strcmp(f->name, "camera")) {
		fprintf(to, "    %s) echo synthetic file: v4l2:/dev/video libcamera: ;;\n", flag);
	} else if (f->type == FIELD_SIZE) {
		fprintf(to, "    %s) echo 0 1 2 3 4 5 6 7", flag);
		for (size_t i = 0; i < ARRAY_LEN(field_size_presets); i++)
			fprintf(to, " %dx%d", field_size_presets[i].width, field_size_presets[i].height);
		fputs(" ;;\n", to);
	}
}
