#include "camctl/doctor_trials.h"

#include "camctl/doctor_rows.h"
#include "camctl/item.h"
#include "common/clock.h"
#include "common/util.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N_RESTARTS 10
#define RESTART_NS (NS_PER_S / 2)
#define SLOW_NS (2 * NS_PER_S)
#define OPEN_NS (15 * NS_PER_S)		/* until a camera that was switched on runs */
#define POLL_NS (50 * NS_PER_MS)
#define SIMPLE_MBPS 0.7			/* a picture that needs less tells nothing about bitrates above */
#define LITTLE_BPS 1000000		/* below this, encoders are known to leave frames out */

static const char cameras[] = "data.cameras";

static struct findings *report_of(const struct doctor_bench *bench)
{
	return bench->doctor->report;
}

static bool set(struct doctor_bench *bench, const char *name, const char *value)
{
	struct error err;

	if (patient_set(bench->patient, name, value, &err))
		return true;
	findings_row(report_of(bench), VERDICT_PROBLEM, name, NULL, "%s", err.text);
	return false;
}

static bool set_bitrate(struct doctor_bench *bench, int64_t bps)
{
	char *text = xasprintf("%" PRId64, bps);
	bool done = set(bench, "bitrate", text);

	free(text);
	return done;
}

/* ---- start and stop ---- */

struct spans {
	double ms[N_RESTARTS];
	int n;
};

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* "12 / 15 / 40", allocated: shortest, median, longest. */
static char *print_spans(struct spans *spans)
{
	qsort(spans->ms, (size_t)spans->n, sizeof(spans->ms[0]), compare);
	if (!spans->n)
		return xstrdup("none");
	return xasprintf("%.1f / %.1f / %.1f", spans->ms[0], spans->ms[spans->n / 2], spans->ms[spans->n - 1]);
}

static bool is_whole(const struct doctor_part *part)
{
	return part->file && !part->error && part->frames && part->video.begins_with_key &&
		part->video.decoded == part->frames &&
	       !*part->video.complaint;
}

void doctor_trials_restarts(struct doctor_bench *bench, const struct list *camera_ids)
{
	struct spans starts = { .n = 0 }, stops = { .n = 0 };
	int64_t lost = 0, whole = 0, made = 0, unseen = 0;
	char *start_text, *stop_text;
	bool slow, bad;

	for (int i = 0; i < N_RESTARTS && doctor_bench_goes_on(bench); i++) {
		struct doctor_take take;

		doctor_bench_take(bench, &take, camera_ids, RESTART_NS, "restart");
		starts.ms[starts.n++] = (double)take.start_ns / 1e6;
		stops.ms[stops.n++] = (double)take.stop_ns / 1e6;
		made++;
		whole += take.n > 0 && is_whole(&take.parts[0]);
		unseen += take.n > 0 && *take.parts[0].video_error;
		lost += take.n > 0 ? doctor_take_lost(&take.parts[0]) : 0;
		doctor_take_clear(&take);
	}
	if (!made)
		return;
	start_text = print_spans(&starts);
	stop_text = print_spans(&stops);
	slow = stops.n && MAX(starts.ms[starts.n - 1], stops.ms[stops.n - 1]) > SLOW_NS / 1e6;
	bad = lost || whole + unseen < made;
	findings_row(report_of(bench), bad ? VERDICT_PROBLEM : slow ? VERDICT_NOTE : VERDICT_OK, "start and stop",
		   "all whole: decoded, beginning with a key frame; "
		   "no start or stop of seconds, no growth from first to last",
		   "%" PRId64 " times, %" PRId64 " whole, %" PRId64 " frames lost; shortest / median / longest: start %s ms, "
		   "stop %s ms", made, whole, lost, start_text, stop_text);
	free(start_text);
	free(stop_text);
}

/* ---- bitrates ---- */

