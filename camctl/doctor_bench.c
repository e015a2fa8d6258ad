#include "camctl/doctor_bench.h"

#include "camctl/doctor_camd.h"
#include "camctl/doctor_log.h"
#include "common/util.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FLAGS 16
#define LOG_LINES 50	/* of one camd */

bool doctor_bench_start(struct doctor_bench *bench, const struct list *base, const char *const *flags)
{
	static const char *const always[] = {
		"--mode", "slave", "--no-auto-start-recording", "--enable-csv-timing-log", "--libcamera-log-level", "INFO", "--output-dir",
	};
	const char *all[MAX_FLAGS] = { NULL };
	struct error err;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		all[n++] = always[i];
	all[n++] = bench->directory;
	for (size_t i = 0; flags[i] && n < MAX_FLAGS - 1; i++)
		all[n++] = flags[i];
	bench->patient = patient_start(bench->doctor, base, all, &err);
	if (!bench->patient && !doctor_is_stopped(bench->doctor))
		findings_row(bench->doctor->report, VERDICT_PROBLEM, "camd", NULL, "%s", err.text);
	return bench->patient;
}

void doctor_bench_end(struct doctor_bench *bench, const char *title)
{
	char *path, *heading;

	if (!bench->patient)
		return;
	path = doctor_camd_log_path(bench->patient, bench->directory);
	patient_end(bench->patient);
	bench->patient = NULL;
	heading = xasprintf("# %s", title);
	fields_add_text(&bench->log, heading);
	doctor_log_collect(path, LOG_LINES, &bench->log);
	free(heading);
	free(path);
}

bool doctor_bench_goes_on(const struct doctor_bench *bench)
{
	return bench->patient && !bench->patient->ended && !doctor_is_stopped(bench->doctor);
}

/* ---- the table ---- */

const char *const doctor_bench_head[] = {
	"| recording | camera | size | encoder | captured | recorded | lost: sensor | starved | encoder | storage | Mb/s "
	"| answer to start ms | first frame ms | stop ms | interval ms: mean | spread | shortest | longest | late "
	"| measured /s | decoded | key frames | copied bytes | CPU ms a frame |",
	"|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
	NULL,
};

/* Of all cameras of the recording. */
static double cpu_ms(const struct doctor_take *take)
{
	int64_t frames = 0;

	for (int i = 0; i < take->n; i++)
		frames += take->parts[i].captured;
	return frames ? (take->after.cpu_s - take->before.cpu_s) * 1e3 / (double)frames : 0;
}

/* What camd said. */
static char *describe_words(const struct doctor_take *take, const struct doctor_part *part)
{
	const struct doctor_lost *lost = &part->lost;

	return xasprintf("%s | %s | %" PRId64 " | %" PRId64 " | %" PRId64 " | %" PRId64 " | %" PRId64 " | %" PRId64 " | %.3f | %.1f | %.1f | %.1f",
			 part->size, part->encoder, part->captured, part->frames, lost->sensor, lost->starved, lost->encoder,
			 lost->storage, doctor_take_mbps(part), (double)take->start_ns / 1e6, (double)part->first_frame_ns / 1e6,
			 (double)take->stop_ns / 1e6);
}

/* What its files and the system say. */
static char *describe_deeds(const struct doctor_take *take, const struct doctor_part *part)
{
	const struct doctor_csv *csv = &part->csv;

	return xasprintf("%.3f | %.3f | %.3f | %.3f | %" PRId64 " | %.4f | %" PRId64 " | %" PRId64 " | %" PRId64 " | %.3f", csv->mean_ms,
			 csv->spread_ms, csv->shortest_ms, csv->longest_ms, csv->late, csv->fps, part->video.decoded,
			 part->video.keys, part->copied_bytes, cpu_ms(take));
}

static char *describe(const struct doctor_take *take, const struct doctor_part *part, const char *title)
{
	char *words, *deeds, *row;

	if (!part->file)
		return xasprintf("| %s | %" PRId64 " | none: %s |", title, part->camera_id, part->error ? part->error : "?");
	words = describe_words(take, part);
	deeds = describe_deeds(take, part);
	row = xasprintf("| %s | %" PRId64 " | %s | %s |", title, part->camera_id, words, deeds);
	free(words);
	free(deeds);
	return row;
}

void doctor_bench_note(struct doctor_bench *bench, const struct doctor_take *take, const char *title)
{
	for (int i = 0; i < take->n; i++) {
		char *row = describe(take, &take->parts[i], title);

		fields_add_text(&bench->recordings, row);
		free(row);
	}
}

bool doctor_bench_take(struct doctor_bench *bench, struct doctor_take *take, const struct list *camera_ids, int64_t ns,
		       const char *title)
{
	bool whole = doctor_take(take, bench->patient, camera_ids, ns, true);

	doctor_bench_note(bench, take, title);
	return whole;
}
