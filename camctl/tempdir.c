#include "camctl/tempdir.h"

#include "common/util.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* What fails here fails again, and is told, when something is made in it. */
static void make_base(const char *base)
{
	char *path = xstrdup(base);

	for (char *at = path + 1; at[-1]; at++) {
		char end = *at;

		if (end && end != '/')
			continue;
		*at = '\0';
		mkdir(path, 0777);
		*at = end;
	}
	free(path);
}

char *tempdir_make(const char *base, const char *prefix, struct error *err)
{
	char *path = xasprintf("%s/%s-XXXXXX", base, prefix);

	make_base(base);
	if (mkdtemp(path))
		return path;
	error_set_errno(err, errno, "cannot make %s", path);
	free(path);
	return NULL;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
	(void)info;
	(void)type;
	(void)where;
	remove(path);
	return 0;
}

void tempdir_remove(const char *path)
{
	nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