static void row_bitrate(struct doctor_bench *bench, const struct doctor_part *part, int64_t bps)
{
	char *what = xasprintf("bitrate %g Mb/s", (double)bps / 1e6);
	char lost[DOCTOR_LOST_BYTES];
	double mbps = doctor_take_mbps(part);
	bool over = mbps * 1e6 > 1.5 * (double)bps, skips = part->lost.encoder > 0;
	bool bad = part->error || (skips && bps >= LITTLE_BPS);
	enum verdict verdict = bad ? VERDICT_PROBLEM : skips || over ? VERDICT_NOTE : VERDICT_OK;

	findings_row(report_of(bench), verdict, what, "no frame lost by the encoder (skips at low rates: choose the lowest "
		   "rate without); no more than 1.5 times what was asked; less is right for a simple picture",
		   "%.3f Mb/s, %" PRId64 " of %" PRId64 " frames, lost: %s%s%s", mbps, part->frames, part->captured,
		   doctor_rows_lost(&part->lost, lost), part->error ? "; " : "", part->error ? part->error : "");
	free(what);
}

void doctor_trials_bitrates(struct doctor_bench *bench, const struct list *camera_ids)
{
	static const int64_t rates[] = { 250000, 500000, 1000000, 2000000, 5000000, 10000000, 20000000 };

	for (size_t i = 0; i < ARRAY_LEN(rates) && doctor_bench_goes_on(bench); i++) {
		struct doctor_take take;
		char *title = xasprintf("%g Mb/s", (double)rates[i] / 1e6);

		if (set_bitrate(bench, rates[i])) {
			doctor_bench_take(bench, &take, camera_ids, bench->short_ns, title);
			if (take.n)
				row_bitrate(bench, &take.parts[0], rates[i]);
			else
				findings_row(report_of(bench), VERDICT_PROBLEM, title, NULL, "%s", take.error);
			doctor_take_clear(&take);
		}
		free(title);
	}
	if (doctor_bench_goes_on(bench))
		set_bitrate(bench, bench->bitrate_bps);
}

struct point {
	int64_t bytes, duration_ns;
};

static struct point where(struct doctor_bench *bench, int64_t camera_id)
{
	struct error err;
	const struct wire_message *status = patient_ask(bench->patient, CMD_GET_STATUS, NULL, 0, &err);
	int at = status ? item_of_camera(status, cameras, camera_id) : -1;

	if (at < 0)
		return (struct point){ 0 };
	return (struct point){
		item_integer(status, cameras, at, "bytes", 0), item_integer(status, cameras, at, "duration_ns", 0),
	};
}

static double mbps_between(struct point a, struct point b)
{
	int64_t ns = b.duration_ns - a.duration_ns;

	return ns > 0 ? (double)(b.bytes - a.bytes) * 8e3 / (double)ns : 0;
}

static void row_change(struct doctor_bench *bench, const struct doctor_part *part, double before, double after)
{
	bool deaf = before > SIMPLE_MBPS && after < 1.2 * before;
	bool bad = part->error || (!*part->video_error && (part->video.decoded != part->frames || *part->video.complaint));
	enum verdict verdict = bad ? VERDICT_PROBLEM : deaf || part->lost.encoder ? VERDICT_NOTE : VERDICT_OK;

	findings_row(report_of(bench), verdict, "bitrate change",
		   "the second figure well above the first, unless the picture is simple; a hardware encoder loses no frame by it",
		   "from 1 to 8 Mb/s while recording: %.3f, then %.3f Mb/s; lost by the encoder: %" PRId64 "; %s",
		   before, after, part->lost.encoder, part->encoder);
}

/* Notes where it stands before the change, half a second behind it, and at the end. */
static void record_change(struct doctor_bench *bench, int64_t camera_id, struct point points[3])
{
	patient_wait(bench->patient, bench->short_ns);
	points[0] = where(bench, camera_id);
	set_bitrate(bench, 8000000);
	patient_wait(bench->patient, NS_PER_S / 2);
	points[1] = where(bench, camera_id);
	patient_wait(bench->patient, bench->short_ns);
	points[2] = where(bench, camera_id);
}

void doctor_trials_bitrate_change(struct doctor_bench *bench, const struct list *camera_ids)
{
	int64_t id = ((int64_t *)camera_ids->items)[0];
	struct point begin = { 0 }, points[3] = { { 0 } };
	struct doctor_take take;

	if (!doctor_bench_goes_on(bench) || !set_bitrate(bench, 1000000))
		return;
	if (doctor_take_begin(&take, bench->patient, camera_ids)) {
		record_change(bench, id, points);
		doctor_take_end(&take, bench->patient);
		doctor_take_look(&take, bench->doctor, true);
		doctor_bench_note(bench, &take, "1, then 8 Mb/s");
	}
	if (take.n && take.parts[0].file)
		row_change(bench, &take.parts[0], mbps_between(begin, points[0]), mbps_between(points[1], points[2]));
	else
		findings_row(report_of(bench), VERDICT_PROBLEM, "bitrate change", NULL, "%s",
			   take.n && take.parts[0].error ? take.parts[0].error : take.error);
	doctor_take_clear(&take);
	if (doctor_bench_goes_on(bench))
		set_bitrate(bench, bench->bitrate_bps);
}

