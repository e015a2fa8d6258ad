#include "camctl/doctor_board.h"

#include "camctl/doctor_bench.h"
#include "camctl/doctor_controls.h"
#include "camctl/doctor_devices.h"
#include "camctl/doctor_machine.h"
#include "camctl/doctor_rates.h"
#include "camctl/doctor_rows.h"
#include "camctl/doctor_trials.h"
#include "camctl/human.h"
#include "camctl/item.h"
#include "camctl/tempdir.h"
#include "common/util.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ALONE_NS (60 * NS_PER_S)
#define SHORT_NS (4 * NS_PER_S)
#define TRIALS_BYTES ((int64_t)200 << 20)	/* what the small trials need at most at one time */

static const char cameras[] = "data.cameras";

/* ---- flags ---- */

/* The user's flags but for --camera, whose values go to specs. Lists of texts. */
static void split_flags(const struct list *flags, struct list *base, struct list *specs)
{
	for (size_t i = 0; i < flags->n; i++) {
		const char *flag = ((char **)flags->items)[i];

		if (!strncmp(flag, "--camera=", 9))
			fields_add_text(specs, flag + 9);
		else if (!strcmp(flag, "--camera") && i + 1 < flags->n)
			fields_add_text(specs, ((char **)flags->items)[++i]);
		else
			fields_add_text(base, flag);
	}
}

/* ---- one camera ---- */

static struct list one(int64_t *id)
{
	return (struct list){ 1, id };
}

/* The others off, so that it is alone. Switching them is a trial of its own. */
static void switch_others(struct doctor_bench *bench, int index, bool enabled)
{
	int n = item_count(&bench->cameras, cameras);

	for (int i = 0; i < n; i++) {
		int64_t id = item_integer(&bench->cameras, cameras, i, "camera_id", i);
		struct list ids = one(&id);

		if (i != index && doctor_bench_goes_on(bench))
			doctor_trials_switch(bench, &ids, enabled);
	}
	if (enabled && n > 1)
		patient_wait(bench->patient, 2 * NS_PER_S);
}

static void record(struct doctor_bench *bench, const struct list *ids, int64_t ns, const char *title)
{
	struct doctor_take take;

	doctor_bench_take(bench, &take, ids, ns, title);
	doctor_rows_take(bench->doctor->report, &take, bench->hardware);
	doctor_take_clear(&take);
}

static void try_camera(struct doctor_bench *bench, int index)
{
	int64_t id = item_integer(&bench->cameras, cameras, index, "camera_id", index);
	struct list ids = one(&id);

	findings_section(bench->doctor->report, "Camera %" PRId64 " alone: %s", id,
		       item_text(&bench->cameras, cameras, index, "id"));
	switch_others(bench, index, false);
	if (doctor_bench_goes_on(bench))
		record(bench, &ids, bench->alone_ns, "alone");
	doctor_trials_restarts(bench, &ids);
	doctor_trials_bitrates(bench, &ids);
	doctor_trials_bitrate_change(bench, &ids);
	doctor_trials_pictures(bench, &ids);
	doctor_controls_try(bench, &ids, index);
	doctor_trials_off_and_on(bench, &ids);
	switch_others(bench, index, true);
}

/* ---- all ---- */

static void try_together(struct doctor_bench *bench)
{
	const struct list all = { 0 };
	int n = item_count(&bench->cameras, cameras);
	char duration[HUMAN_BYTES];

	if (n > 1 || bench->long_ns > bench->alone_ns) {
		findings_section(bench->doctor->report, n > 1 ? "All %d cameras together, %s" : "%d camera, %s", n,
			       human_duration(bench->long_ns, duration));
		record(bench, &all, bench->long_ns, "together");
	}
	findings_section(bench->doctor->report, "The processor as the encoder");
	doctor_trials_software(bench);
	doctor_machine_row_throttled(bench->doctor, "throttling");
}

static bool ask_cameras(struct doctor_bench *bench)
{
	struct error err;

	if (!patient_ask(bench->patient, CMD_LIST_CAMERAS, NULL, 0, &err)) {
		findings_row(bench->doctor->report, VERDICT_PROBLEM, "cameras", NULL, "%s", err.text);
		return false;
	}
	bench->cameras = patient_take(bench->patient);
	return true;
}

static void tell_end(struct doctor_bench *bench)
{
	if (bench->patient && bench->patient->ended && !doctor_is_stopped(bench->doctor))
		findings_row(bench->doctor->report, VERDICT_PROBLEM, "camd",
			   "an error of camd's, a library's or a driver's: please report it, with its log below",
			   "it ended in the middle of the trials");
}

