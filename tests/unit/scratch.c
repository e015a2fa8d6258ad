#include "tests/unit/scratch.h"

#include "common/util.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

char *scratch_create(void)
{
	const char *given = getenv("TMPDIR");
	char *directory = xasprintf("%s/camd-test-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : given ? given : "/tmp");

	if (mkdtemp(directory))
		return directory;
	perror(directory);
	abort();
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *at)
{
	(void)status;
	(void)type;
	(void)at;
	return remove(path);
}

void scratch_remove(char *directory)
{
	nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(directory);
}

const char *scratch_path(const char *directory, const char *name)
{
	static char paths[64][512];
	static unsigned next;
	char *path = paths[next++ % ARRAY_LEN(paths)];

	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}
