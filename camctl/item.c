#include "camctl/item.h"

#include "common/util.h"

#include <stdlib.h>

static char *path_to(const char *list, int index, const char *member)
{
	return xasprintf("%s.%d.%s", list, index, member);
}

int64_t item_integer(const struct wire_message *message, const char *list, int index, const char *member, int64_t fallback)
{
	char *path = path_to(list, index, member);
	int64_t value = wire_integer(message, path, fallback);

	free(path);
	return value;
}

double item_number(const struct wire_message *message, const char *list, int index, const char *member, double fallback)
{
	char *path = path_to(list, index, member);
	double value = wire_number(message, path, fallback);

	free(path);
	return value;
}

const char *item_text(const struct wire_message *message, const char *list, int index, const char *member)
{
	char *path = path_to(list, index, member);
	const char *value = wire_text(message, path);

	free(path);
	return value;
}

int item_count(const struct wire_message *message, const char *list)
{
	char *path = xasprintf("%s.#", list);
	int n = (int)wire_integer(message, path, 0);

	free(path);
	return n;
}

int item_of_camera(const struct wire_message *message, const char *list, int64_t camera_id)
{
	int n = item_count(message, list);

	for (int i = 0; i < n; i++)
		if (item_integer(message, list, i, "camera_id", -1) == camera_id)
			return i;
	return -1;
}
