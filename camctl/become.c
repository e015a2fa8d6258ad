#include "camctl/become.h"

#include "camctl/spawn.h"
#include "common/util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void become_camd(const char *const *flags, struct error *err)
{
	char *program = spawn_find_camd();
	const char **arguments;
	size_t n = 0;

	while (flags[n])
		n++;
	arguments = xcalloc(n + 2, sizeof(*arguments));
	arguments[0] = program;
	memcpy(arguments + 1, flags, n * sizeof(*flags));
	execvp(program, (char *const *)arguments);
	spawn_explain(program, errno, err);
	free(arguments);
	free(program);
}
