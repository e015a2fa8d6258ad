#include "common/module.h"

#include "common/util.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void module_find(const char *directory, const char *file, char *path, size_t bytes)
{
	ssize_t length = readlink("/proc/self/exe", path, bytes - 1);

	path[MAX(length, 0)] = '\0';
	if (length > 0 && strrchr(path, '/')) {
		length = strrchr(path, '/') + 1 - path;
		snprintf(path + length, bytes - (size_t)length, "%s", file);
		if (!access(path, F_OK))
			return;
	}
	snprintf(path, bytes, "%s/%s", directory, file);
}
