#include "camctl/doctor_controls.h"

#include "camctl/item.h"
#include "common/clock.h"
#include "common/util.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NEAR 0.2	/* sensors have steps: what comes may be off by this part of what was set */

/* What is set, and the part of the name of the table's column that tells it. part: values are parts of its range. */
static const struct knob {
	const char *name, *column;
	double first, second;
	bool part;
} knobs[] = {
	{ "ExposureTime", "exposure", 2000, 8000, false },		/* microseconds */
	{ "exposure_time_absolute", "exposure", 20, 80, false },	/* of 100 microseconds */
	{ "exposure_absolute", "exposure", 20, 80, false },
	{ "AnalogueGain", "gain", 1.5, 4, false },
	{ "analogue_gain", "gain", 0.2, 0.6, true },
	{ "gain", "gain", 0.2, 0.6, true },
};

/* What has to be switched off before those can be set, and on again. */
static const struct {
	const char *name, *off, *on;
} automatic[] = {
	{ "AeEnable", "false", "true" }, { "auto_exposure", "1", "3" }, { "exposure_auto", "1", "3" },
	{ "gain_automatic", "false", "true" },
	{ "autogain", "false", "true" },
};

struct trial {
	struct doctor_bench *bench;
	const struct list *camera_ids;
	const struct wire_message *cameras;
	char *list;			/* path of the camera's controls */
};

/* Its index among the camera's; -1: it has none of that name. */
static int find(const struct trial *trial, const char *name)
{
	int n = item_count(trial->cameras, trial->list);

	for (int i = 0; i < n; i++) {
		const char *one = item_text(trial->cameras, trial->list, i, "name");

		if (one && !strcmp(one, name))
			return i;
	}
	return -1;
}

static double value_of(const struct trial *trial, const struct knob *knob, bool second)
{
	int at = find(trial, knob->name);
	double least = item_number(trial->cameras, trial->list, at, "min", -HUGE_VAL);
	double most = item_number(trial->cameras, trial->list, at, "max", HUGE_VAL);
	double step = item_number(trial->cameras, trial->list, at, "step", 0);
	double value = second ? knob->second : knob->first;
	const char *type = item_text(trial->cameras, trial->list, at, "type");

	if (knob->part && isfinite(least) && isfinite(most))
		value = least + value * (most - least);
	if (step > 0 && isfinite(least))
		value = least + round((value - least) / step) * step;
	if (type && !strcmp(type, "int"))
		value = round(value);
	return fmin(fmax(value, least), most);
}

static bool send_controls(const struct trial *trial, struct set_controls_args *arguments, struct error *err)
{
	bool done = !arguments->controls || patient_ask(trial->bench->patient, CMD_SET_CONTROLS, arguments, 0, err);

	arguments->camera_id = (struct list){ 0 };	/* it is ours */
	fields_clear(commands[CMD_SET_CONTROLS].arguments, arguments);
	return done;
}

static bool set_automatic(const struct trial *trial, bool on, struct error *err)
{
	struct set_controls_args arguments = { .camera_id = *trial->camera_ids };

	for (size_t i = 0; i < ARRAY_LEN(automatic); i++)
		if (find(trial, automatic[i].name) >= 0)
			field_set_json_member(&arguments.controls, automatic[i].name,
					      on ? automatic[i].on : automatic[i].off);
	return send_controls(trial, &arguments, err);
}

static bool set_knobs(const struct trial *trial, bool second, struct error *err)
{
	struct set_controls_args arguments = { .camera_id = *trial->camera_ids };

	for (size_t i = 0; i < ARRAY_LEN(knobs); i++) {
		char text[32];

		if (find(trial, knobs[i].name) < 0)
			continue;
		snprintf(text, sizeof(text), "%.6g", value_of(trial, &knobs[i], second));
		field_set_json_member(&arguments.controls, knobs[i].name, text);
	}
	return send_controls(trial, &arguments, err);
}

/* ---- what came of it ---- */

/* The last value that is there before that row; NAN: none. */
static double last_before(const double *values, size_t row)
{
	while (row--)
		if (!isnan(values[row]))
			return values[row];
	return NAN;
}

