/*
 * `camctl doctor`: looks at the machine, its devices and camd, and says what is in order and what isn't, with the remedy.
 * With --board it then measures, unattended, what the cameras and the encoder that are there really do, and writes a report.
 * It turns a loop of its own, for it needs several camds, one after another.
 */
#include "camctl/frontends/frontend.h"

#include "camctl/doctor_board.h"
#include "camctl/doctor_devices.h"
#include "camctl/doctor_machine.h"
#include "common/clock.h"
#include "common/util.h"

#include <stdlib.h>

struct doctor_options {
	bool board;
	int64_t seconds_ns;
	char *report;
};

#define AT(member) .at = offsetof(struct doctor_options, member)
static const struct field options[] = {
	{ .name = "board", .type = FIELD_BOOL, AT(board), .fallback = "false",
	  .help = "Measure: some minutes a camera of recordings, which are removed again, and a report in a file." },
	{ .name = "seconds", .type = FIELD_DURATION, AT(seconds_ns), .min = 1, .max = 31536000, .unit = "s", .fallback = "10",
	  .help = "With --board: how long all cameras together are recorded, each alone a minute at most; 10 s if absent, "
	  "3600 shows heat and stalls." },
	{ .name = "report", .type = FIELD_PATH, AT(report), .max = 4095, .flags = FIELD_OPTIONAL,
	  .help = "Where to keep what is found, as Markdown; with --board camd-doctor-DATE.md if absent." },
	{ 0 },
};
#undef AT

/* Kept from the beginning on: whatever happens to the machine, what was found is there. */
static bool open_report(struct doctor *doctor, const struct doctor_options *wanted, char **path, struct error *err)
{
	char stamp[CLOCK_STAMP_BYTES], iso[CLOCK_ISO_BYTES], *title;
	int64_t now_ns = clock_wall_ns();
	bool opened;

	*path = wanted->report ? xstrdup(wanted->report) : NULL;
	if (!*path && wanted->board)
		*path = xasprintf("camd-doctor-%s.md", clock_stamp(now_ns, stamp));
	if (!*path)
		return true;
	title = xasprintf("camctl doctor%s, version " CAMD_VERSION ", %s", wanted->board ? " --board" : "",
			  clock_iso(now_ns, iso));
	opened = findings_open(doctor->report, *path, title, err);
	free(title);
	return opened;
}

static void examine(struct doctor *doctor, const struct doctor_options *wanted, struct doctor_camd *camd)
{
	doctor_machine_examine(doctor);
	doctor_devices_examine(doctor);
	doctor_camd_examine(doctor, camd);
	if (!wanted->board || camd->failure || doctor_is_stopped(doctor))
		return;
	if (camd->cameras)
		doctor_board_run(doctor, camd, wanted->seconds_ns);
	else
		findings_row(doctor->report, VERDICT_PROBLEM, "board", "plug a camera in, or try the way with `--camera "
			   "synthetic`", "no camera runs: nothing was measured");
}

static void print_end(struct doctor *doctor, const char *path)
{
	size_t problems = findings_count(doctor->report, VERDICT_PROBLEM), notes = findings_count(doctor->report, VERDICT_NOTE);
	FILE *to = doctor->json ? stderr : stdout;
	struct error err;

	findings_state(doctor->report, doctor_is_stopped(doctor) ? "interrupted" : "complete");
	fprintf(to, "\n%zu problem%s, %zu note%s\n", problems, problems == 1 ? "" : "s", notes, notes == 1 ? "" : "s");
	if (path && findings_error(doctor->report, &err))
		fprintf(stderr, "camctl: %s\n", err.text);
	else if (path)
		fprintf(to, "the report is in %s\n", path);
}

static enum session_status status_of(const struct doctor *doctor, const struct doctor_camd *camd)
{
	if (camd->failure)
		return camd->failure;
	return findings_count(doctor->report, VERDICT_PROBLEM) || doctor_is_stopped(doctor) ? SESSION_PROBLEM : SESSION_OK;
}

static int run(const struct frontend_context *context, const struct list *camd_flags)
{
	const struct doctor_options *wanted = context->arguments;
	struct doctor_camd camd = { 0 };
	enum session_status status;
	struct doctor doctor;
	struct error err;
	char *path;

	doctor_init(&doctor, camd_flags, context->json);
	if (open_report(&doctor, wanted, &path, &err)) {
		examine(&doctor, wanted, &camd);
		print_end(&doctor, path);
		status = status_of(&doctor, &camd);
	} else {
		fprintf(stderr, "camctl: %s\n", err.text);
		status = SESSION_USAGE;
	}
	doctor_camd_clear(&camd);
	doctor_finish(&doctor);
	free(path);
	return status;
}

const struct frontend_impl frontend_doctor = {
	.name = "doctor",
	.summary = "Looks at the machine, its devices and camd; with --board, measures the cameras and the encoder and "
	"writes a report.",
	.options = options, .options_bytes = sizeof(struct doctor_options),
	.run = run,
};
