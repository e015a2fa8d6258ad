#include "camctl/human.h"

#include "common/util.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

const char *human_size(int64_t bytes, char buffer[HUMAN_BYTES])
{
	static const char *const units[] = { "kB", "MB", "GB", "TB", "PB" };
	double value = bytes / 1e3;
	size_t unit = 0;

	if (bytes < 1000) {
		snprintf(buffer, HUMAN_BYTES, "%" PRId64 " B", bytes);
		return buffer;
	}
	while (value >= 999.95 && unit + 1 < ARRAY_LEN(units)) {
		value /= 1e3;
		unit++;
	}
	snprintf(buffer, HUMAN_BYTES, "%.1f %s", value, units[unit]);
	return buffer;
}

const char *human_duration(int64_t ns, char buffer[HUMAN_BYTES])
{
	int64_t seconds = ns / NS_PER_S;

	if (seconds < 100)
		snprintf(buffer, HUMAN_BYTES, "%.3f s", ns / 1e9);
	else if (seconds < 3600)
		snprintf(buffer, HUMAN_BYTES, "%" PRId64 ":%02d", seconds / 60, (int)(seconds % 60));
	else
		snprintf(buffer, HUMAN_BYTES, "%" PRId64 ":%02d:%02d", seconds / 3600, (int)(seconds / 60 % 60), (int)(seconds % 60));
	return buffer;
}

const char *human_clock(int64_t ns, char buffer[HUMAN_BYTES])
{
	int64_t seconds = ns / NS_PER_S;

	snprintf(buffer, HUMAN_BYTES, "%02" PRId64 ":%02d:%02d", seconds / 3600, (int)(seconds / 60 % 60), (int)(seconds % 60));
	return buffer;
}

/* One character: its bytes, and its columns or -1 if a terminal should not see it. */
static size_t step(const char *text, int *columns)
{
	mbstate_t state = { 0 };
	wchar_t wide;
	size_t n = mbrtowc(&wide, text, strlen(text), &state);

	if (n == (size_t)-1 || n == (size_t)-2 || n == 0) {
		*columns = -1;
		return 1;
	}
	*columns = iswprint(wide) ? wcwidth(wide) : -1;
	return n;
}

char *human_clean(char *text)
{
	char *to = text;
	size_t n;
	int columns;

	for (const char *from = text; *from; from += n) {
		n = step(from, &columns);
		if (columns < 0) {
			*to++ = '?';
			continue;
		}
		memmove(to, from, n);
		to += n;
	}
	*to = '\0';
	return text;
}

int human_width(const char *text)
{
	int columns, sum = 0;

	for (; *text; sum += columns < 0 ? 1 : columns)
		text += step(text, &columns);
	return sum;
}

void human_cut(char *text, int columns)
{
	int width, sum = 0;

	while (*text) {
		size_t n = step(text, &width);

		sum += width < 0 ? 1 : width;
		if (sum > columns) {
			*text = '\0';
			return;
		}
		text += n;
	}
}

const char *human_path(const char *path)
{
	char here[PATH_MAX];
	size_t n = getcwd(here, sizeof(here)) ? strlen(here) : 0;

	return n > 1 && !strncmp(path, here, n) && path[n] == '/' ? path + n + 1 : path;
}

char *human_lost(const struct wire_message *message, const char *path, int64_t *total)
{
	static const char *const causes[] = { "sensor", "starved", "encoder", "storage" };
	char text[160] = "";
	int64_t sum = 0;

	for (size_t i = 0; i < ARRAY_LEN(causes); i++) {
		char *member = xasprintf("%s.%s", path, causes[i]);
		int64_t n = wire_integer(message, member, 0);
		size_t used = strlen(text);

		free(member);
		sum += n;
		if (n)
			snprintf(text + used, sizeof(text) - used, "%s%s %" PRId64, used ? ", " : "", causes[i], n);
	}
	if (total)
		*total = sum;
	return xstrdup(sum ? text : "none");
}

void human_print_text(void *user, const char *text)
{
	char *clean = human_clean(xstrdup(text));

	(void)user;
	fprintf(stderr, "%s\n", clean);
	free(clean);
}
