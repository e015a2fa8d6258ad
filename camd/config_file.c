#include "camd/config_file.h"

#include "common/util.h"

#include <stdlib.h>
#include <sys/stat.h>

/* Pipes and directories of that name were not meant; whether it can be read shows later, and is told. */
static char *take_if_there(char *path)
{
	struct stat info;
	char *whole = path && stat(path, &info) == 0 && S_ISREG(info.st_mode) ? realpath(path, NULL) : NULL;

	free(path);
	return whole;
}

/* A relative directory is to be ignored, says the standard that gave it its name. */
static char *of_the_user(void)
{
	const char *directory = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (directory && directory[0] == '/')
		return xasprintf("%s/camd/camd.conf", directory);
	return home && home[0] == '/' ? xasprintf("%s/.config/camd/camd.conf", home) : NULL;
}

char *config_file_choose(const char *asked)
{
	char *path;

	if (asked && !*asked)
		return NULL;
	if (asked) {
		/* what has no path of its own, such as a shell's <(…), is opened as it was given */
		path = realpath(asked, NULL);
		return path ? path : xstrdup(asked);
	}
	path = take_if_there(xstrdup("config.txt"));
	if (!path)
		path = take_if_there(of_the_user());
	if (!path)
		path = take_if_there(xstrdup(CAMD_SYSCONFDIR "/camd/camd.conf"));
	return path ? path : take_if_there(xstrdup("/etc/camd/camd.conf"));
}
