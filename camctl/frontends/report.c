/* `camctl report SESSION`: what the files of a session say of it, as text and as a picture. It needs no camd. */
#include "camctl/frontends/frontend.h"

#include "camctl/recap.h"
#include "camctl/screen.h"
#include "common/util.h"

#include <errno.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct report_options {
	char *session, *svg;
};

#define AT(member) .at = offsetof(struct report_options, member)
static const struct field options[] = {
	{ .name = "session", .type = FIELD_PATH, AT(session), .max = 4095, .flags = FIELD_REQUIRED,
	  .help = "A session's directory, or one recording in it; it may be recording still." },
	{ .name = "svg", .type = FIELD_PATH, AT(svg), .max = 4000, .flags = FIELD_OPTIONAL,
	  .help = "Also draw it, into this file, which is replaced." },
	{ 0 },
};
#undef AT

/* The file is there when it is whole. */
static bool draw(const struct recap *recap, const char *path, struct error *err)
{
	char *part = xasprintf("%s.part", path);
	FILE *to = fopen(part, "we");
	bool ok = to;

	if (to) {
		recap_draw(recap, to);
		ok = !ferror(to);
		ok = !fclose(to) && ok && !rename(part, path);
	}
	if (!ok)
		error_set_errno(err, errno, "%s", path);
	if (to && !ok)
		unlink(part);
	free(part);
	return ok;
}

static int run(const struct frontend_context *context, const struct list *camd_flags)
{
	const struct report_options *wanted = context->arguments;
	struct recap recap;
	struct error err;
	bool ok;

	if (camd_flags->n) {
		fprintf(stderr, "camctl: report: no such flag: %s\n", ((char **)camd_flags->items)[0]);
		return SESSION_USAGE;
	}
	ok = recap_read(&recap, wanted->session, &err);
	if (ok)
		recap_print(&recap, screen_columns(stdout), !strcmp(nl_langinfo(CODESET), "UTF-8"), stdout);
	if (ok && wanted->svg)
		ok = draw(&recap, wanted->svg, &err);
	if (!ok)
		fprintf(stderr, "camctl: %s\n", err.text);
	recap_clear(&recap);
	return ok ? SESSION_OK : SESSION_PROBLEM;
}

const struct frontend_impl frontend_report = {
	.name = "report",
	.summary = "What a session's files say: intervals, losses with their causes, bitrate, skew between cameras; with --svg, drawn.",
	.options = options, .options_bytes = sizeof(struct report_options),
	.run = run,
};
