#include "camctl/seen.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void seen_open(struct seen *seen)
{
	const char *path = getenv("CAMD_SEEN");

	*seen = (struct seen){ .fd = -1 };
	if (!path || !*path)
		return;
	seen->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (seen->fd < 0)
		fprintf(stderr, "camctl: cannot write $CAMD_SEEN, %s: %s\n", path, strerror(errno));
}

void seen_close(struct seen *seen)
{
	if (seen->fd >= 0)
		close(seen->fd);
	seen->fd = -1;
}

/* One write, so that lines of several programs don't mix. */
static void note(struct seen *seen, const char *kind, const char *name)
{
	char *line = xasprintf("%s %s\n", kind, name);

	if (seen->fd >= 0 && write(seen->fd, line, strlen(line)) < 0)
		fprintf(stderr, "camctl: cannot write $CAMD_SEEN: %s\n", strerror(errno));
	free(line);
}

void seen_command(struct seen *seen, const struct command *command)
{
	bool *known = &seen->commands[command_id(command)];

	if (!*known)
		note(seen, "command", command->name);
	*known = true;
}

void seen_message(struct seen *seen, enum message_id message)
{
	if (!seen->messages[message])
		note(seen, messages[message].kind == KIND_EVENT ? "event" : "message", messages[message].name);
	seen->messages[message] = true;
}