/* All that one camd can do, with as many cameras as there are. */
static void try_cameras(struct doctor_bench *bench)
{
	static const char *const none[] = { NULL };
	int n;

	findings_section(bench->doctor->report, "Under measurement");
	if (!doctor_bench_start(bench, bench->doctor->flags, none) || !ask_cameras(bench))
		return;
	n = item_count(&bench->cameras, cameras);
	findings_row(bench->doctor->report, VERDICT_OK, "camd", NULL, "%d cameras, process %d", n,
		   session_pid(bench->patient->session));
	for (int i = 0; i < n && doctor_bench_goes_on(bench); i++)
		try_camera(bench, i);
	if (doctor_bench_goes_on(bench))
		try_together(bench);
	tell_end(bench);
	doctor_bench_end(bench, "all cameras");
}

static void try_rates(struct doctor_bench *bench)
{
	struct list base = { 0 }, specs = { 0 };
	int n = item_count(&bench->cameras, cameras);

	split_flags(bench->doctor->flags, &base, &specs);
	for (int i = 0; i < n && !doctor_is_stopped(bench->doctor); i++) {
		const char *id = item_text(&bench->cameras, cameras, i, "id");

		findings_section(bench->doctor->report, "Rates and sizes of camera %" PRId64,
			       item_integer(&bench->cameras, cameras, i, "camera_id", i));
		/* the name alone would not tell a synthetic camera's or a file's options */
		doctor_rates_try(bench, &base, specs.n == (size_t)n ? ((char **)specs.items)[i] : id, i);
	}
	fields_free_texts(&base);
	fields_free_texts(&specs);
}

/* ---- its course ---- */

static void print_texts(struct findings *report, const struct list *texts)
{
	for (size_t i = 0; i < texts->n; i++)
		findings_line(report, "%s", ((char **)texts->items)[i]);
}

static void print_tables(struct doctor_bench *bench)
{
	struct findings *report = bench->doctor->report;

	findings_section(report, "All recordings");
	for (size_t i = 0; doctor_bench_head[i]; i++)
		findings_line(report, "%s", doctor_bench_head[i]);
	print_texts(report, &bench->recordings);
	findings_section(report, "camd's log: what matters of it");
	findings_line(report, "```");
	print_texts(report, &bench->log);
	findings_line(report, "```");
}

/* What such a run can't show. */
static void print_rest(struct findings *report)
{
	static const char *const rest[] = {
		"- Stalls after many hours: run it again with `--seconds 50000`.",
		"- A camera unplugged and plugged in again while it records; a flat cable pulled (with the power off).",
		"- A power cut while it records: what `camctl list_cameras` says of recovered files afterwards.",
		"- Heat and weak power supplies under load: the rows temperature and throttling, with `--seconds 3600`.",
		"- Two boards or cameras whose shutters are synchronised.",
	};

	findings_section(report, "Not tried");
	for (size_t i = 0; i < ARRAY_LEN(rest); i++)
		findings_line(report, "%s", rest[i]);
}

static bool has_room(struct doctor *doctor, const struct doctor_camd *camd, int64_t ns)
{
	int64_t left = doctor_devices_free_bytes(camd->output_dir);
	double needed = (double)camd->bitrate_bps / 8 * 1.5 * (double)ns / 1e9 * (double)camd->cameras + (double)TRIALS_BYTES;
	char a[HUMAN_BYTES], b[HUMAN_BYTES];

	if ((double)left >= needed)
		return true;
	findings_row(doctor->report, VERDICT_PROBLEM, "room", "fewer --seconds, a lower --bitrate, or another --output-dir",
		   "%s are free in %s, these recordings may need %s", human_size(left, a), camd->output_dir,
		   human_size((int64_t)needed, b));
	return false;
}

void doctor_board_run(struct doctor *doctor, const struct doctor_camd *camd, int64_t ns)
{
	struct doctor_bench bench = {
		.doctor = doctor, .bitrate_bps = camd->bitrate_bps, .hardware = camd->has_hardware, .long_ns = ns,
		.alone_ns = MIN(ns, ALONE_NS), .short_ns = MIN(ns, SHORT_NS),
	};
	bool was_there = !access(camd->output_dir, F_OK);
	struct error err;

	bench.directory = tempdir_make(camd->output_dir, "doctor", &err);
	if (!bench.directory) {
		findings_row(doctor->report, VERDICT_PROBLEM, "recordings", NULL, "%s", err.text);
		return;
	}
	if (has_room(doctor, camd, ns)) {
		try_cameras(&bench);
		if (!doctor_is_stopped(doctor))
			try_rates(&bench);
		print_tables(&bench);
		print_rest(doctor->report);
	}
	tempdir_remove(bench.directory);
	if (!was_there)
		rmdir(camd->output_dir);
	wire_clear_message(&bench.cameras);
	fields_free_texts(&bench.recordings);
	fields_free_texts(&bench.log);
	free(bench.directory);
}
