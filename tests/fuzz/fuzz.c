#include "tests/fuzz/fuzz.h"

#include "common/util.h"
#include "tests/unit/scratch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char *directory;

void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz: %s\n", what);
	abort();
}

static void remove_directory(void)
{
	scratch_remove(directory);
}

const char *fuzz_directory(void)
{
	if (!directory) {
		directory = scratch_create();
		atexit(remove_directory);
	}
	return directory;
}

const char *fuzz_file(const char *name, const void *data, size_t bytes)
{
	const char *path = scratch_path(fuzz_directory(), name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(fd >= 0 && write_whole(fd, data, bytes), path);
	close(fd);
	return path;
}

uint8_t *fuzz_slurp(const char *path, size_t *bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	uint8_t *data;

	must(fd >= 0 && !fstat(fd, &status), path);
	*bytes = (size_t)status.st_size;
	data = xcalloc(*bytes + 1, 1);
	must(read(fd, data, *bytes) == (ssize_t)*bytes, path);
	close(fd);
	return data;
}