/* ---- pictures ---- */

static bool toggle_preview(struct doctor_bench *bench, const struct list *camera_ids, bool enabled, struct error *err)
{
	struct toggle_preview_args arguments = { .camera_id = *camera_ids, .enabled = enabled, .fps = NAN, .quality = FIELD_UNSET };

	return patient_ask(bench->patient, CMD_TOGGLE_PREVIEW, &arguments, 0, err);
}

/* In milliseconds; below 0: err says why there is none. */
static double snapshot_ms(struct doctor_bench *bench, const struct list *camera_ids, struct error *err)
{
	struct take_snapshot_args arguments;
	int64_t asked_ns = clock_now_ns();
	const struct wire_message *reply;
	const char *file, *why;
	unsigned char head[2] = { 0 };
	FILE *picture;

	fields_defaults(commands[CMD_TAKE_SNAPSHOT].arguments, &arguments);
	arguments.camera_id = *camera_ids;
	reply = patient_ask(bench->patient, CMD_TAKE_SNAPSHOT, &arguments, 0, err);
	if (!reply)
		return -1;
	file = wire_text(reply, "data.files.0");
	picture = file ? fopen(file, "re") : NULL;
	if (picture && fread(head, 1, 2, picture) != 2)
		head[0] = 0;
	if (picture)
		fclose(picture);
	if (head[0] != 0xff || head[1] != 0xd8) {
		why = wire_text(reply, "data.failed.0.message");
		error_set(err, ERR_IO, "there is no JPEG: %s", why ? why : "no reason given");
		return -1;
	}
	return (double)(clock_now_ns() - asked_ns) / 1e6;
}

static void row_pictures(struct doctor_bench *bench, const struct doctor_take *take, int64_t previews, double ms,
			 const char *error)
{
	const struct doctor_part *part = &take->parts[0];
	char lost[DOCTOR_LOST_BYTES];
	bool bad = ms < 0 || !previews || part->error || part->lost.starved || part->lost.encoder || part->lost.storage;

	findings_row(report_of(bench), bad ? VERDICT_PROBLEM : VERDICT_OK, "pictures",
		   "previews and snapshots cost the recording no frame",
		   "while recording: %.1f previews a second, snapshot after %.1f ms; %" PRId64 " of %" PRId64 " frames "
		   "recorded, lost: %s%s%s",
		   (double)previews * 1e9 / (double)bench->short_ns, ms, part->frames, part->captured,
		   doctor_rows_lost(&part->lost, lost), *error ? "; " : "", error);
}

void doctor_trials_pictures(struct doctor_bench *bench, const struct list *camera_ids)
{
	struct doctor_take take;
	struct error err = { 0 };
	int64_t previews;
	double ms;

	if (!doctor_bench_goes_on(bench))
		return;
	if (!doctor_take_begin(&take, bench->patient, camera_ids)) {
		findings_row(report_of(bench), VERDICT_PROBLEM, "pictures", NULL, "%s", take.error);
		return;
	}
	previews = bench->patient->previews;
	if (toggle_preview(bench, camera_ids, true, &err))
		patient_wait(bench->patient, bench->short_ns);
	previews = bench->patient->previews - previews;
	ms = snapshot_ms(bench, camera_ids, &err);
	if (doctor_bench_goes_on(bench))
		toggle_preview(bench, camera_ids, false, &(struct error){ 0 });
	doctor_take_end(&take, bench->patient);
	doctor_take_look(&take, bench->doctor, true);
	doctor_bench_note(bench, &take, "with pictures");
	if (doctor_bench_goes_on(bench))
		row_pictures(bench, &take, previews, ms, err.text);
	doctor_take_clear(&take);
}

/* ---- off and on ---- */

