#include "camd/v4l2_identity.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

void v4l2_identity_copy(char *to, size_t bytes, const char *from)
{
	size_t length = strnlen(from, bytes - 1);

	for (size_t i = 0; i < length; i++)
		to[i] = isascii((unsigned char)from[i]) && isprint((unsigned char)from[i]) && from[i] != '?' ? from[i] : '_';
	to[length] = '\0';
}

static bool is_same_device(const struct v4l2_identity *a, const struct v4l2_identity *b)
{
	return !strcmp(a->bus, b->bus) && !strcmp(a->card, b->card);
}

static bool has_serial_of_another(const struct v4l2_identity *all, size_t n, size_t i)
{
	for (size_t k = 0; k < n; k++)
		if (!strcmp(all[k].serial, all[i].serial) && !strcmp(all[k].card, all[i].card) && !is_same_device(&all[k], &all[i]))
			return true;
	return false;
}

static void write_name(const struct v4l2_identity *all, size_t n, size_t i, bool by_serial, char name[V4L2_IDENTITY_MAX])
{
	const struct v4l2_identity *own = &all[i];
	int nth = 1, used;

	for (size_t k = 0; k < n; k++)
		if (is_same_device(&all[k], own) && all[k].number < own->number)
			nth++;
	if (by_serial)
		used = snprintf(name, V4L2_IDENTITY_MAX, "%s/%s", own->card, own->serial);
	else
		used = snprintf(name, V4L2_IDENTITY_MAX, "%s/%s", own->bus, own->card);
	if (nth > 1)
		snprintf(name + used, V4L2_IDENTITY_MAX - (size_t)used, "#%d", nth);
}

void v4l2_identity_name(const struct v4l2_identity *all, size_t n, size_t i, char name[V4L2_IDENTITY_MAX])
{
	write_name(all, n, i, all[i].serial[0] && !has_serial_of_another(all, n, i), name);
}

int v4l2_identity_find(const struct v4l2_identity *all, size_t n, const char *name, bool *ambiguous)
{
	char own[V4L2_IDENTITY_MAX];
	int found = -1;

	*ambiguous = false;
	if (!strncmp(name, "v4l2:", 5))
		name += 5;
	for (size_t i = 0; i < n; i++) {
		write_name(all, n, i, false, own);
		if (!strcmp(own, name))
			return (int)i;
		write_name(all, n, i, true, own);
		if (!all[i].serial[0] || strcmp(own, name))
			continue;
		*ambiguous = found >= 0;
		found = (int)i;
	}
	return *ambiguous ? -1 : found;
}
