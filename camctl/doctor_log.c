#include "camctl/doctor_log.h"

#include "common/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 300

/* What camd or its libraries complain of, and what tells how camd goes about it. */
static bool matters(const char *line)
{
	static const char *const words[] = {
		" warning ", " error ", "encod", "libcamera", "frames/s", "cameras run", "switched o",
	};
	/* what the tables have, and would drown the rest */
	static const char *const dull[] = { "lost frames: ", " frames, lost: ", " debug " };

	for (size_t i = 0; i < ARRAY_LEN(dull); i++)
		if (strstr(line, dull[i]))
			return false;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strstr(line, words[i]))
			return true;
	return false;
}

/* Whether the same was said before, at another time: all but the first word is the same. */
static bool is_known(const struct list *lines, size_t since, const char *line)
{
	const char *text = strchr(line, ' ');

	for (size_t i = since; text && i < lines->n; i++) {
		const char *other = strchr(((char **)lines->items)[i], ' ');

		if (other && !strcmp(other, text))
			return true;
	}
	return false;
}

void doctor_log_collect(const char *path, size_t most, struct list *lines)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0, since = lines->n;

	while (file && lines->n - since < most && getline(&line, &room, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (strlen(line) > LINE_BYTES)
			line[LINE_BYTES] = '\0';
		if (matters(line) && !is_known(lines, since, line))
			fields_add_text(lines, line);
	}
	free(line);
	if (file)
		fclose(file);
}

char *doctor_log_find(const char *path, const char *mark, const char *text)
{
	FILE *file = fopen(path, "re");
	char *line = NULL, *found = NULL;
	size_t room = 0;

	while (file && getline(&line, &room, file) > 0) {
		const char *at = strstr(line, mark) ? strstr(line, text) : NULL;

		if (!at)
			continue;
		free(found);
		found = strndup(at, strcspn(at, "\n"));
	}
	free(line);
	if (file)
		fclose(file);
	return found;
}
