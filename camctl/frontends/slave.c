/*
 * `camctl slave`, for a master program: JSON lines on stdin and stdout. camctl does not stand between the master and camd but
 * turns into it, so that lines, the end of the input, signals and the exit status are camd's own. Where there is a display, a
 * process beside it shows the previews in windows. With --socket it passes bytes on to a camd that runs already.
 */
#include "camctl/frontends/frontend.h"

#include "camctl/become.h"
#include "camctl/bridge.h"
#include "camctl/onlooker.h"
#include "common/util.h"

#include <stdio.h>
#include <stdlib.h>

static int pass_through(const char *path)
{
	struct error err;

	if (bridge_run(path, &err))
		return SESSION_OK;
	fprintf(stderr, "camctl: %s\n", err.text);
	return SESSION_CAMD_FAILED;
}

static int run(const struct frontend_context *context, const struct list *camd_flags)
{
	const char **flags;
	int fd = -1;
	struct error err;
	size_t n = 0;

	if (context->socket)
		return pass_through(context->socket);
	if (previews_may_be_windows(context->picture)) {
		fd = onlooker_start(context->picture, &err);
		if (fd < 0)
			fprintf(stderr, "camctl: %s\n", err.text);
	}
	flags = xcalloc(camd_flags->n + 3, sizeof(*flags));
	flags[n++] = "--mode";
	flags[n++] = "slave";	/* what the user says of it stands behind, and so above it */
	for (size_t i = 0; i < camd_flags->n; i++)
		flags[n++] = ((char **)camd_flags->items)[i];
	become_camd(flags, fd, &err);
	free(flags);
	fprintf(stderr, "camctl: %s\n", err.text);
	return SESSION_CAMD_FAILED;
}

const struct frontend_impl frontend_slave = {
	.name = "slave",
	.summary = "Obeys JSON lines on stdin and answers on stdout, for a master program, with preview windows where there is a display.",
	.run = run,
};