bool doctor_trials_switch(struct doctor_bench *bench, const struct list *camera_ids, bool enabled)
{
	struct set_camera_args arguments = { *camera_ids, enabled };
	struct error err;

	if (patient_ask(bench->patient, CMD_SET_CAMERA, &arguments, 0, &err))
		return true;
	findings_row(report_of(bench), VERDICT_PROBLEM, enabled ? "switch on" : "switch off", "camd's log below", "%s",
		   err.text);
	return false;
}

/* The camera's state becomes that. False: not in time. */
static bool wait_for_state(struct doctor_bench *bench, int64_t camera_id, const char *wanted)
{
	int64_t end_ns = clock_now_ns() + OPEN_NS;

	while (clock_now_ns() < end_ns && doctor_bench_goes_on(bench)) {
		struct error err;
		const struct wire_message *status = patient_ask(bench->patient, CMD_GET_STATUS, NULL, 0, &err);
		int at = status ? item_of_camera(status, cameras, camera_id) : -1;
		const char *state = at >= 0 ? item_text(status, cameras, at, "state") : NULL;

		if (state && !strcmp(state, wanted))
			return true;
		patient_wait(bench->patient, POLL_NS);
	}
	return false;
}

void doctor_trials_off_and_on(struct doctor_bench *bench, const struct list *camera_ids)
{
	int64_t id = ((int64_t *)camera_ids->items)[0], begun_ns = clock_now_ns(), off_ns, on_ns, frames;
	struct doctor_take take;
	bool off, on, slow;

	if (!doctor_bench_goes_on(bench) || !doctor_trials_switch(bench, camera_ids, false))
		return;
	off = wait_for_state(bench, id, "off");
	off_ns = clock_now_ns() - begun_ns;
	patient_wait(bench->patient, NS_PER_S / 2);
	begun_ns = clock_now_ns();
	on = doctor_trials_switch(bench, camera_ids, true) && wait_for_state(bench, id, "running");
	on_ns = clock_now_ns() - begun_ns;
	if (!doctor_bench_goes_on(bench))
		return;
	doctor_bench_take(bench, &take, camera_ids, NS_PER_S, "after off and on");
	frames = take.n ? take.parts[0].frames : 0;
	slow = MAX(off_ns, on_ns) > SLOW_NS;
	findings_row(report_of(bench), !off || !on || !frames ? VERDICT_PROBLEM : slow ? VERDICT_NOTE : VERDICT_OK, "off and on",
		   "off within a second or so: the encoder is drained and both devices are closed then; records again under its "
		   "old number",
		   "off after %.1f ms%s, on after %.1f ms%s, then %" PRId64 " frames in a second%s%s", (double)off_ns / 1e6,
		   off ? "" : " (NOT off)", (double)on_ns / 1e6, on ? "" : " (does NOT run)", frames, *take.error ? "; " : "",
		   take.error);
	doctor_take_clear(&take);
}

/* ---- software ---- */

static void one_preset(struct doctor_bench *bench, const char *preset)
{
	const struct list all = { 0 };
	struct doctor_take take;
	char *title = xasprintf("software, %s", preset);
	int64_t frames = 0, lost = 0;
	double seconds;

	if (set(bench, "preset", preset)) {
		doctor_bench_take(bench, &take, &all, bench->short_ns, title);
		seconds = take.after.cpu_s - take.before.cpu_s;
		for (int i = 0; i < take.n; i++) {
			frames += take.parts[i].captured;
			lost += doctor_take_lost(&take.parts[i]);
		}
		findings_row(report_of(bench), lost ? VERDICT_NOTE : VERDICT_OK, title,
			   "no frame lost: then the processor can do without a hardware encoder",
			   "%d camera%s: %.3f ms of processor a frame, %.1f %% of one core; %" PRId64 " of %" PRId64 " "
			   "frames lost", take.n, take.n == 1 ? "" : "s", frames ? seconds * 1e3 / (double)frames : 0,
			   seconds * 1e11 / (double)bench->short_ns, lost, frames);
		doctor_take_clear(&take);
	}
	free(title);
}

void doctor_trials_software(struct doctor_bench *bench)
{
	static const char *const presets[] = { "ultrafast", "superfast" };

	if (!doctor_bench_goes_on(bench) || !set(bench, "encoder", "software"))
		return;
	for (size_t i = 0; i < ARRAY_LEN(presets) && doctor_bench_goes_on(bench); i++)
		one_preset(bench, presets[i]);
}
