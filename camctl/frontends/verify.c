/* `camctl verify FILE|DIRECTORY…`: what plays, what the tables say, what is missing. It needs no camd and changes nothing. */
#include "camctl/frontends/frontend.h"

#include "camctl/verify.h"

#include <stdlib.h>

struct verify_options {
	struct list files;	/* of paths */
	bool decode;
};

#define AT(member) .at = offsetof(struct verify_options, member)
static const struct field options[] = {
	{ .name = "files", .type = FIELD_LIST, .of = FIELD_PATH, AT(files), .flags = FIELD_REQUIRED,
	  .help = "Videos, or directories with all that is in them: sessions, or the one that holds the sessions." },
	{ .name = "decode", .type = FIELD_BOOL, AT(decode), .fallback = "false",
	  .help = "Also have ffmpeg decode every frame, which takes its time." },
	{ 0 },
};
#undef AT

static void print_json(const struct field *table, const void *base)
{
	char *line = fields_print_json(table, base);

	puts(line);
	free(line);
}

static void on_file(void *user, const struct verify_file *file)
{
	if (*(const bool *)user)
		print_json(verify_file_fields, file);
	else
		verify_print(file, stdout);
}

static int run(const struct frontend_context *context, const struct list *camd_flags)
{
	const struct verify_options *wanted = context->arguments;
	struct verify_summary summary = { .status = VERIFY_SOUND };
	bool json = context->json;

	if (camd_flags->n) {
		fprintf(stderr, "camctl: verify: no such flag: %s\n", ((char **)camd_flags->items)[0]);
		return SESSION_USAGE;
	}
	for (size_t i = 0; i < wanted->files.n; i++)
		verify_path(((char **)wanted->files.items)[i], wanted->decode, &summary, on_file, &json);
	if (!summary.recordings) {
		fprintf(stderr, "camctl: there are no recordings (*.mp4, *.h264)\n");
		return VERIFY_UNKNOWN;
	}
	if (json)
		print_json(verify_summary_fields, &summary);
	else
		verify_print_summary(&summary, stdout);
	return summary.status;
}

const struct frontend_impl frontend_verify = {
	.name = "verify",
	.summary = "Says of recordings what plays, what their tables say and what is missing. Exit status: 0 sound, 1 something is missing, 2 can't say.",
	.options = options, .options_bytes = sizeof(struct verify_options),
	.run = run,
};