/* Frames from the one that was under way at changed_ns to the first one that is nearer to the new value; -1: unknown. */
static int delay_of(const char *csv, const double *values, size_t n, int64_t changed_ns, double first, double second)
{
	char name[64];
	size_t rows;
	double *times = doctor_csv_column(csv, "sensor_timestamp_ns", name, &rows);
	int frames = 0, found = -1;

	for (size_t i = 0; times && i < MIN(n, rows) && found < 0; i++) {
		if (times[i] < (double)changed_ns)
			continue;
		if (fabs(values[i] - second) < fabs(values[i] - first))
			found = frames;
		frames++;
	}
	free(times);
	return found;
}

static void row_knob(const struct trial *trial, const struct knob *knob, const char *csv, int64_t changed_ns)
{
	struct findings *report = trial->bench->doctor->report;
	double first = value_of(trial, knob, false), second = value_of(trial, knob, true), told[2] = { NAN, NAN };
	char name[64] = "";
	size_t n = 0, before = 0, rows;
	double *values = doctor_csv_column(csv, knob->column, name, &n);
	double *times = doctor_csv_column(csv, "sensor_timestamp_ns", (char[64]){ 0 }, &rows);
	bool follows;

	while (times && before < MIN(n, rows) && times[before] < (double)changed_ns)
		before++;
	if (values) {
		told[0] = last_before(values, before);
		told[1] = last_before(values, n);
	}
	follows = fabs(told[0] - first) <= NEAR * fabs(first) && fabs(told[1] - second) <= NEAR * fabs(second);
	if (isnan(told[0]) || isnan(told[1]))
		findings_row(report, VERDICT_OK, knob->name, "cameras of libcamera tell exposure and gain with each frame; "
			   "V4L2 cameras tell neither",
			   "set to %g, then %g: taken; the table does not tell (%s)", first, second,
			   *name ? name : "no column");
	else
		findings_row(report, follows ? VERDICT_OK : VERDICT_NOTE, knob->name,
			   "the table follows what was set within some frames",
			   "set to %g, then %g; the table's %s tells %g, then %g, %d frames after the change", first, second,
			   name, told[0], told[1], delay_of(csv, values, n, changed_ns, told[0], told[1]));
	free(values);
	free(times);
}

static void record(struct trial *trial)
{
	struct doctor_bench *bench = trial->bench;
	struct doctor_take take;
	struct error err = { 0 };
	int64_t changed_ns = 0;
	bool done = false;

	if (!doctor_take_begin(&take, bench->patient, trial->camera_ids)) {
		findings_row(bench->doctor->report, VERDICT_PROBLEM, "controls", NULL, "%s", take.error);
		return;
	}
	if (patient_wait(bench->patient, bench->short_ns)) {
		changed_ns = clock_now_ns();
		done = set_knobs(trial, true, &err) && patient_wait(bench->patient, bench->short_ns);
	}
	doctor_take_end(&take, bench->patient);
	doctor_take_look(&take, bench->doctor, true);
	doctor_bench_note(bench, &take, "controls set");
	if (!done && doctor_bench_goes_on(bench))
		findings_row(bench->doctor->report, VERDICT_PROBLEM, "controls", "camd's log below", "%s", err.text);
	for (size_t i = 0; done && take.n && take.parts[0].csv_file && i < ARRAY_LEN(knobs); i++)
		if (find(trial, knobs[i].name) >= 0)
			row_knob(trial, &knobs[i], take.parts[0].csv_file, changed_ns);
	doctor_take_clear(&take);
}

void doctor_controls_try(struct doctor_bench *bench, const struct list *camera_ids, int index)
{
	struct trial trial = {
		.bench = bench, .camera_ids = camera_ids, .cameras = &bench->cameras,
		.list = xasprintf("data.cameras.%d.controls", index),
	};
	struct error err;
	int known = 0;

	for (size_t i = 0; i < ARRAY_LEN(knobs); i++)
		known += find(&trial, knobs[i].name) >= 0;
	if (!doctor_bench_goes_on(bench))
		known = 0;
	else if (!known)
		findings_row(bench->doctor->report, VERDICT_OK, "controls", NULL,
			   "this camera has %d, none for exposure or gain", item_count(&bench->cameras, trial.list));
	else if (!set_automatic(&trial, false, &err) || !set_knobs(&trial, false, &err))
		findings_row(bench->doctor->report, VERDICT_PROBLEM, "controls", "camd's log below", "%s", err.text);
	else
		record(&trial);
	if (known && doctor_bench_goes_on(bench) && !set_automatic(&trial, true, &err))
		findings_row(bench->doctor->report, VERDICT_NOTE, "controls", NULL,
			   "the automatic ones were not switched on again: %s", err.text);
	free(trial.list);
}
