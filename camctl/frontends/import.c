#include "camctl/frontends/frontend.h"

#include "camctl/import.h"

#include <stddef.h>
#include <stdio.h>

/* Settings of other services, translated; no camd is needed for it. */

struct import_options {
	char *file;
};

static const struct field options[] = {
	{ .name = "file", .type = FIELD_PATH, .at = offsetof(struct import_options, file), .max = 4095, .flags = FIELD_REQUIRED,
	  .help = "Its config.json." },
	{ 0 },
};

static int run(const struct frontend_context *context, const struct list *camd_flags)
{
	const struct import_options *wanted = context->arguments;
	struct error err;

	if (camd_flags->n) {
		fprintf(stderr, "camctl: import: no such flag: %s\n", ((char **)camd_flags->items)[0]);
		return SESSION_USAGE;
	}
	if (import_print(wanted->file, stdout, &err))
		return SESSION_OK;
	fprintf(stderr, "camctl: %s\n", err.text);
	return SESSION_PROBLEM;
}

const struct frontend_impl frontend_import = {
	.name = "import",
	.summary = "Prints the settings of Dash of Pi or Pi Cam Service, a config.json, as a file for camd, with what has no counterpart and why.",
	.options = options, .options_bytes = sizeof(struct import_options),
	.run = run,
};
