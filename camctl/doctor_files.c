#include "camctl/doctor_files.h"

#include "common/util.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void trim(char *text)
{
	size_t n = strlen(text);

	while (n && isspace((unsigned char)text[n - 1]))
		text[--n] = '\0';
}

bool doctor_files_line(const char *path, char text[DOCTOR_TEXT_BYTES])
{
	FILE *file = fopen(path, "re");
	bool there = file && fgets(text, DOCTOR_TEXT_BYTES, file);

	if (file)
		fclose(file);
	if (!there)
		return false;
	trim(text);
	return *text;
}

/* What stands behind the key's ':' or '=', without the quotes around it. */
static void take_value(const char *line, char text[DOCTOR_TEXT_BYTES])
{
	size_t n;

	line += strspn(line, " \t:=");
	if (*line == '"')
		line++;
	snprintf(text, DOCTOR_TEXT_BYTES, "%s", line);
	trim(text);
	n = strlen(text);
	if (n && text[n - 1] == '"')
		text[n - 1] = '\0';
}

bool doctor_files_value(const char *path, const char *key, char text[DOCTOR_TEXT_BYTES])
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0, n = strlen(key);
	bool found = false;

	while (file && !found && getline(&line, &room, file) > 0) {
		found = !strncmp(line, key, n) && strchr(" \t:=", line[n]) && line[n];
		if (found)
			take_value(line + n, text);
	}
	free(line);
	if (file)
		fclose(file);
	return found;
}

int64_t doctor_files_bytes(const char *path, const char *key)
{
	char text[DOCTOR_TEXT_BYTES];

	if (!doctor_files_value(path, key, text))
		return -1;
	return strtoll(text, NULL, 10) * (strstr(text, "kB") ? 1024 : 1);
}
